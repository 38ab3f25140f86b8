//! In which of its looks a repository reads what changes seldom, so that a fleet that began together
//! does not read all of it in the same round ever after.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Memory, SELDOM, UNFILTERED_EVERY};

/// How a repository's looks come.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Between two of them.
    pub interval: Duration,
    /// Its turn among the repositories of the fleet, from 0 up to 1.
    pub turn: f64,
}

impl Rhythm {
    /// How old what changes seldom becomes where each look comes in time: the looks after which it
    /// is due, and each as likely as any other to be this repository's.
    fn oldest(self) -> Duration {
        let looks = SELDOM.as_secs_f64() / self.interval.as_secs_f64().max(f64::EPSILON);
        Duration::try_from_secs_f64(self.interval.as_secs_f64() * looks.ceil())
            .unwrap_or(Duration::MAX)
    }

    fn first_turn(self) -> SignedDuration {
        let turn = self.oldest().mul_f64(1.0 - self.turn);
        SignedDuration::try_from(turn).unwrap_or(SELDOM).min(SELDOM)
    }
}

impl Memory {
    /// Whether the next look reads more than a settled pass does: what changes seldom, or lists
    /// without a filter.
    #[must_use]
    pub fn is_due(&self, rhythm: Rhythm, now: Timestamp) -> bool {
        self.passes.is_multiple_of(UNFILTERED_EVERY)
            || self.seldom_is_due(rhythm, now)
            || self.swept_at.is_none_or(|at| is_long_ago(at, now))
    }

    /// Whether what changes seldom is to be read: ten minutes after it was read last, and the first
    /// time after the whole fleet read it, when it is this repository's turn.
    #[must_use]
    pub fn seldom_is_due(&self, rhythm: Rhythm, now: Timestamp) -> bool {
        self.seldom.as_ref().is_none_or(|seldom| {
            let most = if seldom.with_the_fleet { rhythm.first_turn() } else { SELDOM };
            now.duration_since(seldom.read_at).abs() >= most
        })
    }

    /// Whether others, too, read now what changes seldom: at the start, and after a time in which
    /// nothing could be read.
    #[must_use]
    pub fn reads_with_the_fleet(&self, rhythm: Rhythm, now: Timestamp) -> bool {
        let late = rhythm.oldest().saturating_add(rhythm.interval.saturating_mul(2));
        let late = SignedDuration::try_from(late).unwrap_or(SignedDuration::MAX);
        self.seldom.as_ref().is_none_or(|seldom| now.duration_since(seldom.read_at).abs() > late)
    }

    /// Notes that the fleet's first passes were made together: the next list without a filter is
    /// read when it is this repository's turn.
    pub fn take_turn(&mut self, rhythm: Rhythm) {
        let passes = (1..UNFILTERED_EVERY)
            .find(|passes| f64::from(*passes) > rhythm.turn * f64::from(UNFILTERED_EVERY - 1));
        self.passes = passes.unwrap_or(1);
    }
}

/// Whether what was read at `at` is due again; also where time went backwards.
pub(super) fn is_long_ago(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() >= SELDOM
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(interval: u64, repositories: u32) -> Vec<usize> {
        let interval = Duration::from_secs(interval);
        let mut rounds = Vec::new();
        for repository in 0..repositories {
            let turn = f64::from(repository) / f64::from(repositories);
            let due = Rhythm { interval, turn }.first_turn().as_secs_f64();
            let round =
                (1..).find(|round| interval.mul_f64(f64::from(*round)).as_secs_f64() >= due);
            let round = usize::try_from(round.unwrap()).unwrap();
            rounds.resize(rounds.len().max(round), 0);
            rounds[round - 1] += 1;
        }
        rounds
    }

    #[test]
    fn what_changes_seldom_is_read_by_as_many_repositories_in_each_round() {
        assert_eq!(rounds(60, 100), [10; 10]);
        assert_eq!(rounds(470, 100), [50; 2]);
        assert_eq!(rounds(590, 100), [50; 2]);
        assert_eq!(rounds(290, 99), [33; 3]);
        assert_eq!(rounds(3_600, 100), [100]);
    }

    #[test]
    fn a_repository_alone_reads_it_after_ten_minutes_and_in_the_tenth_pass() {
        for seconds in [10, 60, 470] {
            let rhythm = Rhythm { interval: Duration::from_secs(seconds), turn: 0.0 };
            assert_eq!(rhythm.first_turn(), SELDOM);
            let mut memory = Memory::default();
            memory.take_turn(rhythm);
            assert_eq!(memory.passes, 1);
        }
    }
}
