//! Why there is no commit to judge, or why a verified one is not found.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    Branch, BranchCommits, Candidates, CountedRun, CountedRuns, NoCandidate, RunId, Sha,
    UncountedRun,
};

/// What was read of a branch and its verification runs.
pub(crate) struct SeenVerifications<'a> {
    pub(crate) branch: &'a Branch,
    /// The branch's tip. `None` if the branch does not exist.
    pub(crate) tip: Option<&'a Sha>,
    /// Its newest commits.
    pub(crate) commits: &'a BranchCommits,
    /// The runs that count.
    pub(crate) counted: &'a CountedRuns,
    /// By commit, the newest run that succeeded but does not count.
    pub(crate) uncounted: &'a BTreeMap<Sha, UncountedRun>,
    /// Whether the search for verified commits stopped at its limit, with commits left.
    pub(crate) search_ended: bool,
    /// Whether the merge queue is active.
    pub(crate) queue_works: bool,
}

/// Why there is neither a candidate nor a head, or which verified commit newer than the
/// candidate was not found.
pub(crate) fn no_candidate(
    seen: &SeenVerifications<'_>,
    candidates: &Candidates,
) -> Option<NoCandidate> {
    if seen.tip.is_none() {
        return Some(NoCandidate::NoBranch(seen.branch.clone()));
    }
    let commits = &seen.commits.commits;
    let shown: BTreeSet<&Sha> = commits.iter().map(|(sha, _)| sha).collect();
    let newest = |is: &dyn Fn(&CountedRun) -> bool| {
        let mut runs = seen.counted.iter().rev();
        runs.find(|(_, run)| is(run)).map(|(id, run)| (*id, &**run))
    };
    let is_hidden = |run: &CountedRun| !shown.contains(&run.sha);
    let passed = newest(&|run| run.has_passed() && is_hidden(run));
    if seen.search_ended
        && let Some((run, _)) = passed
    {
        return Some(NoCandidate::SearchEnded { run, commits: commits.len() });
    }
    if let Some(candidate) = &candidates.candidate {
        let verified_by = newest(&|run| run.sha == *candidate).map(|(id, _)| id);
        return never_came(passed, verified_by, seen.queue_works);
    }
    if candidates.head.is_some() {
        return None;
    }
    if let Some((run, passed)) = passed {
        let is_queued = passed.is_queued();
        return Some(if is_queued {
            NoCandidate::NeverCame(run)
        } else {
            NoCandidate::NotOnBranch(run)
        });
    }
    if let Some((run, _)) = newest(&|run| !run.is_finished()) {
        return Some(NoCandidate::StillRunning(run));
    }
    if let Some((run, _)) = newest(&is_hidden) {
        return Some(NoCandidate::NotOnBranch(run));
    }
    let uncounted = seen.uncounted.values().max_by_key(|run| run.id);
    Some(NoCandidate::NoRunCounts(uncounted.cloned()))
}

/// A merge queue's run that is newer than the candidate's and whose commit never reached the
/// branch before the queue became idle.
fn never_came(
    passed: Option<(RunId, &CountedRun)>,
    verified_by: Option<RunId>,
    queue_works: bool,
) -> Option<NoCandidate> {
    let (id, run) = passed?;
    let is_over = run.is_queued() && !queue_works && Some(id) > verified_by;
    is_over.then_some(NoCandidate::NeverCame(id))
}
