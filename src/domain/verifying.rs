//! Which runs verify a commit (S1).

use serde::{Deserialize, Serialize};

use super::{Branch, RepoId, Run, RunEvent, RunId, WorkflowId};

/// What a run says of itself that decides whether it counts as a verification. None of it changes
/// while the run exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOrigin {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The repository that the commit came from; none where that one was deleted.
    pub head_repository: Option<RepoId>,
    /// What started it.
    pub event: RunEvent,
    /// The branch, or the tag, that it ran on.
    pub head_branch: Option<Branch>,
}

impl From<&Run> for RunOrigin {
    fn from(run: &Run) -> Self {
        Self {
            workflow: run.workflow,
            head_repository: run.head_repository,
            event: run.event.clone(),
            head_branch: run.head_branch.clone(),
        }
    }
}

/// Which runs count as verifications: those of this workflow, in this repository, by one of these
/// events, on this branch or its merge queue. Whether the commit is on the branch is the branch's
/// to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationScope {
    /// The repository.
    pub repository: RepoId,
    /// The verification workflow.
    pub workflow: WorkflowId,
    /// The release branch.
    pub branch: Branch,
    /// `verification_events`.
    pub events: Vec<String>,
}

/// Why a run verifies nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotCounted {
    /// It is of another workflow.
    Workflow,
    /// Its commit came from another repository.
    Repository,
    /// `verification_events` does not have its event.
    Event(RunEvent),
    /// It ran on another branch, or on none that GitHub names.
    Branch(Option<Branch>),
}

/// A run that succeeded and does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncountedRun {
    /// The run.
    pub id: RunId,
    /// Why it does not count.
    pub why: NotCounted,
}

/// Why there is no commit to judge: neither a candidate nor a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoCandidate {
    /// The branch does not exist.
    NoBranch(Branch),
    /// No run of the verification workflow counts. The newest that succeeded is named, where one
    /// was seen.
    NoRunCounts(Option<UncountedRun>),
    /// This run counts and is not finished; none was before.
    StillRunning(RunId),
    /// This run counts, and the branch does not contain its commit.
    NotOnBranch(RunId),
    /// This run passed in the merge queue, and the branch never came to its commit.
    NeverCame(RunId),
    /// The commit of this run was not found among so many of the newest commits of the branch, and
    /// there are more.
    SearchEnded {
        /// The newest run that passed.
        run: RunId,
        /// How many commits were searched.
        commits: usize,
    },
}
