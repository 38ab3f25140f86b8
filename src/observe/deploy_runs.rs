//! Reads the runs of the deploy workflows: which commit each deploys, and how it ended.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{Linked, ObserveError, ReadContext, RepoFacts, attempt_runs, details};
use crate::domain::{
    Conclusion, DeployScope, KnownRun, Login, ReleaseState, Run, RunId, RunKind, RunProgress,
    RunRef, RunSource, SeenRuns, WorkflowId,
};
use crate::github::RunFilter;

mod attribution;
mod history;
mod titles;

pub(super) use attribution::attribute_past;
pub(super) use history::failed_run;

/// A run can be re-run for 30 days and keeps its place in the list (design, section 6, 4), so a
/// sweep goes back this far.
const RERUN_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The most pages, of 100 runs each, that are read to find production, and in a sweep.
const MOST_PAGES: u32 = 100;
const MOST_SWEPT_PAGES: u32 = 10;
/// The most runs beyond those pages that are read by id: in a sweep, and before a dispatch for
/// those that succeeded and for those that did not.
const MOST_UNLISTED: usize = 10;
const MOST_UNLISTED_ANEW: usize = 30;
const MOST_FAILED_ANEW: usize = 10;
/// The most earlier attempts of one run that are read.
const MOST_EARLIER: u32 = 10;

/// Reads the deploy runs: page one, unfinished runs that are no longer on it, and, if due,
/// those of the last 30 days. `linked` are runs that may not be on any page yet.
///
/// # Errors
/// If GitHub cannot be read, or if no successful run is found and there are more runs than are
/// read.
pub async fn deploy_runs(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    us: &BTreeSet<Login>,
    linked: &Linked,
) -> Result<SeenRuns, ObserveError> {
    let mut seen = SeenRuns { scope: repo_facts.scope(ctx.policy), ..SeenRuns::default() };
    let scope = seen.scope.clone();
    if let Some(scope) = &scope {
        let sweep = ctx.uncached || ctx.memory.sweep_is_due();
        let others = scope.other_workflows.iter().copied();
        for workflow in std::iter::once(scope.workflow).chain(others) {
            read_pages(ctx, repo_facts, scope, release, workflow, sweep, &mut seen).await?;
            if !release.recovered {
                unfinished_by_status(ctx, scope, workflow, &mut seen).await?;
            }
        }
        seen.swept_at = sweep.then_some(ctx.now);
        if sweep {
            reread_unlisted(ctx, scope, release, &mut seen).await?;
        }
    }
    // Whatever is in flight is followed to its end, whatever is configured now.
    attempt_runs::elsewhere(ctx, repo_facts, release, &mut seen).await?;
    for run in &linked.runs {
        add(&mut seen, run.clone());
        if let Some(sha) = &linked.named_on {
            seen.named_by_status.insert(run.at.id, sha.clone());
        }
    }
    read_by_id(ctx, repo_facts, release, &mut seen).await?;
    read_earlier_attempts(ctx, release, &mut seen).await?;
    read_jobs(ctx, release, scope.as_ref(), &mut seen).await?;
    if let Some(scope) = &scope {
        history::read(ctx, release, scope, &mut seen).await?;
    }
    attribution::attribute(ctx, repo_facts, release, us, &mut seen).await?;
    attempt_runs::among_deploys(release, &mut seen);
    attempt_runs::read_names(ctx, release, &mut seen).await?;
    Ok(seen)
}

fn add(seen: &mut SeenRuns, run: Run) {
    if !seen.runs.iter().any(|other| other.at.id == run.at.id) {
        seen.runs.push(run);
    }
}

/// Reads the runs of one workflow. If no successful run is known, reads the list to its end,
/// because the run that made production may be on the last page.
async fn read_pages(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    scope: &DeployScope,
    release: &ReleaseState,
    workflow: WorkflowId,
    sweep: bool,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let mut found =
        ctx.memory.was_read_to_the_end(workflow, scope) || is_told(release, scope, workflow);
    for page in 1..=MOST_PAGES {
        let name = ctx.name();
        let read = ctx.reader.runs(name, workflow, &RunFilter::default(), page).await?;
        let oldest = read.runs.iter().map(|run| run.created_at).min();
        if workflow == scope.workflow {
            seen.newest = seen.newest.max(read.runs.iter().map(|run| run.at.id).max());
        }
        let complete = attempt_runs::among_page(repo_facts, release, seen, workflow, &read);
        for run in read.runs.into_iter().filter(|run| is_a_repositorys_own(scope, run)) {
            found |= run.progress.succeeded() && kind_of(scope, &run).moves_production();
            add(seen, run);
        }
        let within_window =
            oldest.is_none_or(|oldest| ctx.now.duration_since(oldest) < RERUN_WINDOW);
        let more_due = (sweep && within_window && page < MOST_SWEPT_PAGES) || !found || !complete;
        if !read.has_next && !found {
            seen.read_to_the_end.insert(workflow);
        }
        if !read.has_next || !more_due {
            break;
        }
        if page == MOST_PAGES && !found {
            return Err(ObserveError::Mistaken(format!(
                "{name}: none of its newest {} deploy runs succeeded, and there are more: say what \
                 runs in production with `release-governor set-production {name} SHA --reason TEXT`",
                MOST_PAGES * 100
            )));
        }
    }
    Ok(())
}

/// Whether a success of this workflow is known, or an operator has set production. Older runs
/// do not matter then.
fn is_told(release: &ReleaseState, scope: &DeployScope, workflow: WorkflowId) -> bool {
    release.production_set.is_some()
        || release.runs.values().any(|run| {
            let of_it = run.source.as_ref().is_none_or(|source| source.workflow == workflow);
            of_it && run.succeeded() && moves_production(release, scope, run)
        })
}

/// Classifies the run by the current scope: the ledger's classification may come from an
/// earlier policy.
fn moves_production(release: &ReleaseState, scope: &DeployScope, run: &KnownRun) -> bool {
    run.kind_in(scope, release.attempt_of(run.id)).moves_production()
}

fn kind_of(scope: &DeployScope, run: &Run) -> RunKind {
    scope.kind_by_source(&run.event, &RunSource::from(run))
}

/// Whether the run is neither a pull request's nor a fork's. Those are ignored under any
/// policy.
fn is_a_repositorys_own(scope: &DeployScope, run: &Run) -> bool {
    !run.event.is_of_a_pull_request()
        && run.head_repository.is_none_or(|repository| repository == scope.repository)
}

/// Without a ledger, looks for unfinished runs by status as well: one may have waited for a
/// reviewer so long that no page shows it. This index may miss a run; the unfiltered pages do
/// not.
async fn unfinished_by_status(
    ctx: &ReadContext<'_>,
    scope: &DeployScope,
    workflow: WorkflowId,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    for status in ["queued", "in_progress", "waiting", "pending", "requested"] {
        let filter = RunFilter { status: Some(status.to_owned()), ..RunFilter::default() };
        let read = ctx.reader.runs(ctx.name(), workflow, &filter, 1).await?;
        for run in read.runs.into_iter().filter(|run| is_a_repositorys_own(scope, run)) {
            add(seen, run);
        }
    }
    Ok(())
}

/// Whether a run counts as any kind of deploy, judging by its source.
pub(super) fn may_deploy(scope: &DeployScope, run: &Run) -> bool {
    match kind_of(scope, run) {
        RunKind::Deploy | RunKind::Stray | RunKind::Phantom | RunKind::OtherDeploy => true,
        RunKind::OtherWorkflow | RunKind::NotADeploy => false,
    }
}

/// Reads by id the runs that may be re-run but that no page shows. A re-run keeps its run's
/// place in the list, so it stays unseen if other runs fill the swept pages or another workflow
/// is configured now.
async fn reread_unlisted(
    ctx: &mut ReadContext<'_>,
    scope: &DeployScope,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let shown: BTreeSet<RunId> = seen.runs.iter().map(|run| run.at.id).collect();
    let unlisted = release.runs.values().map(|run| &**run).filter(|run| {
        let is_young = ctx.now.duration_since(run.created_at) < RERUN_WINDOW;
        is_young && !run.deleted && !run.in_flight() && !shown.contains(&run.id)
    });
    // Deploys of a former workflow matter as long as the current one has deployed nothing.
    let counts = |run: &&KnownRun| match run.kind_in(scope, release.attempt_of(run.id)) {
        RunKind::Deploy | RunKind::Stray | RunKind::OtherDeploy => true,
        RunKind::OtherWorkflow => !release.has_moved(),
        RunKind::Phantom | RunKind::NotADeploy => false,
    };
    let (succeeded, failed): (Vec<_>, Vec<_>) =
        unlisted.filter(counts).partition(|run| run.succeeded());
    let ids = |runs: &[&KnownRun]| runs.iter().map(|run| run.id).collect::<Vec<RunId>>();
    // Before a dispatch, read the newest, because those are the ones people go back to.
    // Otherwise read all of them in rotation.
    let asked: Vec<RunId> = if ctx.uncached {
        let succeeded = ids(&succeeded).into_iter().rev().take(MOST_UNLISTED_ANEW);
        succeeded.chain(ids(&failed).into_iter().rev().take(MOST_FAILED_ANEW)).collect()
    } else {
        let after = ctx.memory.reasked_after;
        let all: BTreeSet<RunId> = ids(&succeeded).into_iter().chain(ids(&failed)).collect();
        let (later, earlier): (Vec<_>, Vec<_>) = all.into_iter().partition(|id| Some(*id) > after);
        later.into_iter().chain(earlier).take(MOST_UNLISTED).collect()
    };
    for id in asked {
        // A deleted run has deployed all the same.
        if let Some(run) = ctx.reader.run(ctx.name(), id).await? {
            add(seen, run);
        }
        ctx.memory.reasked_after = Some(id);
    }
    Ok(())
}

/// Reads unfinished runs and runs of our attempts that the pages do not show.
async fn read_by_id(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let unfinished = release.runs_in_flight().map(|run| run.id);
    let ours = release.open_attempts().filter_map(|attempt| attempt.run);
    let missing: BTreeSet<RunId> =
        unfinished.chain(ours).filter(|id| !seen.runs.iter().any(|run| run.at.id == *id)).collect();
    ctx.memory.are_shown(&seen.runs.iter().map(|run| run.at.id).collect());
    for id in missing {
        match ctx.reader.run(ctx.name(), id).await? {
            Some(run) => {
                ctx.memory.are_shown(&BTreeSet::from([id]));
                seen.runs.push(run);
            }
            // A run that GitHub has only just named may take a while to be readable.
            None if is_young(ctx, release, id) => {}
            // An outage also answers 404: until the second one, the run counts as in flight.
            None => {
                let miss = ctx.missed();
                if ctx.memory.is_deleted(id, miss) {
                    seen.deleted.insert(id);
                }
            }
        }
    }
    // If a run was deleted before it was ever seen, only its attempt is known.
    let unseen = |id: &RunId| !release.runs.contains_key(id);
    let never_seen: Vec<RunId> = seen.deleted.iter().copied().filter(unseen).collect();
    for id in never_seen {
        seen.runs.extend(ghost(repo_facts, release, id));
    }
    Ok(())
}

/// Whether a run that was never seen belongs to an attempt so recent that the run may still
/// appear.
fn is_young(ctx: &ReadContext<'_>, release: &ReleaseState, id: RunId) -> bool {
    let Some(attempt) = release.attempt_of(id).filter(|_| !release.runs.contains_key(&id)) else {
        return false;
    };
    let age = ctx.now.duration_since(attempt.began_at());
    SignedDuration::try_from(ctx.policy.dispatch_confirm).is_ok_and(|confirm| age < confirm)
}

/// What is known about a run of ours that GitHub no longer has and that no list ever showed.
fn ghost(repo_facts: &RepoFacts, release: &ReleaseState, id: RunId) -> Option<Run> {
    let attempt = release.attempt_of(id)?;
    let at = attempt.began_at();
    Some(Run {
        at: RunRef { id, attempt: 1 },
        workflow: attempt.begun.workflow,
        event: crate::domain::RunEvent("workflow_dispatch".to_owned()),
        head_branch: Some(attempt.begun.deploy_ref.clone()),
        head_sha: attempt.begun.sha.clone(),
        head_repository: Some(repo_facts.repository.id),
        title: String::new(),
        progress: RunProgress::Unfinished(crate::domain::RunStatus::Other),
        created_at: at,
        started_at: at,
        updated_at: at,
        actors: Vec::new(),
        html_url: format!("{}/actions/runs/{id}", repo_facts.repository.html_url),
    })
}

/// Reads earlier attempts of re-run runs: a success still counts when a later attempt runs or
/// fails.
pub(super) async fn read_earlier_attempts(
    ctx: &mut ReadContext<'_>,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let mut missing = BTreeSet::new();
    // Includes runs that an attempt looks for in the list of another workflow.
    let searched = seen.searches.values().flat_map(|search| &search.runs);
    for run in seen.runs.iter().chain(searched).filter(|run| run.at.attempt > 1) {
        let known = release.runs.get(&run.at.id);
        let newest_first =
            (1..run.at.attempt).rev().take(usize::try_from(MOST_EARLIER).unwrap_or(10));
        for attempt in newest_first {
            let known_end = known
                .and_then(|known| known.attempts.get(&attempt))
                .is_some_and(|attempt| attempt.progress.finished());
            if !known_end {
                missing.insert(RunRef { id: run.at.id, attempt });
            }
        }
    }
    for at in missing {
        seen.earlier_attempts.extend(details::earlier_attempt(ctx, at).await?);
    }
    Ok(())
}

/// Reads the jobs of newly failed runs. They distinguish a cancelled run from a superseded one
/// and a phantom from a failure, and name the failed step.
async fn read_jobs(
    ctx: &mut ReadContext<'_>,
    release: &ReleaseState,
    scope: Option<&DeployScope>,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let mut wanted = Vec::new();
    for run in seen.runs.iter().chain(&seen.earlier_attempts) {
        let RunProgress::Finished(conclusion) = &run.progress else { continue };
        let known =
            release.runs.get(&run.at.id).and_then(|known| known.attempts.get(&run.at.attempt));
        let cancelled = *conclusion == Conclusion::Cancelled;
        let told = known.is_some_and(|known| {
            known.progress == run.progress
                && (!cancelled || known.superseded.is_some())
                && (!run.event.is_push() || known.has_jobs.is_some())
        });
        let ours = release.attempt_of(run.at.id).is_some();
        let after_we_came = release.governed_since.is_some_and(|since| run.updated_at >= since);
        let can_fail = || scope.is_some_and(|scope| kind_of(scope, run).can_fail());
        let fails = ours || (after_we_came && can_fail());
        if *conclusion != Conclusion::Success && !told && fails {
            wanted.push(run.at);
        }
    }
    let mut unread = None;
    for at in wanted {
        match details::jobs(ctx, at).await {
            Ok(Some(jobs)) => {
                seen.jobs.insert(at, jobs);
            }
            Ok(None) => {
                seen.jobs_untold.insert(at);
            }
            // Request all of them, so that the failures of each are counted in the same passes.
            Err(error) => {
                unread.get_or_insert(error);
            }
        }
    }
    unread.map_or(Ok(()), Err)
}

/// The run that production rests on, among the known runs and the ones just seen.
fn newest_success(release: &ReleaseState, seen: &SeenRuns) -> Option<RunId> {
    let scope = seen.scope.as_ref();
    let moves = |run: &&Run| scope.is_none_or(|scope| kind_of(scope, run).moves_production());
    let ours = |run: &Run| release.attempt_of(run.at.id).is_some();
    let seen_successes = seen
        .runs
        .iter()
        .chain(&seen.earlier_attempts)
        .filter(|run| run.progress.succeeded() && (moves(run) || ours(run)))
        .map(|run| (run.started_at, run.at.id));
    // Includes earlier attempts of runs that were just seen: a failed re-run does not undo a
    // success.
    let known = release.runs.values();
    let moving =
        known.filter(|run| scope.is_some_and(|scope| moves_production(release, scope, run)));
    let known_successes = moving.flat_map(|run| {
        run.attempts
            .values()
            .filter(|attempt| attempt.progress.succeeded())
            .map(|attempt| (attempt.started_at, run.id))
    });
    seen_successes.chain(known_successes).max().map(|(_, id)| id)
}
