//! The release state of one repository: what the ledger's entries add up to.

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

/// What a repository's ledger adds up to. Changed by [`ReleaseState::apply`] and nothing else.
/// Clones share what there may be many of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseState {
    /// The repository's name at the last pass.
    pub name: Option<RepoName>,
    /// When it was governed first.
    pub governed_since: Option<Timestamp>,
    /// Whether what a lost ledger left at GitHub was read.
    pub recovered: bool,
    /// Accounts that are, or were, us.
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
    /// An operator's stop.
    pub pause: Option<Pause>,
    /// What an operator said to run in production, and when.
    pub production_set: Option<(Sha, Timestamp)>,
    /// When an operator last said `resume`.
    #[serde(alias = "operator_spoke_at")]
    pub resumed_at: Option<Timestamp>,
    /// What production was before the runs that are kept, and what lifts rollbacks.
    pub history: ProductionHistory,
    /// `trigger`s that earlier versions recorded apart from their attempts. All of them:
    /// [`ReleaseState::triggers`].
    pub triggered: Vec<(Sha, Timestamp)>,
    /// A dispatch that GitHub refused, until something changes.
    pub rejection: Option<Rejection>,
    /// Comparisons that failed, and how often running.
    pub failed_ranges: Vec<FailedRange>,
    /// The newest status of ours on each commit.
    pub statuses: BTreeMap<Sha, Arc<TrackedStatus>>,
    /// Statuses that GitHub refused.
    pub status_refusals: BTreeMap<Sha, StatusRefusal>,
    /// Failure issues by sha.
    pub issues: BTreeMap<Sha, IssueRecord>,
    /// GitHub's words when it would have no issue, and when it said them.
    pub issues_unavailable: Option<(String, Timestamp)>,
    /// How production was by its signals, oldest first.
    pub health: Vec<HealthRecord>,
    /// Whether deploy runs were left unread that may have succeeded. A pass reads on to one that
    /// did, or to the end; a replay of the past may not.
    #[serde(skip)]
    pub runs_unread: bool,
}

/// The last decision about a sha.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDecision {
    /// When it was taken first.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The risk class.
    pub risk: RiskClass,
}

/// An approval by an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The sha.
    pub sha: Sha,
    /// What identifies the deploy files at the tip of their ref, as they were then: approved
    /// along. Of the deploy file alone it is its blob.
    pub deploy_file: Option<String>,
    /// Why.
    pub why: String,
    /// Who.
    pub by: Operator,
}

/// The approvals that decisions about a commit rested on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedApprovals {
    /// In the order in which they were seen to count.
    pub approvals: Vec<GivenApproval>,
    /// When the last of them was.
    pub counted_at: Timestamp,
}

/// An operator's stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub why: String,
    /// Who; none where a status at GitHub is all that is left of it.
    pub by: Option<Operator>,
    /// Since when.
    pub since: Timestamp,
}

/// A dispatch that GitHub refused for certain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// GitHub's words.
    pub words: String,
    /// When.
    pub at: Timestamp,
    /// What must change before it is worth another try.
    pub key: RejectionKey,
}

/// A comparison that failed with 5xx, in passes running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRange {
    /// The base.
    pub base: Sha,
    /// The head.
    pub head: Sha,
    /// In how many passes running.
    pub times: u32,
    /// GitHub's words.
    pub words: String,
}

/// A status of ours, as GitHub took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRecord {
    /// The context that it was written under; none in what earlier versions recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Its number.
    pub id: StatusId,
    /// When GitHub took it.
    pub at: Timestamp,
    /// Its state.
    pub state: CommitStatusState,
    /// Its text.
    pub description: String,
    /// Where it links to.
    pub target_url: Option<String>,
}

/// The statuses of ours on one commit: the newest, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedStatus {
    /// The newest.
    pub newest: StatusRecord,
    /// How many in all.
    pub written: u32,
    /// When the last ones were written: at most as many as an hour may hold.
    pub recent: Vec<Timestamp>,
    /// The last attempt whose run one of them showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_run_of: Option<AttemptId>,
    /// The last attempt whose outcome one of them showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_outcome_of: Option<AttemptId>,
}

/// A status that GitHub refused for certain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRefusal {
    /// GitHub's words.
    pub words: String,
    /// How often running.
    pub times: u32,
    /// When it is tried again.
    pub retry_at: Timestamp,
}

/// Other deploy files than those that an attempt was judged on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedDeployFiles {
    /// The tip of the ref that was judged.
    pub judged: Sha,
    /// The tip that the run started on.
    pub ran: Sha,
    /// The deploy files that differ between the two; none where that cannot be told.
    pub files: Vec<String>,
}

/// What runs in production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Production {
    /// Nothing ever was deployed.
    None,
    /// This commit, since then, by that run (none: by an operator's word).
    Known {
        /// The commit.
        sha: Sha,
        /// Since when (the start of the run attempt, or the word's time).
        since: Timestamp,
        /// The run attempt.
        run: Option<RunRef>,
    },
    /// Something was deployed, and nothing tells which commit.
    Uncertain {
        /// Why not.
        why: Uncertainty,
    },
}

/// Why nothing tells which commit is in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncertainty {
    /// This run attempt succeeded last, and nothing tells what it deployed.
    Unattributed(RunRef),
    /// This run attempt succeeded last, and it is a stray one.
    Stray(RunRef),
    /// No run of today's deploy workflow succeeded, but the ledger knows of another deploy: by
    /// another workflow, or by a run that was deleted.
    DeployedOtherwise,
    /// None of the runs that were read succeeded, and there are older ones.
    RunsUnread,
}

impl Uncertainty {
    /// The run attempt that made it so, where it was one.
    #[must_use]
    pub const fn run(&self) -> Option<RunRef> {
        match self {
            Self::Unattributed(run) | Self::Stray(run) => Some(*run),
            Self::DeployedOtherwise | Self::RunsUnread => None,
        }
    }
}

impl Production {
    /// The commit, where it is certain.
    #[must_use]
    pub const fn sha(&self) -> Option<&Sha> {
        match self {
            Self::Known { sha, .. } => Some(sha),
            Self::None | Self::Uncertain { .. } => None,
        }
    }

    /// The run attempt that made it so.
    #[must_use]
    pub const fn run(&self) -> Option<RunRef> {
        match self {
            Self::Known { run, .. } => *run,
            Self::Uncertain { why } => why.run(),
            Self::None => None,
        }
    }
}

/// An operator's `trigger` that started a deploy, or may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorTrigger<'a> {
    /// The commit.
    pub sha: &'a Sha,
    /// When.
    pub at: Timestamp,
    /// The attempt that it became; none where an earlier version recorded it.
    pub attempt: Option<&'a AttemptId>,
    /// Whether production went back to the commit (`--rollback`).
    pub rollback: bool,
}

/// A deploy of a sha that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedDeploy {
    /// The run attempt.
    pub run: RunRef,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How.
    pub conclusion: Conclusion,
}
