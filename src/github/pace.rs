//! How fast requests leave. Source of all numbers: GitHub's documentation of secondary limits
//! (900 points a minute, a read 1, a write 5; 100 requests at once; 80 content-creating requests
//! a minute and 500 an hour; a second between writes), with room to spare.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// What a read costs of the pace.
pub(super) const READ_COST: u32 = 1;
/// What a write costs of the pace.
pub(super) const WRITE_COST: u32 = 5;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Requests by a steady pace, with a small burst: a tenth of a minute's requests.
pub(super) struct Pace {
    interval: Option<Duration>,
    burst: Duration,
    /// When the next request would leave without any burst.
    next: Mutex<Duration>,
}

impl Pace {
    /// `per_minute` 0 is no pace.
    pub(super) fn new(per_minute: u32) -> Self {
        let interval = MINUTE.checked_div(per_minute);
        let burst = interval.map_or(Duration::ZERO, |one| one.saturating_mul(per_minute / 10));
        Self { interval, burst, next: Mutex::default() }
    }

    /// Whether there is one at all.
    pub(super) const fn is_set(&self) -> bool {
        self.interval.is_some()
    }

    /// Takes the place of a request of this cost; how long until it may leave.
    pub(super) fn reserve(&self, now: Duration, cost: u32) -> Duration {
        let Some(interval) = self.interval else { return Duration::ZERO };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let start = (*next).max(now);
        *next = start.saturating_add(interval.saturating_mul(cost));
        start.saturating_sub(now).saturating_sub(self.burst)
    }
}

/// Writes in any minute, and of those the ones that are not urgent.
const PER_MINUTE: Share = Share { window: MINUTE, all: 60, others: 50 };
/// Writes in any hour, and of those the ones that are not urgent.
const PER_HOUR: Share = Share { window: HOUR, all: 400, others: 350 };
const BETWEEN_WRITES: Duration = Duration::from_secs(1);
/// How long a write waits here; whoever would wait longer is told until when instead.
const LONGEST_STAY: Duration = MINUTE;
/// How soon a write that stepped aside for an urgent one looks again.
const STEP_ASIDE: Duration = Duration::from_millis(250);

struct Share {
    window: Duration,
    all: usize,
    others: usize,
}

/// When writes leave: a second apart, within the shares above, urgent ones first.
#[derive(Default)]
pub(super) struct WritePace {
    /// When the writes of the last hour left, the oldest first.
    left: Mutex<VecDeque<Duration>>,
    urgent_waiting: AtomicUsize,
}

impl WritePace {
    /// Waits for this write's turn.
    ///
    /// # Errors
    /// How long it would have to wait, where that is too long to wait here.
    pub(super) async fn turn(&self, clock: &Clock, urgent: bool) -> Result<(), Duration> {
        let _here = urgent.then(|| Waiting::new(&self.urgent_waiting));
        let arrived = clock.monotonic();
        loop {
            let now = clock.monotonic();
            let steps_aside = !urgent && self.urgent_waiting.load(Ordering::Relaxed) > 0;
            let wait = if steps_aside { STEP_ASIDE } else { self.take(now, urgent) };
            if wait.is_zero() {
                return Ok(());
            }
            if (now + wait).saturating_sub(arrived) > LONGEST_STAY {
                return Err(wait);
            }
            clock.sleep(wait).await;
        }
    }

    /// Takes the turn, or says how long until it may be there.
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

/// Counts one who waits, for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_leave_by_the_pace_after_a_small_burst() {
        let pace = Pace::new(600);
        let now = Duration::from_secs(100);
        let at_once = (0..200).filter(|_| pace.reserve(now, READ_COST).is_zero()).count();
        assert_eq!(at_once, 61);
        assert_eq!(pace.reserve(now, READ_COST), Duration::from_millis(100 * 140));
        assert!(Pace::new(0).reserve(now, 1_000_000).is_zero());
    }

    #[test]
    fn a_write_costs_as_much_as_five_reads() {
        let pace = Pace::new(60);
        pace.reserve(Duration::ZERO, WRITE_COST);
        pace.reserve(Duration::ZERO, WRITE_COST);
        assert_eq!(pace.reserve(Duration::ZERO, READ_COST), Duration::from_secs(10 - 6));
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
