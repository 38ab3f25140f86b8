//! Schedules a repository's next pass.

use std::time::Duration;

use jiff::SignedDuration;

use super::PassError;
use super::error::Mending;
use super::pass::{PassPace, PassReport};
use super::registry::RepoSettings;
use crate::clock::{Clock, RetryIntervals};
use crate::github::Lane;

/// The longest waits after an error that goes away by itself, and after one that a person must
/// fix.
const LONGEST_BY_ITSELF: Duration = Duration::from_secs(60);
const LONGEST_BY_A_PERSON: Duration = Duration::from_secs(600);
/// The share by which a wait is shortened or lengthened, so that repositories do not poll in
/// lockstep.
const JITTER: f64 = 0.1;

/// If passes take longer than the interval, the next one still waits a tenth of the interval.
const SHORTEST_PAUSE: u32 = 10;

/// Settled polls are aligned to this grid, so that one wake-up serves several repositories,
/// which saves CPU in a large fleet.
const TOGETHER: Duration = Duration::from_millis(500);
/// Shorter intervals are not aligned.
const SHORTEST_TOGETHER: Duration = Duration::from_secs(30);

/// How often a repository is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    pub settled: Duration,
    /// While something is in flight.
    pub active: Duration,
}

/// The offset of a repository's polls within the interval, from 0 to below 1. Consecutive
/// repositories get distant offsets, so that any number of them is spread evenly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase(f64);

impl Phase {
    /// Multiples of the golden ratio, modulo 1, fill the interval evenly for every count.
    const STEP: f64 = 0.618_033_988_749_895;

    /// The phase of the repository at this index.
    pub(super) fn of(index: usize) -> Self {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Self((f64::from(index) * Self::STEP).fract())
    }

    /// The offset within several rounds, from 0 to below 1. It is spread evenly like the phase
    /// but does not correlate with it, so repositories in the same round are spread over that
    /// round.
    pub(super) fn turn(index: usize) -> f64 {
        (f64::from(u32::try_from(index).unwrap_or(u32::MAX)) * std::f64::consts::SQRT_2).fract()
    }

    fn in_the(self, interval: Duration) -> Duration {
        interval.mul_f64(1.0 - self.0)
    }
}

/// The pace that a pass reported. A failed pass counts as settled, so that it does not compete
/// with active ones.
pub(super) fn pace_of(report: Option<&Result<PassReport, PassError>>) -> PassPace {
    match report {
        Some(Ok(report)) => report.pace,
        Some(Err(_)) | None => PassPace::Settled,
    }
}

pub(super) struct Schedule {
    intervals: Intervals,
    phase: Phase,
    failing: Option<(Mending, RetryIntervals)>,
    last: Option<PassPace>,
    interval: Duration,
}

impl Schedule {
    pub(super) const fn new(intervals: Intervals, phase: Phase) -> Self {
        Self { intervals, phase, failing: None, last: None, interval: intervals.settled }
    }

    /// The interval that the last wait was computed from.
    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    /// The priority of the next pass.
    pub(super) fn lane(&self) -> Lane {
        if self.last == Some(PassPace::Active) { Lane::Active } else { Lane::Settled }
    }

    /// The configured intervals.
    pub(super) const fn wanted(&self) -> Intervals {
        self.intervals
    }

    /// The wait before the first pass: a random part of `within`. If `within` is at most a
    /// second, it is also limited by the active interval.
    pub(super) fn first(&self, clock: &Clock, within: Duration) -> Duration {
        let second = Duration::from_secs(1);
        let within = if within <= second { within.min(self.intervals.active) } else { within };
        within.mul_f64(clock.fraction())
    }

    /// Applies new settings and returns the wait that they ask for. It is short if the policy
    /// changed.
    pub(super) fn turn(
        &mut self,
        clock: &Clock,
        settings: &RepoSettings,
        changed: bool,
    ) -> Duration {
        self.intervals = settings.common.intervals;
        if changed {
            return self.first(clock, settings.within);
        }
        match self.lane() {
            Lane::Urgent | Lane::Active => self.intervals.active,
            Lane::Settled => self.phase.in_the(self.intervals.settled),
        }
    }

    /// The wait before the next pass. `began` is when the last one began, in monotonic time;
    /// `fits` are the intervals that the limits allow.
    pub(super) fn next(
        &mut self,
        clock: &Clock,
        report: Option<&Result<PassReport, PassError>>,
        fits: Intervals,
        began: Duration,
    ) -> Duration {
        if let Some(Err(error)) = report {
            self.last = None;
            return self.after_error(clock, error);
        }
        self.failing = None;
        let pace = pace_of(report);
        let joins_the_settled = pace == PassPace::Settled && self.last != Some(PassPace::Settled);
        self.last = Some(pace);
        self.interval = match pace {
            PassPace::Active => fits.active.min(fits.settled),
            PassPace::Settled => fits.settled,
        };
        let now = clock.monotonic();
        let wait = if joins_the_settled {
            self.phase.in_the(self.interval)
        } else {
            // Measured from start to start, so that a pass's duration does not shift later
            // polls.
            let took = now.saturating_sub(began);
            self.interval.saturating_sub(took).max(self.interval / SHORTEST_PAUSE)
        };
        let wait =
            if pace == PassPace::Settled { together(now, wait, self.interval) } else { wait };
        match self.until_a_rule_changes(clock, report) {
            Some(sooner) if sooner < wait => {
                // Those that one freeze held take their places in the interval again.
                self.last = None;
                sooner
            }
            _ => wait,
        }
    }

    /// The wait until time alone changes what a rule says, as at the end of a freeze or a cooldown.
    /// A fleet that one freeze held comes back one after another.
    fn until_a_rule_changes(
        &self,
        clock: &Clock,
        report: Option<&Result<PassReport, PassError>>,
    ) -> Option<Duration> {
        let changes_at = report?.as_ref().ok()?.plan.changes_at?;
        let wait = Duration::try_from(changes_at.duration_since(clock.now())).unwrap_or_default();
        Some(wait + self.phase.in_the(self.intervals.active))
    }

    fn after_error(&mut self, clock: &Clock, error: &PassError) -> Duration {
        let mending = error.mending();
        let intervals = match self.failing.take() {
            Some((before, intervals)) if before == mending => intervals,
            _ => doubling(self.intervals.settled, mending),
        };
        let (_, intervals) = self.failing.insert((mending, intervals));
        self.interval = intervals.next_interval();
        let wait = jittered(self.interval, clock);
        let told = error.told_to_wait().map(|until| until.duration_since(clock.now()));
        let told = told.and_then(|wait: SignedDuration| Duration::try_from(wait).ok());
        // If GitHub names a time, wait until then, plus a phase so that repositories do not all
        // return at once.
        told.map_or(wait, |told| told + self.phase.in_the(self.intervals.active))
    }
}

/// The waits after errors: start at the poll interval and double.
fn doubling(start: Duration, mending: Mending) -> RetryIntervals {
    let longest = match mending {
        Mending::ByItself => LONGEST_BY_ITSELF,
        Mending::ByAPerson => LONGEST_BY_A_PERSON,
    };
    RetryIntervals::doubling(start, longest)
}

/// Shortens `wait` so that it ends on the grid.
fn together(now: Duration, wait: Duration, interval: Duration) -> Duration {
    if interval < SHORTEST_TOGETHER {
        return wait;
    }
    let due = now.saturating_add(wait);
    let late = due.as_nanos() % TOGETHER.as_nanos();
    wait.saturating_sub(Duration::from_nanos(u64::try_from(late).unwrap_or(0)))
}

fn jittered(wait: Duration, clock: &Clock) -> Duration {
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * clock.fraction())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Plan;

    #[test]
    fn however_many_repositories_there_are_their_polls_are_spread_evenly() {
        let minute = Duration::from_secs(60);
        for count in [2, 10, 60, 300, 1_000] {
            let mut times: Vec<Duration> =
                (0..count).map(|index| Phase::of(index).in_the(minute)).collect();
            times.sort_unstable();
            assert!(times.iter().all(|time| !time.is_zero() && *time <= minute));
            let even = minute.as_secs_f64() / f64::from(u32::try_from(count).unwrap());
            let widest = times.windows(2).map(|two| (two[1] - two[0]).as_secs_f64());
            let widest = widest.fold(0.0, f64::max);
            assert!(widest < even * 2.7, "{count}: {widest} s apart where {even} were even");
        }
    }

    #[test]
    fn polls_of_the_same_half_second_begin_together_and_none_later_than_its_time() {
        let millis = Duration::from_millis;
        let minute = Duration::from_secs(60);
        for (now, wait) in [(7_001, 60_000), (7_499, 59_999), (7_000, 60_400), (7_300, 59_700)] {
            let (now, wait) = (millis(now), millis(wait));
            let shortened = together(now, wait, minute);
            assert_eq!((now + shortened).as_millis() % TOGETHER.as_millis(), 0, "{now:?} {wait:?}");
            assert!(shortened <= wait && wait - shortened < TOGETHER, "{now:?} {wait:?}");
        }
        assert_eq!(together(millis(7_300), millis(100), minute), Duration::ZERO);
        let ten = Duration::from_secs(10);
        assert_eq!(together(millis(7_001), millis(9_999), ten), millis(9_999), "a short interval");
    }

    #[test]
    fn a_settled_repository_keeps_its_place_in_the_interval_whatever_a_pass_takes() {
        let (clock, time) = Clock::manual("2026-11-01T12:00:00Z".parse().unwrap(), 1);
        let intervals =
            Intervals { settled: Duration::from_secs(60), active: Duration::from_secs(10) };
        let mut schedule = Schedule::new(intervals, Phase::of(1));
        let report = |pace| Some(Ok(PassReport { pace, decision: None, plan: Plan::default() }));
        let mut next = |pace, took: u64| {
            let began = clock.monotonic();
            time.advance(Duration::from_secs(took));
            schedule.next(&clock, report(pace).as_ref(), intervals, began).as_secs()
        };
        assert!(next(PassPace::Settled, 1) < 60, "it takes its place");
        assert_eq!((next(PassPace::Settled, 2), next(PassPace::Settled, 0)), (58, 60));
        assert_eq!(next(PassPace::Settled, 70), 6, "late is late enough");
        assert_eq!((next(PassPace::Active, 0), next(PassPace::Active, 3)), (10, 7));
    }
}
