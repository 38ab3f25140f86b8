//! Which commits may be released, by what the verification says of each.

use super::Look;
use super::verification::latest_finished;
use crate::domain::Candidates;

/// The candidate, the head, and the verified commits below the candidate.
pub(super) fn candidates(look: &Look<'_>) -> Candidates {
    let mut candidates = Candidates::default();
    let mut finished_head = None;
    for (sha, _) in &look.memory.branch_commits.commits {
        let Some(finished) = latest_finished(look, sha) else { continue };
        finished_head.get_or_insert_with(|| sha.clone());
        if !finished.succeeded() {
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
