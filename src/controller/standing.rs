//! The state of a repository after its last pass, and what was decided then. For display only:
//! no decision is based on it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::survey::Survey;
use crate::decide::Judgement;
use crate::domain::{Decision, Outcome, Reason, RepoName, RiskClass, Sha, ZonedTime};
use crate::messages;

/// The state of a repository after its last pass. It is kept in the store, so that `status`
/// works without a running controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastStanding {
    /// When the last pass ended.
    pub last_pass: Option<Timestamp>,
    /// When the last successful pass ended.
    pub last_good_pass: Option<Timestamp>,
    /// Why the last pass failed, if it did.
    pub error: Option<String>,
    /// The decision about the candidate.
    pub decision: Option<StandingDecision>,
    /// Why the last pass found no commit to judge, or no verified one.
    pub no_candidate: Option<String>,
    /// The commits on the branch above the candidate.
    pub above: AboveCandidate,
}

/// The commits on the branch above the candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AboveCandidate {
    /// The head, and the decision about it.
    pub head: Option<(Sha, StandingDecision)>,
    /// How many commits are newer than any with a finished verification, if known.
    pub unverified_commits: Option<usize>,
    pub branch_tip: Option<Sha>,
}

impl AboveCandidate {
    pub(super) fn of(judgement: &Judgement, survey: &Survey, repository: &RepoName) -> Self {
        let seen = &survey.observation;
        let head = seen.candidates.head.as_ref().and_then(|sha| {
            let decision = judgement.decisions.get(sha)?;
            Some((sha.clone(), StandingDecision::of(decision, repository)))
        });
        let unverified_commits = seen.candidates.unverified_above(&seen.branch_commits);
        Self { head, unverified_commits, branch_tip: seen.branch_tip.clone() }
    }
}

impl LastStanding {
    /// Why its releases cannot be judged: the last pass failed, or found nothing to judge.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.error.as_deref().or(self.no_candidate.as_deref())
    }
}

/// The decision about a commit, as kept for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingDecision {
    pub outcome: Outcome,
    pub reason: Reason,
    pub risk: RiskClass,
    #[serde(default)]
    pub hints: Vec<String>,
    /// When it ships if nothing changes but the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ships_at: Option<ZonedTime>,
}

impl StandingDecision {
    pub(super) fn of(decision: &Decision, repository: &RepoName) -> Self {
        Self {
            outcome: decision.outcome(),
            reason: decision.reason(),
            risk: decision.risk.class,
            hints: messages::hints(decision, repository),
            ships_at: decision.ships_at.clone(),
        }
    }
}

/// All decisions of the last pass that made any, with their evidence. For display only: no
/// decision is based on them.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// When they were made.
    pub at: Option<Timestamp>,
    /// The candidate at that time.
    pub candidate: Option<Sha>,
    /// The head at that time.
    pub head: Option<Sha>,
    /// By sha: the candidate, the head, and every other commit that was judged.
    pub by_sha: BTreeMap<Sha, Box<Decision>>,
}

impl Decisions {
    /// The decisions in `judgement`, made at this time.
    pub(super) fn of(judgement: &Judgement, survey: &Survey, at: Timestamp) -> Self {
        let candidates = &survey.observation.candidates;
        let ships = judgement.ships.iter();
        let decisions = ships.chain(judgement.decisions.values());
        Self {
            at: Some(at),
            candidate: candidates.candidate.clone(),
            head: candidates.head.clone(),
            by_sha: decisions.map(|one| (one.sha.clone(), Box::new(one.clone()))).collect(),
        }
    }
}
