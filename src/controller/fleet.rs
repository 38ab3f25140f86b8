//! Sets how often the repositories of one credential are polled, so that all of them together
//! stay within its request rate and GitHub's limit. Repositories with a deploy in flight come
//! first. The settled ones share the rest, with their intervals stretched evenly.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::pass::PassPace;
use super::schedule::Intervals;
use crate::domain::RepoName;
use crate::github::{LimitsView, PassMeter, Reader};

/// Share of the request rate that passes may use together. The rest is for writes and for
/// bursts.
pub(super) const FOR_PASSES: f64 = 0.9;
/// Share of that which active repositories may use, so that settled ones never starve.
const FOR_ACTIVE: f64 = 0.8;
/// Share of GitHub's limit that is not planned with: others may use the same token.
pub(super) const LIMIT_RESERVE: f64 = 0.1;
/// While more than this share of the limit is left, intervals are not stretched for it.
const LIMIT_IS_PLENTY: f64 = 0.5;
/// The longest interval. Every repository is polled at least this often.
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);
/// A stretched interval is logged again when it changed by this factor since it was last
/// logged.
const WORTH_A_WORD: f64 = 1.25;

/// The cost of one round of passes over all repositories of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Demand {
    pub(super) repositories: u32,
    /// Requests, counted against our own rate.
    pub(super) reads: f64,
    /// Requests that also count towards GitHub's primary limit.
    pub(super) charged: f64,
}

impl Demand {
    fn add(&mut self, part: &PassCost) {
        self.repositories += 1;
        self.reads += part.reads;
        self.charged += part.charged;
    }

    fn take(&mut self, part: &PassCost) {
        self.repositories = self.repositories.saturating_sub(1);
        self.reads = (self.reads - part.reads).max(0.0);
        self.charged = (self.charged - part.charged).max(0.0);
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CredentialBudget {
    /// Requests per minute at our own rate. `None`: unlimited.
    pub(super) per_minute: Option<u32>,
    /// GitHub's primary limit, if it reports one.
    pub(super) limit: Option<Left>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Left {
    pub(super) remaining: u64,
    pub(super) limit: u64,
    pub(super) until_reset: Duration,
}

impl Left {
    fn of(view: &LimitsView, now: Timestamp) -> Option<Self> {
        let until_reset = Duration::try_from(view.reset?.duration_since(now)).ok()?;
        Some(Self { remaining: view.remaining?, limit: view.limit?, until_reset })
    }
}

/// The intervals at which the demand fits into `room`.
pub(super) fn stretched(
    wanted: Intervals,
    active: Demand,
    settled: Demand,
    room: CredentialBudget,
) -> Intervals {
    let mut fits = wanted;
    if let Some(per_minute) = room.per_minute {
        let passes = f64::from(per_minute) / 60.0 * FOR_PASSES;
        fits.active = fits.active.max(round(active.reads, passes * FOR_ACTIVE));
        let left = passes - active.reads / fits.active.as_secs_f64();
        fits.settled = fits.settled.max(round(settled.reads, left));
    }
    if let Some(left) = room.limit
        && whole(left.remaining) < whole(left.limit) * LIMIT_IS_PLENTY
    {
        let spare = whole(left.remaining) - whole(left.limit) * LIMIT_RESERVE;
        let rate = spare.max(0.0) / left.until_reset.as_secs_f64().max(1.0);
        // Active repositories may use the reserve as well: they slow down last.
        let rate_with_reserve = whole(left.remaining) / left.until_reset.as_secs_f64().max(1.0);
        fits.active = fits.active.max(round(active.charged, rate_with_reserve));
        let rest = rate - active.charged / fits.active.as_secs_f64();
        fits.settled = fits.settled.max(round(settled.charged, rest));
    }
    fits.settled = fits.settled.max(fits.active.min(wanted.settled));
    fits
}

/// How long this many requests take at `rate` per second.
fn round(requests: f64, rate: f64) -> Duration {
    if requests <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(requests / rate.max(f64::EPSILON)).unwrap_or(LONGEST).min(LONGEST)
}

/// Converts exactly: limits are in the thousands, and more than `u32::MAX` is effectively
/// unlimited.
fn whole(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The cost of each credential's repositories.
#[derive(Default)]
pub(super) struct Fleet {
    loads: Mutex<BTreeMap<String, Load>>,
}

#[derive(Default)]
struct Load {
    parts: BTreeMap<RepoName, PassCost>,
    active: Demand,
    settled: Demand,
    /// The settled interval that was logged last.
    said: Option<Duration>,
}

/// The recent cost of one repository's passes.
#[derive(Clone, Copy)]
struct PassCost {
    pace: PassPace,
    reads: f64,
    charged: f64,
}

impl Fleet {
    /// Records the cost of a pass over `name`, and returns the intervals that fit now.
    pub(super) fn after_a_pass(
        &self,
        name: &RepoName,
        reader: &Reader,
        pace: PassPace,
        meter: &PassMeter,
        wanted: Intervals,
        now: Timestamp,
    ) -> Intervals {
        let room =
            CredentialBudget { per_minute: reader.pace(), limit: Left::of(&reader.limits(), now) };
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        let load = loads.entry(reader.credential().to_owned()).or_default();
        load.note(name, pace, f64::from(meter.reads()), f64::from(meter.charged()));
        let fits = stretched(wanted, load.active, load.settled, room);
        load.say(reader.credential(), wanted, fits);
        fits
    }

    /// Removes a repository that is no longer governed, which frees its share for the others.
    pub(super) fn forget(&self, name: &RepoName) {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        loads.values_mut().for_each(|load| load.forget(name));
    }
}

impl Load {
    fn forget(&mut self, name: &RepoName) {
        if let Some(part) = self.parts.remove(name) {
            self.demand(part.pace).take(&part);
        }
    }

    fn note(&mut self, name: &RepoName, pace: PassPace, reads: f64, charged: f64) {
        let before = self.parts.get(name).copied();
        if let Some(before) = &before {
            self.demand(before.pace).take(before);
        }
        let part = PassCost {
            pace,
            reads: before.map_or(reads, |before| lately(before.reads, reads)),
            charged: before.map_or(charged, |before| lately(before.charged, charged)),
        };
        self.demand(pace).add(&part);
        self.parts.insert(name.clone(), part);
    }

    const fn demand(&mut self, pace: PassPace) -> &mut Demand {
        match pace {
            PassPace::Active => &mut self.active,
            PassPace::Settled => &mut self.settled,
        }
    }

    fn say(&mut self, credential: &str, wanted: Intervals, fits: Intervals) {
        let is_stretched = fits.settled > wanted.settled.mul_f64(WORTH_A_WORD);
        let said = self.said.map_or(wanted.settled, |said| said).as_secs_f64();
        let change = fits.settled.as_secs_f64() / said.max(f64::EPSILON);
        let seconds = fits.settled.as_secs();
        if is_stretched && !(1.0 / WORTH_A_WORD..=WORTH_A_WORD).contains(&change) {
            self.said = Some(fits.settled);
            let count = self.settled.repositories;
            tracing::warn!(
                %credential, seconds,
                "the {count} settled repositories of {credential} are looked at every {seconds} s: \
                 more often would not stay within the limits. Raise \
                 github.max_requests_per_minute where GitHub allows it, or use an App"
            );
        } else if !is_stretched && self.said.take().is_some() {
            tracing::info!(%credential, seconds, "settled repositories are polled every {seconds} s again");
        }
    }
}

/// A moving average that follows falling costs faster than rising ones: a first pass costs many
/// times more than later ones.
fn lately(before: f64, now: f64) -> f64 {
    if now < before { f64::midpoint(before, now) } else { before * 0.75 + now * 0.25 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Intervals =
        Intervals { settled: Duration::from_secs(60), active: Duration::from_secs(10) };

    fn demand(repositories: u32, each: f64, charged: f64) -> Demand {
        let count = f64::from(repositories);
        Demand { repositories, reads: count * each, charged: count * charged }
    }

    fn pace(per_minute: u32) -> CredentialBudget {
        CredentialBudget { per_minute: Some(per_minute), limit: None }
    }

    fn per_minute(demand: Demand, every: Duration) -> f64 {
        demand.reads * 60.0 / every.as_secs_f64()
    }

    #[test]
    fn what_fits_is_not_stretched() {
        let (active, settled) = (demand(2, 5.0, 1.0), demand(100, 3.0, 0.0));
        assert_eq!(stretched(WANTED, active, settled, pace(700)), WANTED);
        let many = demand(100_000, 3.0, 0.0);
        assert_eq!(
            stretched(WANTED, active, many, CredentialBudget::default()),
            WANTED,
            "no pace, no stretch"
        );
    }

    #[test]
    fn the_settled_share_what_those_in_flight_leave() {
        let (active, settled) = (demand(10, 5.0, 1.0), demand(1_000, 3.0, 0.0));
        let fits = stretched(WANTED, active, settled, pace(700));
        assert_eq!(fits.active, WANTED.active);
        let all = per_minute(active, fits.active) + per_minute(settled, fits.settled);
        assert!((629.0..=630.5).contains(&all), "{all}");
    }

    #[test]
    fn those_in_flight_leave_a_fifth_however_many_they_are() {
        let (active, settled) = (demand(300, 5.0, 1.0), demand(100, 3.0, 0.0));
        let fits = stretched(WANTED, active, settled, pace(700));
        assert!(per_minute(active, fits.active) <= 504.5, "{fits:?}");
        assert!((124.0..=126.5).contains(&per_minute(settled, fits.settled)), "{fits:?}");
    }

    #[test]
    fn when_githubs_limit_runs_low_the_settled_slow_down_first() {
        let (active, settled) = (demand(5, 5.0, 2.0), demand(100, 3.0, 1.0));
        let room = |remaining| CredentialBudget {
            per_minute: None,
            limit: Some(Left { remaining, limit: 5_000, until_reset: Duration::from_secs(1_800) }),
        };
        assert_eq!(stretched(WANTED, active, settled, room(4_000)), WANTED);
        let low = stretched(WANTED, active, settled, room(2_400));
        assert!(low.settled > WANTED.settled && low.active == WANTED.active, "{low:?}");
        let lower = stretched(WANTED, active, settled, room(1_900));
        assert!(lower.settled > low.settled && lower.active == WANTED.active, "{lower:?}");
        let last = stretched(WANTED, active, settled, room(100));
        assert!(last.settled == LONGEST && last.active > WANTED.active, "{last:?}");
    }

    #[test]
    fn a_first_pass_that_cost_much_is_soon_forgotten() {
        let mut load = Load::default();
        let shop: RepoName = "acme/shop".parse().unwrap();
        load.note(&shop, PassPace::Active, 20.0, 20.0);
        assert_eq!((load.active.repositories, load.settled.repositories), (1, 0));
        for _ in 0..6 {
            load.note(&shop, PassPace::Settled, 3.0, 0.0);
        }
        assert_eq!((load.active.repositories, load.settled.repositories), (0, 1));
        assert!(load.settled.reads < 3.5 && load.settled.charged < 0.5, "{:?}", load.settled);
    }
}
