//! Which commits may be released, by what the verification says of each.

use super::ReadContext;
use super::counted::passed_by_sha;
use crate::domain::{Candidates, Sha};

/// The candidate, the head, and the verified commits below the candidate.
pub(super) fn candidates(look: &ReadContext<'_>) -> Candidates {
    let passed = passed_by_sha(&look.memory.counted);
    let commits = look.memory.branch_commits.commits.iter();
    candidates_by(commits.filter_map(|(sha, _)| Some((sha, *passed.get(sha)?))), usize::MAX)
}

/// The same, by the commits whose verification finished, in the order of
/// [`BranchCommits::of_tip`](crate::domain::BranchCommits::of_tip), and whether the latest one of
/// each succeeded; with at most so many commits `below`.
pub(super) fn candidates_by<'c>(
    finished: impl Iterator<Item = (&'c Sha, bool)>,
    below: usize,
) -> Candidates {
    let mut candidates = Candidates::default();
    let mut finished_head = None;
    for (sha, passed) in finished {
        if candidates.candidate.is_some() && candidates.verified_below.len() >= below {
            break;
        }
        finished_head.get_or_insert_with(|| sha.clone());
        if !passed {
            continue;
        }
        if candidates.candidate.is_none() {
            candidates.candidate = Some(sha.clone());
        } else {
            candidates.verified_below.push(sha.clone());
        }
    }
    candidates.head = finished_head.filter(|head| Some(head) != candidates.candidate.as_ref());
    candidates
}
