//! Workflows and their runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Branch, Login, RepoId, RunRef, Sha, WorkflowId};

/// A workflow of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    pub id: WorkflowId,
    /// The `name:` in its file.
    pub name: String,
    /// The path of its file, `.github/workflows/…`.
    pub path: String,
    pub state: WorkflowState,
    /// When its definition or state last changed.
    pub updated_at: String,
    pub html_url: String,
}

impl Workflow {
    /// The name of its file. GitHub may append `@` and a ref to a path.
    #[must_use]
    pub fn file(&self) -> &str {
        let path = self.path.split('@').next().unwrap_or(&self.path);
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// Whether a workflow can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowState {
    Active,
    /// It cannot run. Holds GitHub's state, such as `disabled_manually` or `deleted`.
    Disabled(String),
}

/// The lookup of a workflow that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkflowFact {
    /// The configuration names no workflow.
    NotConfigured,
    /// The repository has no workflow of this name.
    Missing,
    Found(Workflow),
}

impl WorkflowFact {
    /// The workflow, if the repository has it.
    #[must_use]
    pub const fn found(&self) -> Option<&Workflow> {
        match self {
            Self::Found(workflow) => Some(workflow),
            Self::NotConfigured | Self::Missing => None,
        }
    }
}

/// The event that started a run, by GitHub's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunEvent(pub String);

impl RunEvent {
    /// Whether the run was started through the API or the button on the workflow's page.
    #[must_use]
    pub fn is_workflow_dispatch(&self) -> bool {
        self.0 == "workflow_dispatch"
    }

    /// Whether only whoever started the run can choose its title.
    #[must_use]
    pub fn title_is_trusted(&self) -> bool {
        self.is_workflow_dispatch() || self.0 == "repository_dispatch"
    }

    /// Whether a merge queue started the run, for a commit that the branch may advance to.
    #[must_use]
    pub fn is_merge_group(&self) -> bool {
        self.0 == "merge_group"
    }

    /// Whether a push started the run. The run then works on its `head_sha`.
    #[must_use]
    pub fn is_push(&self) -> bool {
        self.0 == "push"
    }

    /// Whether the event is `pull_request` or a variant of it, such as `pull_request_target`.
    #[must_use]
    pub fn is_of_a_pull_request(&self) -> bool {
        self.0.starts_with("pull_request")
    }
}

/// The status of an unfinished run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It is waiting for a runner.
    Queued,
    /// It is running.
    InProgress,
    /// It is waiting for an environment's reviewers or timer.
    Waiting,
    /// It is waiting for its `concurrency` group.
    Pending,
    /// It was requested and is not queued yet.
    Requested,
    /// A status that this program does not know. The run is not finished.
    Other,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// The only conclusion that moves production or verifies a commit.
    Success,
    /// A job failed.
    Failure,
    /// A person or a `concurrency` group cancelled it.
    Cancelled,
    /// It exceeded its time limit.
    TimedOut,
    /// It could not start, for example because the workflow file is invalid.
    StartupFailure,
    /// It needs somebody to act.
    ActionRequired,
    /// All of its jobs were skipped.
    Skipped,
    /// It ended as neither a success nor a failure.
    Neutral,
    /// GitHub gave up on it.
    Stale,
    /// A conclusion that this program does not know.
    Other(String),
}

impl Conclusion {
    /// The value used by GitHub's API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::StartupFailure => "startup_failure",
            Self::ActionRequired => "action_required",
            Self::Skipped => "skipped",
            Self::Neutral => "neutral",
            Self::Stale => "stale",
            Self::Other(word) => word,
        }
    }
}

/// The progress of a run attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunProgress {
    Unfinished(RunStatus),
    Finished(Conclusion),
}

impl RunProgress {
    /// Whether it ended in success.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        matches!(self, Self::Finished(Conclusion::Success))
    }

    /// Whether it ended.
    #[must_use]
    pub const fn finished(&self) -> bool {
        matches!(self, Self::Finished(_))
    }
}

/// A workflow run, in its newest attempt or in the attempt that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub at: RunRef,
    pub workflow: WorkflowId,
    pub event: RunEvent,
    /// The branch or tag that it ran on.
    pub head_branch: Option<Branch>,
    /// The commit whose workflow file ran; for a dispatch, the tip of the ref.
    pub head_sha: Sha,
    /// The repository that the commit came from: another one for a fork, `None` if it was
    /// deleted.
    pub head_repository: Option<RepoId>,
    /// GitHub's `display_title`: the `run-name`, or a text that outsiders may have chosen.
    pub title: String,
    pub progress: RunProgress,
    /// When the run was first created. A re-run keeps this time.
    pub created_at: Timestamp,
    /// When this attempt started.
    pub started_at: Timestamp,
    /// When it last changed; for a finished attempt, approximately when it ended.
    pub updated_at: Timestamp,
    /// Who started the run and its newest attempt.
    pub actors: Vec<Login>,
    pub html_url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub name: String,
    /// `None` while it is not finished.
    pub conclusion: Option<Conclusion>,
    /// Its steps; empty before the job starts.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    /// `None` while it is not finished.
    pub conclusion: Option<Conclusion>,
}
