//! How often and how soon a read is retried.

use std::time::Duration;

use crate::clock::{Clock, RetryIntervals};

/// The maximum number of tries within a pass. After that, the repository waits for its next
/// pass.
const MAX_TRIES: u32 = 3;
const FIRST_INTERVAL: Duration = Duration::from_millis(500);
const LONGEST_INTERVAL: Duration = Duration::from_secs(5);

/// The tries of one read.
pub(super) struct Tries {
    made: u32,
    intervals: RetryIntervals,
}

impl Tries {
    pub(super) fn new() -> Self {
        let intervals = RetryIntervals::doubling(FIRST_INTERVAL, LONGEST_INTERVAL);
        Self { made: 0, intervals }
    }

    /// Records a failed try. Returns how long to wait before the next one (full jitter: between
    /// zero and the interval), or `None` if it was the last.
    pub(super) fn failed(&mut self, clock: &Clock) -> Option<Duration> {
        self.made += 1;
        if self.made >= MAX_TRIES {
            return None;
        }
        let interval = self.intervals.next_interval();
        Some(interval.mul_f64(clock.fraction()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tries_with_growing_jittered_waits() {
        let (clock, _) = Clock::manual("2026-11-01T12:00:00Z".parse().unwrap(), 1);
        let mut tries = Tries::new();
        assert!(tries.failed(&clock).unwrap() <= FIRST_INTERVAL);
        assert!(tries.failed(&clock).unwrap() <= FIRST_INTERVAL * 2);
        assert_eq!(tries.failed(&clock), None);
    }
}
