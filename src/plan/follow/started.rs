//! Finds the run that an attempt started (design, section 5, step 5).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Attempt, Login, ReleaseState, Run, RunId, SeenRuns, ShaPrefix};

/// The result of looking for an attempt's run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunSearchResult {
    Run(RunId),
    /// A run fits the time, but was set aside only because of its title.
    SetAside,
    /// No run was found.
    Nothing,
}

/// The commit that a run's title or the ledger names, compared with the attempt's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// The attempt's commit.
    It,
    /// Another commit, or one that has not been looked up yet.
    Another,
    /// No commit.
    None,
}

/// Finds an attempt's run (section 5, step 5): a run whose title names the sha wins, one whose
/// title names another commit is excluded, and otherwise the oldest is chosen.
pub(super) fn find_run(
    attempt: &Attempt,
    seen: &SeenRuns,
    release: &ReleaseState,
    us: &BTreeSet<Login>,
    owned: &BTreeMap<RunId, Attempt>,
) -> RunSearchResult {
    let Some(search) = seen.searches.get(&attempt.begun.workflow) else {
        return RunSearchResult::Nothing;
    };
    let mut possible: Vec<(&Run, Names)> = search
        .runs
        .iter()
        .filter(|run| {
            attempt.fits(run) && is_ours(run, attempt, us) && !owned.contains_key(&run.at.id)
        })
        .map(|run| (run, names(run, attempt, seen, release)))
        .collect();
    possible.sort_by_key(|(run, _)| run.at.id);
    if let Some((run, _)) = possible.iter().find(|(_, names)| *names == Names::It) {
        return RunSearchResult::Run(run.at.id);
    }
    let earlier = newest_run_of_earlier(attempt, seen, release, owned);
    let is_newer = |run: &Run| Some(run.at.id) > earlier;
    let in_time = possible.iter().filter(|(run, _)| attempt.is_in_time(run) && is_newer(run));
    let (unnamed, set_aside): (Vec<_>, Vec<_>) =
        in_time.partition(|(_, names)| *names == Names::None);
    match unnamed.first() {
        Some((run, _)) => RunSearchResult::Run(run.at.id),
        None if set_aside.is_empty() => RunSearchResult::Nothing,
        None => RunSearchResult::SetAside,
    }
}

/// The newest run of earlier attempts that existed when this attempt began. Attempts follow one
/// another, so this attempt's run is newer. This replaces the remembered run id if a lost
/// ledger has none.
fn newest_run_of_earlier(
    attempt: &Attempt,
    seen: &SeenRuns,
    release: &ReleaseState,
    owned: &BTreeMap<RunId, Attempt>,
) -> Option<RunId> {
    let created_at = |id: RunId| {
        let known = release.runs.get(&id).map(|known| known.created_at);
        known.or_else(|| seen.run(id).map(|run| run.created_at))
    };
    let was_there = |id: RunId| created_at(id).is_some_and(|at| at <= attempt.began_at());
    let earlier = owned.iter().filter(|(id, other)| {
        other.begun.id != attempt.begun.id
            && other.began_at() <= attempt.began_at()
            && was_there(**id)
    });
    earlier.map(|(id, _)| *id).max()
}

/// Whether we started the run. If GitHub names no actor, only the full sha in the title proves
/// it.
fn is_ours(run: &Run, attempt: &Attempt, us: &BTreeSet<Login>) -> bool {
    let names_the_whole_sha = || {
        let named = ShaPrefix::all_in(&run.title);
        named.iter().any(|prefix| prefix.whole().is_some_and(|sha| sha == attempt.begun.sha))
    };
    run.actors.iter().any(|actor| us.contains(actor))
        || (run.actors.is_empty() && names_the_whole_sha())
}

/// Which commit the run names. Hex words that GitHub resolves to no commit, such as dates or
/// numbers, name none.
fn names(run: &Run, attempt: &Attempt, seen: &SeenRuns, release: &ReleaseState) -> Names {
    let sha = &attempt.begun.sha;
    let named = ShaPrefix::all_in(&run.title);
    if named.iter().any(|prefix| sha.starts_with(prefix)) {
        return Names::It;
    }
    let known = release.runs.get(&run.at.id).map(|known| &known.attribution);
    let attributed = [seen.attributions.get(&run.at.id), known];
    let is_anothers = attributed
        .into_iter()
        .flatten()
        .any(|attribution| attribution.sha().is_some_and(|other| other != sha));
    let is_no_name = |prefix: &ShaPrefix| seen.commits_named.get(prefix) == Some(&None);
    if is_anothers || !named.iter().all(is_no_name) { Names::Another } else { Names::None }
}
