//! Which commits may be released, by what the verification says of each.

use super::Look;
use super::counted::passed_by_sha;
use crate::domain::{BranchCommits, Candidates, Sha};

/// The candidate, the head, and the verified commits below the candidate.
pub(super) fn candidates(look: &Look<'_>) -> Candidates {
    let passed = passed_by_sha(&look.memory.counted);
    candidates_by(&look.memory.branch_commits, |sha| passed.get(sha).copied())
}

/// The same, by whether the latest finished verification of each commit succeeded. The commits are
/// in the order of [`BranchCommits::of_tip`].
pub(super) fn candidates_by(
    commits: &BranchCommits,
    passed: impl Fn(&Sha) -> Option<bool>,
) -> Candidates {
    let mut candidates = Candidates::default();
    let mut finished_head = None;
    for (sha, _) in &commits.commits {
        let Some(passed) = passed(sha) else { continue };
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
