//! One deploy of one sha: intent, mark, dispatch, run, outcome.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Branch, Conclusion, Operator, Reason, RiskClass, Run, RunId, Sha, StatusId, WorkflowId,
};

/// GitHub's services disagree by seconds: a run's creation time may be up to this long before
/// the time of a status that was written earlier (design, section 5, step 5).
pub const SERVICES_DISAGREE: SignedDuration = SignedDuration::from_mins(1);
/// GitHub's incidents delay a dispatched run by minutes. A run that was created later than this
/// does not belong to the attempt.
const LATEST_BEGIN: SignedDuration = SignedDuration::from_hours(1);

/// The random id of an attempt: six hex digits. Its `dispatching` status ends in it, so that
/// the ledger recognizes its own statuses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(String);

impl AttemptId {
    /// Makes an id from three random bytes.
    #[must_use]
    pub fn from_chance(bytes: [u8; 3]) -> Self {
        let [a, b, c] = bytes;
        Self(format!("{a:02x}{b:02x}{c:02x}"))
    }
}

impl FromStr for AttemptId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() == 6
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if valid { Ok(Self(text.to_owned())) } else { Err("an attempt's id has six hex digits") }
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an attempt begins with. The ledger stores it before any request is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAttempt {
    pub id: AttemptId,
    pub sha: Sha,
    /// The number of this attempt for its sha, starting at 1.
    pub number: u32,
    /// The risk class at the time of the decision.
    pub risk: RiskClass,
    /// The reason of the decision: one of `allow_*`.
    pub reason: Reason,
    /// The newest deploy run that was known before the dispatch.
    pub newest_run_seen: Option<RunId>,
    /// The deploy workflow.
    pub workflow: WorkflowId,
    /// The ref to run the workflow on.
    pub deploy_ref: Branch,
    /// What the dispatch depends on, in case GitHub rejects it.
    pub rejection_key: RejectionKey,
    /// When the sha was merged, taken from its first verification run; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_at: Option<Timestamp>,
    /// The operator whose `trigger` requested this attempt; `None` if the policy allowed it. It
    /// counts only if the dispatch started a run or may have: see [`Attempt::trigger`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_by: Option<Operator>,
    /// The tip of the ref whose deploy files were judged; `None` in attempts of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_tip: Option<Sha>,
    /// Whether the run counts as a rollback if it moves production back: an operator requested
    /// one, or the attempt was recovered from GitHub, where this is unknown. Passes never set
    /// it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
}

/// What must change before a rejected dispatch is worth retrying: a digest of the workflow, its
/// ref's tip, the token and the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RejectionKey(pub String);

/// The `dispatching` status of an attempt, as accepted by GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub id: StatusId,
    /// GitHub's own time of the intent.
    pub at: Timestamp,
    /// The link of the status, which holds the workflow and the ref of the dispatch. `None` in
    /// entries of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_url: Option<String>,
}

/// How far an attempt has progressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptPhase {
    /// Recorded. Nothing that could start a run has been sent.
    Intent,
    /// The dispatch may have been sent, and its answer is unknown.
    Sending,
    /// GitHub accepted the dispatch without naming the run.
    Accepted,
    /// Its run is known.
    Running,
    /// It has an outcome.
    Closed(AttemptOutcome),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// Abandoned before the dispatch was sent, for this reason.
    Withdrawn(String),
    /// GitHub definitively refused the dispatch, with this message.
    Rejected(String),
    /// GitHub asked us to wait, or the connection was never made. Nothing started.
    NotSent(String),
    /// The answer was lost, and no run appeared before the deadline.
    NotStarted,
    /// GitHub accepted the dispatch but no run appeared.
    Unconfirmed,
    /// The run succeeded.
    Succeeded,
    /// The run finished with another conclusion.
    Failed(Conclusion),
    /// A newer run replaced it before a job started. This uses no attempt.
    Superseded,
    /// The run was deleted before it finished.
    RunDeleted,
}

/// An attempt of ours, as the ledger stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What it began with. For a recovered attempt, only part of it is known.
    #[serde(flatten)]
    pub begun: NewAttempt,
    /// When the intent was recorded; for a recovered attempt, the time of its mark.
    pub at: Timestamp,
    pub phase: AttemptPhase,
    pub mark: Option<Mark>,
    pub run: Option<RunId>,
    /// The times after the deadline at which an unfiltered read did not show its run.
    pub absent_at: Vec<Timestamp>,
    /// Whether its run was found after it had been closed.
    pub late: bool,
}

impl Attempt {
    /// Whether it has an outcome.
    #[must_use]
    pub const fn closed(&self) -> bool {
        matches!(self.phase, AttemptPhase::Closed(_))
    }

    /// Its outcome, if it has one.
    #[must_use]
    pub const fn outcome(&self) -> Option<&AttemptOutcome> {
        match &self.phase {
            AttemptPhase::Closed(outcome) => Some(outcome),
            AttemptPhase::Intent
            | AttemptPhase::Sending
            | AttemptPhase::Accepted
            | AttemptPhase::Running => None,
        }
    }

    /// Whether it is waiting for its run to appear.
    #[must_use]
    pub const fn looks_for_its_run(&self) -> bool {
        matches!(self.phase, AttemptPhase::Sending | AttemptPhase::Accepted)
    }

    /// Whether it accepts a run that appears now: it is waiting for one, or was closed without
    /// one.
    #[must_use]
    pub const fn takes_a_run(&self) -> bool {
        self.run.is_none()
            && match &self.phase {
                AttemptPhase::Sending | AttemptPhase::Accepted => true,
                AttemptPhase::Intent | AttemptPhase::Running => false,
                AttemptPhase::Closed(outcome) => {
                    matches!(outcome, AttemptOutcome::NotStarted | AttemptOutcome::Unconfirmed)
                }
            }
    }

    /// When the dispatch began: by GitHub's clock if there is a mark.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        self.mark.as_ref().map_or(self.at, |mark| mark.at)
    }

    /// Whether the dispatch may have started `run`, judged by the workflow, ref and order that
    /// the attempt recorded. Who started the run and what its title says are not considered.
    #[must_use]
    pub fn fits(&self, run: &Run) -> bool {
        let earliest = self.began_at().saturating_sub(SERVICES_DISAGREE);
        run.workflow == self.begun.workflow
            && run.event.is_workflow_dispatch()
            && run.head_branch.as_ref().is_none_or(|branch| *branch == self.begun.deploy_ref)
            && Some(run.at.id) > self.begun.newest_run_seen
            && earliest.is_ok_and(|earliest| run.created_at >= earliest)
    }

    /// Whether `run` was created early enough to be accepted even if its title does not name
    /// the sha. The run of a closed attempt may appear late, but was created close to the
    /// attempt.
    #[must_use]
    pub fn is_in_time(&self, run: &Run) -> bool {
        let latest = self.began_at().saturating_add(LATEST_BEGIN);
        !self.closed() || latest.is_ok_and(|latest| run.created_at <= latest)
    }

    /// The operator whose `trigger` this attempt carries out, if it counts: the dispatch
    /// started a run or may have. A `trigger` whose dispatch was withdrawn or refused is void.
    #[must_use]
    pub fn trigger(&self) -> Option<&Operator> {
        let may_have_started = self.run.is_some()
            || match &self.phase {
                AttemptPhase::Intent => false,
                AttemptPhase::Sending | AttemptPhase::Accepted | AttemptPhase::Running => true,
                AttemptPhase::Closed(outcome) => match outcome {
                    AttemptOutcome::Withdrawn(_)
                    | AttemptOutcome::Rejected(_)
                    | AttemptOutcome::NotSent(_) => false,
                    AttemptOutcome::NotStarted
                    | AttemptOutcome::Unconfirmed
                    | AttemptOutcome::Succeeded
                    | AttemptOutcome::Failed(_)
                    | AttemptOutcome::Superseded
                    | AttemptOutcome::RunDeleted => true,
                },
            };
        self.begun.triggered_by.as_ref().filter(|_| may_have_started)
    }

    /// Adds what our statuses at GitHub reveal about this attempt and an outdated ledger does
    /// not know. Never overwrites what the ledger knows.
    pub(super) fn learn(&mut self, found: &Self) {
        if self.mark.is_none() {
            self.mark.clone_from(&found.mark);
        }
        if self.run.is_some() {
            return;
        }
        match (&self.phase, &found.phase) {
            (_, AttemptPhase::Running) if found.run.is_some() => {
                self.run = found.run;
                self.phase = AttemptPhase::Running;
            }
            (AttemptPhase::Intent, AttemptPhase::Sending)
            | (
                AttemptPhase::Intent | AttemptPhase::Sending | AttemptPhase::Accepted,
                AttemptPhase::Closed(AttemptOutcome::Unconfirmed | AttemptOutcome::RunDeleted),
            ) => self.phase = found.phase.clone(),
            _ => {}
        }
    }
}
