//! Determines in which pass a repository reads slow-changing facts, so that repositories that
//! started together do not read all of them in the same round.

use std::time::Duration;

use jiff::Timestamp;

use super::{Memory, SELDOM, SlowChanging, UNFILTERED_EVERY};

/// When a repository's passes come, and which of them read slow-changing facts.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSchedule {
    /// The time between two passes.
    pub interval: Duration,
    /// The repository's offset within the fleet, from 0 to below 1.
    pub turn: f64,
}

impl RefreshSchedule {
    /// Seconds between two reads of slow-changing facts: ten minutes, rounded up to whole
    /// intervals.
    fn period(self) -> f64 {
        let interval = self.interval.as_secs_f64().max(f64::EPSILON);
        (SELDOM.as_secs_f64() / interval).ceil() * interval
    }

    /// The number of the period at `at`, counted from `began`. Each repository's periods start
    /// at its own offset, so that the reads are spread evenly over all rounds.
    fn number(self, began: Timestamp, at: Timestamp) -> f64 {
        (at.duration_since(began).as_secs_f64() / self.period() + self.turn).floor()
    }

    #[expect(clippy::float_cmp, reason = "both are whole numbers")]
    fn is_over(self, slow_changing: &SlowChanging, now: Timestamp) -> bool {
        // Comparing for inequality also covers time going backwards.
        self.number(slow_changing.began, now)
            != self.number(slow_changing.began, slow_changing.read_at)
    }
}

/// Whether what was read at `at` is due again, whatever the schedule. Also true if time went
/// backwards.
pub(super) fn is_long_ago(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() >= SELDOM
}

impl Memory {
    /// Whether nothing was read yet.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.passes == 0
    }

    /// Whether the next pass reads more than a settled one: slow-changing facts, or unfiltered
    /// lists.
    #[must_use]
    pub fn is_due(&self, rhythm: RefreshSchedule, now: Timestamp) -> bool {
        self.passes.is_multiple_of(UNFILTERED_EVERY)
            || self.seldom_is_due(rhythm, now)
            || self.sweep_is_due()
    }

    /// Whether slow-changing facts are due.
    #[must_use]
    pub fn seldom_is_due(&self, rhythm: RefreshSchedule, now: Timestamp) -> bool {
        self.slow_changing.as_ref().is_none_or(|slow_changing| rhythm.is_over(slow_changing, now))
    }

    /// Whether the deploy runs were not swept since slow-changing facts were last read.
    pub(super) fn sweep_is_due(&self) -> bool {
        let read_at = self.slow_changing.as_ref().map(|slow_changing| slow_changing.read_at);
        self.swept_at.is_none() || self.swept_at < read_at
    }

    /// Spreads the next unfiltered reads of repositories that made their first pass together:
    /// this one's is due at its own offset.
    pub fn take_turn(&mut self, rhythm: RefreshSchedule) {
        let turn = rhythm.turn * f64::from(UNFILTERED_EVERY - 1);
        self.passes = (1..UNFILTERED_EVERY).find(|passes| f64::from(*passes) > turn).unwrap_or(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each round, how many of 100 repositories that started together read slow-changing
    /// facts.
    fn readers(interval: u64, rounds: u32) -> Vec<usize> {
        let interval = Duration::from_secs(interval);
        let began: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let mut read_at = vec![began; 100];
        let round = |number| {
            let now = began + interval * number;
            let due = |(repository, read_at): (u32, &mut Timestamp)| {
                let rhythm = RefreshSchedule { interval, turn: f64::from(repository) / 100.0 };
                let over = rhythm.number(began, now) > rhythm.number(began, *read_at);
                if over {
                    *read_at = now;
                }
                usize::from(over)
            };
            (0..100).zip(&mut read_at).map(due).sum()
        };
        (1..=rounds).map(round).collect()
    }

    #[test]
    fn what_changes_seldom_is_read_by_as_many_repositories_in_each_round() {
        assert_eq!(readers(60, 30), [10; 30]);
        assert_eq!(readers(470, 6), [50; 6]);
        assert_eq!(readers(590, 6), [50; 6]);
        assert_eq!(readers(3_600, 3), [100; 3]);
    }

    #[test]
    fn a_repository_alone_reads_an_unfiltered_list_in_the_tenth_pass_and_its_neighbours_do_before()
    {
        let passes = [0.0, 0.35, 0.99].map(|turn| {
            let mut memory = Memory::default();
            memory.take_turn(RefreshSchedule { interval: Duration::from_secs(60), turn });
            memory.passes
        });
        assert_eq!(passes, [1, 4, 9]);
    }
}
