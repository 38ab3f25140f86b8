//! What a pass wants done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CommitStatusState, Decision, EntryKind, IssueNumber, RunRef, Sha};

/// What a pass is to do, in this order. Settled means that it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is written down first.
    pub records: Vec<EntryKind>,
    /// The deploy that is started then, by the protocol of exactly-once dispatch.
    pub deploy: Option<Box<Decision>>,
    /// What is written to GitHub at last. Each is safe to repeat, or guarded by an intent in the
    /// ledger.
    pub writes: Vec<PlannedWrite>,
    /// The first instant at which a plan of the same facts may be another.
    pub changes_at: Option<Timestamp>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty() && self.deploy.is_none() && self.writes.is_empty()
    }

    /// Both as one, for a pass that planned twice: what comes next follows from the later one.
    #[must_use]
    pub fn followed_by(mut self, next: Self) -> Self {
        self.records.extend(next.records);
        self.writes.extend(next.writes);
        Self { deploy: self.deploy.or(next.deploy), changes_at: next.changes_at, ..self }
    }
}

/// One thing to write to GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedWrite {
    /// Bring a commit's status up to date.
    Status {
        /// The commit.
        sha: Sha,
        /// Its state.
        state: CommitStatusState,
        /// Its text.
        description: String,
        /// Where it links to.
        target_url: Option<String>,
        /// What it is for: the budget of a commit's statuses depends on it.
        purpose: StatusPurpose,
    },
    /// Write, or look for, a failure issue.
    Issue(IssueWork),
}

/// What a status is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPurpose {
    /// It says a decision.
    Decision,
    /// It belongs to a dispatch, and is written even when a commit's budget is spent.
    Dispatch,
}

/// What to do about a failure issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueWork {
    /// Say that this run attempt failed: open the sha's issue, or append to it.
    Failure {
        /// The failed sha.
        sha: Sha,
        /// The failed run attempt.
        run: RunRef,
        /// The issue's title.
        title: String,
        /// The labels of a new issue.
        labels: Vec<String>,
        /// The body of a new issue, or of the comment; its marker is part of it.
        body: String,
        /// How the text is recognised at GitHub.
        marker: Marker,
        /// The sha's issue, where it is known.
        number: Option<IssueNumber>,
    },
    /// Say that a later deploy succeeded.
    Recovery {
        /// The failed sha.
        sha: Sha,
        /// Its issue.
        number: IssueNumber,
        /// The comment; its marker is part of it.
        body: String,
        /// How the comment is recognised at GitHub.
        marker: Marker,
        /// Whether to close the issue, too.
        close: bool,
    },
}

/// What the hidden marker in an issue's or comment's text says: by it the governor finds its own
/// words again, also when its ledger is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The repository's name when it was written.
    pub repository: String,
    /// The failed sha.
    pub sha: Sha,
    /// The failed run.
    pub run: u64,
    /// Its attempt.
    pub run_attempt: u32,
    /// The context of the governor's statuses: two governors may share a repository.
    pub status_context: String,
    /// Whether it says that a later deploy succeeded.
    #[serde(default)]
    pub recovered: bool,
}

impl Marker {
    /// Whether both are about the same sha of the same governor: the same issue.
    #[must_use]
    pub fn same_issue(&self, other: &Self) -> bool {
        self.sha == other.sha && self.status_context == other.status_context
    }

    /// Whether both say the very same thing; a rename of the repository changes nothing.
    #[must_use]
    pub fn same_words(&self, other: &Self) -> bool {
        self.same_issue(other)
            && (self.run, self.run_attempt, self.recovered)
                == (other.run, other.run_attempt, other.recovered)
    }
}
