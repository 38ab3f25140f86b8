//! The parts of GitHub's JSON that are read. These types never leave the `github` module.
//! Parsing tolerates values that are newer than this program, and users, branches and
//! repositories that no longer exist. It is strict about everything that a decision depends on.

mod body;
mod bounded;
mod maker;
mod preflight;
mod problem;
mod pulls;
mod talk;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use body::listed;
pub(super) use body::{Unusable, parse};
pub(super) use bounded::{BoundedPage, List};
pub(super) use maker::WireMaker;
pub(super) use preflight::{WireAccess, WireFileText, WireLabel};
pub(super) use problem::problem;
pub(super) use pulls::{
    WireComparedCommits, WireLabels, WireMembership, WirePull, WireStanding, events,
};
pub(super) use talk::{WireComment, WireIssue, WireStatus};

use super::reads::{Compared, Tree, TreeEntry};
use crate::domain::{
    Branch, CommitMessage, Comparison, Conclusion, FileChange, FileContent, Job, ListedCommit,
    Login, RangeFiles, Relation, RepoId, RepoName, Repository, Run, RunEvent, RunId, RunProgress,
    RunRef, RunStatus, Sha, Step, Workflow, WorkflowId, WorkflowState,
};

/// The maximum number of files that GitHub lists for a comparison, on the first page only.
/// Source: its description of "Compare two commits".
const MOST_FILES: usize = 300;

/// Far more than any server lists: these limits bound what a malicious server can send. Files
/// of a comparison (GitHub: 300), entries of a tree (GitHub: 100,000), parents of a commit
/// (anybody who can push can create as many as git accepts).
const MOST_LISTED_FILES: usize = 10_000;
const MOST_TREE_ENTRIES: usize = 200_000;
const MOST_PARENTS: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) login: Login,
}

#[derive(Deserialize)]
pub(super) struct WireRepository {
    id: RepoId,
    full_name: RepoName,
    default_branch: Branch,
    #[serde(default)]
    archived: bool,
    #[serde(default = "yes")]
    has_issues: bool,
    html_url: String,
}

const fn yes() -> bool {
    true
}

impl WireRepository {
    pub(super) fn domain(self) -> Repository {
        Repository {
            id: self.id,
            name: self.full_name,
            default_branch: self.default_branch,
            archived: self.archived,
            has_issues: self.has_issues,
            html_url: self.html_url,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct WireWorkflows {
    total_count: Option<u64>,
    workflows: BoundedPage<WireWorkflow>,
}

#[derive(Deserialize)]
struct WireWorkflow {
    id: WorkflowId,
    name: String,
    path: String,
    state: String,
    #[serde(default)]
    updated_at: Option<String>,
    html_url: String,
}

impl WireWorkflows {
    pub(super) fn domain(self) -> Result<Vec<Workflow>, Unusable> {
        let workflows = listed(self.workflows, self.total_count)?;
        Ok(workflows.into_iter().map(WireWorkflow::domain).collect())
    }
}

impl WireWorkflow {
    fn domain(self) -> Workflow {
        let state = match self.state.as_str() {
            "active" => WorkflowState::Active,
            _ => WorkflowState::Disabled(self.state),
        };
        Workflow {
            id: self.id,
            name: self.name,
            path: self.path,
            state,
            updated_at: self.updated_at.unwrap_or_default(),
            html_url: self.html_url,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct WireBranch {
    pub(super) commit: WireCommit,
}

#[derive(Deserialize)]
pub(super) struct WireCommit {
    pub(super) sha: Sha,
}

#[derive(Deserialize)]
pub(super) struct WireListedCommit {
    sha: Sha,
    parents: List<WireCommit, MOST_PARENTS>,
    commit: Option<WireCommitText>,
}

#[derive(Deserialize)]
struct WireCommitText {
    message: String,
}

impl WireListedCommit {
    pub(super) fn domain(self) -> (Sha, Vec<Sha>) {
        (self.sha, self.parents.into_iter().map(|parent| parent.sha).collect())
    }

    /// Its parsed message, if GitHub includes it.
    pub(super) fn message(&self) -> Option<CommitMessage> {
        self.commit.as_ref().map(|commit| CommitMessage::of(&commit.message))
    }

    pub(super) fn with_message(self) -> Result<ListedCommit, String> {
        let message = self.message().ok_or_else(|| "a commit has no message".to_owned())?;
        let (sha, parents) = self.domain();
        Ok(ListedCommit { sha, parents, message })
    }
}

#[derive(Deserialize)]
pub(super) struct WireRuns {
    total_count: Option<u64>,
    workflow_runs: BoundedPage<WireRun>,
}

impl WireRuns {
    /// The runs of this page. Later pages may be empty: runs can be deleted during pagination.
    pub(super) fn domain(self, page: u32) -> Result<Vec<Run>, Unusable> {
        let counted = self.total_count.filter(|_| page <= 1);
        Ok(listed(self.workflow_runs, counted)?.into_iter().map(WireRun::domain).collect())
    }
}

#[derive(Deserialize)]
pub(super) struct WireRun {
    id: RunId,
    run_attempt: Option<u32>,
    workflow_id: WorkflowId,
    event: RunEvent,
    head_branch: Option<Branch>,
    head_sha: Sha,
    head_repository: Option<WireId>,
    display_title: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    created_at: Timestamp,
    run_started_at: Option<Timestamp>,
    updated_at: Timestamp,
    actor: Option<User>,
    triggering_actor: Option<User>,
    html_url: String,
}

#[derive(Deserialize)]
struct WireId {
    id: RepoId,
}

impl WireRun {
    pub(super) fn domain(self) -> Run {
        let mut actors: Vec<Login> = Vec::new();
        for user in [self.actor, self.triggering_actor].into_iter().flatten() {
            if !actors.contains(&user.login) {
                actors.push(user.login);
            }
        }
        Run {
            // Old servers report no attempt. They had no re-runs with the same id either.
            at: RunRef { id: self.id, attempt: self.run_attempt.unwrap_or(1) },
            workflow: self.workflow_id,
            event: self.event,
            head_branch: self.head_branch,
            head_sha: self.head_sha,
            head_repository: self.head_repository.map(|repository| repository.id),
            title: self.display_title.unwrap_or_default(),
            progress: progress(self.status.as_deref(), self.conclusion),
            created_at: self.created_at,
            started_at: self.run_started_at.unwrap_or(self.created_at),
            updated_at: self.updated_at,
            actors,
            html_url: self.html_url,
        }
    }
}

fn progress(word: Option<&str>, ended: Option<String>) -> RunProgress {
    let unfinished = match word {
        Some("completed") => match ended {
            Some(word) => return RunProgress::Finished(conclusion(word)),
            // The run is completed, but its conclusion is not known yet: treat it as
            // unfinished.
            None => RunStatus::Other,
        },
        Some("queued") => RunStatus::Queued,
        Some("in_progress") => RunStatus::InProgress,
        Some("waiting") => RunStatus::Waiting,
        Some("pending") => RunStatus::Pending,
        Some("requested") => RunStatus::Requested,
        Some(_) | None => RunStatus::Other,
    };
    RunProgress::Unfinished(unfinished)
}

fn conclusion(word: String) -> Conclusion {
    match word.as_str() {
        "success" => Conclusion::Success,
        "failure" => Conclusion::Failure,
        "cancelled" => Conclusion::Cancelled,
        "timed_out" => Conclusion::TimedOut,
        "startup_failure" => Conclusion::StartupFailure,
        "action_required" => Conclusion::ActionRequired,
        "skipped" => Conclusion::Skipped,
        "neutral" => Conclusion::Neutral,
        "stale" => Conclusion::Stale,
        _ => Conclusion::Other(word),
    }
}

#[derive(Deserialize)]
pub(super) struct WireJobs {
    total_count: Option<u64>,
    jobs: BoundedPage<WireJob>,
}

#[derive(Deserialize)]
struct WireJob {
    name: String,
    conclusion: Option<String>,
    steps: Option<BoundedPage<WireStep>>,
}

#[derive(Deserialize)]
struct WireStep {
    name: String,
    conclusion: Option<String>,
}

impl WireJobs {
    pub(super) fn domain(self) -> Result<Vec<Job>, Unusable> {
        let step =
            |step: WireStep| Step { name: step.name, conclusion: step.conclusion.map(conclusion) };
        let job = |job: WireJob| Job {
            name: job.name,
            conclusion: job.conclusion.map(conclusion),
            steps: job.steps.into_iter().flatten().map(step).collect(),
        };
        Ok(listed(self.jobs, self.total_count)?.into_iter().map(job).collect())
    }
}

#[derive(Deserialize)]
pub(super) struct WireComparison {
    status: Relation,
    /// Optional in GitHub's OpenAPI description. Missing on every page but the first, which is
    /// the only one requested.
    files: Option<List<WireFile, MOST_LISTED_FILES>>,
}

#[derive(Deserialize)]
pub(super) struct WireFile {
    filename: String,
    previous_filename: Option<String>,
    status: Option<String>,
    /// For a removed file, the blob that it had.
    sha: Option<String>,
}

impl WireFile {
    pub(super) fn domain(self) -> FileChange {
        let content = match (self.status.as_deref(), self.sha) {
            (Some("removed"), _) => FileContent::Deleted,
            (Some(_), Some(blob)) => FileContent::Blob(blob),
            (Some(_) | None, _) => FileContent::Unknown,
        };
        FileChange { path: self.filename, previous_path: self.previous_filename, content }
    }
}

impl WireComparison {
    pub(super) fn domain(self) -> Compared {
        // If `head` is an ancestor of `base` or equal to it, nothing differs from the merge
        // base.
        let has_files = matches!(self.status, Relation::Ahead | Relation::Diverged);
        let lists_all = self.files.as_ref().map_or(!has_files, |files| files.0.len() < MOST_FILES);
        let files = self.files.into_iter().flatten().map(WireFile::domain).collect();
        let files =
            if lists_all { RangeFiles::Complete(files) } else { RangeFiles::Truncated(files) };
        Compared::Known(Comparison { relation: self.status, files })
    }
}

#[derive(Deserialize)]
pub(super) struct WireTree {
    tree: List<WireTreeEntry, MOST_TREE_ENTRIES>,
    truncated: bool,
}

#[derive(Deserialize)]
struct WireTreeEntry {
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

impl WireTree {
    pub(super) fn domain(self) -> Tree {
        // Directories are omitted: their files are listed individually.
        let files = self.tree.into_iter().filter(|entry| entry.kind != "tree");
        let entries: BTreeMap<String, TreeEntry> = files
            .map(|entry| (entry.path, TreeEntry { blob: entry.sha, mode: entry.mode }))
            .collect();
        Tree { entries, truncated: self.truncated }
    }
}

/// An entry of a directory.
#[derive(Deserialize)]
pub(super) struct WireEntry {
    path: String,
    sha: String,
}

impl WireEntry {
    pub(super) fn domain(self) -> (String, String) {
        (self.path, self.sha)
    }
}

#[derive(Deserialize)]
pub(super) struct WireNamedBranch {
    pub(super) name: Branch,
}
