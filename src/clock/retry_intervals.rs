//! Growing intervals between retries. This is the only use of the `backoff` crate, which is
//! unmaintained (see `deny.toml`) and only computes intervals here. It reads no clock, does not
//! wait, and uses no randomness. Callers add jitter with
//! [`Clock::fraction`](super::Clock::fraction).

use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// Intervals that double up to a maximum.
pub struct RetryIntervals {
    intervals: ExponentialBackoff,
    longest: Duration,
}

impl RetryIntervals {
    /// Starts at `first`, or at `longest` if that is shorter.
    #[must_use]
    pub fn doubling(first: Duration, longest: Duration) -> Self {
        let intervals = ExponentialBackoffBuilder::new()
            .with_initial_interval(first.min(longest))
            .with_max_interval(longest)
            .with_multiplier(2.0)
            .with_randomization_factor(0.0)
            // The default gives up after 15 minutes.
            .with_max_elapsed_time(None)
            .build();
        Self { intervals, longest }
    }

    pub fn next_interval(&mut self) -> Duration {
        self.intervals.next_backoff().unwrap_or(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_double_up_to_the_longest_and_never_end() {
        let mut intervals =
            RetryIntervals::doubling(Duration::from_secs(20), Duration::from_secs(60));
        let seconds: Vec<u64> = (0..5).map(|_| intervals.next_interval().as_secs()).collect();
        assert_eq!(seconds, [20, 40, 60, 60, 60]);
    }

    #[test]
    fn a_first_interval_above_the_longest_is_the_longest() {
        let minute = Duration::from_secs(60);
        assert_eq!(RetryIntervals::doubling(minute * 2, minute).next_interval(), minute);
    }
}
