//! What a workflow run means for releases: a deploy, something that resembles one, or nothing.
//!
//! [`KnownRun::kind_in`](super::KnownRun::kind_in) decides this from facts and the policy;
//! [`DeployScope`] holds the policy's part. `observe` reads the facts. The ledger stores them
//! with the run, so that a changed policy also applies to known runs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::run_title::{RefPattern, RunTitle};
use super::{Branch, Policy, RepoId, Run, RunEvent, Sha, WorkflowId};

/// What a run means for the releases of one repository (design, section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A run of the deploy workflow on the deploy ref or the branch. This is the default,
    /// because entries of earlier versions contain nothing else.
    #[default]
    Deploy,
    /// A run that claims the ref by name although its commit was never in the ref's history. A
    /// tag can have the name of a branch and contain another deploy file.
    Stray,
    /// A failed run without any job. For some workflow files, GitHub creates one on every push.
    Phantom,
    /// A run of the deploy workflow on another ref, or of a workflow in
    /// `other_deploy_workflows`.
    OtherDeploy,
    /// A run of a workflow that does not deploy under the current policy, but did under an
    /// earlier one.
    OtherWorkflow,
    /// A run for a pull request, from a fork, for a preview, or excluded by the policy.
    NotADeploy,
}

impl RunKind {
    /// Whether its success changes what runs in production.
    #[must_use]
    pub const fn moves_production(self) -> bool {
        match self {
            Self::Deploy | Self::Stray | Self::OtherDeploy => true,
            Self::Phantom | Self::OtherWorkflow | Self::NotADeploy => false,
        }
    }

    /// Whether it blocks other deploys until it completes.
    #[must_use]
    pub const fn blocks(self) -> bool {
        match self {
            Self::Deploy | Self::Stray | Self::Phantom | Self::OtherDeploy => true,
            Self::OtherWorkflow | Self::NotADeploy => false,
        }
    }

    /// Whether its failure is a failed deploy, which uses an attempt and gets an issue.
    #[must_use]
    pub const fn can_fail(self) -> bool {
        match self {
            Self::Deploy => true,
            Self::Stray
            | Self::Phantom
            | Self::OtherDeploy
            | Self::OtherWorkflow
            | Self::NotADeploy => false,
        }
    }
}

/// Whether the ref that a run claims contained the run's commit when that was first checked.
/// Later force pushes do not change the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefHistory {
    #[default]
    NotAsked,
    /// The ref contained the commit, or the commit was once its tip.
    Contains,
    /// The ref did not contain the commit.
    Lacks,
}

/// Where a run came from, as reported by GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSource {
    pub workflow: WorkflowId,
    /// The branch or tag; `None` if GitHub does not report it.
    pub head_branch: Option<Branch>,
    /// The commit whose workflow file ran.
    pub head_sha: Sha,
    /// The repository of that commit; `None` if GitHub does not report it.
    pub head_repository: Option<RepoId>,
    /// The run's title; empty unless only whoever started the run can choose it.
    pub title: String,
}

impl From<&Run> for RunSource {
    fn from(run: &Run) -> Self {
        Self {
            workflow: run.workflow,
            head_branch: run.head_branch.clone(),
            head_sha: run.head_sha.clone(),
            head_repository: run.head_repository,
            // Titles of other events can be chosen by outsiders, so nothing may rely on them.
            title: if run.event.title_is_trusted() { run.title.clone() } else { String::new() },
        }
    }
}

/// The rule that determined a run's commit. If the current policy uses another rule, the commit
/// must be determined again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributionRule {
    /// A rule of earlier versions, which accepted any commit id in a title.
    #[default]
    Earlier,
    /// The attempt that owns the run, or a status of ours that links to it.
    Owner,
    /// The run itself: the commit that was pushed, or the title according to the `run-name` of
    /// its own workflow file.
    Own,
    /// The policy's `run_title`.
    RunTitle(String),
}

/// Where a run's commit was searched for. If a branch lacked it, another branch may have it
/// and, where production depends on it, so may a later tip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchedBranch {
    pub branch: Branch,
    /// The branch's tip; `None` if the branch does not exist.
    pub tip: Option<Sha>,
}

/// Defines which runs deploy what a policy governs. There is one scope for each repository.
/// Criteria that separate the runs of several environments belong here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployScope {
    pub repository: RepoId,
    pub workflow: WorkflowId,
    /// Other workflows that change production.
    pub other_workflows: BTreeSet<WorkflowId>,
    /// The release branch.
    pub branch: Branch,
    /// The ref that the deploy workflow is started on.
    pub deploy_ref: Branch,
    /// The events in [`KNOWN_EVENTS`] whose runs deploy.
    pub run_events: Vec<String>,
    /// Refs whose runs do not deploy to production.
    pub preview_refs: Vec<RefPattern>,
    /// Titles of runs that deploy.
    pub run_title: Option<RunTitle>,
    /// Titles of runs that do not deploy.
    pub other_run_titles: Vec<RunTitle>,
}

/// Events that `run_events` can exclude. Runs by any other event always count, because what
/// they deploy is unknown and must not be missed.
pub const KNOWN_EVENTS: [&str; 3] = ["workflow_dispatch", "repository_dispatch", "push"];

impl DeployScope {
    /// The scope of a policy.
    #[must_use]
    pub fn new(
        policy: &Policy,
        repository: RepoId,
        workflow: WorkflowId,
        other_workflows: BTreeSet<WorkflowId>,
        branch: Branch,
        deploy_ref: Branch,
    ) -> Self {
        Self {
            repository,
            workflow,
            other_workflows,
            branch,
            deploy_ref,
            run_events: policy.run_events.clone(),
            preview_refs: policy.preview_refs.clone(),
            run_title: policy.run_title.clone(),
            other_run_titles: policy.other_run_titles.clone(),
        }
    }

    /// Whether a run of the deploy workflow has the name of the branch or of the deploy ref.
    #[must_use]
    pub fn claims_a_ref(&self, source: &RunSource) -> bool {
        let named = source.head_branch.as_ref();
        source.workflow == self.workflow
            && (named == Some(&self.deploy_ref) || named == Some(&self.branch))
    }

    /// The kind of a run before its commit's ancestry and its jobs are considered.
    #[must_use]
    pub fn kind_by_source(&self, event: &RunEvent, source: &RunSource) -> RunKind {
        if source.head_repository.is_some_and(|repository| repository != self.repository)
            || event.is_of_a_pull_request()
        {
            return RunKind::NotADeploy;
        }
        let is_main = source.workflow == self.workflow;
        if !is_main && !self.other_workflows.contains(&source.workflow) {
            return RunKind::OtherWorkflow;
        }
        if self.is_excluded(event, source, is_main) {
            return RunKind::NotADeploy;
        }
        // A `head_branch` of null is unknown, so the run counts until more is known.
        if is_main && (source.head_branch.is_none() || self.claims_a_ref(source)) {
            RunKind::Deploy
        } else {
            RunKind::OtherDeploy
        }
    }

    /// Whether the policy excludes this run.
    fn is_excluded(&self, event: &RunEvent, source: &RunSource, is_main: bool) -> bool {
        let excluded_title = event.title_is_trusted()
            && self.other_run_titles.iter().any(|title| title.fits(&source.title));
        let excluded_event =
            KNOWN_EVENTS.contains(&event.0.as_str()) && !self.run_events.contains(&event.0);
        let is_preview = !self.claims_a_ref(source)
            && source.head_branch.as_ref().is_some_and(|named| {
                self.preview_refs.iter().any(|pattern| pattern.matches(named.as_str()))
            });
        excluded_title || (is_main && (excluded_event || is_preview))
    }

    /// The rule that determines the commit of a run by this event.
    #[must_use]
    pub fn attribution_rule(&self, event: &RunEvent) -> AttributionRule {
        match &self.run_title {
            Some(title) if event.title_is_trusted() => {
                AttributionRule::RunTitle(title.written().to_owned())
            }
            Some(_) | None => AttributionRule::Own,
        }
    }
}
