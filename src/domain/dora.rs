//! The four DORA metrics of a repository, computed from its ledger: deployment frequency, lead
//! time for changes, change failure rate, and time to restore.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{ReleaseState, RunId, RunProgress, RunRef, Sha};

/// The period that the metrics cover.
const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);
const DAYS: f64 = 30.0;

/// The four DORA metrics over the last thirty days, whoever deployed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dora {
    /// Successful deploys of new commits per day.
    pub deploys_per_day: f64,
    /// The median time from merge to production of our own deploys; `None` if there is none.
    pub lead_time: Option<Duration>,
    /// The share of all deploys that failed or were rolled back, from 0 to 1; `None` without
    /// deploys.
    pub change_failure_ratio: Option<f64>,
    /// The median time from the first failure to the next successful deploy; `None` if there is
    /// none.
    pub time_to_restore: Option<Duration>,
}

/// The end of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The run attempt that restored production.
    pub run: RunRef,
    /// When that run attempt ended.
    pub at: Timestamp,
    /// The time since the first failure.
    pub took: Duration,
}

impl Dora {
    /// Computes the metrics of `release` at `now`.
    #[must_use]
    pub fn of(release: &ReleaseState, now: Timestamp) -> Self {
        let since = now.saturating_sub(WINDOW).unwrap_or(Timestamp::MIN);
        let told = DeployTally::of(release);
        let deploys = || told.deploys.iter().filter(|deploy| deploy.at > since);
        let failed = told.failed.iter().filter(|at| **at > since).count();
        let taken_back = deploys().filter(|deploy| deploy.taken_back).count();
        let (good, failed, bad) =
            (count(deploys().count()), count(failed), count(failed + taken_back));
        let restored = told.restored.iter().filter(|one| one.at > since);
        Self {
            deploys_per_day: good / DAYS,
            lead_time: median(deploys().filter_map(|deploy| deploy.lead)),
            change_failure_ratio: (good + failed > 0.0).then(|| bad / (good + failed)),
            time_to_restore: median(restored.map(|one| one.took)),
        }
    }
}

/// All known failures that have ended, oldest first.
#[must_use]
pub fn restorations(release: &ReleaseState) -> Vec<Restored> {
    DeployTally::of(release).restored
}

/// A deploy that brought a new commit.
struct Deploy {
    at: Timestamp,
    lead: Option<Duration>,
    taken_back: bool,
}

struct EndedAttempt<'a> {
    at: Timestamp,
    run: RunRef,
    sha: Option<&'a Sha>,
    succeeded: bool,
}

/// What the deploy runs add up to, processed in order.
#[derive(Default)]
struct DeployTally<'a> {
    deploys: Vec<Deploy>,
    failed: Vec<Timestamp>,
    restored: Vec<Restored>,
    /// The time of the first failure since the last successful deploy.
    failing_since: Option<Timestamp>,
    /// The commits that were in production, each with the index of the deploy that first
    /// brought it.
    brought: BTreeMap<&'a Sha, usize>,
    /// The commit in production and since when; `None` before the first deploy.
    current: Option<(Option<&'a Sha>, Timestamp)>,
    /// When the commits of our own runs were merged.
    merged: BTreeMap<RunId, Timestamp>,
}

impl<'a> DeployTally<'a> {
    fn of(release: &'a ReleaseState) -> Self {
        let merged = release.attempts.iter();
        let merged = merged.filter_map(|one| Some((one.run?, one.begun.merged_at?))).collect();
        let mut told = Self { merged, ..Self::default() };
        for ended in in_order(release) {
            if ended.succeeded {
                told.succeeded(&ended);
            } else {
                told.failing_since.get_or_insert(ended.at);
                told.failed.push(ended.at);
            }
        }
        told
    }

    fn succeeded(&mut self, ended: &EndedAttempt<'a>) {
        let known = ended.sha.and_then(|sha| self.brought.get(sha).copied());
        let (now, since) = self.current.unwrap_or((None, ended.at));
        let before = now.and_then(|sha| self.brought.get(sha).copied());
        // Production moved back to an earlier commit: what it replaces counts as failed from
        // its start.
        let taken_back = before.filter(|before| known.is_some_and(|known| known < *before));
        if let Some(deploy) = taken_back.and_then(|before| self.deploys.get_mut(before)) {
            deploy.taken_back = true;
            self.failing_since = Some(self.failing_since.map_or(since, |first| first.min(since)));
        }
        if known.is_none() {
            if let Some(sha) = ended.sha {
                self.brought.insert(sha, self.deploys.len());
            }
            let merged = self.merged.get(&ended.run.id);
            let lead = merged.and_then(|merged| between(*merged, ended.at));
            self.deploys.push(Deploy { at: ended.at, lead, taken_back: false });
        }
        if let Some(took) = self.failing_since.take().and_then(|since| between(since, ended.at)) {
            self.restored.push(Restored { run: ended.run, at: ended.at, took });
        }
        self.current = Some((ended.sha, ended.at));
    }
}

/// The finished run attempts, ordered by when they ended. Superseded attempts never began, and
/// how deleted ones would have ended is unknown, so both are left out.
fn in_order(release: &ReleaseState) -> Vec<EndedAttempt<'_>> {
    let mut all = Vec::new();
    for run in release.runs.values() {
        for (number, attempt) in &run.attempts {
            let RunProgress::Finished(_) = attempt.progress else { continue };
            let counts = if attempt.progress.succeeded() {
                run.kind.moves_production()
            } else {
                release.can_fail(run) && attempt.superseded != Some(true)
            };
            if !counts {
                continue;
            }
            all.push(EndedAttempt {
                at: attempt.updated_at,
                run: RunRef { id: run.id, attempt: *number },
                sha: run.attribution.sha(),
                succeeded: attempt.progress.succeeded(),
            });
        }
    }
    all.sort_by_key(|ended| (ended.at, ended.run));
    all
}

fn between(from: Timestamp, to: Timestamp) -> Option<Duration> {
    Duration::try_from(to.duration_since(from)).ok()
}

/// For an even number of values, the mean of the two in the middle.
fn median(times: impl Iterator<Item = Duration>) -> Option<Duration> {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let upper = times.get(times.len() / 2).copied()?;
    let lower = times.get(times.len().saturating_sub(1) / 2).copied()?;
    Some(lower.saturating_add(upper) / 2)
}

/// Saturates, which is never reached: a ledger keeps about a thousand runs.
fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
