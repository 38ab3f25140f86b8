//! Where attempts look for their runs: the unfiltered list of the workflow that each recorded,
//! whatever the configuration says by now. Which run is whose is `plan`'s to say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{ObserveError, ReadContext, RepoFacts};
use crate::domain::{
    Attempt, Attribution, ListRead, ReleaseState, Run, RunSearch, SERVICES_DISAGREE, SeenRuns, Sha,
    ShaPrefix, WorkflowId,
};
use crate::github::{ReadError, RunFilter, RunPage};

/// Pages of 100 runs of a workflow that is no longer configured; a dispatch is on the first, but
/// for a workflow that starts hundreds of runs in the minutes that its answer takes to be certain.
const MOST_PAGES: u32 = 10;
/// Commits that runs' titles may name and that are looked up in one pass.
const MOST_LOOKED_UP: usize = 10;
/// How long a closed attempt's run is looked for in the list of a workflow that is no longer
/// configured, every ten minutes.
const LATE_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Takes what attempts may look for from a page of the configured workflow's unfiltered list.
/// Whether that list shows all by now that is newer than the attempts that wait.
pub(super) fn among_page(
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    seen: &mut SeenRuns,
    workflow: WorkflowId,
    page: &RunPage,
) -> bool {
    let attempts: Vec<&Attempt> = takers(release, workflow).collect();
    let search = seen.searches.entry(workflow).or_default();
    take(repo_facts, &attempts, search, page);
    search.list == ListRead::Complete
}

/// Runs that no page showed and that were found by their ids may be an attempt's, too.
pub(super) fn among_deploys(release: &ReleaseState, seen: &mut SeenRuns) {
    for run in &seen.runs {
        let search = seen.searches.entry(run.workflow).or_default();
        let known = search.runs.iter().any(|other| other.at.id == run.at.id);
        if !known && takers(release, run.workflow).any(|attempt| attempt.fits(run)) {
            search.runs.push(run.clone());
        }
    }
}

/// Reads the lists of other workflows than the configured one, where an attempt waits for a run of
/// theirs. Those of attempts that gave up waiting are read with what changes seldom.
pub(super) async fn elsewhere(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let (slow_changing, now) = (ctx.uncached || ctx.memory.sweep_is_due(), ctx.now);
    let is_due = |attempt: &Attempt| {
        attempt.looks_for_its_run()
            || (slow_changing && now.duration_since(attempt.began_at()) < LATE_FOR)
    };
    let mut workflows: BTreeSet<WorkflowId> = release
        .attempts
        .iter()
        .filter(|attempt| attempt.takes_a_run() && is_due(attempt))
        .map(|attempt| attempt.begun.workflow)
        .collect();
    workflows.retain(|workflow| !seen.searches.contains_key(workflow));
    for workflow in workflows {
        let search = list_of(ctx, repo_facts, release, workflow).await?;
        seen.searches.insert(workflow, search);
    }
    Ok(())
}

async fn list_of(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    workflow: WorkflowId,
) -> Result<RunSearch, ObserveError> {
    let attempts: Vec<&Attempt> = takers(release, workflow).collect();
    let mut search = RunSearch::default();
    for page in 1..=MOST_PAGES {
        let read = ctx.reader.runs(ctx.name(), workflow, &RunFilter::default(), page).await;
        let read = match read {
            Ok(read) => read,
            Err(ReadError::NotFound { .. }) => {
                let miss = ctx.missed();
                let gone = ctx.memory.is_list_gone(workflow, miss);
                search.list = if gone { ListRead::Gone } else { ListRead::Incomplete };
                return Ok(search);
            }
            Err(error) => return Err(error.into()),
        };
        ctx.memory.has_list(workflow);
        take(repo_facts, &attempts, &mut search, &read);
        if search.list == ListRead::Complete {
            break;
        }
    }
    Ok(search)
}

/// Attempts that take a run of this workflow.
fn takers(release: &ReleaseState, workflow: WorkflowId) -> impl Iterator<Item = &Attempt> {
    release
        .attempts
        .iter()
        .filter(move |attempt| attempt.takes_a_run() && attempt.begun.workflow == workflow)
}

fn take(repo_facts: &RepoFacts, attempts: &[&Attempt], search: &mut RunSearch, page: &RunPage) {
    let is_of_this_repository = |run: &&Run| run.head_repository == Some(repo_facts.repository.id);
    for run in page.runs.iter().filter(is_of_this_repository) {
        let known = search.runs.iter().any(|other| other.at.id == run.at.id);
        if !known && attempts.iter().any(|attempt| attempt.fits(run)) {
            search.runs.push(run.clone());
        }
    }
    search.list =
        if shows_absence(attempts, page) { ListRead::Complete } else { ListRead::Incomplete };
}

/// Whether a run that an attempt waits for would be on the pages up to this one.
fn shows_absence(attempts: &[&Attempt], page: &RunPage) -> bool {
    let oldest = page.runs.iter().map(|run| run.created_at).min();
    let smallest = page.runs.iter().map(|run| run.at.id).min();
    let mut waiting = attempts.iter().filter(|attempt| attempt.looks_for_its_run());
    !page.has_next
        || waiting.all(|attempt| {
            let newest_seen = attempt.begun.newest_run_seen;
            (newest_seen.is_some() && smallest <= newest_seen)
                || oldest.is_some_and(|oldest| oldest + SERVICES_DISAGREE < attempt.began_at())
        })
}

/// Asks GitHub which commits the titles name of runs that an attempt may take: seven digits may be
/// a date, or a run's number.
pub(super) async fn read_names(
    ctx: &mut ReadContext<'_>,
    release: &ReleaseState,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let mut names = BTreeMap::new();
    let mut lookups = MOST_LOOKED_UP;
    for name in names_in_question(release, seen) {
        let commits = ctx.memory.branch_commits.commits.iter();
        let on_branch = commits.map(|(sha, _)| sha).find(|sha| sha.starts_with(&name));
        if let Some(sha) = on_branch.or_else(|| ctx.memory.commit_named(&name)) {
            names.insert(name, Some(sha.clone()));
            continue;
        }
        let Some(left) = lookups.checked_sub(1) else { break };
        lookups = left;
        let found = ctx.reader.resolve_commit(ctx.name(), name.as_str()).await?;
        // A branch or a tag may bear a name that looks like a sha.
        let found = found.filter(|sha: &Sha| sha.starts_with(&name));
        if let Some(sha) = &found {
            ctx.memory.note_name(name.clone(), sha.clone());
        }
        names.insert(name, found);
    }
    seen.commits_named = names;
    Ok(())
}

/// The hex words in titles of runs that an attempt may take, where nothing else tells whose they
/// are.
fn names_in_question(release: &ReleaseState, seen: &SeenRuns) -> BTreeSet<ShaPrefix> {
    let mut names = BTreeSet::new();
    for attempt in release.attempts.iter().filter(|attempt| attempt.takes_a_run()) {
        let Some(search) = seen.searches.get(&attempt.begun.workflow) else { continue };
        for run in &search.runs {
            let known = release.runs.get(&run.at.id).map(|known| &known.attribution);
            let attributed = seen.attributions.get(&run.at.id).or(known).and_then(Attribution::sha);
            let named = ShaPrefix::all_in(&run.title);
            let names_it = named.iter().any(|name| attempt.begun.sha.starts_with(name));
            let owned = release.attempt_of(run.at.id).is_some();
            if attributed.is_none()
                && !owned
                && !names_it
                && attempt.fits(run)
                && attempt.is_in_time(run)
            {
                names.extend(named);
            }
        }
    }
    names
}
