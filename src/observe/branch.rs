//! Reads the commits of the branch, as far down as verified ones are looked for.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{ObserveError, ReadContext, RepoFacts, read_tips};
use crate::domain::{BranchCommits, Sha};

/// Reads, of 100 commits each, that a search for a verified commit makes under one tip.
const MOST_READS: usize = 5;
/// The newest commits that are kept, and so many below the candidate.
const KEPT_COMMITS: usize = 100;
/// Commits that are kept while there is no candidate. A search ends where it has so many.
const MOST_COMMITS: usize = 1_000;
/// Shas that were looked for and are remembered.
const MOST_LOOKED_FOR: usize = 400;
/// A merge queue moves the branch once all that stands before a commit has passed, too. So one that
/// passed is awaited while the queue is at work, and so long after its last run ended.
const QUEUE_RESTS: SignedDuration = SignedDuration::from_mins(60);
/// No longer than this, whatever the queue does.
const MOST_AWAITED: SignedDuration = SignedDuration::from_hours(24);

/// Reads the newest commits of the branch where its tip has moved: what follows is told by them.
///
/// # Errors
/// What GitHub said.
pub async fn branch_commits(
    look: &mut ReadContext<'_>,
    basics: &RepoFacts,
) -> Result<(), ObserveError> {
    match &basics.tip {
        Some(tip) if look.memory.commits_of.as_ref() != Some(tip) => {
            read_newest(look, tip).await?;
        }
        Some(_) => {}
        None => forget(look),
    }
    Ok(())
}

fn forget(look: &mut ReadContext<'_>) {
    look.memory.branch_commits = BranchCommits::default();
    (look.memory.commits_of, look.memory.search_ended_under) = (None, None);
}

/// Finds where on the branch the verified commits are.
///
/// # Errors
/// What GitHub said.
pub(super) async fn locate(
    look: &mut ReadContext<'_>,
    basics: &mut RepoFacts,
) -> Result<(), ObserveError> {
    let moved = look.memory.commits_of != basics.tip;
    let unplaced = missing(look);
    if !moved && unplaced.is_empty() {
        return Ok(());
    }
    if !unplaced.is_empty() {
        // Also in a look anew: its tips are older than its runs, and a commit that came between
        // them would be taken for one that is not on the branch.
        read_tips(look).await?;
        if let Some(seldom) = &look.memory.seldom {
            basics.tip.clone_from(&seldom.tip);
            basics.deploy_ref_tip.clone_from(&seldom.deploy_ref_tip);
        }
    }
    let Some(tip) = basics.tip.clone() else {
        forget(look);
        return Ok(());
    };
    let new_tip = look.memory.commits_of.as_ref() != Some(&tip);
    if new_tip {
        read_newest(look, &tip).await?;
    }
    let unsearched = unplaced.iter().any(|sha| look.memory.not_shown_by.get(sha) != Some(&tip));
    let never_looked_for = unplaced.iter().any(|sha| !look.memory.not_shown_by.contains_key(sha));
    let has_candidate = look.memory.candidates().candidate.is_some();
    if never_looked_for || (!has_candidate && (new_tip || unsearched)) {
        search(look, &tip).await?;
    }
    keep_what_counts(look);
    for sha in missing(look) {
        look.memory.not_shown_by.insert(sha, tip.clone());
    }
    while look.memory.not_shown_by.len() > MOST_LOOKED_FOR {
        look.memory.not_shown_by.pop_first();
    }
    Ok(())
}

/// Reads page one of the commits that the tip contains. What was known of the branch before is
/// still true of what the new tip contains.
async fn read_newest(look: &mut ReadContext<'_>, tip: &Sha) -> Result<(), ObserveError> {
    read_below(look, tip, tip).await?;
    look.memory.commits_of = Some(tip.clone());
    look.memory.search_ended_under = None;
    keep_what_counts(look);
    Ok(())
}

/// Reads 100 commits that `from` contains.
async fn read_below(look: &mut ReadContext<'_>, tip: &Sha, from: &Sha) -> Result<(), ObserveError> {
    let listed = look.reader.branch_commits(look.name(), from, 1).await?;
    let known = std::mem::take(&mut look.memory.branch_commits);
    let mut commits = BranchCommits::of_tip(tip, known.commits.into_iter().chain(listed.commits));
    commits.take_messages([known.messages, listed.messages]);
    let shown: BTreeSet<&Sha> = commits.commits.iter().map(|(sha, _)| sha).collect();
    look.memory.not_shown_by.retain(|sha, _| !shown.contains(sha));
    look.memory.branch_commits = commits;
    Ok(())
}

/// Reads on where a verified commit may be that is newer than the candidate, or below all that is
/// known while there is none.
async fn search(look: &mut ReadContext<'_>, tip: &Sha) -> Result<(), ObserveError> {
    for _ in 0..MOST_READS {
        match next_to_read(look) {
            Some(from) if look.memory.branch_commits.commits.len() < MOST_COMMITS => {
                read_below(look, tip, &from).await?;
            }
            Some(_) | None => break,
        }
    }
    look.memory.search_ended_under = next_to_read(look).map(|_| tip.clone());
    Ok(())
}

/// Where to read on: at a verified commit itself, else, without a candidate, where the chain of
/// first parents goes on, else at what merges brought.
fn next_to_read(look: &ReadContext<'_>) -> Option<Sha> {
    let candidate = look.memory.candidates().candidate;
    let hidden = hidden(look, candidate.is_some());
    if hidden.is_empty() {
        return None;
    }
    let unread = look.memory.branch_commits.unread_above(candidate.as_ref());
    let verified = unread.iter().find(|sha| hidden.contains(*sha));
    let next = if candidate.is_none() { unread.last() } else { unread.first() };
    verified.or(next).cloned()
}

/// Commits that passed and are not shown; with a candidate also those that failed, for one of them
/// may be the head.
fn hidden(look: &ReadContext<'_>, has_candidate: bool) -> BTreeSet<Sha> {
    let shown = shown(look);
    let runs = look.memory.counted.values();
    let wanted = runs.filter(|run| run.has_passed() || (has_candidate && run.is_finished()));
    wanted.map(|run| &run.sha).filter(|sha| !shown.contains(sha)).cloned().collect()
}

/// Finished shas that the branch's commits do not show, and that were not looked for under this
/// tip; one that a merge queue will move the branch to is looked for in every pass.
fn missing(look: &ReadContext<'_>) -> BTreeSet<Sha> {
    let (shown, queue_works) = (shown(look), queue_works(look));
    let mut missing = BTreeSet::new();
    for run in look.memory.counted.values().filter(|run| run.is_finished()) {
        let looked_for = look.memory.not_shown_by.contains_key(&run.sha);
        let awaited = queue_works
            && run.is_queued()
            && run.passed_at().is_some_and(|at| look.now.duration_since(at) < MOST_AWAITED);
        if !shown.contains(&run.sha) && (!looked_for || awaited) {
            missing.insert(run.sha.clone());
        }
    }
    missing
}

/// Whether the merge queue is at work, or was lately.
pub(super) fn queue_works(look: &ReadContext<'_>) -> bool {
    let mut queued = look.memory.counted.values().filter(|run| run.is_queued());
    queued.any(|run| {
        !run.is_finished()
            || run.ended_at().is_some_and(|at| look.now.duration_since(at) < QUEUE_RESTS)
    })
}

fn shown<'a>(look: &'a ReadContext<'_>) -> BTreeSet<&'a Sha> {
    look.memory.branch_commits.commits.iter().map(|(sha, _)| sha).collect()
}

/// Drops commits far below the candidate.
fn keep_what_counts(look: &mut ReadContext<'_>) {
    let candidate = look.memory.candidates().candidate;
    let place = candidate.and_then(|sha| look.memory.branch_commits.place(&sha));
    let most = place.map_or(MOST_COMMITS, |place| KEPT_COMMITS.saturating_add(place));
    look.memory.branch_commits.keep_newest(most);
}
