//! When a repository's next pass begins.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::ExponentialBackoffBuilder;
use backoff::backoff::Backoff as _;
use jiff::SignedDuration;

use super::PassError;
use super::error::Mending;
use super::pass::{Pace, PassReport};
use crate::clock::Clock;

/// The longest wait after what heals by itself, and after what only a person can mend.
const LONGEST_BY_ITSELF: Duration = Duration::from_secs(60);
const LONGEST_BY_A_PERSON: Duration = Duration::from_secs(600);
/// By how much a wait is shortened or lengthened, so that a fleet does not pulse.
const JITTER: f64 = 0.1;

/// How often a repository is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// While it is settled.
    pub settled: Duration,
    /// While something is in flight.
    pub active: Duration,
}

/// One repository's schedule.
pub(super) struct Schedule {
    intervals: Intervals,
    failing: Option<(Mending, ExponentialBackoff)>,
    interval: Duration,
}

impl Schedule {
    pub(super) fn new(intervals: Intervals) -> Self {
        Self { intervals, failing: None, interval: intervals.settled }
    }

    /// The interval that the last wait was made from.
    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    /// The wait before the first pass: a fraction of the active interval.
    pub(super) fn first(&self, clock: &Clock) -> Duration {
        self.intervals.active.min(Duration::from_secs(1)).mul_f64(clock.fraction())
    }

    /// The wait before the next pass.
    pub(super) fn next(
        &mut self,
        clock: &Clock,
        report: Option<&Result<PassReport, PassError>>,
    ) -> Duration {
        match report {
            Some(Err(error)) => self.after_error(clock, error),
            Some(Ok(report)) => {
                self.failing = None;
                self.interval = match report.pace {
                    Pace::Active => self.intervals.active.min(self.intervals.settled),
                    Pace::Settled => self.intervals.settled,
                };
                jittered(self.interval, clock)
            }
            None => self.intervals.settled,
        }
    }

    fn after_error(&mut self, clock: &Clock, error: &PassError) -> Duration {
        let mending = error.mending();
        let fresh = self.failing.as_ref().is_none_or(|(before, _)| *before != mending);
        if fresh {
            self.failing = Some((mending, doubling(self.intervals.settled, mending)));
        }
        let wait = self.failing.as_mut().and_then(|(_, backoff)| backoff.next_backoff());
        self.interval = wait.unwrap_or(LONGEST_BY_A_PERSON);
        let wait = jittered(self.interval, clock);
        let told = error.told_to_wait().map(|until| until.duration_since(clock.now()));
        let told = told.and_then(|wait: SignedDuration| Duration::try_from(wait).ok());
        // When GitHub names a time, that is the time; all come back a little apart.
        told.map_or(wait, |told| told + jittered(Duration::from_secs(1), clock))
    }
}

/// The policy of `backoff`, with the chance and the time of our own clock: it starts at the poll
/// interval and doubles.
fn doubling(start: Duration, mending: Mending) -> ExponentialBackoff {
    let longest = match mending {
        Mending::ByItself => LONGEST_BY_ITSELF,
        Mending::ByAPerson => LONGEST_BY_A_PERSON,
    };
    ExponentialBackoffBuilder::new()
        .with_initial_interval(start.min(longest))
        .with_max_interval(longest)
        .with_multiplier(2.0)
        .with_randomization_factor(0.0)
        .with_max_elapsed_time(None)
        .build()
}

fn jittered(wait: Duration, clock: &Clock) -> Duration {
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * clock.fraction())
}
