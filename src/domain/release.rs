//! The release state of one repository: the sum of its ledger's entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Attempt, AttemptId, CommitStatusState, Conclusion, GivenApproval, Login, Operator, Outcome,
    Reason, RejectionKey, RepoName, RiskClass, RunId, RunRef, Sha, StatusId,
};

mod fold;
mod health;
mod issue_record;
mod known_run;
mod productions;
mod questions;

pub use health::{DegradedAfterDeploy, HealthRecord};
pub use issue_record::{IssueRecord, IssueRefusal};
pub use known_run::{Attribution, KnownRun, KnownRunAttempt};
pub use productions::{ForeignMove, MovePosition, PastProduction, ProductionHistory, Productions};

/// The release state of one repository, computed from its ledger. Only [`ReleaseState::apply`]
/// changes it. Clones share the entries of large collections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseState {
    /// The repository's name at the last pass.
    pub name: Option<RepoName>,
    /// When the repository was first governed.
    pub governed_since: Option<Timestamp>,
    /// Whether GitHub was read to recover what a lost ledger knew.
    pub recovered: bool,
    /// The accounts that this governor uses or has used.
    pub identities: BTreeSet<Login>,
    /// Whether a verified merge-queue run was ever seen.
    pub merge_queue_seen: bool,
    /// The candidate of the last pass.
    pub candidate: Option<Sha>,
    /// The last decision about each sha.
    pub decided: BTreeMap<Sha, LastDecision>,
    /// The deploy runs that were seen.
    pub runs: BTreeMap<RunId, Arc<KnownRun>>,
    /// Our attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Approvals by operators.
    pub approvals: Vec<Approval>,
    /// The approvals that decisions about each commit rested on.
    pub counted_approvals: BTreeMap<Sha, CountedApprovals>,
    /// An operator's pause.
    pub pause: Option<Pause>,
    /// The commit that an operator set as production, and when.
    pub production_set: Option<(Sha, Timestamp)>,
    /// When an operator last ran `resume`.
    #[serde(alias = "operator_spoke_at")]
    pub resumed_at: Option<Timestamp>,
    /// What production was before the oldest run in `runs`, and operators' actions that lift
    /// rollbacks.
    pub history: ProductionHistory,
    /// `trigger`s that earlier versions recorded separately from their attempts. For all of
    /// them, see [`ReleaseState::triggers`].
    pub triggered: Vec<(Sha, Timestamp)>,
    /// A dispatch that GitHub refused, until something changes.
    pub rejection: Option<Rejection>,
    /// Comparisons that failed, with the number of consecutive failures.
    pub failed_ranges: Vec<FailedRange>,
    /// The newest status of ours on each commit.
    pub statuses: BTreeMap<Sha, Arc<TrackedStatus>>,
    /// Statuses that GitHub refused.
    pub status_refusals: BTreeMap<Sha, StatusRefusal>,
    /// Failure issues by sha.
    pub issues: BTreeMap<Sha, IssueRecord>,
    /// GitHub's message when it last refused to create an issue, and when that was.
    pub issues_unavailable: Option<(String, Timestamp)>,
    /// The history of production's health, oldest first.
    pub health: Vec<HealthRecord>,
    /// Whether there are unread deploy runs that may have succeeded. A pass reads on until it
    /// finds a success or reaches the end; a replay of the past may stop earlier.
    #[serde(skip)]
    pub runs_unread: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDecision {
    /// When this decision was first made.
    pub at: Timestamp,
    pub outcome: Outcome,
    pub reason: Reason,
    pub risk: RiskClass,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub sha: Sha,
    /// The identity of the deploy files at the tip of their ref at the time, which this
    /// approves, too. If there is only one deploy file, the id of its blob.
    pub deploy_file: Option<String>,
    /// The operator's reason.
    pub why: String,
    pub by: Operator,
}

/// The approvals that decisions about a commit rested on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedApprovals {
    /// In the order in which they were first counted.
    pub approvals: Vec<GivenApproval>,
    /// When an approval was last counted.
    pub counted_at: Timestamp,
}

/// An operator's pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The operator's reason.
    pub why: String,
    /// `None` if it was recovered from a status at GitHub.
    pub by: Option<Operator>,
    pub since: Timestamp,
}

/// A dispatch that GitHub definitively refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// GitHub's message.
    pub words: String,
    pub at: Timestamp,
    /// What must change before it is worth retrying.
    pub key: RejectionKey,
}

/// A comparison that failed with 5xx in consecutive passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRange {
    pub base: Sha,
    pub head: Sha,
    /// The number of consecutive passes in which it failed.
    pub times: u32,
    /// GitHub's message.
    pub words: String,
}

/// A status of ours, as accepted by GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRecord {
    /// The context that it was written under; `None` in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    pub id: StatusId,
    /// When GitHub accepted it.
    pub at: Timestamp,
    pub state: CommitStatusState,
    pub description: String,
    pub target_url: Option<String>,
}

/// The statuses of ours on one commit: the newest one, and counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedStatus {
    pub newest: StatusRecord,
    /// The total number.
    pub written: u32,
    /// When those of the hour before the newest one were written.
    pub recent: Vec<Timestamp>,
    /// The last attempt whose run one of them showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_run_of: Option<AttemptId>,
    /// The last attempt whose outcome one of them showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_outcome_of: Option<AttemptId>,
}

/// A status that GitHub definitively refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRefusal {
    /// GitHub's message.
    pub words: String,
    /// The number of consecutive refusals.
    pub times: u32,
    /// When the status is written again.
    pub retry_at: Timestamp,
}

/// Deploy files that differ from those that an attempt was judged on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedDeployFiles {
    /// The tip of the ref that was judged.
    pub judged: Sha,
    /// The tip that the run started on.
    pub ran: Sha,
    /// The deploy files that differ between the two tips; empty if that is unknown.
    pub files: Vec<String>,
}

/// What runs in production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Production {
    /// Nothing was ever deployed.
    None,
    /// A commit.
    Known {
        sha: Sha,
        /// The start of the run attempt, or the time of the operator's `set-production`.
        since: Timestamp,
        /// The run attempt that deployed it; `None` if an operator set it.
        run: Option<RunRef>,
    },
    /// Something was deployed, but the commit is unknown.
    Uncertain { why: Uncertainty },
}

/// Why the commit in production is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncertainty {
    /// The run attempt that succeeded last, whose commit is unknown.
    Unattributed(RunRef),
    /// The run attempt that succeeded last, which is a stray one.
    Stray(RunRef),
    /// No run of the current deploy workflow succeeded, but the ledger knows of another deploy:
    /// by another workflow, or by a run that was deleted.
    DeployedOtherwise,
    /// No run that was read succeeded, and there are older runs.
    RunsUnread,
}

impl Uncertainty {
    /// The run attempt that caused it, if one did.
    #[must_use]
    pub const fn run(&self) -> Option<RunRef> {
        match self {
            Self::Unattributed(run) | Self::Stray(run) => Some(*run),
            Self::DeployedOtherwise | Self::RunsUnread => None,
        }
    }
}

impl Production {
    /// The commit, if it is certain.
    #[must_use]
    pub const fn sha(&self) -> Option<&Sha> {
        match self {
            Self::Known { sha, .. } => Some(sha),
            Self::None | Self::Uncertain { .. } => None,
        }
    }

    /// The run attempt that caused this state, if one did.
    #[must_use]
    pub const fn run(&self) -> Option<RunRef> {
        match self {
            Self::Known { run, .. } => *run,
            Self::Uncertain { why } => why.run(),
            Self::None => None,
        }
    }
}

/// An operator's `trigger` that started a deploy or may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorTrigger<'a> {
    pub sha: &'a Sha,
    /// When the attempt began or, for triggers of earlier versions, when the operator gave the
    /// command.
    pub at: Timestamp,
    /// The attempt that carries it out; `None` if an earlier version recorded it.
    pub attempt: Option<&'a AttemptId>,
    /// Whether it was requested with `--rollback`.
    pub rollback: bool,
}

/// A failed deploy of a sha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedDeploy {
    pub run: RunRef,
    pub ended_at: Timestamp,
    pub conclusion: Conclusion,
}
