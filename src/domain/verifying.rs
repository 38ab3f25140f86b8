//! Which runs verify a commit (S1).

use serde::{Deserialize, Serialize};

use super::{Branch, RepoId, Run, RunEvent, RunId, WorkflowId};

/// The properties of a run that decide whether it counts as a verification. They never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOrigin {
    pub workflow: WorkflowId,
    /// The repository that the commit came from; `None` if it was deleted.
    pub head_repository: Option<RepoId>,
    pub event: RunEvent,
    /// The branch or tag that it ran on.
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

/// Which runs count as verifications: those of this workflow, in this repository, by one of
/// these events, on this branch or its merge queue. Whether the branch contains the commit is
/// checked separately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationScope {
    pub repository: RepoId,
    /// The verification workflow.
    pub workflow: WorkflowId,
    /// The release branch.
    pub branch: Branch,
    /// The policy's `verification_events`.
    pub events: Vec<String>,
}

/// Why a run does not count as a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotCounted {
    /// It belongs to another workflow.
    Workflow,
    /// Its commit came from another repository.
    Repository,
    /// Its event is not in `verification_events`.
    Event(RunEvent),
    /// It ran on another branch, or GitHub does not report the branch.
    Branch(Option<Branch>),
}

/// A run that succeeded but does not count as a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncountedRun {
    pub id: RunId,
    pub why: NotCounted,
}

/// Why there is no commit to judge: neither a candidate nor a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoCandidate {
    /// The branch does not exist.
    NoBranch(Branch),
    /// No run of the verification workflow counts. Holds the newest run that succeeded, if one
    /// was seen.
    NoRunCounts(Option<UncountedRun>),
    /// This run counts but is not finished, and no earlier run is.
    StillRunning(RunId),
    /// This run counts, but the branch does not contain its commit.
    NotOnBranch(RunId),
    /// This run passed in the merge queue, but its commit never reached the branch.
    NeverCame(RunId),
    /// The commit of the newest run that passed was not found among the newest commits of the
    /// branch, and older commits were not searched.
    SearchEnded {
        /// The newest run that passed.
        run: RunId,
        /// The number of commits that were searched.
        commits: usize,
    },
}
