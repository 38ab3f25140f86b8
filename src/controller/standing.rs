//! How a repository stood when its last pass ended, and what was decided then: shown to whoever
//! looks, and decided on by nobody.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::survey::Survey;
use crate::decide::Judgement;
use crate::domain::{Decision, Outcome, Reason, RepoName, RiskClass, Sha};
use crate::messages;

/// How a repository stood when its last pass ended. Kept in the store, so that `status` answers
/// when no controller runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastStanding {
    /// When the last pass ended.
    pub last_pass: Option<Timestamp>,
    /// When the last one ended that saw and did all it should.
    pub last_good_pass: Option<Timestamp>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// What was decided about the candidate.
    pub decision: Option<StandingDecision>,
    /// Why the last pass found no commit to judge, or did not find a verified one.
    pub no_candidate: Option<String>,
    /// What is on the branch above the candidate.
    pub above: AboveCandidate,
}

/// What is on the branch above the candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AboveCandidate {
    /// The head, and what was decided about it.
    pub head: Option<(Sha, StandingDecision)>,
    /// How many commits are newer than any with a finished verification, where that is known.
    pub unverified_commits: Option<usize>,
    /// The branch's tip.
    pub branch_tip: Option<Sha>,
}

impl AboveCandidate {
    /// What `judgement` and `survey` tell of it.
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
    /// Why nothing can be said of its releases: why the last pass failed, or found nothing to judge.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.error.as_deref().or(self.no_candidate.as_deref())
    }
}

/// What was decided about the candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingDecision {
    /// What it came to.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The risk class.
    pub risk: RiskClass,
    /// How to unblock it.
    #[serde(default)]
    pub hints: Vec<String>,
}

impl StandingDecision {
    pub(super) fn of(decision: &Decision, repository: &RepoName) -> Self {
        Self {
            outcome: decision.outcome(),
            reason: decision.reason(),
            risk: decision.risk.class,
            hints: messages::hints(decision, repository),
        }
    }
}

/// What the last pass that came to decisions decided, with all of the evidence: shown to whoever
/// looks, and decided on by nobody.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// When.
    pub at: Option<Timestamp>,
    /// The candidate, then.
    pub candidate: Option<Sha>,
    /// The head, then.
    pub head: Option<Sha>,
    /// By sha: of the candidate, of the head, and of every other commit that was spoken of.
    pub by_sha: BTreeMap<Sha, Box<Decision>>,
}

impl Decisions {
    /// What `judgement` holds, taken at this time.
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
