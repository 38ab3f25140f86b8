//! Reads the commits of the branch, as far down as verified commits are looked for.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{ObserveError, ReadContext, RepoFacts, read_tips};
use crate::domain::{BranchCommits, Sha};

/// The most reads, of 100 commits each, in one search for a verified commit under one tip.
const MOST_READS: usize = 5;
/// How many commits are kept: this many of the newest, and this many below the candidate.
const KEPT_COMMITS: usize = 100;
/// The most commits that are kept while there is no candidate. A search ends when it has this
/// many.
const MOST_COMMITS: usize = 1_000;
/// The most shas that are remembered as looked for.
const MOST_LOOKED_FOR: usize = 400;
/// How long after a merge queue's last run its verified commits are still awaited. The queue
/// moves the branch only when everything ahead of a commit has passed as well, so a verified
/// commit may reach the branch later.
const QUEUE_RESTS: SignedDuration = SignedDuration::from_mins(60);
/// The longest time that a verified commit is awaited, whatever the queue does.
const MOST_AWAITED: SignedDuration = SignedDuration::from_hours(24);

/// Reads the newest commits of the branch if its tip moved.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn branch_commits(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
) -> Result<(), ObserveError> {
    match &repo_facts.tip {
        Some(tip) if ctx.memory.commits_of.as_ref() != Some(tip) => {
            read_newest(ctx, tip).await?;
        }
        Some(_) => {}
        None => forget(ctx),
    }
    Ok(())
}

fn forget(ctx: &mut ReadContext<'_>) {
    ctx.memory.branch_commits = BranchCommits::default();
    (ctx.memory.commits_of, ctx.memory.search_ended_under) = (None, None);
}

/// Finds where on the branch the verified commits are.
///
/// # Errors
/// If GitHub cannot be read.
pub(super) async fn locate(
    ctx: &mut ReadContext<'_>,
    repo_facts: &mut RepoFacts,
) -> Result<(), ObserveError> {
    let moved = ctx.memory.commits_of != repo_facts.tip;
    let unplaced = missing(ctx);
    if !moved && unplaced.is_empty() {
        return Ok(());
    }
    if !unplaced.is_empty() {
        // Needed before a dispatch as well: the tips were read before the runs, and a commit
        // that was pushed in between would be taken for one that is not on the branch.
        read_tips(ctx).await?;
        if let Some(slow_changing) = &ctx.memory.slow_changing {
            repo_facts.tip.clone_from(&slow_changing.tip);
            repo_facts.deploy_ref_tip.clone_from(&slow_changing.deploy_ref_tip);
        }
    }
    let Some(tip) = repo_facts.tip.clone() else {
        forget(ctx);
        return Ok(());
    };
    let new_tip = ctx.memory.commits_of.as_ref() != Some(&tip);
    if new_tip {
        read_newest(ctx, &tip).await?;
    }
    let unsearched = unplaced.iter().any(|sha| ctx.memory.not_shown_by.get(sha) != Some(&tip));
    let never_looked_for = unplaced.iter().any(|sha| !ctx.memory.not_shown_by.contains_key(sha));
    let has_candidate = ctx.memory.candidates().candidate.is_some();
    if never_looked_for || (!has_candidate && (new_tip || unsearched)) {
        search(ctx, &tip).await?;
    }
    keep_what_counts(ctx);
    for sha in missing(ctx) {
        ctx.memory.not_shown_by.insert(sha, tip.clone());
    }
    while ctx.memory.not_shown_by.len() > MOST_LOOKED_FOR {
        ctx.memory.not_shown_by.pop_first();
    }
    Ok(())
}

/// Reads page one of the commits that the tip contains. Known commits that the new tip contains
/// are kept.
async fn read_newest(ctx: &mut ReadContext<'_>, tip: &Sha) -> Result<(), ObserveError> {
    read_below(ctx, tip, tip).await?;
    ctx.memory.commits_of = Some(tip.clone());
    ctx.memory.search_ended_under = None;
    keep_what_counts(ctx);
    Ok(())
}

/// Reads 100 commits that `from` contains.
async fn read_below(ctx: &mut ReadContext<'_>, tip: &Sha, from: &Sha) -> Result<(), ObserveError> {
    let listed = ctx.reader.branch_commits(ctx.name(), from, 1).await?;
    let known = std::mem::take(&mut ctx.memory.branch_commits);
    let mut commits = BranchCommits::of_tip(tip, known.commits.into_iter().chain(listed.commits));
    commits.take_messages([known.messages, listed.messages]);
    let shown: BTreeSet<&Sha> = commits.commits.iter().map(|(sha, _)| sha).collect();
    ctx.memory.not_shown_by.retain(|sha, _| !shown.contains(sha));
    ctx.memory.branch_commits = commits;
    Ok(())
}

/// Reads further where a verified commit newer than the candidate may be, or, without a
/// candidate, below everything that is known.
async fn search(ctx: &mut ReadContext<'_>, tip: &Sha) -> Result<(), ObserveError> {
    for _ in 0..MOST_READS {
        match next_to_read(ctx) {
            Some(from) if ctx.memory.branch_commits.commits.len() < MOST_COMMITS => {
                read_below(ctx, tip, &from).await?;
            }
            Some(_) | None => break,
        }
    }
    ctx.memory.search_ended_under = next_to_read(ctx).map(|_| tip.clone());
    Ok(())
}

/// Where to read next: at a verified commit; otherwise, without a candidate, at the next first
/// parent; otherwise at the commits that merges brought.
fn next_to_read(ctx: &ReadContext<'_>) -> Option<Sha> {
    let candidate = ctx.memory.candidates().candidate;
    let hidden = hidden(ctx, candidate.is_some());
    if hidden.is_empty() {
        return None;
    }
    let unread = ctx.memory.branch_commits.unread_above(candidate.as_ref());
    let verified = unread.iter().find(|sha| hidden.contains(*sha));
    let next = if candidate.is_none() { unread.last() } else { unread.first() };
    verified.or(next).cloned()
}

/// Commits that passed but are not among the known commits of the branch. With a candidate,
/// also those that failed, because one of them may be the head.
fn hidden(ctx: &ReadContext<'_>, has_candidate: bool) -> BTreeSet<Sha> {
    let shown = shown(ctx);
    let runs = ctx.memory.counted.values();
    let wanted = runs.filter(|run| run.has_passed() || (has_candidate && run.is_finished()));
    wanted.map(|run| &run.sha).filter(|sha| !shown.contains(sha)).cloned().collect()
}

/// Finished shas that are not among the known commits of the branch and were not looked for
/// before. One that a merge queue will move the branch to is looked for in every pass.
fn missing(ctx: &ReadContext<'_>) -> BTreeSet<Sha> {
    let (shown, queue_works) = (shown(ctx), queue_works(ctx));
    let mut missing = BTreeSet::new();
    for run in ctx.memory.counted.values().filter(|run| run.is_finished()) {
        let looked_for = ctx.memory.not_shown_by.contains_key(&run.sha);
        let awaited = queue_works
            && run.is_queued()
            && run.passed_at().is_some_and(|at| ctx.now.duration_since(at) < MOST_AWAITED);
        if !shown.contains(&run.sha) && (!looked_for || awaited) {
            missing.insert(run.sha.clone());
        }
    }
    missing
}

/// Whether the merge queue is active, or was recently.
pub(super) fn queue_works(ctx: &ReadContext<'_>) -> bool {
    let mut queued = ctx.memory.counted.values().filter(|run| run.is_queued());
    queued.any(|run| {
        !run.is_finished()
            || run.ended_at().is_some_and(|at| ctx.now.duration_since(at) < QUEUE_RESTS)
    })
}

fn shown<'a>(ctx: &'a ReadContext<'_>) -> BTreeSet<&'a Sha> {
    ctx.memory.branch_commits.commits.iter().map(|(sha, _)| sha).collect()
}

/// Drops commits far below the candidate.
fn keep_what_counts(ctx: &mut ReadContext<'_>) {
    let candidate = ctx.memory.candidates().candidate;
    let place = candidate.and_then(|sha| ctx.memory.branch_commits.place(&sha));
    let most = place.map_or(MOST_COMMITS, |place| KEPT_COMMITS.saturating_add(place));
    ctx.memory.branch_commits.keep_newest(most);
}
