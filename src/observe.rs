//! Builds one observation of one repository; decides nothing.
//!
//! What changes seldom (the repository, its workflows, its branch, old deploy runs) is read every
//! ten minutes and kept in [`Memory`]; a settled pass asks only for page one of the deploy runs,
//! page one of the verification runs, and the candidate's statuses. Before a dispatch everything
//! is read anew, past every cache.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::domain::{
    Ancestry, Branch, DeployScope, Named, Policy, RejectionKey, RepoId, RepoName, Repository, Sha,
    VerificationScope, Workflow, WorkflowFact, WorkflowName,
};
use crate::github::Reader;
use crate::store::Store;

mod ancestry;
mod attempt_runs;
mod branch;
mod deploy_files;
mod deploy_runs;
mod details;
mod error;
mod identities;
mod lacks;
mod memory;
mod origins;
mod past;
mod range;
mod recovery_scan;
mod refresh_schedule;
mod reverts;
mod statuses;
mod unread;
mod verification;
mod workflow_calls;

use memory::{Missed, ReadFor, between_proofs};

pub use branch::branch_commits;
pub use deploy_files::{deploy_files_at_tip, deploy_files_between};
pub use deploy_runs::deploy_runs;
pub use error::ObserveError;
pub use identities::us;
pub use lacks::{WhereUnreadable, fill};
pub use memory::Memory;
pub use past::{PastDeploys, PastVerifications, past_commits, past_deploys, past_verifications};
pub use recovery_scan::{Linked, gone_runs, issues_left_behind, left_behind, linked, workflow_ids};
pub use refresh_schedule::RefreshSchedule;
pub use statuses::statuses;
pub use unread::unread;
pub use verification::{Verifications, verifications};

/// What changes seldom is read again after this (design, S8).
pub const SELDOM: SignedDuration = SignedDuration::from_mins(10);
/// Every so many passes the unfiltered list of verification runs is read: filtered ones come from
/// an index that can miss a run (design, section 6, 3).
pub const UNFILTERED_EVERY: u32 = 10;

/// What changes seldom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SlowChanging {
    read_at: Timestamp,
    /// When it was read for the first time.
    #[serde(default)]
    began: Timestamp,
    repository: Repository,
    branch: Branch,
    tip: Option<Sha>,
    deploy_ref: Branch,
    deploy_ref_tip: Option<Sha>,
    verification: Workflow,
    deploy: Option<Workflow>,
    /// Other workflows that change production.
    #[serde(default)]
    other_deploys: Vec<Workflow>,
    /// The names that the config had when this was read.
    asked: FactsScope,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FactsScope {
    verification: WorkflowName,
    deploy: Option<WorkflowName>,
    #[serde(default)]
    other_deploys: Vec<WorkflowName>,
    branch: Option<Branch>,
    deploy_ref: Option<Branch>,
}

/// One look at one repository.
pub struct ReadContext<'a> {
    /// Reads GitHub; past all caches where everything is looked at anew.
    pub reader: &'a Reader,
    /// Where what never changes is kept.
    pub store: &'a Store,
    /// The policy.
    pub policy: &'a Policy,
    /// What is kept between passes.
    pub memory: &'a mut Memory,
    /// Whether everything is to be read anew, before a dispatch.
    pub uncached: bool,
    /// How its looks come.
    pub rhythm: RefreshSchedule,
    /// Whether what changes seldom is due.
    pub slow_changing: bool,
    /// When it began, by GitHub's clock.
    pub now: Timestamp,
    /// GitHub's clock.
    pub clock: &'a Clock,
}

impl ReadContext<'_> {
    /// The repository's name at GitHub: another than the config's after a rename.
    fn name(&self) -> &RepoName {
        let slow_changing = self.memory.slow_changing.as_ref();
        slow_changing
            .map_or(&self.policy.repository, |slow_changing| &slow_changing.repository.name)
    }

    /// Which commits contain which, as far as that is known.
    #[must_use]
    pub fn kept_ancestry(&self) -> Ancestry {
        let kept = &self.memory.ancestry;
        if self.uncached { kept.certain() } else { kept.clone() }
    }

    /// A 404 that GitHub gave just now.
    fn missed(&self) -> Missed {
        let apart = between_proofs(self.policy.dispatch_confirm);
        Missed { asked: self.now, answered: self.clock.now(), apart }
    }
}

/// The repository, its branch and its workflows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoFacts {
    /// The repository.
    pub repository: Repository,
    /// The release branch.
    pub branch: Branch,
    /// Its tip, as last read; none where the branch does not exist.
    pub tip: Option<Sha>,
    /// The ref that the deploy workflow is started on.
    pub deploy_ref: Branch,
    /// Its tip.
    pub deploy_ref_tip: Option<Sha>,
    /// The verification workflow.
    pub verification: Workflow,
    /// The deploy workflow.
    pub deploy: WorkflowFact,
    /// Other workflows that change production.
    pub other_deploys: Vec<Workflow>,
}

impl RepoFacts {
    /// Which runs count as what; none without a deploy workflow.
    #[must_use]
    pub fn scope(&self, policy: &Policy) -> Option<DeployScope> {
        let WorkflowFact::Found(workflow) = &self.deploy else { return None };
        let (branch, deploy_ref) = (self.branch.clone(), self.deploy_ref.clone());
        let others = self.other_deploys.iter().map(|other| other.id).collect();
        Some(DeployScope::new(policy, self.repository.id, workflow.id, others, branch, deploy_ref))
    }
}

/// Which of what changes seldom a standing hold rests on: that is read in every pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestsOn {
    /// The branch, or the tip of the deploy ref.
    pub branch: bool,
    /// The workflows.
    pub workflows: bool,
}

/// Reads the repository, its workflows and its branch where they are due.
///
/// # Errors
/// What GitHub said; or that the repository is not the one that the ledger knows, or that two
/// workflows have the configured name.
pub async fn read_repo_facts(
    ctx: &mut ReadContext<'_>,
    known: Option<RepoId>,
    rests_on: RestsOn,
) -> Result<RepoFacts, ObserveError> {
    let asked = FactsScope {
        verification: ctx.policy.verification_workflow.clone(),
        deploy: ctx.policy.deploy_workflow.clone(),
        other_deploys: ctx.policy.other_deploy_workflows.clone(),
        branch: ctx.policy.branch.clone(),
        deploy_ref: ctx.policy.deploy_workflow_ref.clone(),
    };
    let kept =
        ctx.memory.slow_changing.as_ref().is_some_and(|slow_changing| slow_changing.asked == asked);
    if ctx.uncached || ctx.slow_changing || !kept || rests_on.workflows {
        ctx.memory.slow_changing = Some(read_seldom(ctx, asked, known).await?);
        ctx.memory.note_tips();
    } else if rests_on.branch {
        read_tips(ctx).await?;
    }
    let Some(slow_changing) = ctx.memory.slow_changing.clone() else {
        return Err(ObserveError::Mistaken("the repository was not read".to_owned()));
    };
    let repo_facts = RepoFacts {
        repository: slow_changing.repository,
        branch: slow_changing.branch,
        tip: slow_changing.tip,
        deploy_ref: slow_changing.deploy_ref,
        deploy_ref_tip: slow_changing.deploy_ref_tip,
        verification: slow_changing.verification,
        other_deploys: slow_changing.other_deploys,
        deploy: match (slow_changing.deploy, &ctx.policy.deploy_workflow) {
            (_, None) => WorkflowFact::NotConfigured,
            (None, Some(_)) => WorkflowFact::Missing,
            (Some(workflow), Some(_)) => WorkflowFact::Found(workflow),
        },
    };
    ctx.memory.keep_only(&ReadFor {
        verification: verification_scope(ctx.policy, &repo_facts),
        deploy: repo_facts.deploy.found().map(|workflow| workflow.id),
        deploy_ref: repo_facts.deploy_ref.clone(),
    });
    Ok(repo_facts)
}

/// Which runs verify a commit.
fn verification_scope(policy: &Policy, repo_facts: &RepoFacts) -> VerificationScope {
    VerificationScope {
        repository: repo_facts.repository.id,
        workflow: repo_facts.verification.id,
        branch: repo_facts.branch.clone(),
        events: policy.verification_events.clone(),
    }
}

async fn read_seldom(
    ctx: &ReadContext<'_>,
    asked: FactsScope,
    known: Option<RepoId>,
) -> Result<SlowChanging, ObserveError> {
    let repository = ctx.reader.repository(&ctx.policy.repository).await?.value;
    same_repository(ctx.policy, &repository, known)?;
    // After a rename GitHub answers under the new name alone.
    let name = &repository.name;
    let workflows = ctx.reader.workflows(name).await?;
    let verification = the_one(&workflows, &asked.verification, "verification_workflow_name")?
        .ok_or_else(|| {
            ObserveError::Mistaken(format!(
                "{name} has no workflow `{}`: correct verification_workflow_name",
                asked.verification
            ))
        })?;
    let deploy = match &asked.deploy {
        Some(wanted) => the_one(&workflows, wanted, "deploy_workflow_name")?,
        None => None,
    };
    let other_deploys = other_deploys(name, &workflows, &asked)?;
    let branch = asked.branch.clone().unwrap_or_else(|| repository.default_branch.clone());
    let deploy_ref = asked.deploy_ref.clone().unwrap_or_else(|| repository.default_branch.clone());
    let tip = ctx.reader.branch_tip(name, &branch).await?;
    let deploy_ref_tip = tip_of_deploy_ref(ctx, name, &branch, tip.as_ref(), &deploy_ref).await?;
    Ok(SlowChanging {
        read_at: ctx.now,
        began: ctx
            .memory
            .slow_changing
            .as_ref()
            .map_or(ctx.now, |slow_changing| slow_changing.began),
        repository,
        branch,
        tip,
        deploy_ref,
        deploy_ref_tip,
        verification,
        deploy,
        other_deploys,
        asked,
    })
}

/// The workflows of `other_deploy_workflows`. One that is not there is an error: what it would do
/// to production must not go unseen.
fn other_deploys(
    name: &RepoName,
    workflows: &[Workflow],
    asked: &FactsScope,
) -> Result<Vec<Workflow>, ObserveError> {
    let find = |wanted: &WorkflowName| {
        the_one(workflows, wanted, "other_deploy_workflows")?.ok_or_else(|| {
            ObserveError::Mistaken(format!(
                "{name} has no workflow `{wanted}`: correct other_deploy_workflows"
            ))
        })
    };
    asked.other_deploys.iter().map(find).collect()
}

/// The deploy ref is the branch or another one. A tag of its name is not asked for.
async fn tip_of_deploy_ref(
    ctx: &ReadContext<'_>,
    name: &RepoName,
    branch: &Branch,
    tip: Option<&Sha>,
    deploy_ref: &Branch,
) -> Result<Option<Sha>, ObserveError> {
    if branch == deploy_ref {
        return Ok(tip.cloned());
    }
    Ok(ctx.reader.branch_tip(name, deploy_ref).await?)
}

/// Reads the tips alone.
async fn read_tips(ctx: &mut ReadContext<'_>) -> Result<(), ObserveError> {
    let Some(mut slow_changing) = ctx.memory.slow_changing.clone() else { return Ok(()) };
    slow_changing.tip = ctx.reader.branch_tip(ctx.name(), &slow_changing.branch).await?;
    let (tip, branch) = (slow_changing.tip.as_ref(), &slow_changing.branch);
    slow_changing.deploy_ref_tip =
        tip_of_deploy_ref(ctx, ctx.name(), branch, tip, &slow_changing.deploy_ref).await?;
    ctx.memory.slow_changing = Some(slow_changing);
    ctx.memory.note_tips();
    Ok(())
}

/// A name that suddenly leads to another id or owner is an error for a person, never followed
/// (design, section 6, 14).
fn same_repository(
    policy: &Policy,
    repository: &Repository,
    known: Option<RepoId>,
) -> Result<(), ObserveError> {
    let name = &policy.repository;
    if known.is_some_and(|known| known != repository.id) {
        return Err(ObserveError::Mistaken(format!(
            "{name} is another repository than before: it was number {}, it is number {}. It was \
             re-created, or its name was taken over. Nothing is read or written there until its \
             entry leaves the config, or its old one comes back",
            known.map_or(0, RepoId::get),
            repository.id
        )));
    }
    if !repository.name.owner().eq_ignore_ascii_case(name.owner()) {
        return Err(ObserveError::Mistaken(format!(
            "{name} was transferred to {}: put its new name into the config",
            repository.name
        )));
    }
    if repository.archived {
        return Err(ObserveError::Mistaken(format!(
            "{name} is archived and takes no writes: unarchive it, or set `enabled: false`"
        )));
    }
    Ok(())
}

/// The workflow of this name.
fn the_one(
    workflows: &[Workflow],
    wanted: &WorkflowName,
    key: &str,
) -> Result<Option<Workflow>, ObserveError> {
    match wanted.among(workflows) {
        Named::Nothing => Ok(None),
        Named::One(one) => Ok(Some(one.clone())),
        Named::Several(several) => {
            let paths: Vec<&str> = several.iter().map(|one| one.path.as_str()).collect();
            Err(ObserveError::Mistaken(format!(
                "{} workflows are called `{wanted}` ({}): give the file's name as {key}",
                several.len(),
                paths.join(", ")
            )))
        }
    }
}

/// What a dispatch depends on, as one digest.
#[must_use]
pub fn rejection_key(repo_facts: &RepoFacts, token: &str, config: &str) -> RejectionKey {
    let workflow = match &repo_facts.deploy {
        WorkflowFact::Found(workflow) => {
            format!(
                "{} {:?} {} {}",
                workflow.id, workflow.state, workflow.path, workflow.updated_at
            )
        }
        WorkflowFact::NotConfigured | WorkflowFact::Missing => String::new(),
    };
    let tip = repo_facts.deploy_ref_tip.as_ref().map_or("", Sha::as_str);
    // To a name that was given up GitHub answers that it has moved, and refuses the dispatch.
    let name = &repo_facts.repository.name;
    let text = format!("{name}\n{workflow}\n{}\n{tip}\n{token}\n{config}", repo_facts.deploy_ref);
    let digest = Sha256::digest(text.as_bytes());
    RejectionKey(digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect())
}
