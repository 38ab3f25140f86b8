//! The append-only record: what was decided, tried, seen and said.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Approval, Attempt, AttemptId, AttemptOutcome, IssueNumber, KnownRun, Login, Mark, NewAttempt,
    Outcome, Reason, RepoName, RiskClass, RunId, RunRef, Sha, StatusRecord,
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

/// Who spoke: the peer of the socket (or the user of the file), and the name they gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The system's word for who it was, such as `uid 1000`.
    pub peer: String,
    /// `--as NAME`.
    pub name: Option<String>,
}

impl Operator {
    /// How people are told who it was.
    #[must_use]
    pub fn display(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.peer),
            None => self.peer.clone(),
        }
    }
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
    Operator(OperatorWord),
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
    /// A failure issue moved on.
    Issue(IssueStep),
}

/// What an operator said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum OperatorWord {
    /// An operator approved a sha.
    Approved {
        /// The approval.
        approval: Approval,
    },
    /// An operator stopped the repository.
    Paused {
        /// Why.
        why: String,
        /// Who.
        by: Operator,
    },
    /// An operator let the repository go on.
    Resumed {
        /// Who.
        by: Operator,
    },
    /// An operator said what runs in production.
    ProductionSet {
        /// The sha.
        sha: Sha,
        /// Why.
        why: String,
        /// Who.
        by: Operator,
    },
    /// An operator's `trigger` that dispatches.
    Triggered {
        /// The sha.
        sha: Sha,
        /// Who.
        by: Operator,
    },
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
    /// GitHub has no issues here (410), or wants none.
    Unavailable {
        /// GitHub's words.
        words: String,
    },
}
