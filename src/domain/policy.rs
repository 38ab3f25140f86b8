//! One repository's policy: the checked form of the config's policy keys.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    ApprovalCommand, Branch, Login, PathPatterns, RefPattern, RepoName, RunTitle, Signal, Team,
    Workflow, WorkflowState,
};

/// What one repository's releases are judged by. Every field is a key of the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The repository that it is about.
    pub repository: RepoName,
    /// When false, a deploy in flight is watched to its end and nothing is started or written.
    pub enabled: bool,
    /// Read, decide, log the plan, write nothing to GitHub.
    pub dry_run: bool,
    /// The config's own reason to stop this repository. No operator's word undoes it.
    pub paused: Option<String>,
    /// The release branch; the repository's default branch where not given.
    pub branch: Option<Branch>,
    /// The verification workflow, by name or by file name.
    pub verification_workflow: WorkflowName,
    /// Events whose runs of the verification workflow count.
    pub verification_events: Vec<String>,
    /// The deploy workflow, by name or by file name. `None` where it was left empty.
    pub deploy_workflow: Option<WorkflowName>,
    /// The ref that the deploy workflow is started on; the default branch where not given.
    pub deploy_workflow_ref: Option<Branch>,
    /// Which titles of the deploy workflow's runs name the commit that they deploy; none: the
    /// file's own `run-name` says.
    pub run_title: Option<RunTitle>,
    /// Titles of runs that deploy nothing to production.
    pub other_run_titles: Vec<RunTitle>,
    /// Events whose runs of the deploy workflow deploy to production.
    pub run_events: Vec<String>,
    /// Refs on which the deploy workflow does not deploy to production.
    pub preview_refs: Vec<RefPattern>,
    /// Other workflows that change production.
    pub other_deploy_workflows: Vec<WorkflowName>,
    /// Named in hints while a run waits for its reviewers.
    pub production_environment_name: String,
    /// Whether the first deploy of a repository needs an approval.
    pub require_approval_for_first_deploy: bool,
    /// Paths whose change is HIGH.
    pub high_risk_paths: PathPatterns,
    /// Paths whose change is MEDIUM.
    pub medium_risk_paths: PathPatterns,
    /// Further paths whose change is HIGH.
    pub migration_paths: PathPatterns,
    /// Whether a change of a workflow's file is HIGH under any list.
    pub workflow_files_high: bool,
    /// How long a sha that failed waits for its next attempt.
    pub cooldown: Duration,
    /// Deploys that we start in any hour; at least 1.
    pub max_deploys_per_hour: u32,
    /// Deploys of one sha before it needs a word from somebody; at least 1.
    pub max_attempts_per_sha: u32,
    /// Whether somebody's rollback holds releases until an operator speaks.
    pub hold_after_rollback: bool,
    /// Whether LOW, too, is held while production is degraded.
    pub hold_low_when_degraded: bool,
    /// The signals that say whether production is degraded.
    pub degraded: Vec<Signal>,
    /// A signal that is watched after a deploy, and that no rule asks.
    pub health_check: Option<Signal>,
    /// How long after a deploy production's turning degraded is laid at its door.
    pub post_deploy_watch: Duration,
    /// The state of a commit status that says HOLD.
    pub hold_state: HoldState,
    /// A deploy that runs longer is said and alerted; never a second dispatch.
    pub deploy_timeout: Duration,
    /// The ways in which HIGH may be approved; any one suffices.
    pub approval_modes: Vec<ApprovalMode>,
    /// The label of mode `label`.
    pub approval_label: String,
    /// The line of mode `comment`.
    pub approval_command: ApprovalCommand,
    /// Who may approve by label or comment.
    pub approval_min_permission: Permission,
    /// Whether a pull request's author may approve it.
    pub approval_allow_author: bool,
    /// Whether an approval that was given before the merge counts, where nothing was pushed after.
    pub approval_before_merge: bool,
    /// Teams of which an approver by label or comment belongs to one; none: anybody may whose
    /// permission suffices.
    pub approval_teams: Vec<Team>,
    /// Statuses, by context, and labels that raise a range to HIGH.
    pub raise_risk_contexts: Vec<String>,
    /// How long a dispatch whose run does not show is looked for; at least a second.
    pub dispatch_confirm: Duration,
    /// The context of our commit statuses.
    pub status_context: String,
    /// Failed step's name → label, first match wins.
    pub failure_types: Vec<FailureType>,
    /// What happens to a failure issue when a later deploy succeeds.
    pub failure_issue_on_recovery: OnRecovery,
    /// Accounts that are, or were, us (`github.identities`).
    pub identities: Vec<Login>,
    /// What `RELEASE_GOVERNOR_APPROVED` says of this repository.
    pub approved_by_environment: EnvironmentApproval,
}

/// A workflow as the config names it: its `name:`, or its file's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowName(String);

impl WorkflowName {
    /// As written in the config.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a workflow of this `name`, in the file at `path`, is meant.
    #[must_use]
    pub fn means(&self, name: &str, path: &str) -> bool {
        // A run's or workflow's path may end in `@ref`.
        let file = path.split('@').next().unwrap_or(path);
        self.0 == name || self.0 == file || file.strip_prefix(".github/workflows/") == Some(&self.0)
    }
}

/// Which workflows of a repository a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// None.
    Nothing,
    /// This one.
    One(&'a Workflow),
    /// Several, by their `name:`; which is meant, nobody can tell.
    Several(Vec<&'a Workflow>),
}

impl WorkflowName {
    /// The workflow that is meant. A file's name is unique; a `name:` need not be.
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

/// How HIGH may be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalMode {
    /// The operator's own word: the variable or the command.
    Environment,
    /// A label on the pull request.
    Label,
    /// A comment on the pull request.
    Comment,
}

impl ApprovalMode {
    /// As the config writes it.
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
    /// Nothing.
    #[default]
    Nothing,
    /// Everything.
    Everything,
    /// These commits.
    Shas(Vec<super::Sha>),
}

/// A permission on a repository, from the least to the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// May read.
    Read,
    /// May manage issues.
    Triage,
    /// May push.
    Write,
    /// May manage the repository.
    Maintain,
    /// May do everything.
    Admin,
}

impl Permission {
    /// GitHub's word.
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

    /// The permission that one of GitHub's own roles is; none for a custom role.
    #[must_use]
    pub fn of_role(name: &str) -> Option<Self> {
        let all = [Self::Read, Self::Triage, Self::Write, Self::Maintain, Self::Admin];
        all.into_iter().find(|permission| permission.as_str() == name)
    }
}

/// The state of a commit status that says HOLD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldState {
    /// A red cross.
    Failure,
    /// A yellow dot, for teams whose red cross means broken.
    Pending,
}

/// Which label a failed step's name brings to the failure issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureType {
    /// Found anywhere in the step's name, without regard to case; `*` stands for anything.
    pub pattern: String,
    /// The issue's label.
    pub label: String,
}

impl FailureType {
    /// Whether a step of this name is meant.
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
    /// A comment says so.
    Comment,
    /// A comment says so, and the issue is closed.
    Close,
    /// Nothing.
    Ignore,
}
