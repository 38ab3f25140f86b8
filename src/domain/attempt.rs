//! One deploy of one sha: intent, mark, dispatch, run, outcome.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Branch, Conclusion, Operator, Reason, RiskClass, Run, RunId, Sha, StatusId, WorkflowId,
};

/// GitHub's services disagree by seconds: a run may be dated this long before the status that was
/// written before it (design, section 5, step 5).
pub const SERVICES_DISAGREE: SignedDuration = SignedDuration::from_mins(1);
/// GitHub's incidents delay a dispatched run by minutes; what began later is somebody else's.
const LATEST_BEGIN: SignedDuration = SignedDuration::from_hours(1);

/// The random id of an attempt: six hex digits, the end of its `dispatching` status, by which
/// the ledger knows its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(String);

impl AttemptId {
    /// An id from three random bytes.
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

/// What an attempt is begun with; the ledger holds it before any request leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAttempt {
    /// Its random id.
    pub id: AttemptId,
    /// The sha to deploy.
    pub sha: Sha,
    /// 1 for the sha's first.
    pub number: u32,
    /// The risk that it was decided on.
    pub risk: RiskClass,
    /// The reason that it was decided for: one of `allow_*`.
    pub reason: Reason,
    /// The newest deploy run that was seen before.
    pub newest_run_seen: Option<RunId>,
    /// The deploy workflow.
    pub workflow: WorkflowId,
    /// The ref that it is started on.
    pub deploy_ref: Branch,
    /// What the dispatch depends on, for the case that GitHub rejects it.
    pub rejection_key: RejectionKey,
    /// When the sha was merged, as its first verification run told; none where it was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_at: Option<Timestamp>,
    /// The operator whose `trigger` asked for it; none where the policy did. It counts only while
    /// the dispatch started a run, or may have: see [`Attempt::trigger`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_by: Option<Operator>,
    /// The tip of the ref whose deploy files were judged; none where an earlier version began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_tip: Option<Sha>,
    /// Whether its run counts as a rollback where it moves production back: an operator asked for
    /// one, or it was recovered from GitHub, where that cannot be told. A pass never does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
}

/// What must change before a rejected dispatch is worth another try: a digest of the workflow,
/// its ref's tip, the token and the config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RejectionKey(pub String);

/// The `dispatching` status of an attempt, as GitHub took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The status's number.
    pub id: StatusId,
    /// GitHub's own time of the intent.
    pub at: Timestamp,
    /// What it links to: the workflow and the ref of the dispatch. None in entries of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_url: Option<String>,
}

/// How far an attempt has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptPhase {
    /// Recorded; nothing was sent that could start a run.
    Intent,
    /// The dispatch may have left, and its answer is not known.
    Sending,
    /// GitHub said yes, and named no run.
    Accepted,
    /// Its run is known.
    Running,
    /// It is over.
    Closed(AttemptOutcome),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// Given up before the dispatch left, and why.
    Withdrawn(String),
    /// GitHub refused the dispatch for certain: its words.
    Rejected(String),
    /// GitHub told us to wait, or the connection was never made: nothing started.
    NotSent(String),
    /// The answer was lost, and no run showed in the time given.
    NotStarted,
    /// GitHub said yes and never showed a run.
    Unconfirmed,
    /// The run succeeded.
    Succeeded,
    /// The run ended otherwise.
    Failed(Conclusion),
    /// A newer run took its place before a job had started: no attempt used.
    Superseded,
    /// The run was deleted before it ended.
    RunDeleted,
}

/// An attempt of ours, as the ledger holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What it was begun with. A recovered one knows only part of it.
    #[serde(flatten)]
    pub begun: NewAttempt,
    /// When the intent was recorded, or, for a recovered one, the mark's time.
    pub at: Timestamp,
    /// How far it has come.
    pub phase: AttemptPhase,
    /// Its `dispatching` status.
    pub mark: Option<Mark>,
    /// Its run.
    pub run: Option<RunId>,
    /// When, after the deadline, an unfiltered read showed no run of it.
    pub absent_at: Vec<Timestamp>,
    /// Set once its run was found after it had been closed.
    pub late: bool,
}

impl Attempt {
    /// Whether it has an outcome.
    #[must_use]
    pub const fn closed(&self) -> bool {
        matches!(self.phase, AttemptPhase::Closed(_))
    }

    /// How it ended, if it did.
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

    /// Whether it waits for its run to show.
    #[must_use]
    pub const fn looks_for_its_run(&self) -> bool {
        matches!(self.phase, AttemptPhase::Sending | AttemptPhase::Accepted)
    }

    /// Whether it takes a run that shows: it waits for one, or gave up waiting for one.
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

    /// When the dispatch began, by GitHub's clock where its mark was taken.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        self.mark.as_ref().map_or(self.at, |mark| mark.at)
    }

    /// Whether `run` may be what the dispatch started, apart from who started it and what its
    /// title says: the workflow, the ref and the order are those that the attempt recorded.
    #[must_use]
    pub fn fits(&self, run: &Run) -> bool {
        let earliest = self.began_at().saturating_sub(SERVICES_DISAGREE);
        run.workflow == self.begun.workflow
            && run.event.is_workflow_dispatch()
            && run.head_branch.as_ref().is_none_or(|branch| *branch == self.begun.deploy_ref)
            && Some(run.at.id) > self.begun.newest_run_seen
            && earliest.is_ok_and(|earliest| run.created_at >= earliest)
    }

    /// Whether `run` began soon enough to be taken without a title that names the sha. The run of
    /// a closed attempt shows late, but it began with the attempt.
    #[must_use]
    pub fn is_in_time(&self, run: &Run) -> bool {
        let latest = self.began_at().saturating_add(LATEST_BEGIN);
        !self.closed() || latest.is_ok_and(|latest| run.created_at <= latest)
    }

    /// The operator's `trigger`, where it counts: from *started* or *unknown* on. Where the
    /// dispatch was withdrawn or refused, nothing left, and the word is void.
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

    /// Learns what our statuses at GitHub say of it that a ledger, older than they are, does not
    /// know. What the ledger knows stays.
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
