//! One repository's policy: the validated form of the configuration's policy keys.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    ApprovalCommand, Branch, LaneCalendar, Login, PathPatterns, RefPattern, RepoName, RunTitle,
    Signal, Team, Workflow, WorkflowState,
};

/// The policy that one repository's releases are judged by. Except where noted, each field is a
/// key of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub repository: RepoName,
    /// When false, a deploy in flight is watched until it ends, but nothing is started or
    /// written.
    pub enabled: bool,
    /// When true, the governor reads, decides and logs its plan, but writes nothing to GitHub.
    pub dry_run: bool,
    /// The reason for a pause in the configuration. No operator's command can end it.
    pub paused: Option<String>,
    /// The release branch; defaults to the repository's default branch.
    pub branch: Option<Branch>,
    /// The verification workflow, by name or file name.
    pub verification_workflow: WorkflowName,
    /// Events whose runs of the verification workflow count.
    pub verification_events: Vec<String>,
    /// The deploy workflow, by name or file name; `None` if it was left empty.
    pub deploy_workflow: Option<WorkflowName>,
    /// The ref to start the deploy workflow on; defaults to the default branch.
    pub deploy_workflow_ref: Option<Branch>,
    /// The titles of deploy runs that name the deployed commit. If `None`, the `run-name` in
    /// the workflow file defines them.
    pub run_title: Option<RunTitle>,
    /// Titles of runs that do not deploy to production.
    pub other_run_titles: Vec<RunTitle>,
    /// Events whose runs of the deploy workflow deploy to production.
    pub run_events: Vec<String>,
    /// Refs on which the deploy workflow does not deploy to production.
    pub preview_refs: Vec<RefPattern>,
    /// Other workflows that change production.
    pub other_deploy_workflows: Vec<WorkflowName>,
    /// The environment that hints name while a run is waiting for its reviewers.
    pub production_environment_name: String,
    /// Whether the first deploy of a repository needs an approval.
    pub require_approval_for_first_deploy: bool,
    /// Paths whose change is HIGH.
    pub high_risk_paths: PathPatterns,
    /// Paths whose change is MEDIUM.
    pub medium_risk_paths: PathPatterns,
    /// Additional paths whose change is HIGH.
    pub migration_paths: PathPatterns,
    /// Whether changes to workflow files are HIGH regardless of the path lists.
    pub workflow_files_high: bool,
    /// How long a sha waits after a failed deploy before its next attempt.
    pub cooldown: Duration,
    /// Maximum number of deploys that we start within an hour; at least 1.
    pub max_deploys_per_hour: u32,
    /// Maximum number of deploys of one sha before somebody has to act; at least 1.
    pub max_attempts_per_sha: u32,
    /// Whether a rollback by somebody else holds releases until an operator acts.
    pub hold_after_rollback: bool,
    /// Whether LOW is also held while production is degraded.
    pub hold_low_when_degraded: bool,
    /// The signals that decide whether production is degraded.
    pub degraded: Vec<Signal>,
    /// A signal that is watched after a deploy. No rule uses it.
    pub health_check: Option<Signal>,
    /// How long after a deploy a change to degraded is blamed on that deploy.
    pub post_deploy_watch: Duration,
    /// The state of a commit status that reports HOLD.
    pub hold_state: HoldState,
    /// A deploy that runs longer is reported and alerted. It is never dispatched again because
    /// of this.
    pub deploy_timeout: Duration,
    /// The ways to approve HIGH; any one suffices.
    pub approval_modes: Vec<ApprovalMode>,
    /// The label that approves in mode `label`.
    pub approval_label: String,
    /// The line that approves in mode `comment`.
    pub approval_command: ApprovalCommand,
    /// The permission that approvers by label or comment need.
    pub approval_min_permission: Permission,
    /// Whether a pull request's author may approve it.
    pub approval_allow_author: bool,
    /// Whether an approval given before the merge counts if nothing was pushed after it.
    pub approval_before_merge: bool,
    /// An approver by label or comment must be a member of one of these teams. If empty, the
    /// permission alone suffices.
    pub approval_teams: Vec<Team>,
    /// Status contexts and labels that raise a range to HIGH.
    pub raise_risk_contexts: Vec<String>,
    /// How long to look for a dispatched run that does not appear; at least one second.
    pub dispatch_confirm: Duration,
    /// The context of our commit statuses.
    pub status_context: String,
    /// Maps a failed step's name to a label. The first match wins.
    pub failure_types: Vec<FailureType>,
    /// What happens to a failure issue when a later deploy succeeds.
    pub failure_issue_on_recovery: OnRecovery,
    /// The accounts that this governor uses or has used (`github.identities`).
    pub identities: Vec<Login>,
    /// What the environment variable `RELEASE_GOVERNOR_APPROVED` approves in this repository.
    pub approved_by_environment: EnvironmentApproval,
    /// The freezes and windows that name this lane.
    pub calendar: LaneCalendar,
}

/// A workflow as named in the configuration: by its `name:` or by its file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowName(String);

impl WorkflowName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this refers to the workflow with this `name` in the file at `path`.
    #[must_use]
    pub fn means(&self, name: &str, path: &str) -> bool {
        // The path of a run or workflow may end in `@ref`.
        let file = path.split('@').next().unwrap_or(path);
        self.0 == name || self.0 == file || file.strip_prefix(".github/workflows/") == Some(&self.0)
    }
}

/// The workflows of a repository that a name refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    Nothing,
    One(&'a Workflow),
    /// The name is ambiguous: several workflows have this `name:`.
    Several(Vec<&'a Workflow>),
}

impl WorkflowName {
    /// Finds the workflow that this refers to. A file name is unique, but a `name:` may not be.
    #[must_use]
    pub fn among<'a>(&self, workflows: &'a [Workflow]) -> Named<'a> {
        let deleted = WorkflowState::Disabled("deleted".to_owned());
        let matching: Vec<&Workflow> = workflows
            .iter()
            .filter(|workflow| self.means(&workflow.name, &workflow.path))
            .filter(|workflow| workflow.state != deleted)
            .collect();
        let by_file = matching.iter().find(|workflow| self.means("", &workflow.path));
        match (matching.as_slice(), by_file) {
            ([], _) => Named::Nothing,
            ([one], _) => Named::One(one),
            (_, Some(by_file)) => Named::One(by_file),
            (_, None) => Named::Several(matching),
        }
    }
}

impl From<&str> for WorkflowName {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Display for WorkflowName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A way to approve HIGH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalMode {
    /// By an operator: with the environment variable or the `approve` command.
    Environment,
    /// By a label on the pull request.
    Label,
    /// By a comment on the pull request.
    Comment,
}

impl ApprovalMode {
    /// The value used in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Label => "label",
            Self::Comment => "comment",
        }
    }
}

/// What the environment variable `RELEASE_GOVERNOR_APPROVED` approves in one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EnvironmentApproval {
    #[default]
    Nothing,
    Everything,
    Shas(Vec<super::Sha>),
}

/// A permission on a repository, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Can read.
    Read,
    /// Can also manage issues and pull requests.
    Triage,
    /// Can also push.
    Write,
    /// Can also manage the repository.
    Maintain,
    /// Can do everything.
    Admin,
}

impl Permission {
    /// The value used by GitHub's API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// The permission of one of GitHub's predefined roles; `None` for a custom role.
    #[must_use]
    pub fn of_role(name: &str) -> Option<Self> {
        let all = [Self::Read, Self::Triage, Self::Write, Self::Maintain, Self::Admin];
        all.into_iter().find(|permission| permission.as_str() == name)
    }
}

/// The state of a commit status that reports HOLD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldState {
    /// Shown as a red cross.
    Failure,
    /// Shown as a yellow dot, for teams to whom a red cross means broken.
    Pending,
}

/// The label that a failure issue gets for a failed step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureType {
    /// Found anywhere in the step's name, ignoring case. `*` matches any text.
    pub pattern: String,
    pub label: String,
}

impl FailureType {
    /// Whether a step of this name matches.
    #[must_use]
    pub fn matches(&self, step: &str) -> bool {
        let step = step.to_lowercase();
        let pattern = self.pattern.to_lowercase();
        let mut rest = step.as_str();
        pattern.split('*').filter(|part| !part.is_empty()).all(|part| {
            let found = rest.find(part).and_then(|at| rest.get(at + part.len()..));
            rest = found.unwrap_or_default();
            found.is_some()
        })
    }
}

/// What happens to a failure issue when a later deploy succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRecovery {
    /// A comment is added.
    Comment,
    /// A comment is added and the issue is closed.
    Close,
    Ignore,
}
