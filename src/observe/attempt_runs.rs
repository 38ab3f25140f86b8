//! Reads the lists in which attempts look for their runs: the unfiltered list of the workflow
//! that each attempt recorded, whatever is configured now. `plan` decides which run belongs to
//! which attempt.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{ObserveError, ReadContext, RepoFacts};
use crate::domain::{
    Attempt, Attribution, ListRead, ReleaseState, Run, RunSearch, SERVICES_DISAGREE, SeenRuns, Sha,
    ShaPrefix, WorkflowId,
};
use crate::github::{ReadError, RunFilter, RunPage};

/// The most pages, of 100 runs each, of a workflow that is no longer configured. A dispatch is
/// on the first page, unless the workflow starts hundreds of runs while the answer is
/// uncertain.
const MOST_PAGES: u32 = 10;
/// The most commits named in run titles that are looked up per pass.
const MOST_LOOKED_UP: usize = 10;
/// How long the run of a closed attempt is looked for in the list of a workflow that is no
/// longer configured. The list is read every ten minutes.
const LATE_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Collects runs that attempts may own from a page of the configured workflow's unfiltered
/// list. Returns whether all runs newer than the waiting attempts have been seen.
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

/// Adds runs that no page showed but that were found by id: an attempt may own them, too.
pub(super) fn among_deploys(release: &ReleaseState, seen: &mut SeenRuns) {
    for run in &seen.runs {
        let search = seen.searches.entry(run.workflow).or_default();
        let known = search.runs.iter().any(|other| other.at.id == run.at.id);
        if !known && takers(release, run.workflow).any(|attempt| attempt.fits(run)) {
            search.runs.push(run.clone());
        }
    }
}

/// Reads the lists of workflows other than the configured one if an attempt waits for a run
/// there. If the attempts no longer wait, the lists are read at the rate of slow-changing
/// facts.
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

/// The attempts that may own a run of this workflow.
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

/// Whether the pages up to this one would show any run that an attempt waits for.
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

/// Looks up the commits that titles of possible runs name. A hex word of seven digits may also
/// be a date or a run number.
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
        // A branch or a tag may have a name that looks like a sha.
        let found = found.filter(|sha: &Sha| sha.starts_with(&name));
        if let Some(sha) = &found {
            ctx.memory.note_name(name.clone(), sha.clone());
        }
        names.insert(name, found);
    }
    seen.commits_named = names;
    Ok(())
}

/// The hex words in the titles of runs that an attempt may own, if nothing else says which
/// commit the run deploys.
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
