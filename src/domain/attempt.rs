//! One deploy of one sha: intent, mark, dispatch, run, outcome.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Branch, Conclusion, Reason, RiskClass, RunId, Sha, StatusId, WorkflowId};

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
}
