//! Limits how fast requests are sent. Source of all numbers: GitHub's documentation of
//! secondary limits (900 points a minute, a read costs 1, a write 5; 100 concurrent requests;
//! 80 content-creating requests a minute and 500 an hour; a second between writes), minus a
//! safety margin.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// The cost of a read.
pub(super) const READ_COST: u32 = 1;
/// The cost of a write.
pub(super) const WRITE_COST: u32 = 5;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// How often waiting requests check whether the pace has changed.
const LONGEST_NAP: Duration = Duration::from_secs(5);

/// The priority of a request, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A dispatch and what belongs to it.
    Urgent,
    /// Something is in flight, or an operator is waiting.
    Active,
    /// Nothing is waiting for it.
    Settled,
}

impl Lane {
    const COUNT: usize = 3;

    const fn index(self) -> usize {
        match self {
            Self::Urgent => 0,
            Self::Active => 1,
            Self::Settled => 2,
        }
    }
}

/// A tenth of a minute's requests may be sent as a burst; the others are spread evenly, so that
/// no 60 seconds see more than the whole, wherever they begin.
const BURST_SHARE: u32 = 10;

/// A steady request rate. Higher lanes go first; within a lane, requests go in order of
/// arrival.
pub(super) struct Pace {
    rate: Mutex<Rate>,
    /// When the next request would be sent if there were no bursts.
    next: Mutex<Duration>,
    queues: [tokio::sync::Mutex<()>; Lane::COUNT],
    waiting: [AtomicUsize; Lane::COUNT],
}

/// The rate.
#[derive(Clone, Copy)]
struct Rate {
    per_minute: u32,
    /// Between two requests; `None` without a limit.
    interval: Option<Duration>,
    burst: Duration,
}

impl Rate {
    /// `per_minute` 0 means no limit.
    fn of(per_minute: u32) -> Self {
        let at_once = (per_minute / BURST_SHARE).max(1);
        let steady = per_minute.saturating_sub(at_once).max(1);
        let interval = (per_minute > 0).then(|| MINUTE / steady);
        let burst = interval.map_or(Duration::ZERO, |one| one.saturating_mul(at_once));
        Self { per_minute, interval, burst }
    }
}

impl Pace {
    /// `per_minute` 0 means no limit.
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            rate: Mutex::new(Rate::of(per_minute)),
            next: Mutex::default(),
            queues: Default::default(),
            waiting: Default::default(),
        }
    }

    /// Changes the rate, also for requests that are already waiting.
    pub(super) fn set(&self, per_minute: u32) {
        *self.rate.lock().unwrap_or_else(PoisonError::into_inner) = Rate::of(per_minute);
        // Debt from the old rate does not apply to the new one.
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Duration::ZERO;
    }

    fn rate(&self) -> Rate {
        *self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a limit at all.
    pub(super) fn is_set(&self) -> bool {
        self.rate().interval.is_some()
    }

    /// Requests per minute; `None` means no limit.
    pub(super) fn per_minute(&self) -> Option<u32> {
        let rate = self.rate();
        rate.interval.map(|_| rate.per_minute)
    }

    /// Waits until a request of this cost may be sent.
    pub(super) async fn turn(&self, clock: &Clock, lane: Lane, cost: u32) {
        if !self.is_set() {
            return;
        }
        let (Some(queue), Some(waiting)) =
            (self.queues.get(lane.index()), self.waiting.get(lane.index()))
        else {
            return;
        };
        let _here = WaitingCount::new(waiting);
        let _first = queue.lock().await;
        loop {
            let rate = self.rate();
            let Some(interval) = rate.interval else { return };
            let wait = if self.steps_aside(lane) {
                interval
            } else {
                self.take(clock.monotonic(), interval.saturating_mul(cost), rate.burst)
            };
            if wait.is_zero() {
                return;
            }
            clock.sleep(wait.min(LONGEST_NAP)).await;
        }
    }

    fn steps_aside(&self, lane: Lane) -> bool {
        let better = self.waiting.iter().take(lane.index());
        better.into_iter().any(|waiting| waiting.load(Ordering::Relaxed) > 0)
    }

    /// Takes a turn, or returns how long to wait before trying again.
    fn take(&self, now: Duration, cost: Duration, burst: Duration) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let after = (*next).max(now).saturating_add(cost);
        // A request that costs more than a burst needs the full burst.
        let wait = after.saturating_sub(now).saturating_sub(burst.max(cost));
        if wait.is_zero() {
            *next = after;
        }
        wait
    }
}

/// Writes in any minute: all, and those that are not urgent.
const PER_MINUTE: Share = Share { window: MINUTE, all: 60, others: 50 };
/// Writes in any hour: all, and those that are not urgent.
const PER_HOUR: Share = Share { window: HOUR, all: 400, others: 350 };
const BETWEEN_WRITES: Duration = Duration::from_secs(1);
/// How long an urgent write waits here, and how long any other. If the wait would be longer,
/// the caller is told until when, and does not block its repository's pass.
const LONGEST_STAY: Duration = MINUTE;
const LONGEST_STAY_OF_OTHERS: Duration = Duration::from_secs(5);
/// How soon a write that yielded to an urgent one tries again.
const STEP_ASIDE: Duration = Duration::from_millis(250);

struct Share {
    window: Duration,
    all: usize,
    others: usize,
}

/// Paces writes: a second apart, within the limits above, urgent ones first.
#[derive(Default)]
pub(super) struct WritePace {
    /// When the writes of the last hour were sent, oldest first.
    left: Mutex<VecDeque<Duration>>,
    urgent_waiting: AtomicUsize,
    /// When the next write may be sent.
    door: tokio::sync::Mutex<Duration>,
}

impl WritePace {
    /// Waits for this write's turn.
    ///
    /// # Errors
    /// How long the wait would be, if it is too long to wait here.
    pub(super) async fn turn(&self, clock: &Clock, urgent: bool) -> Result<(), Duration> {
        let _here = urgent.then(|| WaitingCount::new(&self.urgent_waiting));
        let arrived = clock.monotonic();
        loop {
            let now = clock.monotonic();
            let steps_aside = !urgent && self.urgent_waiting.load(Ordering::Relaxed) > 0;
            let wait = if steps_aside { STEP_ASIDE } else { self.take(now, urgent) };
            if wait.is_zero() {
                return Ok(());
            }
            let longest = if urgent { LONGEST_STAY } else { LONGEST_STAY_OF_OTHERS };
            if (now + wait).saturating_sub(arrived) > longest {
                return Err(wait);
            }
            clock.sleep(wait).await;
        }
    }

    /// The last step before a write is sent. Keeps it a second apart from the previous one,
    /// whatever it waited for after its turn.
    pub(super) async fn leave(&self, clock: &Clock) {
        let mut next = self.door.lock().await;
        let wait = next.saturating_sub(clock.monotonic());
        if !wait.is_zero() {
            clock.sleep(wait).await;
        }
        *next = clock.monotonic() + BETWEEN_WRITES;
    }

    /// Takes a turn, or returns how long to wait before trying again.
    fn take(&self, now: Duration, urgent: bool) -> Duration {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while left.front().is_some_and(|first| *first + HOUR <= now) {
            left.pop_front();
        }
        let mut free_at = left.back().map_or(Duration::ZERO, |last| *last + BETWEEN_WRITES);
        for share in [PER_MINUTE, PER_HOUR] {
            let most = if urgent { share.all } else { share.others };
            if let Some(first_of_most) = left.iter().rev().nth(most.saturating_sub(1)) {
                free_at = free_at.max(*first_of_most + share.window);
            }
        }
        let wait = free_at.saturating_sub(now);
        if wait.is_zero() {
            left.push_back(now);
        }
        wait
    }
}

/// Counts as one waiting request until it is dropped.
struct WaitingCount<'a>(&'a AtomicUsize);

impl<'a> WaitingCount<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for WaitingCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Clock::manual("2026-11-01T12:00:00Z".parse().unwrap(), 1).0
    }

    #[tokio::test]
    async fn no_minute_sees_more_than_the_pace_wherever_it_begins() {
        for (per_minute, cost) in [(600, 1), (700, 5), (60, 5), (7, 1), (1, 1)] {
            let (clock, pace) = (clock(), Pace::new(per_minute));
            let mut times = Vec::new();
            while clock.monotonic() < Duration::from_secs(300) {
                pace.turn(&clock, Lane::Settled, cost).await;
                times.push(clock.monotonic());
            }
            let most = times.iter().map(|start| {
                let within = |time: &&Duration| **time >= *start && **time < *start + MINUTE;
                times.iter().filter(within).count()
            });
            let most = u32::try_from(most.max().unwrap()).unwrap() * cost;
            assert!(most <= per_minute.max(cost), "{most} of {per_minute} at {cost}");
            let all = u32::try_from(times.len()).unwrap() * cost;
            assert!(all * 10 >= per_minute * 5 * 8, "{all} in five minutes at {per_minute}");
        }
    }

    #[tokio::test]
    async fn what_waited_by_a_slow_pace_does_not_wait_by_a_fast_one() {
        let (clock, pace) = (clock(), Pace::new(1));
        for _ in 0..2 {
            pace.turn(&clock, Lane::Settled, 1).await;
        }
        let before = clock.monotonic();
        assert!(before >= Duration::from_secs(50), "{before:?}");
        pace.set(600);
        for _ in 0..60 {
            pace.turn(&clock, Lane::Settled, 1).await;
        }
        let took = clock.monotonic() - before;
        assert!(took < Duration::from_secs(6), "{took:?}");
        assert_eq!(pace.per_minute(), Some(600));
        pace.set(0);
        assert_eq!((pace.per_minute(), pace.is_set()), (None, false));
    }

    #[tokio::test]
    async fn without_a_pace_nobody_waits() {
        let (clock, pace) = (clock(), Pace::new(0));
        for _ in 0..10_000 {
            pace.turn(&clock, Lane::Settled, WRITE_COST).await;
        }
        assert_eq!(clock.monotonic(), Duration::ZERO);
    }

    #[tokio::test]
    async fn whoever_waits_in_a_better_lane_goes_first() {
        let (clock, pace) = (clock(), Pace::new(10));
        pace.turn(&clock, Lane::Settled, 1).await;
        let order = Mutex::new(Vec::new());
        let go = async |lane| {
            pace.turn(&clock, lane, 1).await;
            order.lock().unwrap().push(lane);
        };
        tokio::join!(
            go(Lane::Settled),
            go(Lane::Settled),
            go(Lane::Active),
            go(Lane::Urgent),
            go(Lane::Active)
        );
        let mut sorted = order.lock().unwrap().clone();
        sorted.sort_unstable();
        assert_eq!(*order.lock().unwrap(), sorted);
    }

    #[test]
    fn writes_are_a_second_apart_and_within_the_shares_of_minute_and_hour() {
        let writes = WritePace::default();
        let mut now = Duration::ZERO;
        let mut times = Vec::new();
        while times.len() < 360 {
            let wait = writes.take(now, false);
            if wait.is_zero() {
                times.push(now);
            }
            now += wait;
        }
        assert_eq!(times[1] - times[0], BETWEEN_WRITES);
        assert!(times.windows(51).all(|few| few[50] - few[0] >= MINUTE));
        assert!(times.windows(351).all(|many| many[350] - many[0] >= HOUR));
    }

    #[test]
    fn what_others_may_not_use_is_left_for_urgent_writes() {
        let writes = WritePace::default();
        let now = Duration::from_secs(50);
        writes.left.lock().unwrap().extend((0..50).map(Duration::from_secs));
        assert!(writes.take(now, false) > Duration::ZERO);
        assert!(writes.take(now, true).is_zero());
    }

    #[tokio::test]
    async fn an_urgent_write_goes_before_those_that_came_earlier() {
        let (clock, _) = Clock::manual("2026-11-01T12:00:00Z".parse().unwrap(), 1);
        let writes = WritePace::default();
        writes.left.lock().unwrap().push_back(Duration::ZERO);
        let order = Mutex::new(Vec::new());
        let write = async |name, urgent| {
            writes.turn(&clock, urgent).await.unwrap();
            order.lock().unwrap().push(name);
        };
        tokio::join!(write("hold", false), write("hold", false), write("dispatch", true));
        assert_eq!(*order.lock().unwrap(), ["dispatch", "hold", "hold"]);
    }

    #[tokio::test]
    async fn a_write_that_would_wait_for_long_is_told_so() {
        let (clock, time) = Clock::manual("2026-11-01T12:00:00Z".parse().unwrap(), 1);
        time.advance(Duration::from_secs(1000));
        let writes = WritePace::default();
        writes.left.lock().unwrap().extend((0..400).map(Duration::from_secs));
        assert_eq!(writes.turn(&clock, true).await, Err(Duration::from_secs(2600)));
    }
}
