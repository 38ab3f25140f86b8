//! What a pass wants done.

use super::{AttemptId, CommitStatusState, Decision, EntryKind, IssueNumber, RunRef, Sha};

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
        marker: String,
        /// How the issue itself is recognised: what the markers of one sha share.
        issue_marker: String,
        /// The sha's issue, where it is known.
        number: Option<IssueNumber>,
        /// The attempt of ours, for the log.
        attempt: Option<AttemptId>,
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
        marker: String,
        /// Whether to close the issue, too.
        close: bool,
    },
}
