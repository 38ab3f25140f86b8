//! Reads what a lost ledger left on GitHub: our statuses on the branch's commits, and our
//! issues. `plan` interprets them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::deploy_runs::may_deploy;
use super::memory::between_proofs;
use super::{ObserveError, ReadContext, RepoFacts};
use crate::domain::{Login, RecoveryScan, Run, RunId, Sha, WorkflowId};
use crate::github::{AllOrFirst, ReadError};

/// The most commits of the branch whose statuses are read (design, section 5, step 6).
const MOST_COMMITS: usize = 100;
/// How many commits below the newest certain deploy are read as well, because that deploy may
/// be somebody else's. Our last status says whether the repository is paused, and a run of ours
/// may still be in progress, even one of a workflow that is no longer configured.
const MOST_BELOW: usize = 10;

/// Reads all statuses under our context on the commits of the branch, from its tip to the
/// newest certain deploy, and on some commits below it.
///
/// # Errors
/// If GitHub cannot be read. Until this has succeeded, nothing is dispatched or written.
pub async fn left_behind(
    ctx: &ReadContext<'_>,
    certain: &BTreeSet<Sha>,
) -> Result<RecoveryScan, ObserveError> {
    let (name, context) = (ctx.name(), &ctx.policy.status_context);
    let mut left = RecoveryScan::default();
    let mut below = None;
    for (sha, _) in ctx.memory.branch_commits.commits.iter().take(MOST_COMMITS) {
        let statuses = ctx.reader.statuses(name, sha, context, AllOrFirst::All).await?;
        left.statuses.push((sha.clone(), statuses));
        below = below.map(|count: usize| count + 1).or(certain.contains(sha).then_some(0));
        if below.is_some_and(|count| count >= MOST_BELOW) {
            break;
        }
    }
    Ok(left)
}

/// Reads all our issues, which are left behind as well.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn issues_left_behind(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    us: &BTreeSet<Login>,
    left: &mut RecoveryScan,
) -> Result<(), ObserveError> {
    let name = ctx.name();
    if repo_facts.repository.has_issues {
        for login in us {
            match ctx.reader.issues_by(name, Some(login), AllOrFirst::All).await {
                Ok(issues) => left.issues.extend(issues),
                Err(ReadError::Gone410 { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// The ids of the repository's workflows, by file name.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn workflow_ids(
    ctx: &ReadContext<'_>,
) -> Result<BTreeMap<String, WorkflowId>, ObserveError> {
    let workflows = ctx.reader.workflows(ctx.name()).await?;
    Ok(workflows.iter().map(|workflow| (workflow.file().to_owned(), workflow.id)).collect())
}

/// Which of these runs no longer exist on GitHub.
///
/// # Errors
/// If GitHub cannot be read, or if a run was missing only once: an outage also answers 404, and
/// a deploy in progress must not be taken for a deleted one.
pub async fn gone_runs(
    ctx: &mut ReadContext<'_>,
    runs: &BTreeSet<RunId>,
) -> Result<BTreeSet<RunId>, ObserveError> {
    let mut gone = BTreeSet::new();
    let mut missing = Vec::new();
    let apart = between_proofs(ctx.policy.dispatch_confirm);
    for id in runs {
        if ctx.reader.run(ctx.name(), *id).await?.is_some() {
            ctx.memory.are_shown(&BTreeSet::from([*id]));
            continue;
        }
        let miss = ctx.missed();
        if ctx.memory.is_deleted(*id, miss) {
            gone.insert(*id);
        } else {
            missing.push(id.to_string());
        }
    }
    if missing.is_empty() {
        return Ok(gone);
    }
    Err(ObserveError::NotCertain(format!(
        "statuses of ours name runs of {} for which GitHub answers 404 ({}). They count as deleted \
         if it still does in {} seconds; until then nothing is started",
        ctx.name(),
        missing.join(", "),
        apart.as_secs(),
    )))
}

/// Runs that statuses link to and that the ledger does not know.
#[derive(Clone, Debug, Default)]
pub struct Linked {
    pub runs: Vec<Run>,
    /// The commit whose statuses link to them as its deploys.
    pub named_on: Option<Sha>,
    /// Runs that are no deploys in flight: GitHub no longer has them, or they belong to another
    /// workflow and have finished.
    pub over: BTreeSet<RunId>,
}

/// Reads runs by id. `links` holds when each one was linked to.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn linked(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    links: &BTreeMap<RunId, Timestamp>,
) -> Result<Linked, ObserveError> {
    let mut linked = Linked::default();
    let Some(scope) = repo_facts.scope(ctx.policy) else { return Ok(linked) };
    let confirm = SignedDuration::try_from(ctx.policy.dispatch_confirm);
    let confirm = confirm.unwrap_or(SignedDuration::MAX);
    for (id, named_at) in links {
        match ctx.reader.run(ctx.name(), *id).await? {
            Some(run) if run.workflow == scope.workflow && may_deploy(&scope, &run) => {
                linked.runs.push(run);
            }
            Some(run) if run.progress.finished() => {
                linked.over.insert(*id);
            }
            Some(_) => {}
            // A run that was linked to only just now may take a while to be readable.
            None if ctx.now.duration_since(*named_at) < confirm => {}
            None => {
                let miss = ctx.missed();
                if ctx.memory.is_deleted(*id, miss) {
                    linked.over.insert(*id);
                }
            }
        }
    }
    Ok(linked)
}
