//! What a pass wants done.

use serde::{Deserialize, Serialize};

use super::{CommitStatusState, Decision, EntryKind, IssueNumber, RunRef, Sha};

/// One thing to do. Each is safe to repeat, or guarded by an intent in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write something down.
    Record(EntryKind),
    /// Bring a commit's status up to date.
    SetStatus {
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
    /// Start a deploy, by the protocol of section 5.
    Dispatch(Box<Decision>),
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
