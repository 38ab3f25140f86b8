//! Reads a repository's history and replays it under a policy. Nothing is written to GitHub or
//! to the ledger, and no pass waits for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::governed::Governed;
use super::survey::{MOST_ROUNDS, Survey, out_of_rounds, read_context};
use super::{Controller, NotDone, PassError, Shared};
use crate::backtest::{Course, Past, Progress, replay};
use crate::clock::{Clock, beside_others};
use crate::decide::JUDGED_BELOW;
use crate::domain::{
    Entry, EntryKind, Fact, OperatorAction, Policy, Production, ReleaseState, Replayed, RepoName,
};
use crate::github::Lane;
use crate::observe::{self, ReadContext, WhereUnreadable};
use crate::plan;

/// The page size for reading the ledger, and the most pages that are read.
const PAGE: usize = 1_000;
const MOST_PAGES: usize = 100;

/// A replay sleeps for this many times as long as it worked, which leaves most of the CPU to
/// passes.
const REST: u32 = 3;

/// The start of the replayed period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// This long ago, by GitHub's clock.
    Ago(SignedDuration),
    At(Timestamp),
}

impl Since {
    fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(age) => now.saturating_sub(age).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

/// The result of a replay, and what it could not cover.
#[derive(Clone, Debug)]
pub struct Backtested {
    /// The policy that was replayed.
    pub policy: Policy,
    /// The start of the replayed period.
    pub since: Timestamp,
    /// The end of the replayed period.
    pub until: Timestamp,
    /// What was in production at the start.
    pub production: Production,
    /// The commits that were verified in the period, oldest first.
    pub commits: Vec<Replayed>,
    pub reach: Reach,
}

/// What GitHub did not show of the replayed period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Verification runs before this time were not read.
    pub verifications_stopped_at: Option<Timestamp>,
    /// Deploy runs before this time were not read.
    pub deploys_stopped_at: Option<Timestamp>,
    /// The number of verified commits that are not among the branch's newest commits.
    pub commits_not_shown: usize,
}

/// Sleeps after work that began at `began`, in monotonic time.
async fn rest(clock: &Clock, began: Duration) {
    let worked = clock.monotonic().saturating_sub(began);
    if !worked.is_zero() {
        clock.sleep(worked.saturating_mul(REST)).await;
    }
}

impl Controller {
    /// Replays the past under a policy. Writes nothing to GitHub or to the ledger.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn backtest(
        &self,
        name: &RepoName,
        policy: Option<Policy>,
        since: Since,
    ) -> Result<Backtested, NotDone> {
        let shared = self.shared();
        let mut read_only = self.read_only_copy(name, policy).await?;
        // The backtest uses the low-priority lane, so that passes read first.
        read_only.reader = read_only.reader.in_lane(Lane::Settled);
        let mut survey = read_only.survey(shared, None).await?;
        let until = shared.clock.now();
        let since = since.seen_from(until).min(until);
        let (past, reach) = read_only.past(shared, &mut survey, since, until).await?;
        let commits = read_only.replayed(shared, &mut survey, &past).await?;
        let (policy, production) = (read_only.policy().clone(), past.production());
        Ok(Backtested { policy, since, until, production, commits, reach })
    }
}

impl Governed {
    /// Reads everything that the replay needs.
    async fn past(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<(Past, Reach), PassError> {
        let policy = self.policy.clone();
        let release = self.opened()?.state().clone();
        let mut ctx = ReadContext {
            now: until,
            ..read_context(shared, &self.reader, &policy, &mut self.memory, self.rhythm)
        };
        let repo_facts = &survey.repo_facts;
        let commits = observe::past_commits(&mut ctx, repo_facts).await?;
        let verifications = observe::past_verifications(&ctx, repo_facts, since).await?;
        let deploys = observe::past_deploys(&mut ctx, repo_facts, &release, since).await?;
        let us = &survey.observation.us;
        let entries = plan::follow(&policy, &deploys.seen, &release, us, until);
        self.opened()?.record(until, entries).await?;
        let moments = beside_others(usize::MAX, || {
            verifications.moments(&commits, since, until, JUDGED_BELOW)
        });
        let reach = Reach {
            verifications_stopped_at: verifications.stopped_at,
            deploys_stopped_at: deploys.stopped_at,
            commits_not_shown: verifications.not_among(&commits, since),
        };
        survey.observation.branch_commits = commits;
        let words = self.words_of_operators(shared, until).await?;
        let release = self.opened()?.state().clone();
        let runs_unread = reach.deploys_stopped_at.is_some();
        Ok((Past { since, until, moments, words, release, runs_unread }, reach))
    }

    /// Operators' actions up to `until`, oldest first.
    async fn words_of_operators(
        &mut self,
        shared: &Shared,
        until: Timestamp,
    ) -> Result<Vec<Entry>, PassError> {
        let ledger = self.opened()?;
        let (repo, release) = (ledger.repo(), ledger.shared_state());
        let (mut words, mut before) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = shared.store.history(repo, before, PAGE).await?;
            before = page.last().map(|(number, _)| *number);
            let is_whole = page.len() == PAGE;
            let entries = page.into_iter().map(|(_, entry)| entry);
            let said = entries.filter_map(|entry| word_of(entry, &release));
            words.extend(said.filter(|entry| entry.at <= until));
            if !is_whole {
                break;
            }
        }
        words.sort_by_key(|word| word.at);
        Ok(words)
    }

    /// Runs the replay, and reads the facts that it lacks along the way.
    async fn replayed(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
        past: &Past,
    ) -> Result<Vec<Replayed>, PassError> {
        let policy = self.policy.clone();
        let mut course = Course::begin(past, &survey.observation);
        let most = MOST_ROUNDS.saturating_mul(past.moments.len().saturating_add(1));
        for _ in 0..most {
            let (clock, began) = (&shared.clock, shared.clock.monotonic());
            let observation = &mut survey.observation;
            let step = beside_others(usize::MAX, || replay(&policy, past, observation, course));
            rest(clock, began).await;
            match step {
                Progress::Done(commits) => return Ok(commits),
                Progress::Paused(at) => course = at,
                Progress::Lacks(at, lacks) => {
                    course = at;
                    self.fill(shared, survey, &lacks, WhereUnreadable::EndThePass).await?;
                }
                // A failed comparison is retried; the third failure is permanent.
                Progress::Unreadable(at, why) => {
                    course = at;
                    let ranges = &mut survey.observation.ranges;
                    let known = ranges.len();
                    ranges.retain(|_, range| !matches!(range, Fact::Unreadable(_)));
                    if ranges.len() == known {
                        return Err(PassError::Undecided(why));
                    }
                }
            }
        }
        Err(out_of_rounds())
    }
}

/// An operator's action. A `trigger` is recorded in the attempt that it started.
fn word_of(entry: Entry, release: &ReleaseState) -> Option<Entry> {
    if let EntryKind::AttemptBegun { attempt } = &entry.kind {
        let by = release.attempt(&attempt.id)?.trigger()?.clone();
        let word = OperatorAction::Triggered { sha: attempt.sha.clone(), by };
        return Some(Entry { at: entry.at, kind: EntryKind::Operator(word) });
    }
    matches!(entry.kind, EntryKind::Operator(_)).then_some(entry)
}
