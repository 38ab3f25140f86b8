//! Counts what a pass costs, and limits how long it holds its slot.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;

use super::read_set::ReadRecorder;
use crate::clock::Clock;
use crate::store::CachePut;

/// A pass whose waits for answers add up to more than this is slow.
const SLOW: Duration = Duration::from_secs(3);

/// Counts the reads of a pass. Holds the pass's slot among those that run concurrently, and
/// releases it once the pass has waited for long, so that one slow repository does not delay
/// the others.
#[derive(Clone, Default)]
pub struct PassMeter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    reads: AtomicU32,
    charged: AtomicU32,
    repeated: AtomicU32,
    recorder: ReadRecorder,
    place: Mutex<HeldPermits>,
}

/// The slot's permits, and how long the pass has waited while holding them.
#[derive(Default)]
struct HeldPermits {
    permits: Vec<OwnedSemaphorePermit>,
    /// The number of pending answers. Concurrent waits count as one.
    waiting: u32,
    since: Duration,
    before: Duration,
}

impl HeldPermits {
    /// How much longer the pass may wait before it releases its slot.
    fn patience(&self, now: Duration) -> Duration {
        let current =
            if self.waiting > 0 { now.saturating_sub(self.since) } else { Duration::ZERO };
        SLOW.saturating_sub(self.before).saturating_sub(current)
    }
}

impl PassMeter {
    /// The meter of a pass that holds these permits.
    #[must_use]
    pub fn holding(permits: Vec<OwnedSemaphorePermit>) -> Self {
        let place = Mutex::new(HeldPermits { permits, ..HeldPermits::default() });
        Self(Arc::new(Counts { place, ..Counts::default() }))
    }

    /// The number of answered reads.
    #[must_use]
    pub fn reads(&self) -> u32 {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// The number of answered reads that count towards GitHub's primary limit: all but 304.
    #[must_use]
    pub fn charged(&self) -> u32 {
        self.0.charged.load(Ordering::Relaxed)
    }

    /// Records the outcome of putting something that was read into the store.
    pub fn keeps(&self, placed: CachePut) {
        if placed == CachePut::Again {
            self.0.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many answers had to be read again since the last call because the store had no room
    /// for them.
    pub(super) fn take_repeated(&self) -> u32 {
        self.0.repeated.swap(0, Ordering::Relaxed)
    }

    /// Releases the slot at the end of the pass.
    pub fn let_go(&self) {
        self.place().permits.clear();
    }

    /// Records what the pass reads.
    pub(super) fn recorder(&self) -> &ReadRecorder {
        &self.0.recorder
    }

    pub(super) fn counts(&self, status: StatusCode) {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        if status != StatusCode::NOT_MODIFIED {
            self.0.charged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Awaits work that is done elsewhere, and releases the slot if the pass is slow.
    pub async fn waiting<T>(&self, clock: &Clock, answer: impl Future<Output = T>) -> T {
        let mut answer = std::pin::pin!(answer);
        let Some((patience, _waiting)) = self.begin_to_wait(clock) else { return answer.await };
        if let Ok(answer) = clock.timeout(patience, answer.as_mut()).await {
            return answer;
        }
        self.let_go();
        answer.await
    }

    /// Starts a wait. Returns how long the pass may wait with its slot, or `None` if it has
    /// none.
    fn begin_to_wait<'a>(&'a self, clock: &'a Clock) -> Option<(Duration, WaitGuard<'a>)> {
        let now = clock.monotonic();
        let mut place = self.place();
        if place.permits.is_empty() {
            return None;
        }
        if place.waiting == 0 {
            place.since = now;
        }
        place.waiting += 1;
        let patience = place.patience(now);
        Some((patience, WaitGuard { meter: self, clock }))
    }

    fn place(&self) -> MutexGuard<'_, HeldPermits> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as one wait until it is dropped.
struct WaitGuard<'a> {
    meter: &'a PassMeter,
    clock: &'a Clock,
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let now = self.clock.monotonic();
        let mut place = self.meter.place();
        place.waiting = place.waiting.saturating_sub(1);
        if place.waiting == 0 {
            place.before = place.before.saturating_add(now.saturating_sub(place.since));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    async fn with_a_place() -> (PassMeter, Arc<Semaphore>, Clock) {
        let clock = Clock::of_paused_runtime("2026-11-01T12:00:00Z".parse().unwrap(), 1);
        let places = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&places).acquire_owned().await.unwrap();
        (PassMeter::holding(vec![permit]), places, clock)
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_waits_for_long_gives_its_place_up_in_one_wait_or_in_many() {
        for (wait, most) in [(10_000, 1), (2_000, 2), (300, 11)] {
            let (meter, places, clock) = with_a_place().await;
            let mut waits = 0;
            while places.available_permits() == 0 {
                meter.waiting(&clock, clock.sleep(Duration::from_millis(wait))).await;
                waits += 1;
            }
            assert!(waits <= most, "{waits} waits of {wait} ms");
            assert!(waits >= 3_000 / wait, "{waits} waits of {wait} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_several_answers_at_once_are_one_wait() {
        let (meter, places, clock) = with_a_place().await;
        let second = || meter.waiting(&clock, clock.sleep(Duration::from_secs(1)));
        join_all((0..10).map(|_| second())).await;
        join_all((0..10).map(|_| second())).await;
        assert_eq!(places.available_permits(), 0, "two seconds in all");
        join_all((0..10).map(|_| meter.waiting(&clock, clock.sleep(Duration::from_secs(2))))).await;
        assert_eq!(places.available_permits(), 1);
    }
}
