//! The deploy workflow's runs: who deploys what, and how it ended.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::memory::between_proofs;
use super::{Basics, Look, ObserveError, attempt_runs};
use crate::domain::{
    Attribution, Conclusion, Production, ReleaseState, Run, RunId, RunProgress, RunRef, SeenRuns,
    Sha, ShaPrefix, WorkflowFact, WorkflowId,
};
use crate::github::RunFilter;

/// A re-run is possible for thirty days, and keeps the run's place in the list (design, section
/// 6, 4): so far back the list is swept for one.
const RERUN_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Pages of 100 runs that are read at the most while production is looked for, and in a sweep: a
/// repository that deploys more than a thousand times a month shows a re-run soon enough.
const MOST_PAGES: u32 = 100;
const MOST_SWEPT_PAGES: u32 = 10;
/// Earlier attempts that are asked for, of one run.
const MOST_EARLIER: u32 = 10;
/// Commits that runs' titles may name and that are looked up in one pass.
const MOST_LOOKED_UP: usize = 10;

/// Reads the deploy runs: page one, whatever is unfinished and has left it, and, where due, those
/// of thirty days. `linked` are runs that no page may show yet.
///
/// # Errors
/// What GitHub said.
pub async fn deploy_runs(
    look: &mut Look<'_>,
    basics: &Basics,
    release: &ReleaseState,
    linked: &[Run],
) -> Result<SeenRuns, ObserveError> {
    let mut seen = match &basics.deploy {
        WorkflowFact::Found(workflow) => read_pages(look, basics, release, workflow.id).await?,
        // What is in flight is followed to its end all the same.
        WorkflowFact::NotConfigured | WorkflowFact::Missing => SeenRuns::default(),
    };
    attempt_runs::elsewhere(look, basics, release, &mut seen).await?;
    for run in linked {
        if !seen.runs.iter().any(|other| other.at.id == run.at.id) {
            seen.runs.push(run.clone());
        }
    }
    read_by_id(look, basics, release, &mut seen).await?;
    read_earlier_attempts(look, release, &mut seen).await?;
    read_jobs(look, release, &mut seen).await?;
    attribute(look, release, &mut seen).await?;
    attempt_runs::among_deploys(release, &mut seen);
    attempt_runs::read_names(look, release, &mut seen).await?;
    Ok(seen)
}

async fn read_pages(
    look: &mut Look<'_>,
    basics: &Basics,
    release: &ReleaseState,
    workflow: WorkflowId,
) -> Result<SeenRuns, ObserveError> {
    let mut seen = SeenRuns::default();
    let sweep = look.anew || look.memory.sweep_is_due();
    let mut found_production = release.production() != Production::None;
    for page in 1..=MOST_PAGES {
        let name = look.name();
        let read = look.reader.runs(name, workflow, &RunFilter::default(), page).await?;
        let oldest = read.runs.iter().map(|run| run.created_at).min();
        seen.newest = seen.newest.max(read.runs.iter().map(|run| run.at.id).max());
        let complete = attempt_runs::among_page(basics, release, &mut seen, workflow, &read);
        let counting = read.runs.into_iter().filter(|run| is_deploy(basics, run, workflow));
        for run in counting {
            found_production |= run.progress.succeeded();
            if !seen.runs.iter().any(|other| other.at.id == run.at.id) {
                seen.runs.push(run);
            }
        }
        let within_window =
            oldest.is_none_or(|oldest| look.now.duration_since(oldest) < RERUN_WINDOW);
        let more_due =
            (sweep && within_window && page < MOST_SWEPT_PAGES) || !found_production || !complete;
        if !read.has_next || !more_due {
            break;
        }
        if page == MOST_PAGES && !found_production {
            return Err(ObserveError::Mistaken(format!(
                "{name}: none of its newest {} deploy runs succeeded, and there are more: say what \
                 runs in production with `release-governor set-production {name} SHA --reason TEXT`",
                MOST_PAGES * 100
            )));
        }
    }
    if !release.recovered {
        unfinished_by_status(look, basics, workflow, &mut seen).await?;
    }
    if sweep {
        seen.swept_at = Some(look.now);
    }
    Ok(seen)
}

/// With no ledger, runs that wait for a reviewer longer than any page shows are looked for by
/// their status, too. The index may miss one; the unfiltered pages above do not.
async fn unfinished_by_status(
    look: &Look<'_>,
    basics: &Basics,
    workflow: WorkflowId,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    for status in ["queued", "in_progress", "waiting", "pending", "requested"] {
        let filter = RunFilter { status: Some(status.to_owned()), ..RunFilter::default() };
        let read = look.reader.runs(look.name(), workflow, &filter, 1).await?;
        for run in read.runs {
            let new = !seen.runs.iter().any(|other| other.at.id == run.at.id);
            if new && is_deploy(basics, &run, workflow) {
                seen.runs.push(run);
            }
        }
    }
    Ok(())
}

/// The design's words for a deploy run.
pub(super) fn is_deploy(basics: &Basics, run: &Run, workflow: WorkflowId) -> bool {
    let branch = run.head_branch.as_ref();
    run.workflow == workflow
        && run.head_repository == Some(basics.repository.id)
        && !run.event.is_of_a_pull_request()
        && (branch == Some(&basics.deploy_ref) || branch == Some(&basics.branch))
}

/// Unfinished runs, and runs of our attempts, that the pages do not show.
async fn read_by_id(
    look: &mut Look<'_>,
    basics: &Basics,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let unfinished = release.runs_in_flight().map(|run| run.id);
    let ours = release.open_attempts().filter_map(|attempt| attempt.run);
    let missing: BTreeSet<RunId> =
        unfinished.chain(ours).filter(|id| !seen.runs.iter().any(|run| run.at.id == *id)).collect();
    look.memory.are_shown(&seen.runs.iter().map(|run| run.at.id).collect());
    let apart = between_proofs(look.policy.dispatch_confirm);
    for id in missing {
        match look.reader.run(look.name(), id).await? {
            Some(run) => {
                look.memory.are_shown(&BTreeSet::from([id]));
                seen.runs.push(run);
            }
            // A run that GitHub named just now may take a while to be readable.
            None if is_young(look, release, id) => {}
            // An outage answers so, too: until the second 404 it is in flight.
            None if look.memory.is_deleted(id, look.now, apart) => {
                seen.deleted.insert(id);
            }
            None => {}
        }
    }
    // A run that was deleted before it was ever seen is known by its attempt alone.
    let unseen = |id: &RunId| !release.runs.contains_key(id);
    let never_seen: Vec<RunId> = seen.deleted.iter().copied().filter(unseen).collect();
    for id in never_seen {
        seen.runs.extend(ghost(basics, release, id));
    }
    Ok(())
}

/// Whether a run that was never seen belongs to an attempt so young that it may still show.
fn is_young(look: &Look<'_>, release: &ReleaseState, id: RunId) -> bool {
    let Some(attempt) = release.attempt_of(id).filter(|_| !release.runs.contains_key(&id)) else {
        return false;
    };
    let age = look.now.duration_since(attempt.began_at());
    SignedDuration::try_from(look.policy.dispatch_confirm).is_ok_and(|confirm| age < confirm)
}

/// What is known of a run of ours that GitHub no longer has and that no list ever showed.
fn ghost(basics: &Basics, release: &ReleaseState, id: RunId) -> Option<Run> {
    let attempt = release.attempt_of(id)?;
    let at = attempt.began_at();
    Some(Run {
        at: RunRef { id, attempt: 1 },
        workflow: attempt.begun.workflow,
        event: crate::domain::RunEvent("workflow_dispatch".to_owned()),
        head_branch: Some(attempt.begun.deploy_ref.clone()),
        head_sha: attempt.begun.sha.clone(),
        head_repository: Some(basics.repository.id),
        title: String::new(),
        progress: RunProgress::Unfinished(crate::domain::RunStatus::Other),
        created_at: at,
        started_at: at,
        updated_at: at,
        actors: Vec::new(),
        html_url: format!("{}/actions/runs/{id}", basics.repository.html_url),
    })
}

/// A later attempt that runs or failed does not unmake an earlier one that succeeded.
pub(super) async fn read_earlier_attempts(
    look: &Look<'_>,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let mut missing = Vec::new();
    for run in seen.runs.iter().filter(|run| run.at.attempt > 1) {
        let known = release.runs.get(&run.at.id);
        let newest_first =
            (1..run.at.attempt).rev().take(usize::try_from(MOST_EARLIER).unwrap_or(10));
        for attempt in newest_first {
            let known_end = known
                .and_then(|known| known.attempts.get(&attempt))
                .is_some_and(|attempt| attempt.progress.finished());
            if !known_end {
                missing.push(RunRef { id: run.at.id, attempt });
            }
        }
    }
    for at in missing {
        seen.earlier_attempts.extend(look.reader.run_attempt(look.name(), at).await?);
    }
    Ok(())
}

/// The jobs of what failed newly: they tell a cancelled run from a superseded one, and name the
/// failed step.
async fn read_jobs(
    look: &Look<'_>,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let mut wanted = Vec::new();
    for run in seen.runs.iter().chain(&seen.earlier_attempts) {
        let RunProgress::Finished(conclusion) = &run.progress else { continue };
        let known =
            release.runs.get(&run.at.id).and_then(|known| known.attempts.get(&run.at.attempt));
        let cancelled = *conclusion == Conclusion::Cancelled;
        let told = known.is_some_and(|known| {
            known.progress == run.progress && (!cancelled || known.superseded.is_some())
        });
        let ours = release.attempt_of(run.at.id).is_some();
        let after_we_came = release.governed_since.is_some_and(|since| run.updated_at >= since);
        if *conclusion != Conclusion::Success && !told && (ours || after_we_came) {
            wanted.push(run.at);
        }
    }
    for at in wanted {
        let jobs = look.reader.jobs(look.name(), at).await?;
        seen.jobs.insert(at, jobs);
    }
    Ok(())
}

/// Section 6, 1. The ledger's own attempts come first, in `plan`.
async fn attribute(
    look: &mut Look<'_>,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let newest_success = newest_success(release, seen);
    let mut lookups = MOST_LOOKED_UP;
    let mut attributions = BTreeMap::new();
    for run in &seen.runs {
        let known = release.runs.get(&run.at.id).map(|known| &known.attribution);
        if known.is_some_and(|known| *known != Attribution::Unresolved) {
            continue;
        }
        let matters = !run.progress.finished() || newest_success == Some(run.at.id);
        let attribution = attribution_of(look, run, matters, &mut lookups).await?;
        attributions.insert(run.at.id, attribution);
    }
    // What mattered not when it was seen first may be what production rests on now.
    if let Some(id) = newest_success
        && !attributions.contains_key(&id)
        && release.runs.get(&id).is_some_and(|run| run.attribution == Attribution::Unresolved)
        && let Some(run) = look.reader.run(look.name(), id).await?
    {
        let mut lookups = MOST_LOOKED_UP;
        attributions.insert(id, by_title(look, &run.title, true, &mut lookups).await?);
    }
    seen.attributions = attributions;
    Ok(())
}

/// What a run says of itself. A commit that only its title names is looked up where that matters.
pub(super) async fn attribution_of(
    look: &mut Look<'_>,
    run: &Run,
    matters: bool,
    lookups: &mut usize,
) -> Result<Attribution, ObserveError> {
    if run.event.is_push() {
        return Ok(Attribution::Sha(run.head_sha.clone()));
    }
    if run.event.title_is_trusted() {
        return by_title(look, &run.title, matters, lookups).await;
    }
    Ok(Attribution::Unknown)
}

/// The run that production rests on, of those known and those seen.
fn newest_success(release: &ReleaseState, seen: &SeenRuns) -> Option<RunId> {
    let seen_successes = seen
        .runs
        .iter()
        .chain(&seen.earlier_attempts)
        .filter(|run| run.progress.succeeded())
        .map(|run| (run.started_at, run.at.id));
    let known_successes = release.runs.values().flat_map(|run| {
        run.attempts
            .values()
            .filter(|attempt| attempt.progress.succeeded())
            .map(|attempt| (attempt.started_at, run.id))
    });
    seen_successes.chain(known_successes).max().map(|(_, id)| id)
}

/// The commit of the branch that a title names, if it names exactly one.
async fn by_title(
    look: &mut Look<'_>,
    title: &str,
    matters: bool,
    lookups: &mut usize,
) -> Result<Attribution, ObserveError> {
    let mut named: BTreeSet<Sha> = BTreeSet::new();
    let mut unresolved = false;
    for prefix in ShaPrefix::all_in(title) {
        let commits = look.memory.branch_commits.commits.iter();
        let mut shown = commits.filter(|(sha, _)| sha.starts_with(&prefix));
        if let Some((sha, _)) = shown.next() {
            // Two commits that begin alike: the title does not tell which.
            if shown.next().is_some() {
                return Ok(Attribution::Unknown);
            }
            named.insert(sha.clone());
        } else if !matters {
            unresolved = true;
        } else if let Some(left) = lookups.checked_sub(1) {
            *lookups = left;
            named.extend(on_branch(look, &prefix).await?);
        } else {
            unresolved = true;
        }
    }
    let mut named = named.into_iter();
    Ok(match (named.next(), named.next(), unresolved) {
        (Some(sha), None, false) => Attribution::Sha(sha),
        (None | Some(_), None, true) => Attribution::Unresolved,
        (None, None, false) | (_, Some(_), _) => Attribution::Unknown,
    })
}

/// The commit of this name, if the branch contains it.
async fn on_branch(look: &mut Look<'_>, prefix: &ShaPrefix) -> Result<Option<Sha>, ObserveError> {
    let name = &look.name().clone();
    let Some(sha) = look.reader.resolve_commit(name, prefix.as_str()).await? else {
        return Ok(None);
    };
    // A branch or a tag may bear a name that looks like a sha.
    if !sha.starts_with(prefix) {
        return Ok(None);
    }
    let tip = |look: &Look<'_>| look.memory.seldom.as_ref().and_then(|seldom| seldom.tip.clone());
    if let Some(tip) = tip(look)
        && super::range::is_ancestor(look, &sha, &tip).await?
    {
        return Ok(Some(sha));
    }
    // What is kept of the branch may be minutes old, and this answer is for good.
    super::read_tips(look).await?;
    let Some(tip) = tip(look) else { return Ok(None) };
    Ok(super::range::is_ancestor(look, &sha, &tip).await?.then_some(sha))
}
