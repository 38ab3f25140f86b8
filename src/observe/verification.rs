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

/// Runs of one commit that are asked for by their ids before a dispatch, newest first. A scheduled
/// verification of a commit that is held for days makes many.
const MOST_RUNS_OF_A_SHA: usize = 50;
/// Counted runs that are kept; page one holds 100.
const KEPT_RUNS: usize = 400;
/// Unfinished ones among them that are kept in any case.
const MOST_UNFINISHED: usize = 400;
/// Runs that do not count and are kept, to say why.
const KEPT_UNCOUNTED: usize = 20;
/// Pages of verification runs that are read while none of them names a candidate, or while they
/// show none that is known.
const MOST_PAGES: u32 = 5;
/// GitHub's words for where a run stands that is not finished.
const UNFINISHED: [&str; 5] = ["queued", "in_progress", "waiting", "pending", "requested"];
/// Commits without a known run whose runs are asked for by their sha, with what changes seldom.
const MOST_UNSEEN: usize = 3;
/// Unfinished runs that no page shows and that are asked for by their id in one pass.
const MOST_REREAD: usize = 5;

/// What the verification runs say.
#[derive(Clone, Debug, Default)]
pub struct Verifications {
    /// Who may be released.
    pub candidates: Candidates,
    /// Whether a merge queue's run was seen.
    pub merge_queue: bool,
    /// What keeps a commit from being seen: why there is none to judge, or what is newer than the
    /// candidate and is not found.
    pub no_candidate: Option<NoCandidate>,
}

/// Reads the verification runs and finds the candidate and the head.
///
/// # Errors
/// What GitHub said.
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

/// What a pass read of the verification runs.
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
    // Rather somewhat early, with what changes seldom, than in yet another pass that reads more than
    // a settled one does.
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

/// Page one of the branch's runs, and further ones where more runs began since the last look than a
/// page holds. Also whether there are older ones.
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
            // No run was there in an earlier pass: all of them are new.
            None => ctx.memory.passes > 0,
        };
        if !left_some_out || !has_older {
            break;
        }
    }
    Ok((runs, has_older))
}

/// Where nothing is known yet, runs that are not finished and that younger ones have pushed off page
/// one are looked for by their status.
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

/// Unfinished runs that no page shows: younger ones pushed them off page one, the index lags, or
/// they were deleted. Each has its turn.
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

/// Pages on through the branch's runs while an older one may name a newer candidate than is known.
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

/// Asks for the runs of the newest commits that no list shows a run of: the index that serves lists
/// can miss one, and younger runs push it off the first page meanwhile.
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

/// Whether a run on a further page may name the candidate: the one before is no longer verified, or
/// there was none, which is asked as often as what changes seldom is read.
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

/// Whether an older run may name a newer candidate than is known. Runs of one commit, every hour or
/// by hand, can fill a page above the runs of newer ones.
fn may_have_a_newer_candidate(ctx: &ReadContext<'_>) -> bool {
    ctx.memory.candidates().candidate.is_none() || above_without_a_run(ctx).next().is_some()
}

/// The commits of the branch above the candidate of which no run is known, newest first.
fn above_without_a_run<'a>(ctx: &'a ReadContext<'_>) -> impl Iterator<Item = &'a Sha> {
    let candidate = ctx.memory.candidates().candidate;
    let of_runs: BTreeSet<&Sha> = ctx.memory.counted.values().map(|run| &run.sha).collect();
    let newest_first = ctx.memory.branch_commits.commits.iter().map(|(sha, _)| sha);
    newest_first
        .take_while(move |sha| Some(*sha) != candidate.as_ref())
        .filter(move |sha| !of_runs.contains(sha))
}

/// S1, but for the ancestry, which is the branch's to tell.
pub(super) fn counts(ctx: &ReadContext<'_>, run: &Run) -> bool {
    ctx.memory.scope().is_some_and(|scope| not_counted(scope, &run.into()).is_none())
}

/// Keeps what was seen. Where a re-run hides how the run ended before, that is asked for.
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

/// Notes a success that does not count, so that it can be said why nothing ships.
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

/// Old runs go, but never the candidate's, which would lose its place with them, nor those that are
/// not finished.
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

/// The latest run of the candidate may be on no page: then it is asked for by its id.
async fn reread_latest(
    ctx: &mut ReadContext<'_>,
    candidates: &Candidates,
    shown: &BTreeSet<RunId>,
) -> Result<(), ObserveError> {
    let Some(candidate) = &candidates.candidate else { return Ok(()) };
    let Some(latest) = latest_run(&ctx.memory.counted, candidate) else { return Ok(()) };
    // Before a dispatch all runs of the commit are read once it is judged.
    if !ctx.uncached && !shown.contains(&latest.id) {
        reread(ctx, latest.id).await?;
    }
    Ok(())
}

/// Which run of a commit is the latest is not known before all are read: any of them may have been
/// started again since, and a re-run keeps its place in the lists, on whatever page that is.
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
            // A success that was deleted verifies nothing any more. One that failed, or runs, holds
            // its commit until it is certain that it is gone: an outage answers so, too.
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

/// Asks for the verification runs of one sha: an operator named it, or it left page one. That a
/// filtered list misses a run can only make the sha wait.
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
