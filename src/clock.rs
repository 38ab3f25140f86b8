//! The only source of time and randomness.
//!
//! The governor's time is GitHub's: the local monotonic clock, anchored to the `Date` header of
//! GitHub's answers. Jumps of the local wall clock have no effect. The wall clock is read only
//! before the first answer, and to report its difference from GitHub's.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

mod retry_intervals;

pub use retry_intervals::RetryIntervals;

/// `Date` has a resolution of one second and takes time to arrive. A smaller difference from
/// the current time does not move the anchor.
const DATE_TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// Work on fewer bytes takes only a few milliseconds, too little to disturb a worker thread.
const SMALL: usize = 256 * 1024;

/// Runs `work`, which processes `bytes` bytes. If that is a lot, other tasks of this worker
/// thread move elsewhere in the meantime.
pub fn beside_others<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if bytes > SMALL && matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

/// The source of time and randomness for all code. Cheap to clone.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn TimeSource>,
    anchor: Arc<Mutex<Option<Anchor>>>,
}

/// GitHub reported `date` when the monotonic clock was at `monotonic`.
#[derive(Clone, Copy)]
struct Anchor {
    date: Timestamp,
    monotonic: Duration,
}

/// The implementation behind a [`Clock`].
trait TimeSource: Send + Sync {
    /// Time since a fixed moment. Never goes back, whatever happens to the wall clock.
    fn monotonic(&self) -> Duration;
    fn wall(&self) -> Timestamp;
    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
    /// Fills `bytes` with random bytes.
    fn chance(&self, bytes: &mut [u8]);
}

/// The monotonic and the wall clock at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    monotonic: Duration,
    wall: Timestamp,
}

/// A wait reached its timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {0:?}")]
pub struct TimedOut(pub Duration);

impl Clock {
    /// The system's clock and random numbers.
    #[must_use]
    pub fn system() -> Self {
        Self::over(Arc::new(System::new()))
    }

    /// A clock that advances only through [`ManualTime::advance`] and through sleeps, which
    /// return immediately and move it on. Random numbers are a fixed sequence derived from
    /// `seed`.
    #[must_use]
    pub fn manual(start: Timestamp, seed: u64) -> (Self, ManualTime) {
        let time = ManualTime(Arc::new(Mutex::new(Manual {
            monotonic: Duration::ZERO,
            wall: start,
            chance: seed,
        })));
        (Self::over(Arc::new(time.clone())), time)
    }

    /// Another clock over the same [`ManualTime`], as another process on the same machine has:
    /// it is not anchored to GitHub's time yet, and has its own random sequence.
    #[must_use]
    pub fn over_manual(time: &ManualTime, seed: u64) -> Self {
        time.lock().chance ^= seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
        Self::over(Arc::new(time.clone()))
    }

    /// The time of a paused tokio runtime: it stands still while any task can run, and then
    /// jumps to the next timer. It is `start` at the time of this call. Random numbers are as
    /// in [`Self::manual`].
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn of_paused_runtime(start: Timestamp, seed: u64) -> Self {
        Self::over(Arc::new(Paused {
            began: tokio::time::Instant::now(),
            start,
            chance: Mutex::new(seed),
        }))
    }

    fn over(source: Arc<dyn TimeSource>) -> Self {
        Self { source, anchor: Arc::default() }
    }

    /// The current time: GitHub's, or the system's wall clock before GitHub has answered.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match *self.anchor() {
            Some(anchor) => at(anchor, self.source.monotonic()),
            None => self.source.wall(),
        }
    }

    /// Anchors the clock to the `Date` of an answer from GitHub that just arrived. `asked` is
    /// the monotonic time when the request was sent. GitHub wrote the date at some time in
    /// between, so a slow answer alone does not move the anchor.
    pub fn anchor_to(&self, date: Timestamp, asked: Duration) {
        let arrived = self.source.monotonic();
        let mut anchor = self.anchor();
        let Some(known) = *anchor else {
            *anchor = Some(Anchor { date, monotonic: arrived });
            return;
        };
        if date.duration_since(at(known, arrived)) > DATE_TOLERANCE {
            *anchor = Some(Anchor { date, monotonic: arrived });
        } else if at(known, asked).duration_since(date) > DATE_TOLERANCE {
            *anchor = Some(Anchor { date, monotonic: asked.min(arrived) });
        }
    }

    /// Whether GitHub's time is known.
    #[must_use]
    pub fn is_anchored(&self) -> bool {
        self.anchor().is_some()
    }

    /// How far the system's wall clock is ahead of GitHub's; zero before GitHub has answered.
    #[must_use]
    pub fn difference(&self) -> SignedDuration {
        self.source.wall().duration_since(self.now())
    }

    /// Time since a fixed moment of this process. For measuring only, never for decisions.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.source.monotonic()
    }

    /// The current reading of both system clocks.
    #[must_use]
    pub fn reading(&self) -> ClockReading {
        ClockReading { monotonic: self.source.monotonic(), wall: self.source.wall() }
    }

    /// The time since `reading` by whichever clock reports more: the monotonic clock stops
    /// while the machine is suspended, and the wall clock may be set back.
    #[must_use]
    pub fn longest_since(&self, reading: ClockReading) -> Duration {
        let now = self.reading();
        let by_wall = now.wall.duration_since(reading.wall);
        let by_wall = Duration::try_from(by_wall).unwrap_or(Duration::ZERO);
        now.monotonic.saturating_sub(reading.monotonic).max(by_wall)
    }

    /// Completes after `duration`.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.source.sleep(duration)
    }

    /// Awaits `future` for at most `limit`.
    ///
    /// # Errors
    /// [`TimedOut`] if it takes longer.
    pub async fn timeout<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Result<T, TimedOut> {
        tokio::select! {
            biased;
            value = future => Ok(value),
            () = self.sleep(limit) => Err(TimedOut(limit)),
        }
    }

    /// Unpredictable random bytes.
    #[must_use]
    pub fn chance<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.source.chance(&mut bytes);
        bytes
    }

    /// A random number from 0 (inclusive) to 1 (exclusive).
    #[must_use]
    pub fn fraction(&self) -> f64 {
        f64::from(u32::from_be_bytes(self.chance())) / (f64::from(u32::MAX) + 1.0)
    }

    fn anchor(&self) -> MutexGuard<'_, Option<Anchor>> {
        self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn at(anchor: Anchor, monotonic: Duration) -> Timestamp {
    let since = monotonic.saturating_sub(anchor.monotonic);
    let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
    anchor.date.saturating_add(since).unwrap_or(Timestamp::MAX)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

struct System {
    start: std::time::Instant,
}

impl System {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl TimeSource for System {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn chance(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Random numbers are used for jitter and attempt ids. If the system provides none,
            // the time is a sufficient substitute.
            let nanoseconds = self.wall().as_nanosecond().to_le_bytes();
            for (byte, chance) in bytes.iter_mut().zip(nanoseconds.iter().cycle()) {
                *byte = *chance;
            }
        }
    }
}

/// The handle that controls a manual clock.
#[derive(Clone)]
pub struct ManualTime(Arc<Mutex<Manual>>);

struct Manual {
    monotonic: Duration,
    wall: Timestamp,
    chance: u64,
}

impl ManualTime {
    /// Advances the time.
    pub fn advance(&self, duration: Duration) {
        let mut manual = self.lock();
        manual.monotonic = manual.monotonic.saturating_add(duration);
        manual.wall = manual.wall.saturating_add(duration).unwrap_or(Timestamp::MAX);
    }

    /// Moves only the wall clock, as an administrator or a faulty battery does.
    pub fn jump_wall(&self, by: SignedDuration) {
        let mut manual = self.lock();
        manual.wall = manual.wall.saturating_add(by).unwrap_or(Timestamp::MAX);
    }

    /// The time that has passed, whatever the wall clock did.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.lock().monotonic
    }

    #[must_use]
    pub fn wall(&self) -> Timestamp {
        self.lock().wall
    }

    fn lock(&self) -> MutexGuard<'_, Manual> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TimeSource for ManualTime {
    fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }

    fn wall(&self) -> Timestamp {
        self.lock().wall
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let time = self.clone();
        Box::pin(async move {
            // Let other ready tasks run first, so that a timeout does not win over an answer
            // that has already arrived.
            for _ in 0..64 {
                tokio::task::yield_now().await;
            }
            time.advance(duration);
        })
    }

    fn chance(&self, bytes: &mut [u8]) {
        fixed_sequence(&mut self.lock().chance, bytes);
    }
}

/// SplitMix64; any fixed sequence would do.
fn fixed_sequence(state: &mut u64, bytes: &mut [u8]) {
    for byte in bytes {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [lowest, ..] = (z ^ (z >> 31)).to_le_bytes();
        *byte = lowest;
    }
}

struct Paused {
    began: tokio::time::Instant,
    start: Timestamp,
    chance: Mutex<u64>,
}

impl TimeSource for Paused {
    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }

    fn wall(&self) -> Timestamp {
        self.start.saturating_add(self.monotonic()).unwrap_or(Timestamp::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn chance(&self, bytes: &mut [u8]) {
        fixed_sequence(&mut self.chance.lock().unwrap_or_else(PoisonError::into_inner), bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_jump_of_the_wall_clock_changes_nothing_once_github_has_answered() {
        let (clock, time) = Clock::manual(noon(), 1);
        clock.anchor_to(noon(), Duration::ZERO);
        time.jump_wall(SignedDuration::from_hours(1));
        time.advance(Duration::from_secs(60));
        assert_eq!(clock.now(), noon() + SignedDuration::from_secs(60));
        assert_eq!(clock.difference(), SignedDuration::from_hours(1));
    }

    #[test]
    fn an_answer_that_is_a_second_late_does_not_turn_time_back() {
        let (clock, time) = Clock::manual(noon(), 1);
        clock.anchor_to(noon(), Duration::ZERO);
        time.advance(Duration::from_millis(1_900));
        clock.anchor_to(noon(), clock.monotonic());
        assert_eq!(clock.now(), noon() + SignedDuration::from_millis(1_900));
    }

    #[test]
    fn an_answer_that_took_half_a_minute_does_not_turn_time_back_and_a_wrong_clock_is_set_right() {
        let (clock, time) = Clock::manual(noon(), 1);
        clock.anchor_to(noon(), Duration::ZERO);
        let asked = clock.monotonic();
        time.advance(Duration::from_secs(30));
        clock.anchor_to(noon(), asked);
        assert_eq!(clock.now(), noon() + SignedDuration::from_secs(30));
        let asked = clock.monotonic();
        time.advance(Duration::from_secs(30));
        clock.anchor_to(noon() - SignedDuration::from_secs(3_600), asked);
        assert_eq!(clock.now(), noon() - SignedDuration::from_secs(3_570));
        clock.anchor_to(noon(), clock.monotonic());
        assert_eq!(clock.now(), noon());
    }

    #[test]
    fn time_that_only_one_of_the_clocks_shows_has_passed() {
        let (clock, time) = Clock::manual(noon(), 1);
        let reading = clock.reading();
        time.jump_wall(SignedDuration::from_secs(-90));
        time.advance(Duration::from_secs(40));
        assert_eq!(clock.longest_since(reading), Duration::from_secs(40), "the wall was set back");
        time.jump_wall(SignedDuration::from_secs(150));
        assert_eq!(clock.longest_since(reading), Duration::from_secs(100), "it was suspended");
    }

    #[test]
    fn chance_depends_on_the_seed_alone() {
        let of = |seed| Clock::manual(noon(), seed).0.chance::<8>();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}
