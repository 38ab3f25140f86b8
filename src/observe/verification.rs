//! The counted verification runs (S1), and which commits they make candidates.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Basics, Look, ObserveError, UNFILTERED_EVERY, candidate, read_tips};
use crate::domain::{
    Candidates, Conclusion, Run, RunEvent, RunId, RunProgress, RunRef, Sha, Verification,
    VerificationRun,
};
use crate::github::RunFilter;

/// Counted runs that are kept; page one holds 100.
const KEPT_RUNS: usize = 400;
/// Pages of verification runs that are read while none of them names a candidate.
const MOST_PAGES: u32 = 5;
/// Vanished runs that are asked for by their id in one pass.
const MOST_REREAD: usize = 5;
/// Pages of the branch's commits, of 100 each, that are searched for a verified one.
const MOST_COMMIT_PAGES: u32 = 5;
/// A commit that passed in a merge queue is looked for in every pass this long: the queue moves the
/// branch after its run has passed. Any other one was on the branch before it was verified; where
/// it is not there now, the branch was forced elsewhere.
const EXPECTED_SOON: SignedDuration = SignedDuration::from_mins(60);

/// A verification run that counts, with what is known of its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedRun {
    sha: Sha,
    html_url: String,
    manual: bool,
    #[serde(default)]
    queued: bool,
    attempts: BTreeMap<u32, Box<CountedAttempt>>,
}

/// The runs that count, by number.
pub(super) type Counted = BTreeMap<RunId, CountedRun>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CountedAttempt {
    started_at: Timestamp,
    progress: RunProgress,
}

impl CountedRun {
    /// When this run began, if it is one of `sha`.
    pub(super) fn began_for(&self, sha: &Sha) -> Option<Timestamp> {
        let first = self.attempts.first_key_value().filter(|_| self.sha == *sha)?;
        Some(first.1.started_at)
    }
}

/// What the verification runs say.
#[derive(Clone, Debug, Default)]
pub struct Verifications {
    /// Who may be released.
    pub candidates: Candidates,
    /// Whether a merge queue's run was seen.
    pub merge_queue: bool,
}

/// Reads the verification runs and finds the candidate and the head.
///
/// # Errors
/// What GitHub said.
pub async fn verifications(
    look: &mut Look<'_>,
    basics: &mut Basics,
    merge_queue_seen: bool,
) -> Result<Verifications, ObserveError> {
    let first_pass = look.memory.passes == 0;
    let merge_queue = read_runs(look, basics, merge_queue_seen).await?;
    locate(look, basics).await?;
    let mut found = candidate::candidates(look);
    if found.candidate.is_none() && (first_pass || look.anew) {
        read_further(look, basics).await?;
        locate(look, basics).await?;
        found = candidate::candidates(look);
    }
    reread_latest(look, basics, &found).await?;
    Ok(Verifications { candidates: candidate::candidates(look), merge_queue })
}

async fn read_runs(
    look: &mut Look<'_>,
    basics: &Basics,
    merge_queue_seen: bool,
) -> Result<bool, ObserveError> {
    let name = look.name();
    let workflow = basics.verification.id;
    let by_branch = RunFilter { branch: Some(basics.branch.clone()), ..RunFilter::default() };
    let mut runs = look.reader.runs(name, workflow, &by_branch, 1).await?.runs;
    let vanished = vanished(look, &runs);
    let passes = look.memory.passes;
    // Rather somewhat early, with what changes seldom, than in yet another pass that reads more than
    // a settled one does.
    let unfiltered = look.anew
        || passes.is_multiple_of(UNFILTERED_EVERY)
        || (look.seldom && passes > UNFILTERED_EVERY / 2);
    if unfiltered {
        runs.extend(look.reader.runs(name, workflow, &RunFilter::default(), 1).await?.runs);
    }
    if merge_queue_seen {
        let queue =
            RunFilter { event: Some(RunEvent("merge_group".to_owned())), ..RunFilter::default() };
        runs.extend(look.reader.runs(name, workflow, &queue, 1).await?.runs);
    }
    let seen = runs.iter().any(|run| run.event.0 == "merge_group" && counts(look, basics, run));
    take(look, basics, runs).await?;
    for id in vanished {
        reread(look, basics, id).await?;
    }
    look.memory.passes = if unfiltered { 1 } else { passes.saturating_add(1) };
    Ok(seen || merge_queue_seen)
}

/// Runs that were not finished and that page one should show, but does not: the index lags, or
/// they were deleted.
fn vanished(look: &Look<'_>, page: &[Run]) -> Vec<RunId> {
    let oldest = page.iter().map(|run| run.at.id).min();
    let unfinished = look.memory.counted.iter().filter(|(_, run)| {
        run.attempts.last_key_value().is_some_and(|(_, newest)| !newest.progress.finished())
    });
    let gone = unfinished.filter(|(id, _)| {
        oldest.is_none_or(|oldest| **id >= oldest) && !page.iter().any(|run| run.at.id == **id)
    });
    gone.map(|(id, _)| *id).take(MOST_REREAD).collect()
}

/// Pages on through the branch's runs while none of them is a success on the branch.
async fn read_further(look: &mut Look<'_>, basics: &Basics) -> Result<(), ObserveError> {
    let by_branch = RunFilter { branch: Some(basics.branch.clone()), ..RunFilter::default() };
    for page in 2..=MOST_PAGES {
        let name = look.name();
        let read = look.reader.runs(name, basics.verification.id, &by_branch, page).await?;
        let (more, any) = (read.has_next, read.runs.iter().any(|run| run.progress.succeeded()));
        take(look, basics, read.runs).await?;
        if any || !more {
            break;
        }
    }
    Ok(())
}

/// S1, but for the ancestry, which is the branch's to tell.
pub(super) fn counts(look: &Look<'_>, basics: &Basics, run: &Run) -> bool {
    let branch = run.head_branch.as_ref().is_some_and(|head| {
        if run.event.0 == "merge_group" {
            head.as_str().starts_with(&basics.branch.queue_prefix())
        } else {
            *head == basics.branch
        }
    });
    run.workflow == basics.verification.id
        && run.head_repository == Some(basics.repository.id)
        && look.policy.verification_events.contains(&run.event.0)
        && branch
}

/// Keeps what was seen. Where a re-run hides how the run ended before, that is asked for.
async fn take(look: &mut Look<'_>, basics: &Basics, runs: Vec<Run>) -> Result<(), ObserveError> {
    for run in runs {
        if !counts(look, basics, &run) {
            continue;
        }
        let known = look.memory.counted.get(&run.at.id);
        let before = RunRef { id: run.at.id, attempt: run.at.attempt.saturating_sub(1) };
        let hidden = !run.progress.finished()
            && before.attempt > 0
            && !known.is_some_and(|known| known.attempts.contains_key(&before.attempt));
        if hidden && let Some(earlier) = look.reader.run_attempt(look.name(), before).await? {
            keep(look, &earlier);
        }
        keep(look, &run);
    }
    forget_old(look);
    Ok(())
}

/// Old runs go, but never the candidate's: it would lose its place with them.
fn forget_old(look: &mut Look<'_>) {
    if look.memory.counted.len() <= KEPT_RUNS {
        return;
    }
    let candidate = candidate::candidates(look).candidate;
    let surplus = look.memory.counted.len() - KEPT_RUNS;
    let of_others = |run: &CountedRun| candidate.as_ref() != Some(&run.sha);
    let old: Vec<RunId> = look
        .memory
        .counted
        .iter()
        .filter(|(_, run)| of_others(run))
        .map(|(id, _)| *id)
        .take(surplus)
        .collect();
    look.memory.counted.retain(|id, _| !old.contains(id));
}

fn keep(look: &mut Look<'_>, run: &Run) {
    keep_in(&mut look.memory.counted, run, run.progress.clone());
}

/// Keeps a run that counts, where it stands or stood.
pub(super) fn keep_in(runs: &mut Counted, run: &Run, progress: RunProgress) {
    let counted = runs.entry(run.at.id).or_insert_with(|| CountedRun {
        sha: run.head_sha.clone(),
        html_url: run.html_url.clone(),
        manual: run.event.is_workflow_dispatch(),
        queued: run.event.0 == "merge_group",
        attempts: BTreeMap::new(),
    });
    let attempt = CountedAttempt { started_at: run.started_at, progress };
    counted.attempts.insert(run.at.attempt, Box::new(attempt));
}

/// Finds where on the branch the verified commits are.
async fn locate(look: &mut Look<'_>, basics: &mut Basics) -> Result<(), ObserveError> {
    let moved = look.memory.commits_of != basics.tip;
    let missing = missing_shas(look);
    if !moved && !look.anew && missing.is_empty() {
        return Ok(());
    }
    if !missing.is_empty() {
        // Also in a look anew: its tips are older than its runs, and a commit that came between
        // them would be taken for one that is not on the branch.
        read_tips(look).await?;
        if let Some(seldom) = &look.memory.seldom {
            basics.tip.clone_from(&seldom.tip);
            basics.deploy_ref_tip.clone_from(&seldom.deploy_ref_tip);
        }
    }
    let Some(tip) = basics.tip.clone() else {
        look.memory.branch_commits = crate::domain::BranchCommits::default();
        look.memory.commits_of = None;
        return Ok(());
    };
    let new_tip = look.memory.commits_of.as_ref() != Some(&tip);
    if new_tip {
        read_commits(look, &tip, 1).await?;
    }
    let unsearched = missing.iter().any(|sha| look.memory.not_shown_by.get(sha) != Some(&tip));
    let none_yet = candidate::candidates(look).candidate.is_none() && any_passed(look);
    if none_yet && (new_tip || unsearched) && !look.memory.branch_commits.complete {
        read_commits(look, &tip, MOST_COMMIT_PAGES).await?;
    }
    for sha in missing_shas(look) {
        look.memory.not_shown_by.insert(sha, tip.clone());
    }
    while look.memory.not_shown_by.len() > KEPT_RUNS {
        look.memory.not_shown_by.pop_first();
    }
    Ok(())
}

/// Reads the newest commits of the branch where its tip has moved: what follows is told by them.
///
/// # Errors
/// What GitHub said.
pub async fn branch_commits(look: &mut Look<'_>, basics: &Basics) -> Result<(), ObserveError> {
    match &basics.tip {
        Some(tip) if look.memory.commits_of.as_ref() != Some(tip) => {
            read_commits(look, tip, 1).await
        }
        Some(_) | None => Ok(()),
    }
}

async fn read_commits(look: &mut Look<'_>, tip: &Sha, pages: u32) -> Result<(), ObserveError> {
    let name = look.name();
    look.memory.branch_commits = look.reader.branch_commits(name, tip, pages).await?;
    look.memory.commits_of = Some(tip.clone());
    let shown = look.memory.branch_commits.clone();
    look.memory.not_shown_by.retain(|sha, _| shown.place(sha).is_none());
    Ok(())
}

/// Finished shas that the branch's commits do not show, and that were not looked for under this
/// tip; a fresh one is looked for in every pass, for a merge queue moves the branch later.
fn missing_shas(look: &Look<'_>) -> BTreeSet<Sha> {
    let mut missing = BTreeSet::new();
    for run in look.memory.counted.values() {
        let Some((_, newest)) = run.attempts.last_key_value() else { continue };
        if newest.progress.finished() && look.memory.branch_commits.place(&run.sha).is_none() {
            let looked_for = look.memory.not_shown_by.contains_key(&run.sha);
            let fresh = run.queued
                && newest.progress.succeeded()
                && look.now.duration_since(newest.started_at) < EXPECTED_SOON;
            if !looked_for || fresh {
                missing.insert(run.sha.clone());
            }
        }
    }
    missing
}

fn any_passed(look: &Look<'_>) -> bool {
    let mut attempts = look.memory.counted.values().flat_map(|run| run.attempts.values());
    attempts.any(|attempt| attempt.progress.succeeded())
}

fn attempts_of<'a>(
    counted: &'a Counted,
    sha: &Sha,
) -> impl Iterator<Item = (RunRef, &'a CountedRun, &'a CountedAttempt)> {
    let runs = counted.iter().filter(move |(_, run)| run.sha == *sha);
    runs.flat_map(|(id, run)| {
        let attempts = run.attempts.iter();
        attempts
            .map(move |(number, attempt)| (RunRef { id: *id, attempt: *number }, run, &**attempt))
    })
}

/// How the latest finished verification of this commit ended, if there is one.
pub(super) fn latest_finished<'a>(counted: &'a Counted, sha: &Sha) -> Option<&'a RunProgress> {
    attempts_of(counted, sha)
        .filter(|(_, _, attempt)| attempt.progress.finished())
        .max_by_key(|(at, _, attempt)| (attempt.started_at, *at))
        .map(|(_, _, attempt)| &attempt.progress)
}

/// The latest run of the candidate may have left page one: then it is asked for by its id.
async fn reread_latest(
    look: &mut Look<'_>,
    basics: &Basics,
    candidates: &Candidates,
) -> Result<(), ObserveError> {
    let Some(candidate) = &candidates.candidate else { return Ok(()) };
    let Some((latest, _, _)) = latest(&look.memory.counted, candidate) else { return Ok(()) };
    let oldest_on_page = look.memory.counted.keys().rev().nth(PAGE - 1).copied();
    let left_page_one = oldest_on_page.is_some_and(|oldest| latest.id < oldest);
    if left_page_one || look.anew {
        reread(look, basics, latest.id).await?;
    }
    Ok(())
}

/// Runs on a page.
const PAGE: usize = 100;

async fn reread(look: &mut Look<'_>, basics: &Basics, id: RunId) -> Result<(), ObserveError> {
    match look.reader.run(look.name(), id).await? {
        Some(run) => take(look, basics, vec![run]).await,
        None => {
            // A deleted run verifies nothing any more.
            look.memory.counted.remove(&id);
            Ok(())
        }
    }
}

fn latest<'a>(
    counted: &'a Counted,
    sha: &Sha,
) -> Option<(RunRef, &'a CountedRun, &'a CountedAttempt)> {
    attempts_of(counted, sha).max_by_key(|(at, _, attempt)| (attempt.started_at, *at))
}

/// What the runs that are known say of `sha`.
pub(super) fn verification_of(counted: &Counted, sha: &Sha) -> Verification {
    let Some((at, run, attempt)) = latest(counted, sha) else { return Verification::None };
    let started_at = attempt.started_at;
    let run = VerificationRun { at, started_at, html_url: run.html_url.clone() };
    match &attempt.progress {
        RunProgress::Unfinished(_) => Verification::Running(run),
        RunProgress::Finished(Conclusion::Success) => Verification::Passed(run),
        RunProgress::Finished(other) => Verification::Failed(run, other.clone()),
    }
}

/// When the re-runs and the manual runs of the verification of `sha` began that succeeded.
pub(super) fn reverified_at(look: &Look<'_>, sha: &Sha) -> Vec<Timestamp> {
    attempts_of(&look.memory.counted, sha)
        .filter(|(at, run, attempt)| (at.attempt > 1 || run.manual) && attempt.progress.succeeded())
        .map(|(_, _, attempt)| attempt.started_at)
        .collect()
}

/// Asks for the verification runs of one sha: an operator named it, or it left page one. That a
/// filtered list misses a run can only make the sha wait.
pub(super) async fn read_runs_of(
    look: &mut Look<'_>,
    basics: &Basics,
    sha: &Sha,
) -> Result<(), ObserveError> {
    if let Some((latest, _, _)) = latest(&look.memory.counted, sha) {
        if look.anew {
            reread(look, basics, latest.id).await?;
        }
        return Ok(());
    }
    let of_sha = RunFilter { head_sha: Some(sha.clone()), ..RunFilter::default() };
    let name = look.name();
    let runs = look.reader.runs(name, basics.verification.id, &of_sha, 1).await?.runs;
    take(look, basics, runs).await
}
