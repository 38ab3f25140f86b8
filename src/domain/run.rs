//! Workflows and their runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Branch, Login, RepoId, RunRef, Sha, WorkflowId};

/// A workflow of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its number.
    pub id: WorkflowId,
    /// Its `name:`.
    pub name: String,
    /// Its file, `.github/workflows/…`.
    pub path: String,
    /// Whether it may run.
    pub state: WorkflowState,
    /// When its definition or state changed last.
    pub updated_at: String,
    /// Its page.
    pub html_url: String,
}

impl Workflow {
    /// The name of its file. GitHub may end a path in `@` and a ref.
    #[must_use]
    pub fn file(&self) -> &str {
        let path = self.path.split('@').next().unwrap_or(&self.path);
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// Whether a workflow may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowState {
    /// It may.
    Active,
    /// It may not; GitHub's own word, such as `disabled_manually` or `deleted`.
    Disabled(String),
}

/// What is known of a workflow that the config names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkflowFact {
    /// The config names none.
    NotConfigured,
    /// The repository has none of this name.
    Missing,
    /// This one.
    Found(Workflow),
}

impl WorkflowFact {
    /// The workflow, where the repository has it.
    #[must_use]
    pub const fn found(&self) -> Option<&Workflow> {
        match self {
            Self::Found(workflow) => Some(workflow),
            Self::NotConfigured | Self::Missing => None,
        }
    }
}

/// The event that started a run, by GitHub's name for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunEvent(pub String);

impl RunEvent {
    /// Started through the API or the button.
    #[must_use]
    pub fn is_workflow_dispatch(&self) -> bool {
        self.0 == "workflow_dispatch"
    }

    /// Events whose run name is written by whoever started the run, not by strangers.
    #[must_use]
    pub fn title_is_trusted(&self) -> bool {
        self.is_workflow_dispatch() || self.0 == "repository_dispatch"
    }

    /// Started by a merge queue, for a commit that the branch will be moved to.
    #[must_use]
    pub fn is_merge_group(&self) -> bool {
        self.0 == "merge_group"
    }

    /// A push, whose `head_sha` is what the run works on.
    #[must_use]
    pub fn is_push(&self) -> bool {
        self.0 == "push"
    }

    /// `pull_request` and its kin, `pull_request_target` and the like.
    #[must_use]
    pub fn is_of_a_pull_request(&self) -> bool {
        self.0.starts_with("pull_request")
    }
}

/// How an unfinished run waits or works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// For a runner.
    Queued,
    /// Working.
    InProgress,
    /// For an environment's reviewers, or a timer.
    Waiting,
    /// For its `concurrency` group.
    Pending,
    /// Asked for, not yet queued.
    Requested,
    /// A word of GitHub's that is newer than this program: not finished.
    Other,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// The only one that moves production or verifies a commit.
    Success,
    /// A job failed.
    Failure,
    /// Somebody, or a `concurrency` group, ended it.
    Cancelled,
    /// It ran too long.
    TimedOut,
    /// It could not start: a broken workflow file.
    StartupFailure,
    /// Somebody must act.
    ActionRequired,
    /// All of its jobs were skipped.
    Skipped,
    /// Neither.
    Neutral,
    /// GitHub gave up on it.
    Stale,
    /// A word of GitHub's that is newer than this program.
    Other(String),
}

impl Conclusion {
    /// GitHub's word.
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

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunProgress {
    /// Not completed.
    Unfinished(RunStatus),
    /// Completed.
    Finished(Conclusion),
}

impl RunProgress {
    /// Whether it ended in success.
    #[must_use]
    pub const fn succeeded(&self) -> bool {
        matches!(self, Self::Finished(Conclusion::Success))
    }

    /// Whether it ended at all.
    #[must_use]
    pub const fn finished(&self) -> bool {
        matches!(self, Self::Finished(_))
    }
}

/// A workflow run, in its newest attempt or in the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which attempt of which run.
    pub at: RunRef,
    /// The workflow.
    pub workflow: WorkflowId,
    /// What started it.
    pub event: RunEvent,
    /// The branch, or the tag, that it ran on.
    pub head_branch: Option<Branch>,
    /// The commit whose workflow file ran: for a dispatch the tip of the ref.
    pub head_sha: Sha,
    /// The repository that the commit came from; a fork's is another one, a deleted one none.
    pub head_repository: Option<RepoId>,
    /// `display_title`: the `run-name`, or a text by strangers.
    pub title: String,
    /// Where it stands.
    pub progress: RunProgress,
    /// When the run was first created; a re-run keeps it.
    pub created_at: Timestamp,
    /// When this attempt started.
    pub started_at: Timestamp,
    /// When it changed last: for a finished attempt, about when it ended.
    pub updated_at: Timestamp,
    /// Who started the run, and its newest attempt.
    pub actors: Vec<Login>,
    /// Its page.
    pub html_url: String,
}

/// A job of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// How it ended, if it did.
    pub conclusion: Option<Conclusion>,
    /// Its steps; none before it has started.
    pub steps: Vec<Step>,
}

/// A step of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// How it ended, if it did.
    pub conclusion: Option<Conclusion>,
}
