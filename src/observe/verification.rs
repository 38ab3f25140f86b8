//! Reads the verification runs, and keeps those that count (S1).

use std::collections::BTreeSet;

use super::branch::{locate, queue_works};
use super::{ObserveError, ReadContext, RepoFacts, UNFILTERED_EVERY, details};
use crate::decide::candidates::{
    SeenVerifications, latest_run, no_candidate, not_counted, verification_of,
};
use crate::domain::{
    Candidates, CountedRun, NoCandidate, NotCounted, Run, RunEvent, RunId, RunRef, Sha,
    UncountedRun, Verification,
};
use crate::github::RunFilter;

/// The most runs of one commit that are read by id before a dispatch, newest first. A scheduled
/// verification of a commit that is held for days makes many.
const MOST_RUNS_OF_A_SHA: usize = 50;
/// The most counted runs that are kept. One page has 100.
const KEPT_RUNS: usize = 400;
/// How many unfinished runs are kept even if there are more than [`KEPT_RUNS`] runs.
const MOST_UNFINISHED: usize = 400;
/// The most runs that are kept although they do not count, to explain why nothing ships.
const KEPT_UNCOUNTED: usize = 20;
/// The most pages of verification runs that are read while none of them names a candidate, or
/// while none of their runs was seen before.
const MOST_PAGES: u32 = 5;
/// GitHub's statuses of a run that is not finished.
const UNFINISHED: [&str; 5] = ["queued", "in_progress", "waiting", "pending", "requested"];
/// The most commits without a known run whose runs are looked up by sha, at the rate of
/// slow-changing facts.
const MOST_UNSEEN: usize = 3;
/// The most unfinished runs that no page shows and that are read by id in one pass.
const MOST_REREAD: usize = 5;

/// What the verification runs show.
#[derive(Clone, Debug, Default)]
pub struct Verifications {
    /// The commits that may be released.
    pub candidates: Candidates,
    /// Whether a merge queue's run was seen.
    pub merge_queue: bool,
    /// Why there is no commit to judge, or why a newer verified commit was not found.
    pub no_candidate: Option<NoCandidate>,
}

/// Reads the verification runs and finds the candidate and the head.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn verifications(
    ctx: &mut ReadContext<'_>,
    repo_facts: &mut RepoFacts,
    merge_queue_seen: bool,
) -> Result<Verifications, ObserveError> {
    let first_pass = ctx.memory.passes == 0;
    let before = ctx.memory.candidates().candidate;
    let read = read_runs(ctx, repo_facts, merge_queue_seen).await?;
    locate(ctx, repo_facts).await?;
    if first_pass || may_be_lost(ctx, before.as_ref()) {
        read_further(ctx, repo_facts, read.has_older).await?;
    }
    if ctx.slow_changing {
        read_unseen(ctx, repo_facts).await?;
    }
    let found = ctx.memory.candidates();
    reread_latest(ctx, &found, &read.shown).await?;
    let candidates = ctx.memory.candidates();
    let seen = SeenVerifications {
        branch: &repo_facts.branch,
        tip: repo_facts.tip.as_ref(),
        commits: &ctx.memory.branch_commits,
        counted: &ctx.memory.counted,
        uncounted: &ctx.memory.uncounted,
        search_ended: ctx.memory.search_ended_under == repo_facts.tip,
        queue_works: queue_works(ctx),
    };
    let no_candidate = no_candidate(&seen, &candidates);
    Ok(Verifications { candidates, merge_queue: read.merge_queue, no_candidate })
}

/// The verification runs that a pass read.
struct RunsRead {
    /// Whether a merge queue's run was ever seen.
    merge_queue: bool,
    /// The runs that were read in this pass.
    shown: BTreeSet<RunId>,
    /// Whether the branch has runs on further pages.
    has_older: bool,
}

async fn read_runs(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    merge_queue_seen: bool,
) -> Result<RunsRead, ObserveError> {
    let name = ctx.name();
    let workflow = repo_facts.verification.id;
    let passes = ctx.memory.passes;
    let (mut runs, has_older) = read_branch_runs(ctx, repo_facts).await?;
    let newest_listed = runs.iter().map(|run| run.at.id).max();
    if has_older && passes == 0 {
        runs.extend(read_unfinished_runs(ctx, repo_facts).await?);
    }
    // Read this early, together with the slow-changing facts, so that no extra pass needs more
    // requests.
    let unfiltered = ctx.uncached
        || passes.is_multiple_of(UNFILTERED_EVERY)
        || (ctx.slow_changing && passes > UNFILTERED_EVERY / 2);
    if unfiltered {
        runs.extend(ctx.reader.runs(name, workflow, &RunFilter::default(), 1).await?.runs);
    }
    if merge_queue_seen {
        let queue =
            RunFilter { event: Some(RunEvent("merge_group".to_owned())), ..RunFilter::default() };
        runs.extend(ctx.reader.runs(name, workflow, &queue, 1).await?.runs);
    }
    let mut shown: BTreeSet<RunId> = runs.iter().map(|run| run.at.id).collect();
    take(ctx, runs).await?;
    for id in unfinished_elsewhere(ctx, &shown) {
        reread(ctx, id).await?;
        shown.insert(id);
    }
    let seen = ctx.memory.counted.values().any(|run| run.is_queued());
    ctx.memory.newest_listed = newest_listed.or(ctx.memory.newest_listed);
    ctx.memory.passes = if unfiltered { 1 } else { passes.saturating_add(1) };
    Ok(RunsRead { merge_queue: seen || merge_queue_seen, shown, has_older })
}

/// Page one of the branch's runs, and further pages if more runs began since the last pass than
/// fit on one. Also returns whether there are older runs.
async fn read_branch_runs(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
) -> Result<(Vec<Run>, bool), ObserveError> {
    let (name, workflow) = (ctx.name(), repo_facts.verification.id);
    let by_branch = RunFilter { branch: Some(repo_facts.branch.clone()), ..RunFilter::default() };
    let (mut runs, mut has_older) = (Vec::new(), false);
    for page in 1..=MOST_PAGES {
        let read = ctx.reader.runs(name, workflow, &by_branch, page).await?;
        has_older = read.has_next;
        let oldest = read.runs.iter().map(|run| run.at.id).min();
        runs.extend(read.runs);
        let left_some_out = match ctx.memory.newest_listed {
            Some(known) => oldest.is_some_and(|oldest| oldest > known),
            // An earlier pass saw no runs, so all of them are new.
            None => ctx.memory.passes > 0,
        };
        if !left_some_out || !has_older {
            break;
        }
    }
    Ok((runs, has_older))
}

/// Looks for unfinished runs by status if nothing is known yet: newer runs may have pushed them
/// off page one.
async fn read_unfinished_runs(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
) -> Result<Vec<Run>, ObserveError> {
    let mut runs = Vec::new();
    for status in UNFINISHED {
        let filter = RunFilter { status: Some(status.to_owned()), ..RunFilter::default() };
        let read = ctx.reader.runs(ctx.name(), repo_facts.verification.id, &filter, 1).await?;
        runs.extend(read.runs);
    }
    Ok(runs)
}

/// Unfinished runs that no page shows: newer ones pushed them off page one, the index lags, or
/// they were deleted. They are read in rotation.
fn unfinished_elsewhere(ctx: &mut ReadContext<'_>, shown: &BTreeSet<RunId>) -> Vec<RunId> {
    let unfinished = ctx.memory.counted.iter().filter(|(_, run)| !run.is_finished());
    let mut ids: Vec<RunId> =
        unfinished.map(|(id, _)| *id).filter(|id| !shown.contains(id)).collect();
    if ids.len() > MOST_REREAD {
        let after = ctx.memory.reread_after;
        let next = ids.partition_point(|id| after.is_some_and(|after| *id <= after));
        ids.rotate_left(next);
        ids.truncate(MOST_REREAD);
        ctx.memory.reread_after = ids.last().copied();
    }
    ids
}

/// Reads further pages of the branch's runs while an older run may name a newer candidate.
async fn read_further(
    ctx: &mut ReadContext<'_>,
    repo_facts: &mut RepoFacts,
    mut has_older: bool,
) -> Result<(), ObserveError> {
    let by_branch = RunFilter { branch: Some(repo_facts.branch.clone()), ..RunFilter::default() };
    for page in 2..=MOST_PAGES {
        if !has_older || !may_have_a_newer_candidate(ctx) {
            break;
        }
        let name = ctx.name();
        let read = ctx.reader.runs(name, repo_facts.verification.id, &by_branch, page).await?;
        has_older = read.has_next;
        take(ctx, read.runs).await?;
        locate(ctx, repo_facts).await?;
    }
    Ok(())
}

/// Looks up the runs of the newest commits for which no list shows a run. The index behind
/// lists can miss a run, and newer runs may push it off the first page in the meantime.
async fn read_unseen(
    ctx: &mut ReadContext<'_>,
    repo_facts: &mut RepoFacts,
) -> Result<(), ObserveError> {
    if ctx.memory.candidates().candidate.is_none() {
        return Ok(());
    }
    let unseen: Vec<Sha> = above_without_a_run(ctx).take(MOST_UNSEEN).cloned().collect();
    for sha in &unseen {
        read_runs_of(ctx, repo_facts, sha).await?;
    }
    if unseen.is_empty() { Ok(()) } else { locate(ctx, repo_facts).await }
}

/// Whether a run on a further page may name the candidate: the previous one is no longer
/// verified, or there was none. The latter is checked at the rate of slow-changing facts.
fn may_be_lost(ctx: &ReadContext<'_>, before: Option<&Sha>) -> bool {
    let candidate = ctx.memory.candidates().candidate;
    match (before, &candidate) {
        (before, None) => before.is_some() || ctx.uncached || ctx.slow_changing,
        (None, Some(_)) => false,
        (Some(before), Some(now)) => {
            now != before
                && !matches!(verification_of(&ctx.memory.counted, before), Verification::Passed(_))
        }
    }
}

/// Whether an older run may name a newer candidate. Hourly or manual runs of one commit can
/// fill a page above the runs of newer commits.
fn may_have_a_newer_candidate(ctx: &ReadContext<'_>) -> bool {
    ctx.memory.candidates().candidate.is_none() || above_without_a_run(ctx).next().is_some()
}

/// The commits of the branch above the candidate without a known run, newest first.
fn above_without_a_run<'a>(ctx: &'a ReadContext<'_>) -> impl Iterator<Item = &'a Sha> {
    let candidate = ctx.memory.candidates().candidate;
    let of_runs: BTreeSet<&Sha> = ctx.memory.counted.values().map(|run| &run.sha).collect();
    let newest_first = ctx.memory.branch_commits.commits.iter().map(|(sha, _)| sha);
    newest_first
        .take_while(move |sha| Some(*sha) != candidate.as_ref())
        .filter(move |sha| !of_runs.contains(sha))
}

/// Whether a run counts (S1), except that its commit must also be on the branch.
pub(super) fn counts(ctx: &ReadContext<'_>, run: &Run) -> bool {
    ctx.memory.scope().is_some_and(|scope| not_counted(scope, &run.into()).is_none())
}

/// Keeps the runs. If a re-run hides how the previous attempt ended, that one is read as well.
async fn take(ctx: &mut ReadContext<'_>, runs: Vec<Run>) -> Result<(), ObserveError> {
    for run in runs {
        if !counts(ctx, &run) {
            note_uncounted(ctx, &run);
            continue;
        }
        let known = ctx.memory.counted.get(&run.at.id);
        let before = RunRef { id: run.at.id, attempt: run.at.attempt.saturating_sub(1) };
        let hidden = !run.progress.finished()
            && before.attempt > 0
            && !known.is_some_and(|known| known.has_attempt(before.attempt));
        if hidden && let Some(earlier) = details::earlier_attempt(ctx, before).await? {
            keep(ctx, &earlier);
        }
        keep(ctx, &run);
    }
    forget_old(ctx);
    Ok(())
}

/// Notes a success that does not count, to explain why nothing ships.
fn note_uncounted(ctx: &mut ReadContext<'_>, run: &Run) {
    let Some(scope) = ctx.memory.scope() else { return };
    let why = not_counted(scope, &run.into()).filter(|_| run.progress.succeeded());
    let Some(why @ (NotCounted::Event(_) | NotCounted::Branch(_))) = why else { return };
    let uncounted = &mut ctx.memory.uncounted;
    if uncounted.get(&run.head_sha).is_none_or(|known| known.id < run.at.id) {
        uncounted.insert(run.head_sha.clone(), UncountedRun { id: run.at.id, why });
    }
    while uncounted.len() > KEPT_UNCOUNTED
        && let Some(oldest) = uncounted.iter().min_by_key(|(_, run)| run.id)
    {
        let oldest = oldest.0.clone();
        uncounted.remove(&oldest);
    }
}

/// Drops old runs, except those of the candidate, which it needs to stay the candidate, and
/// those that are unfinished.
fn forget_old(ctx: &mut ReadContext<'_>) {
    if ctx.memory.counted.len() <= KEPT_RUNS {
        return;
    }
    let candidate = ctx.memory.candidates().candidate;
    let of_others = |run: &CountedRun| candidate.as_ref() != Some(&run.sha);
    let counted = &mut ctx.memory.counted;
    let (finished, unfinished): (Vec<_>, Vec<_>) = counted
        .iter()
        .filter(|(_, run)| of_others(run))
        .map(|(id, run)| (*id, run.is_finished()))
        .partition(|(_, is_finished)| *is_finished);
    let surplus = counted.len().saturating_sub(KEPT_RUNS);
    let too_many = unfinished.len().saturating_sub(MOST_UNFINISHED);
    let old = finished.iter().take(surplus).chain(unfinished.iter().take(too_many));
    for (id, _) in old {
        counted.remove(id);
    }
}

fn keep(ctx: &mut ReadContext<'_>, run: &Run) {
    CountedRun::keep_in(&mut ctx.memory.counted, run, run.progress.clone());
}

/// Reads the latest run of the candidate by id if no page showed it.
async fn reread_latest(
    ctx: &mut ReadContext<'_>,
    candidates: &Candidates,
    shown: &BTreeSet<RunId>,
) -> Result<(), ObserveError> {
    let Some(candidate) = &candidates.candidate else { return Ok(()) };
    let Some(latest) = latest_run(&ctx.memory.counted, candidate) else { return Ok(()) };
    // Before a dispatch, all runs of the commit are read when it is judged.
    if !ctx.uncached && !shown.contains(&latest.id) {
        reread(ctx, latest.id).await?;
    }
    Ok(())
}

/// Reads all known runs of a commit again. Any of them may have been re-run, and a re-run keeps
/// its place in the lists, so only then is it certain which one is the latest.
async fn reread_all_of(ctx: &mut ReadContext<'_>, sha: &Sha) -> Result<(), ObserveError> {
    let runs = ctx.memory.counted.iter().filter(|(_, run)| run.sha == *sha);
    let ids: Vec<RunId> = runs.map(|(id, _)| *id).collect();
    for id in ids.into_iter().rev().take(MOST_RUNS_OF_A_SHA) {
        reread(ctx, id).await?;
    }
    Ok(())
}

async fn reread(ctx: &mut ReadContext<'_>, id: RunId) -> Result<(), ObserveError> {
    match ctx.reader.run(ctx.name(), id).await? {
        Some(run) => {
            ctx.memory.are_shown(&BTreeSet::from([id]));
            take(ctx, vec![run]).await
        }
        None => {
            // A deleted success no longer verifies its commit. A deleted run that failed or was
            // running holds its commit until the deletion is certain, because an outage also
            // answers 404.
            let known = ctx.memory.counted.get(&id);
            let succeeded = known.is_some_and(|run| run.passed_at().is_some());
            let miss = ctx.missed();
            if succeeded || ctx.memory.is_deleted(id, miss) {
                ctx.memory.counted.remove(&id);
            }
            Ok(())
        }
    }
}

/// Reads the verification runs of one sha, because an operator named it or its run left page
/// one. If the filtered list misses a run, the sha only waits longer.
pub(super) async fn read_runs_of(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    sha: &Sha,
) -> Result<(), ObserveError> {
    if latest_run(&ctx.memory.counted, sha).is_some() {
        return if ctx.uncached { reread_all_of(ctx, sha).await } else { Ok(()) };
    }
    let of_sha = RunFilter { head_sha: Some(sha.clone()), ..RunFilter::default() };
    let name = ctx.name();
    let runs = ctx.reader.runs(name, repo_facts.verification.id, &of_sha, 1).await?.runs;
    take(ctx, runs).await
}
