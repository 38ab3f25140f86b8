//! The append-only record: what was decided, tried, seen and said.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Attempt, AttemptId, AttemptOutcome, GivenApproval, Health, IssueNumber, KnownRun, Login, Mark,
    NewAttempt, OperatorAction, Outcome, Reason, RepoName, RiskClass, RunId, RunRef, Sha,
    StatusRecord,
};

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by GitHub's clock.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EntryKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EntryKind {
    /// The first pass over this repository, or its new name.
    Governed {
        /// Its name.
        name: RepoName,
    },
    /// What a lost ledger left at GitHub was read. Until this entry nothing is dispatched.
    Recovered {
        /// Attempts that statuses speak of.
        attempts: Vec<Attempt>,
        /// Whether the newest status of all said that the repository is paused.
        paused: Option<String>,
    },
    /// An account that is us.
    Identity {
        /// Its login.
        login: Login,
    },
    /// A verified merge-queue run was seen, so `event=merge_group` is read from now on.
    MergeQueueSeen,
    /// The candidate changed.
    Candidate {
        /// The newest verified commit of the branch; none any more.
        sha: Option<Sha>,
    },
    /// A decision that differs from the last one about this sha.
    Decided {
        /// The sha.
        sha: Sha,
        /// What it came to.
        outcome: Outcome,
        /// Why.
        reason: Reason,
        /// The risk class.
        risk: RiskClass,
        /// The evidence, in sentences.
        evidence: Vec<String>,
    },
    /// An approval that a decision rests on, once for each commit.
    ApprovalCounted {
        /// The commit that it lets ship.
        sha: Sha,
        /// The approval.
        approval: GivenApproval,
    },
    /// A deploy run that is new or has changed.
    RunSeen {
        /// The run.
        run: KnownRun,
    },
    /// An intent: nothing has left yet.
    AttemptBegun {
        /// The attempt.
        attempt: NewAttempt,
    },
    /// GitHub took the `dispatching` status.
    AttemptMarked {
        /// The attempt.
        id: AttemptId,
        /// The status.
        mark: Mark,
    },
    /// The dispatch leaves now.
    AttemptSending {
        /// The attempt.
        id: AttemptId,
    },
    /// GitHub said yes and named no run.
    AttemptAccepted {
        /// The attempt.
        id: AttemptId,
    },
    /// After the deadline, an unfiltered read showed no run of it.
    AttemptAbsent {
        /// The attempt.
        id: AttemptId,
    },
    /// Its run is known.
    AttemptRun {
        /// The attempt.
        id: AttemptId,
        /// The run.
        run: RunId,
        /// Whether the attempt had been closed before.
        late: bool,
    },
    /// It is over.
    AttemptClosed {
        /// The attempt.
        id: AttemptId,
        /// How.
        outcome: AttemptOutcome,
    },
    /// Another process of ours has an attempt there: it is the other's turn.
    AttemptAdopted {
        /// The other's attempt.
        attempt: Attempt,
    },
    /// An operator spoke.
    Operator(OperatorAction),
    /// A comparison failed with 5xx while GitHub's other reads succeeded.
    RangeFailed {
        /// The base.
        base: Sha,
        /// The head.
        head: Sha,
        /// GitHub's words.
        words: String,
    },
    /// GitHub took a status of ours.
    StatusWritten {
        /// The commit.
        sha: Sha,
        /// The status.
        status: StatusRecord,
    },
    /// GitHub refused a status of ours for certain.
    StatusRefused {
        /// The commit.
        sha: Sha,
        /// Its words.
        words: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// Somebody else's status under our context was found, and is replaced.
    StatusForged {
        /// The commit.
        sha: Sha,
        /// Who wrote it, if GitHub says.
        by: Option<Login>,
    },
    /// What the signals say of production: something else than before, or of another deploy.
    HealthChecked {
        /// How it is.
        health: Health,
        /// Since when, by the readings.
        since: Timestamp,
        /// The run attempt that made production what it is.
        run: Option<RunRef>,
        /// What each signal says, in sentences.
        found: Vec<String>,
        /// Which signals were asked; none in what earlier versions wrote down.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        signals: Vec<String>,
    },
    /// A failure issue moved on.
    Issue(IssueStep),
}

impl EntryKind {
    /// All names of [`Self::name`].
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

    /// What it is called, in JSON's `kind`.
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

    /// The commits that it names.
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

    /// The attempt that it is a step of.
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

/// How a failure issue moved on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum IssueStep {
    /// An issue, or a comment on it, is about to be written.
    Intent {
        /// The failed sha.
        sha: Sha,
        /// The failed run attempt that it is about.
        run: RunRef,
    },
    /// It stands at GitHub.
    Written {
        /// The failed sha.
        sha: Sha,
        /// The failed run attempt that it is about.
        run: RunRef,
        /// The issue.
        number: IssueNumber,
    },
    /// The recovery is about to be said on the issue.
    RecoveryIntent {
        /// The failed sha.
        sha: Sha,
    },
    /// The recovery was said, or there was nothing to say.
    RecoveryWritten {
        /// The failed sha.
        sha: Sha,
    },
    /// GitHub refused to change an issue that is there, as where it is locked.
    Refused {
        /// The failed sha that it is about.
        sha: Sha,
        /// GitHub's words.
        words: String,
    },
    /// GitHub has no issues here (410), or wants none.
    Unavailable {
        /// GitHub's words.
        words: String,
    },
}

impl IssueStep {
    /// The failed commit.
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
