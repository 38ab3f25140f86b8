//! Why there is no commit to judge, or why a verified one is not seen.

use std::collections::BTreeSet;

use super::counted::CountedRun;
use super::{ReadContext, RepoFacts};
use crate::domain::{Candidates, NoCandidate, RunId, Sha};

/// Why there is no candidate and no head, or which verified commit newer than the candidate was not
/// found.
pub(super) fn no_candidate(
    look: &ReadContext<'_>,
    basics: &RepoFacts,
    candidates: &Candidates,
) -> Option<NoCandidate> {
    let Some(tip) = &basics.tip else {
        return Some(NoCandidate::NoBranch(basics.branch.clone()));
    };
    let commits = &look.memory.branch_commits.commits;
    let shown: BTreeSet<&Sha> = commits.iter().map(|(sha, _)| sha).collect();
    let newest = |is: &dyn Fn(&CountedRun) -> bool| {
        let mut runs = look.memory.counted.iter().rev();
        runs.find(|(_, run)| is(run)).map(|(id, run)| (*id, &**run))
    };
    let is_hidden = |run: &CountedRun| !shown.contains(run.sha());
    let passed = newest(&|run| run.has_passed() && is_hidden(run));
    if look.memory.search_ended_under.as_ref() == Some(tip)
        && let Some((run, _)) = passed
    {
        return Some(NoCandidate::SearchEnded { run, commits: commits.len() });
    }
    if let Some(candidate) = &candidates.candidate {
        let verified_by = newest(&|run| run.sha() == candidate).map(|(id, _)| id);
        return never_came(passed, verified_by, super::branch::queue_works(look));
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
    let uncounted = look.memory.uncounted.values().max_by_key(|run| run.id);
    Some(NoCandidate::NoRunCounts(uncounted.cloned()))
}

/// A merge queue's run that is newer than the candidate's, and whose commit the branch did not come
/// to while the queue was at work.
fn never_came(
    passed: Option<(RunId, &CountedRun)>,
    verified_by: Option<RunId>,
    queue_works: bool,
) -> Option<NoCandidate> {
    let (id, run) = passed?;
    let is_over = run.is_queued() && !queue_works && Some(id) > verified_by;
    is_over.then_some(NoCandidate::NeverCame(id))
}
