//! What a workflow run is to a release: a deploy, something that only looks like one, or nothing.
//!
//! [`DeployScope::kind`] is the one place that decides this, from facts and the policy. `observe`
//! reads the facts, and the ledger keeps them with the run, so that a changed policy is applied to
//! the runs that are known already.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::run_title::{RefPattern, RunTitle};
use super::{Branch, Policy, RepoId, Run, RunEvent, Sha, WorkflowId};

/// What a run is to the releases of one repository (design, section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A run of the deploy workflow on the deploy ref or the branch. The default: entries of
    /// earlier versions hold nothing else.
    #[default]
    Deploy,
    /// It bears the ref's name, but its commit was never in the ref's history: a tag can be named
    /// like a branch and carry a deploy file of its own.
    Stray,
    /// GitHub leaves a failed run without any job on every push for some workflow files.
    Phantom,
    /// A run of the deploy workflow on another ref, or of a workflow in `other_deploy_workflows`.
    OtherDeploy,
    /// A run of a workflow that deploys nothing by the policy of today; it did by an earlier one.
    OtherWorkflow,
    /// A pull request's run, a fork's, a preview, or one that the policy says is no deploy.
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

    /// Whether it blocks other deploys while it is not completed.
    #[must_use]
    pub const fn blocks(self) -> bool {
        match self {
            Self::Deploy | Self::Stray | Self::Phantom | Self::OtherDeploy => true,
            Self::OtherWorkflow | Self::NotADeploy => false,
        }
    }

    /// Whether its failure is a failed deploy: uses an attempt, and gets an issue.
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

/// Whether the ref whose name a run bears had the run's commit in its history, when that was asked
/// first. A force push afterwards changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefHistory {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// It did, or its tip was this commit once.
    Contains,
    /// It did not.
    Lacks,
}

/// Where a run came from, as GitHub showed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSource {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The branch or tag; none where GitHub does not say.
    pub head_branch: Option<Branch>,
    /// The commit whose workflow file ran.
    pub head_sha: Sha,
    /// The repository of that commit; none where GitHub does not say.
    pub head_repository: Option<RepoId>,
    /// Its title, where nobody but who started it writes that.
    pub title: String,
}

impl From<&Run> for RunSource {
    fn from(run: &Run) -> Self {
        Self {
            workflow: run.workflow,
            head_branch: run.head_branch.clone(),
            head_sha: run.head_sha.clone(),
            head_repository: run.head_repository,
            // Other events' titles are written by strangers, and nothing is told by them.
            title: if run.event.title_is_trusted() { run.title.clone() } else { String::new() },
        }
    }
}

/// By which rule a run's commit was told. One that the policy of today would not use is no answer
/// to today's question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributionRule {
    /// An earlier version's, which took any commit id in a title.
    #[default]
    Earlier,
    /// The attempt that owns the run, or a status of ours that links to it.
    Owner,
    /// The run itself: what it was pushed for, or its title by its own file's `run-name`.
    Own,
    /// The policy's `run_title`.
    RunTitle(String),
}

/// Where a run's commit was looked for. That a branch lacked it is no answer about another branch,
/// and where production rests on it, none about a later tip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchedBranch {
    /// The branch.
    pub branch: Branch,
    /// Its tip; none where the branch does not exist.
    pub tip: Option<Sha>,
}

/// Which runs deploy what a policy governs. There is one for each repository; what tells the runs
/// of several environments apart belongs here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployScope {
    /// The repository.
    pub repository: RepoId,
    /// The deploy workflow.
    pub workflow: WorkflowId,
    /// Other workflows that change production.
    pub other_workflows: BTreeSet<WorkflowId>,
    /// The release branch.
    pub branch: Branch,
    /// The ref that the deploy workflow is started on.
    pub deploy_ref: Branch,
    /// Which of the events that can be told apart deploy.
    pub run_events: Vec<String>,
    /// Refs on which nothing is deployed to production.
    pub preview_refs: Vec<RefPattern>,
    /// Titles of deploys.
    pub run_title: Option<RunTitle>,
    /// Titles of what is no deploy.
    pub other_run_titles: Vec<RunTitle>,
}

/// Events that `run_events` can take out. Runs by any other event always count: what they deploy
/// cannot be told, and that must not go unseen.
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

    /// Whether a run bears the name of the branch or of the deploy ref.
    #[must_use]
    pub fn claims_a_ref(&self, source: &RunSource) -> bool {
        let named = source.head_branch.as_ref();
        source.workflow == self.workflow
            && (named == Some(&self.deploy_ref) || named == Some(&self.branch))
    }

    /// What a run is, before its commit's place in history and its jobs are looked at.
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
        // A branch of null is unknown, and counts until more is known.
        if is_main && (source.head_branch.is_none() || self.claims_a_ref(source)) {
            RunKind::Deploy
        } else {
            RunKind::OtherDeploy
        }
    }

    /// Whether the policy says that it is no deploy.
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

    /// The rule by which the commit of a run by this event is told.
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
