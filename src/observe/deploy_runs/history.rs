//! Reads whether the ref that a run claims contains the run's commit, and whether a failed run
//! had any job. This distinguishes a deploy from a stray run and from a phantom.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{kind_of, newest_success};
use crate::domain::{
    Branch, DeployScope, KnownRun, RefHistory, Relation, ReleaseState, RunId, RunKind, RunRef,
    RunSource, SeenRuns, Sha,
};
use crate::github::Compared;
use crate::observe::{ObserveError, ReadContext, RepoFacts, details, read_tips};

/// GitHub's services can be seconds apart: for this long after a run was created, the branch
/// may not show its commit yet.
const TIPS_MAY_LAG: SignedDuration = SignedDuration::from_mins(1);

/// Reads the ref history of runs that a decision may rest on: unfinished runs, new failures,
/// and the newest success. Each is read once.
pub(super) async fn read(
    ctx: &mut ReadContext<'_>,
    release: &ReleaseState,
    scope: &DeployScope,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let newest = newest_success(release, seen);
    let mut wanted: BTreeMap<RunId, (RunSource, Timestamp)> = BTreeMap::new();
    for run in &seen.runs {
        let id = run.at.id;
        let known = release.runs.get(&id);
        let is_asked = known.is_some_and(|known| known.history != RefHistory::NotAsked);
        // Includes failures of an attempt before the newest one.
        let mut asked = seen.jobs.keys().chain(&seen.jobs_untold);
        let is_new_failure = asked.any(|at| at.id == id);
        let matters = !run.progress.finished() || is_new_failure || newest == Some(id);
        let source = RunSource::from(run);
        let is_deploy = kind_of(scope, run) == RunKind::Deploy && scope.claims_a_ref(&source);
        if is_deploy && matters && !is_asked && release.attempt_of(id).is_none() {
            wanted.insert(id, (source, run.created_at));
        }
    }
    // A run that did not matter when it was first seen may be what production rests on now.
    if let Some(known) = newest.and_then(|id| release.runs.get(&id))
        && known.lacks_its_history()
        && release.attempt_of(known.id).is_none()
        && let Some(source) = known.source.clone().filter(|source| scope.claims_a_ref(source))
    {
        wanted.entry(known.id).or_insert((source, known.created_at));
    }
    for (id, (source, created_at)) in wanted {
        let is_young = ctx.now.duration_since(created_at) < TIPS_MAY_LAG;
        if let Some(found) = history_of(ctx, &source, is_young).await? {
            seen.histories.insert(id, found);
        }
    }
    Ok(())
}

/// Whether the branch that a run names contains the run's commit, or ever had it as its tip.
/// `None` if unknown: the branch is gone, or the commit of a young run may become its tip in a
/// moment.
async fn history_of(
    ctx: &mut ReadContext<'_>,
    source: &RunSource,
    is_young: bool,
) -> Result<Option<RefHistory>, ObserveError> {
    let Some(branch) = &source.head_branch else { return Ok(None) };
    let sha = &source.head_sha;
    if ctx.memory.was_tip(branch, sha) {
        return Ok(Some(RefHistory::Contains));
    }
    if let Some(tip) = tip_of(ctx, branch)
        && is_in_history(relation(ctx, sha, &tip).await?)
    {
        return Ok(Some(RefHistory::Contains));
    }
    // The known tip may be minutes old, and this answer is permanent.
    read_tips(ctx).await?;
    let Some(tip) = tip_of(ctx, branch) else { return Ok(None) };
    Ok(match relation(ctx, sha, &tip).await? {
        found if is_in_history(found) => Some(RefHistory::Contains),
        Some(Relation::Ahead) if is_young => None,
        Some(_) | None => Some(RefHistory::Lacks),
    })
}

fn tip_of(ctx: &ReadContext<'_>, branch: &Branch) -> Option<Sha> {
    let slow_changing = ctx.memory.slow_changing.as_ref()?;
    let tip = if *branch == slow_changing.branch {
        &slow_changing.tip
    } else {
        &slow_changing.deploy_ref_tip
    };
    tip.clone()
}

/// The relation of a commit to the tip. `None` if they have nothing in common.
async fn relation(
    ctx: &ReadContext<'_>,
    sha: &Sha,
    tip: &Sha,
) -> Result<Option<Relation>, ObserveError> {
    if ctx.memory.branch_commits.shows_containment(tip, sha) {
        return Ok(Some(Relation::Behind));
    }
    Ok(match ctx.reader.compare(ctx.name(), tip, sha).await? {
        Compared::Known(comparison) => Some(comparison.relation),
        Compared::Gone(_) => None,
    })
}

fn is_in_history(relation: Option<Relation>) -> bool {
    relation.is_some_and(Relation::is_contained)
}

/// Determines whether a failed run is a deploy at all, once a decision rests on it.
///
/// # Errors
/// If GitHub cannot be read.
pub(in crate::observe) async fn failed_run(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    id: RunId,
) -> Result<Option<KnownRun>, ObserveError> {
    let Some(scope) = repo_facts.scope(ctx.policy) else { return Ok(None) };
    let Some(known) = release.runs.get(&id) else { return Ok(None) };
    let mut run = KnownRun::clone(known);
    if run.lacks_its_history()
        && let Some(source) = run.source.clone()
    {
        // If unknown, it counts as a failure.
        let found = history_of(ctx, &source, false).await?;
        run.history = found.unwrap_or(RefHistory::Contains);
    }
    if run.event.is_push() {
        for (attempt, known) in &mut run.attempts {
            if known.has_jobs.is_none() && known.progress.finished() {
                let at = RunRef { id, attempt: *attempt };
                // If unknown, it counts as a failure.
                let jobs = details::jobs(ctx, at).await?;
                known.has_jobs = Some(jobs.is_none_or(|jobs| !jobs.is_empty()));
            }
        }
    }
    run.classify(&scope, release.attempt_of(id));
    Ok(Some(run))
}
