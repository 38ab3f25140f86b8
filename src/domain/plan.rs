//! The work that a pass has to do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CommitStatusState, Decision, EntryKind, IssueNumber, RunRef, Sha};

/// The work that a pass has to do, in the order of the fields. If the plan is empty, the
/// repository is settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Ledger entries to record first.
    pub records: Vec<EntryKind>,
    /// The deploy to start next, by the exactly-once dispatch protocol.
    pub deploy: Option<Box<Decision>>,
    /// Writes to GitHub that come last. Each is safe to repeat or guarded by an intent in the
    /// ledger.
    pub writes: Vec<PlannedWrite>,
    /// The earliest time at which the plan may differ even if the facts stay the same.
    pub changes_at: Option<Timestamp>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty() && self.deploy.is_none() && self.writes.is_empty()
    }

    /// Combines the plans of a pass that planned twice. `changes_at` is that of the later plan.
    #[must_use]
    pub fn followed_by(mut self, next: Self) -> Self {
        self.records.extend(next.records);
        self.writes.extend(next.writes);
        Self { deploy: self.deploy.or(next.deploy), changes_at: next.changes_at, ..self }
    }
}

/// A write to GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedWrite {
    /// Set a commit's status.
    Status {
        sha: Sha,
        state: CommitStatusState,
        description: String,
        target_url: Option<String>,
        /// The purpose, which decides whether the limit on a commit's statuses applies.
        purpose: StatusPurpose,
    },
    /// Write a failure issue, or look for it.
    Issue(IssueWork),
}

/// The purpose of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPurpose {
    /// It reports a decision.
    Decision,
    /// It belongs to a dispatch, and is written even if the commit's limit is reached.
    Dispatch,
}

/// A change to a failure issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueWork {
    /// Report that a run attempt failed: open the sha's issue, or comment on it.
    Failure {
        /// The failed sha.
        sha: Sha,
        /// The failed run attempt.
        run: RunRef,
        title: String,
        /// The labels of a new issue.
        labels: Vec<String>,
        /// The body of a new issue or of the comment, including the marker.
        body: String,
        /// Identifies the text at GitHub.
        marker: Marker,
        /// The sha's issue, if known.
        number: Option<IssueNumber>,
    },
    /// Report that a later deploy succeeded.
    Recovery {
        /// The failed sha.
        sha: Sha,
        /// The sha's issue.
        number: IssueNumber,
        /// The comment, including the marker.
        body: String,
        /// Identifies the comment at GitHub.
        marker: Marker,
        /// Whether to close the issue, too.
        close: bool,
    },
}

/// The hidden marker in the text of an issue or comment. It lets the governor find its own
/// texts again, even if its ledger is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The repository's name at the time of writing.
    pub repository: String,
    /// The failed sha.
    pub sha: Sha,
    /// The id of the failed run.
    pub run: u64,
    /// The attempt of the failed run.
    pub run_attempt: u32,
    /// The context of the governor's statuses. It distinguishes governors that share a
    /// repository.
    pub status_context: String,
    /// Whether the text reports that a later deploy succeeded.
    #[serde(default)]
    pub recovered: bool,
}

impl Marker {
    /// Whether both belong to the same issue: that of one sha and one governor.
    #[must_use]
    pub fn same_issue(&self, other: &Self) -> bool {
        self.sha == other.sha && self.status_context == other.status_context
    }

    /// Whether both report the same event. The repository's name is ignored, because it may
    /// change.
    #[must_use]
    pub fn same_words(&self, other: &Self) -> bool {
        self.same_issue(other)
            && (self.run, self.run_attempt, self.recovered)
                == (other.run, other.run_attempt, other.recovered)
    }
}
