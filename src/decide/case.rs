//! What the rules ask about a commit, answered from the facts.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::approval::{self, ApprovalOutcome};
use super::origins::{self, PathOrigins};
use super::{Gap, Question, risk};
use crate::domain::{
    Availability, Cause, FailedDeploy, Health, Lack, Policy, Production, Reason, Relation,
    ReleaseState, RiskAssessment, RiskClass, RuleClock, RunProgress, RunStatus, SeenApproval, Sha,
    SignalReading,
};

/// The most steps up to which the origins of a MEDIUM range are shown. No decision rests on
/// them, and each step may cost a comparison.
const MOST_STEPS_OF_MEDIUM: usize = 100;

/// A question, with everything that several rules need computed once.
pub struct Case<'a> {
    pub(super) question: Question<'a>,
    pub(super) production: Production,
    pub(super) risk: Result<RiskAssessment, Gap>,
    pub(super) clock: RuleClock,
    approval: OnceCell<Result<ApprovalOutcome, Gap>>,
    first_deploy: OnceCell<Result<ApprovalOutcome, Gap>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(question: Question<'a>) -> Self {
        let supposed = question.supposed_production.cloned();
        let production = supposed.unwrap_or_else(|| question.release.production());
        let risk = risk::assess(&question, &production);
        Self {
            question,
            production,
            risk,
            clock: RuleClock::new(question.now),
            approval: OnceCell::new(),
            first_deploy: OnceCell::new(),
        }
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

    /// The approval of what makes it HIGH.
    pub(super) fn approval(&self) -> Result<&ApprovalOutcome, Gap> {
        let found = self.approval.get_or_init(|| approval::of_the_range(self));
        found.as_ref().map_err(Gap::clone)
    }

    /// The approval of a first deploy.
    pub(super) fn approval_of_first_deploy(&self) -> Result<&ApprovalOutcome, Gap> {
        let found = self.first_deploy.get_or_init(|| approval::of_the_first_deploy(self));
        found.as_ref().map_err(Gap::clone)
    }

    /// The approvals that the rules looked at.
    pub(super) fn approvals_seen(&self) -> Vec<SeenApproval> {
        let looked_at = [&self.first_deploy, &self.approval].into_iter().filter_map(OnceCell::get);
        let mut seen: Vec<SeenApproval> = Vec::new();
        for approval in looked_at.filter_map(|found| found.as_ref().ok()) {
            for one in &approval.seen {
                if !seen.contains(one) {
                    seen.push(one.clone());
                }
            }
        }
        seen
    }

    /// The risk, with the origins of its paths. They are not read if a rule before 8 decided.
    /// If they cannot be read for now, they are left out, because no decision rests on them.
    pub(super) fn risk_with_origins(&self, reason: Reason) -> Result<RiskAssessment, Gap> {
        let mut risk = self.risk()?.clone();
        if reason < Reason::Paused || risk.class < RiskClass::Medium || risk.paths.is_empty() {
            return Ok(risk);
        }
        match self.origins_of(&risk) {
            Ok(None) | Err(Gap::Unreadable(_)) => {}
            Ok(Some(origins)) => {
                for path in &mut risk.paths {
                    path.brought = origins.of(&path.path).to_vec();
                }
            }
            Err(lacks @ Gap::Lacks(_)) => return Err(lacks),
        }
        Ok(risk)
    }

    /// The origins of the paths that determine the risk, if they are worth the requests.
    fn origins_of(&self, risk: &RiskAssessment) -> Result<Option<PathOrigins>, Gap> {
        let Production::Known { sha: base, .. } = &self.production else { return Ok(None) };
        let relation = self.question.range(base, self.sha())?.relation();
        if relation != Some(Relation::Ahead) || !self.is_worth_tracing(base, risk.class)? {
            return Ok(None);
        }
        let paths: BTreeSet<&str> = risk.paths.iter().map(|path| path.path.as_str()).collect();
        origins::of_paths(&self.question, base, self.sha(), &paths).map(Some)
    }

    fn is_worth_tracing(&self, base: &Sha, class: RiskClass) -> Result<bool, Gap> {
        if class == RiskClass::High {
            return Ok(true);
        }
        Ok(match self.question.steps(base, self.sha())? {
            Availability::Known(steps) => steps.len() <= MOST_STEPS_OF_MEDIUM,
            Availability::Untold(_) => false,
        })
    }

    /// Whether `container` is `contained` or has it among its ancestors. If they permanently
    /// cannot be compared, the answer is no.
    pub(super) fn contains(&self, container: &Sha, contained: &Sha) -> Result<bool, Gap> {
        if self.question.observation.branch_commits.shows_containment(container, contained) {
            return Ok(true);
        }
        // The range that the risk is based on also answers this when it is asked for in the
        // same direction.
        let relation = if self.production.sha() == Some(container) {
            self.question.range(container, contained)?.relation().map(reversed)
        } else {
            self.question.range(contained, container)?.relation()
        };
        Ok(matches!(relation, Some(Relation::Ahead | Relation::Identical)))
    }

    /// The signals that report this health. `None` if all signals together report another one.
    pub(super) fn signals_that_say(&self, health: Health) -> Option<Vec<SignalReading>> {
        let signals = &self.question.observation.signals;
        let saying = signals.iter().filter(|reading| reading.health() == health).cloned();
        (super::health(signals) == Some(health)).then(|| saying.collect())
    }

    /// The readings of all signals. Empty if a rule before 8 decided.
    pub(super) fn signals_behind(&self, cause: &Cause) -> Vec<SignalReading> {
        let asked = cause.reason() >= Reason::Paused;
        if asked { self.question.observation.signals.clone() } else { Vec::new() }
    }

    /// The deploys of this commit that failed since it last succeeded. A failed run may turn
    /// out to be no deploy at all, which is read only if a decision rests on it.
    pub(super) fn failed_deploys(&self) -> Result<Vec<FailedDeploy>, Gap> {
        let open = self.release().undetermined_failures(self.sha());
        if open.is_empty() {
            return Ok(self.release().failed_deploys(self.sha()));
        }
        Err(Gap::Lacks(open.into_iter().map(Lack::FailedRun).collect()))
    }

    /// The counts of rule 14. Each failure uses an attempt. The policy allows a number of
    /// attempts, and each successful verification that began after the first failure, and each
    /// `trigger` since then, allows one more.
    pub(super) fn attempts_used_and_allowed(&self, failed: &[FailedDeploy]) -> (u32, u32) {
        let Some(first) = failed.first() else { return (0, self.policy().max_attempts_per_sha) };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let facts = self.question.observation.commits.get(self.sha());
        let reverified = facts.map_or(&[][..], |facts| &facts.reverified_at);
        let reverified = reverified.iter().filter(|at| **at > first.ended_at).count();
        let triggers = self.release().triggers();
        let triggered = triggers
            .filter(|trigger| trigger.sha == self.sha() && trigger.at > first.ended_at)
            .count();
        let granted = count(reverified)
            .saturating_add(count(triggered))
            .saturating_add(u32::from(self.question.triggered));
        (count(failed.len()), self.policy().max_attempts_per_sha.saturating_add(granted))
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
