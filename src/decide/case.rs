//! What the rules ask about a commit, and how the facts answer.

use jiff::{SignedDuration, Timestamp};

use super::{Gap, Question, risk};
use crate::domain::{
    Cause, Comparison, DeployFile, Fact, FailedDeploy, Health, Lack, Observation, Policy,
    Production, Ranged, Reason, Relation, ReleaseState, RiskAssessment, RunProgress, RunStatus,
    Sha, SignalReading, Verification,
};

/// A question, with what every rule needs worked out once.
pub struct Case<'a> {
    pub(super) question: Question<'a>,
    pub(super) production: Production,
    pub(super) risk: Result<RiskAssessment, Gap>,
}

impl<'a> Case<'a> {
    pub(super) fn new(question: Question<'a>) -> Self {
        let production = question.release.production();
        let risk = risk::assess(&question, &production);
        Self { question, production, risk }
    }

    pub(super) fn sha(&self) -> &'a Sha {
        self.question.sha
    }

    pub(super) fn policy(&self) -> &'a Policy {
        self.question.policy
    }

    pub(super) fn release(&self) -> &'a ReleaseState {
        self.question.release
    }

    pub(super) fn risk(&self) -> Result<&RiskAssessment, Gap> {
        self.risk.as_ref().map_err(Gap::clone)
    }

    pub(super) fn verification(&self) -> Result<&'a Verification, Gap> {
        let facts = self.question.observation.commits.get(self.sha());
        match facts.map_or(&Fact::NotAsked, |facts| &facts.verification) {
            Fact::Known(verification) => Ok(verification),
            Fact::NotAsked => Err(Gap::Lacks(Lack::Verification(self.sha().clone()))),
            Fact::Unreadable(why) => Err(Gap::Unreadable(why.clone())),
        }
    }

    pub(super) fn deploy_file(&self) -> Result<&'a DeployFile, Gap> {
        risk::deploy_file(&self.question)
    }

    pub(super) fn range(&self, base: &Sha, head: &Sha) -> Result<&'a Ranged, Gap> {
        known_range(self.question.observation, base, head)
    }

    /// Whether `container` has `contained` among its ancestors, or is it. What cannot be compared
    /// for good is not contained.
    pub(super) fn contains(&self, container: &Sha, contained: &Sha) -> Result<bool, Gap> {
        if self.question.observation.branch_commits.shows_containment(container, contained) {
            return Ok(true);
        }
        // The range that the risk is read from answers this, too, when asked in its direction.
        let relation = if self.production.sha() == Some(container) {
            self.range(container, contained)?.relation().map(reversed)
        } else {
            self.range(contained, container)?.relation()
        };
        Ok(matches!(relation, Some(Relation::Ahead | Relation::Identical)))
    }

    /// The signals that say that production is this; none where all of them together say
    /// otherwise.
    pub(super) fn signals_that_say(&self, health: Health) -> Option<Vec<SignalReading>> {
        let signals = &self.question.observation.signals;
        let saying = signals.iter().filter(|reading| reading.health() == health).cloned();
        (super::health(signals) == Some(health)).then(|| saying.collect())
    }

    /// What every signal said, but where a rule before the signals' own ended the matter.
    pub(super) fn signals_behind(&self, cause: &Cause) -> Vec<SignalReading> {
        let asked = cause.reason() >= Reason::Paused;
        if asked { self.question.observation.signals.clone() } else { Vec::new() }
    }

    /// Rule 14's arithmetic: each failure used an attempt; the policy, each verification that was
    /// begun after the first failure, and each `trigger` since then allow one.
    pub(super) fn attempts_used_and_allowed(&self, failed: &[FailedDeploy]) -> (u32, u32) {
        let Some(first) = failed.first() else { return (0, self.policy().max_attempts_per_sha) };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let facts = self.question.observation.commits.get(self.sha());
        let reverified = facts.map_or(&[][..], |facts| &facts.reverified_at);
        let reverified = reverified.iter().filter(|at| **at > first.ended_at).count();
        let triggers = &self.release().triggered;
        let triggered =
            triggers.iter().filter(|(sha, at)| sha == self.sha() && *at > first.ended_at).count();
        let granted = count(reverified)
            .saturating_add(count(triggered))
            .saturating_add(u32::from(self.question.triggered));
        (count(failed.len()), self.policy().max_attempts_per_sha.saturating_add(granted))
    }
}

pub(super) fn known_range<'a>(
    observation: &'a Observation,
    base: &Sha,
    head: &Sha,
) -> Result<&'a Ranged, Gap> {
    static IDENTICAL: Ranged = Ranged::Compared(Comparison {
        relation: Relation::Identical,
        files: crate::domain::RangeFiles::Complete(Vec::new()),
    });
    if base == head {
        return Ok(&IDENTICAL);
    }
    match observation.range(base, head) {
        Fact::Known(ranged) => Ok(ranged),
        Fact::NotAsked => Err(Gap::Lacks(Lack::Range(base.clone(), head.clone()))),
        Fact::Unreadable(why) => Err(Gap::Unreadable(why.clone())),
    }
}

const fn reversed(relation: Relation) -> Relation {
    match relation {
        Relation::Identical => Relation::Identical,
        Relation::Ahead => Relation::Behind,
        Relation::Behind => Relation::Ahead,
        Relation::Diverged => Relation::Diverged,
    }
}

pub(super) const fn unfinished(progress: &RunProgress) -> Option<RunStatus> {
    match progress {
        RunProgress::Unfinished(status) => Some(*status),
        RunProgress::Finished(_) => None,
    }
}

pub(super) fn later(at: Timestamp, by: std::time::Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
