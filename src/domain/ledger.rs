//! The append-only record of decisions, attempts, observations and operators' actions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Attempt, AttemptId, AttemptOutcome, GivenApproval, Health, IssueNumber, KnownRun, Login, Mark,
    NewAttempt, OperatorAction, Outcome, Reason, RepoName, RiskClass, RunId, RunRef, Sha,
    StatusRecord,
};

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened, by GitHub's clock.
    pub at: Timestamp,
    #[serde(flatten)]
    pub kind: EntryKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EntryKind {
    /// The first pass over this repository, or the first one under a new name.
    Governed { name: RepoName },
    /// GitHub was read to recover what a lost ledger knew. Nothing is dispatched before this
    /// entry.
    Recovered {
        /// Attempts that were reconstructed from commit statuses.
        attempts: Vec<Attempt>,
        /// The reason of the pause, if the newest status of all reports that the repository is
        /// paused.
        paused: Option<String>,
    },
    /// An account that acts as this governor.
    Identity { login: Login },
    /// A verified merge-queue run was seen, so `event=merge_group` is read from now on.
    MergeQueueSeen,
    /// The candidate changed.
    Candidate {
        /// The newest verified commit of the branch; `None` if there is none any more.
        sha: Option<Sha>,
    },
    /// A decision that differs from the last one about this sha.
    Decided {
        sha: Sha,
        outcome: Outcome,
        reason: Reason,
        risk: RiskClass,
        /// The evidence, as sentences.
        evidence: Vec<String>,
    },
    /// An approval that a decision rests on. Recorded once for each commit.
    ApprovalCounted {
        /// The commit that the approval lets ship.
        sha: Sha,
        approval: GivenApproval,
    },
    /// A deploy run that is new or has changed.
    RunSeen { run: KnownRun },
    /// An intent to deploy. No request has been sent yet.
    AttemptBegun { attempt: NewAttempt },
    /// GitHub accepted the `dispatching` status.
    AttemptMarked { id: AttemptId, mark: Mark },
    /// The dispatch request is about to be sent.
    AttemptSending { id: AttemptId },
    /// GitHub accepted the dispatch without naming the run.
    AttemptAccepted { id: AttemptId },
    /// After the deadline, an unfiltered read did not show the attempt's run.
    AttemptAbsent { id: AttemptId },
    /// The attempt's run is known.
    AttemptRun {
        id: AttemptId,
        run: RunId,
        /// Whether the attempt had already been closed.
        late: bool,
    },
    /// The attempt ended.
    AttemptClosed { id: AttemptId, outcome: AttemptOutcome },
    /// Another process of ours has an open attempt for the commit, and goes first.
    AttemptAdopted {
        /// The other process's attempt.
        attempt: Attempt,
    },
    /// An operator's action.
    Operator(OperatorAction),
    /// A comparison failed with 5xx while GitHub's other reads succeeded.
    RangeFailed {
        base: Sha,
        head: Sha,
        /// GitHub's message.
        words: String,
    },
    /// GitHub accepted a status of ours.
    StatusWritten { sha: Sha, status: StatusRecord },
    /// GitHub definitively refused a status of ours.
    StatusRefused {
        sha: Sha,
        /// GitHub's message.
        words: String,
        /// When the status is written again.
        retry_at: Timestamp,
    },
    /// Somebody else's status under our context was found. It is replaced.
    StatusForged {
        sha: Sha,
        /// Who wrote it, if GitHub reports that.
        by: Option<Login>,
    },
    /// The signals report a change in production's health, or the health after another deploy.
    HealthChecked {
        health: Health,
        /// When this health began, according to the readings.
        since: Timestamp,
        /// The run attempt that made production what it is.
        run: Option<RunRef>,
        /// What each signal reports, as sentences.
        found: Vec<String>,
        /// The signals that were read; empty in entries of earlier versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        signals: Vec<String>,
    },
    /// A step in the life of a failure issue.
    Issue(IssueStep),
}

impl EntryKind {
    /// All values of [`Self::name`].
    pub const NAMES: [&'static str; 23] = [
        "governed",
        "recovered",
        "identity",
        "merge_queue_seen",
        "candidate",
        "decided",
        "approval_counted",
        "run_seen",
        "attempt_begun",
        "attempt_marked",
        "attempt_sending",
        "attempt_accepted",
        "attempt_absent",
        "attempt_run",
        "attempt_closed",
        "attempt_adopted",
        "operator",
        "range_failed",
        "status_written",
        "status_refused",
        "status_forged",
        "health_checked",
        "issue",
    ];

    /// The value of `kind` in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Governed { .. } => "governed",
            Self::Recovered { .. } => "recovered",
            Self::Identity { .. } => "identity",
            Self::MergeQueueSeen => "merge_queue_seen",
            Self::Candidate { .. } => "candidate",
            Self::Decided { .. } => "decided",
            Self::ApprovalCounted { .. } => "approval_counted",
            Self::RunSeen { .. } => "run_seen",
            Self::AttemptBegun { .. } => "attempt_begun",
            Self::AttemptMarked { .. } => "attempt_marked",
            Self::AttemptSending { .. } => "attempt_sending",
            Self::AttemptAccepted { .. } => "attempt_accepted",
            Self::AttemptAbsent { .. } => "attempt_absent",
            Self::AttemptRun { .. } => "attempt_run",
            Self::AttemptClosed { .. } => "attempt_closed",
            Self::AttemptAdopted { .. } => "attempt_adopted",
            Self::Operator(_) => "operator",
            Self::RangeFailed { .. } => "range_failed",
            Self::StatusWritten { .. } => "status_written",
            Self::StatusRefused { .. } => "status_refused",
            Self::StatusForged { .. } => "status_forged",
            Self::HealthChecked { .. } => "health_checked",
            Self::Issue(_) => "issue",
        }
    }

    /// The commits that this entry names.
    #[must_use]
    pub fn shas(&self) -> Vec<&Sha> {
        match self {
            Self::Governed { .. }
            | Self::Identity { .. }
            | Self::MergeQueueSeen
            | Self::AttemptMarked { .. }
            | Self::AttemptSending { .. }
            | Self::AttemptAccepted { .. }
            | Self::AttemptAbsent { .. }
            | Self::AttemptRun { .. }
            | Self::AttemptClosed { .. }
            | Self::HealthChecked { .. } => Vec::new(),
            Self::Recovered { attempts, .. } => {
                attempts.iter().map(|attempt| &attempt.begun.sha).collect()
            }
            Self::Candidate { sha } => sha.iter().collect(),
            Self::RunSeen { run } => run.attribution.sha().into_iter().collect(),
            Self::AttemptBegun { attempt } => vec![&attempt.sha],
            Self::AttemptAdopted { attempt } => vec![&attempt.begun.sha],
            Self::Operator(word) => word.sha().into_iter().collect(),
            Self::RangeFailed { base, head, .. } => vec![base, head],
            Self::Decided { sha, .. }
            | Self::ApprovalCounted { sha, .. }
            | Self::StatusWritten { sha, .. }
            | Self::StatusRefused { sha, .. }
            | Self::StatusForged { sha, .. } => vec![sha],
            Self::Issue(step) => step.sha().into_iter().collect(),
        }
    }

    /// The attempt that this entry is a step of.
    #[must_use]
    pub const fn attempt(&self) -> Option<&AttemptId> {
        match self {
            Self::AttemptMarked { id, .. }
            | Self::AttemptSending { id }
            | Self::AttemptAccepted { id }
            | Self::AttemptAbsent { id }
            | Self::AttemptRun { id, .. }
            | Self::AttemptClosed { id, .. } => Some(id),
            Self::AttemptBegun { attempt } => Some(&attempt.id),
            Self::AttemptAdopted { attempt } => Some(&attempt.begun.id),
            Self::Governed { .. }
            | Self::Recovered { .. }
            | Self::Identity { .. }
            | Self::MergeQueueSeen
            | Self::Candidate { .. }
            | Self::Decided { .. }
            | Self::ApprovalCounted { .. }
            | Self::RunSeen { .. }
            | Self::Operator(_)
            | Self::RangeFailed { .. }
            | Self::StatusWritten { .. }
            | Self::StatusRefused { .. }
            | Self::StatusForged { .. }
            | Self::HealthChecked { .. }
            | Self::Issue(_) => None,
        }
    }
}

/// A step in the life of a failure issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum IssueStep {
    /// An issue, or a comment on it, is about to be written.
    Intent {
        sha: Sha,
        /// The failed run attempt that it reports.
        run: RunRef,
    },
    /// GitHub has the issue or comment.
    Written {
        sha: Sha,
        /// The failed run attempt that it reports.
        run: RunRef,
        number: IssueNumber,
    },
    /// A comment about the recovery is about to be written on the issue.
    RecoveryIntent { sha: Sha },
    /// The comment about the recovery was written, or none was needed.
    RecoveryWritten { sha: Sha },
    /// GitHub refused to change an existing issue, for example because it is locked.
    Refused {
        sha: Sha,
        /// GitHub's message.
        words: String,
    },
    /// The repository has issues disabled (410), or GitHub refused to create one.
    Unavailable {
        /// GitHub's message.
        words: String,
    },
}

impl IssueStep {
    const fn sha(&self) -> Option<&Sha> {
        match self {
            Self::Intent { sha, .. }
            | Self::Written { sha, .. }
            | Self::RecoveryIntent { sha }
            | Self::RecoveryWritten { sha }
            | Self::Refused { sha, .. } => Some(sha),
            Self::Unavailable { .. } => None,
        }
    }
}
