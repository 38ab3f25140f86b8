//! What a pass costs, and how long it holds its place.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;

use super::read_set::ReadRecorder;
use crate::clock::Clock;
use crate::store::CachePut;

/// A pass that has waited longer than this for answers, all together, is slow.
const SLOW: Duration = Duration::from_secs(3);

/// Counts the reads of a pass. It holds the pass's place among those that run at once, and gives
/// it to another pass once it has waited for long: one repository's trouble delays no other.
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

/// The place, and how long its pass has waited while it held it.
#[derive(Default)]
struct HeldPermits {
    permits: Vec<OwnedSemaphorePermit>,
    /// What is waited for now. A pass waits for several answers at once, which is one wait.
    waiting: u32,
    since: Duration,
    before: Duration,
}

impl HeldPermits {
    /// For how long the pass may wait on with its place.
    fn patience(&self, now: Duration) -> Duration {
        let current =
            if self.waiting > 0 { now.saturating_sub(self.since) } else { Duration::ZERO };
        SLOW.saturating_sub(self.before).saturating_sub(current)
    }
}

impl PassMeter {
    /// A meter of a pass that holds a place by these permits.
    #[must_use]
    pub fn holding(permits: Vec<OwnedSemaphorePermit>) -> Self {
        let place = Mutex::new(HeldPermits { permits, ..HeldPermits::default() });
        Self(Arc::new(Counts { place, ..Counts::default() }))
    }

    /// Reads that were answered.
    #[must_use]
    pub fn reads(&self) -> u32 {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// Those of them that count towards GitHub's primary limit: all but 304.
    #[must_use]
    pub fn charged(&self) -> u32 {
        self.0.charged.load(Ordering::Relaxed)
    }

    /// Notes what became of something that was read and put into the store.
    pub fn keeps(&self, placed: CachePut) {
        if placed == CachePut::Again {
            self.0.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What had to be read again since this was asked last, because the store had no room for it.
    pub(super) fn take_repeated(&self) -> u32 {
        self.0.repeated.swap(0, Ordering::Relaxed)
    }

    /// Ends the pass: its place is another's.
    pub fn let_go(&self) {
        self.place().permits.clear();
    }

    /// What the pass reads.
    pub(super) fn recorder(&self) -> &ReadRecorder {
        &self.0.recorder
    }

    pub(super) fn counts(&self, status: StatusCode) {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        if status != StatusCode::NOT_MODIFIED {
            self.0.charged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for what somebody else does, and where the pass is slow, no longer in others' way.
    pub async fn waiting<T>(&self, clock: &Clock, answer: impl Future<Output = T>) -> T {
        let mut answer = std::pin::pin!(answer);
        let Some((patience, _waiting)) = self.begin_to_wait(clock) else { return answer.await };
        if let Ok(answer) = clock.timeout(patience, answer.as_mut()).await {
            return answer;
        }
        self.let_go();
        answer.await
    }

    /// For how long the pass may wait with its place; none where it has none.
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

/// Somebody waits, for as long as it lives.
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
