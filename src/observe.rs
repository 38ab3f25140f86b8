//! Builds one observation of one repository. Decides nothing.
//!
//! Slow-changing facts (the repository, its workflows, its branch, old deploy runs) are read
//! every ten minutes and kept in [`Memory`]. A settled pass requests only page one of the
//! deploy runs, page one of the verification runs, and the candidate's statuses. Before a
//! dispatch, everything is read again, past every cache.

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

/// How often slow-changing facts are read again (design, S8).
pub const SELDOM: SignedDuration = SignedDuration::from_mins(10);
/// Every this many passes, the unfiltered list of verification runs is read: filtered lists
/// come from an index that can miss a run (design, section 6, 3).
pub const UNFILTERED_EVERY: u32 = 10;

/// Slow-changing facts about a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SlowChanging {
    read_at: Timestamp,
    /// When the facts were read for the first time.
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
    /// The configured names when these facts were read.
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

/// The read context of one repository: what one survey reads with.
pub struct ReadContext<'a> {
    /// Reads GitHub; bypasses all caches before a dispatch.
    pub reader: &'a Reader,
    /// Keeps facts that never change.
    pub store: &'a Store,
    pub policy: &'a Policy,
    /// What is kept between passes.
    pub memory: &'a mut Memory,
    /// Whether everything is read past every cache, before a dispatch.
    pub uncached: bool,
    /// When slow-changing facts are due.
    pub rhythm: RefreshSchedule,
    /// Whether slow-changing facts are due now.
    pub slow_changing: bool,
    /// When the reading began, by GitHub's clock.
    pub now: Timestamp,
    pub clock: &'a Clock,
}

impl ReadContext<'_> {
    /// The repository's name on GitHub. It differs from the configured one after a rename.
    fn name(&self) -> &RepoName {
        let slow_changing = self.memory.slow_changing.as_ref();
        slow_changing
            .map_or(&self.policy.repository, |slow_changing| &slow_changing.repository.name)
    }

    /// The known ancestry of commits. Before a dispatch, only what is certain.
    #[must_use]
    pub fn kept_ancestry(&self) -> Ancestry {
        let kept = &self.memory.ancestry;
        if self.uncached { kept.certain() } else { kept.clone() }
    }

    /// A 404 that GitHub just answered.
    fn missed(&self) -> Missed {
        let apart = between_proofs(self.policy.dispatch_confirm);
        Missed { asked: self.now, answered: self.clock.now(), apart }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoFacts {
    pub repository: Repository,
    pub branch: Branch,
    /// The branch's tip, as last read. `None` if the branch does not exist.
    pub tip: Option<Sha>,
    /// The ref that the deploy workflow is dispatched on.
    pub deploy_ref: Branch,
    /// The deploy ref's tip, as last read. `None` if the branch does not exist.
    pub deploy_ref_tip: Option<Sha>,
    pub verification: Workflow,
    pub deploy: WorkflowFact,
    /// Other workflows that change production.
    pub other_deploys: Vec<Workflow>,
}

impl RepoFacts {
    /// Which runs count as deploys. `None` without a deploy workflow.
    #[must_use]
    pub fn scope(&self, policy: &Policy) -> Option<DeployScope> {
        let WorkflowFact::Found(workflow) = &self.deploy else { return None };
        let (branch, deploy_ref) = (self.branch.clone(), self.deploy_ref.clone());
        let others = self.other_deploys.iter().map(|other| other.id).collect();
        Some(DeployScope::new(policy, self.repository.id, workflow.id, others, branch, deploy_ref))
    }
}

/// The slow-changing facts that a standing hold rests on. They are read in every pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestsOn {
    /// The branch, or the tip of the deploy ref.
    pub branch: bool,
    pub workflows: bool,
}

/// Reads the repository, its workflows and its branch if they are due.
///
/// # Errors
/// If GitHub cannot be read, or if the repository is not the one that the ledger knows, if the
/// verification workflow or one of `other_deploy_workflows` is missing, or if two workflows
/// have the configured name.
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
    // After a rename, GitHub answers only under the new name.
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

/// The workflows of `other_deploy_workflows`. A missing one is an error, because its effect on
/// production must not go unnoticed.
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

/// The deploy ref is the release branch or another branch. A tag of that name is ignored.
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

/// Reads only the tips.
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

/// Checks that the name still leads to the same repository. Another id or owner is an error
/// that a person must fix, and is never followed (design, section 6, 14).
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

/// The workflow of this name, if there is exactly one.
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

/// A digest of what a dispatch depends on. A rejected dispatch is retried when it changes.
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
    // Under a former name, GitHub answers with a redirect and rejects the dispatch.
    let name = &repo_facts.repository.name;
    let text = format!("{name}\n{workflow}\n{}\n{tip}\n{token}\n{config}", repo_facts.deploy_ref);
    let digest = Sha256::digest(text.as_bytes());
    RejectionKey(digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect())
}
