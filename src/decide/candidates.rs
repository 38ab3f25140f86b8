//! Determines which runs verify a commit (S1), their result, and which commits may be released.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{
    BranchCommits, Candidates, Conclusion, CountedAttempt, CountedRun, CountedRuns, NotCounted,
    RunId, RunOrigin, RunProgress, RunRef, Sha, Verification, VerificationRun, VerificationScope,
};

mod no_candidate;

pub(crate) use no_candidate::{SeenVerifications, no_candidate};

/// Why a run of this origin does not count as a verification. `None` if it counts. Whether its
/// commit is on the branch is checked elsewhere.
pub(crate) fn not_counted(scope: &VerificationScope, origin: &RunOrigin) -> Option<NotCounted> {
    if origin.workflow != scope.workflow {
        return Some(NotCounted::Workflow);
    }
    if origin.head_repository != Some(scope.repository) {
        return Some(NotCounted::Repository);
    }
    if !scope.events.contains(&origin.event.0) {
        return Some(NotCounted::Event(origin.event.clone()));
    }
    let is_here = origin.head_branch.as_ref().is_some_and(|head| {
        if origin.event.is_merge_group() {
            head.as_str().starts_with(&scope.branch.queue_prefix())
        } else {
            *head == scope.branch
        }
    });
    (!is_here).then(|| NotCounted::Branch(origin.head_branch.clone()))
}

/// The candidate, the head, and the verified commits below the candidate.
pub(crate) fn candidates(counted: &CountedRuns, branch: &BranchCommits) -> Candidates {
    let passed = passed_by_sha(counted);
    let commits = branch.commits.iter();
    candidates_by(commits.filter_map(|(sha, _)| Some((sha, *passed.get(sha)?))), usize::MAX)
}

/// Like [`candidates`], from the commits with a finished verification, in the order of
/// [`BranchCommits::of_tip`], and whether the latest one of each succeeded. Lists at most
/// `below` commits below the candidate.
pub(crate) fn candidates_by<'c>(
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

/// An attempt of a run, and when it began.
struct KnownAttempt<'a> {
    at: RunRef,
    run: &'a CountedRun,
    attempt: &'a CountedAttempt,
    /// At least the start of every earlier attempt: a re-run is later than what it repeats,
    /// even if GitHub's clocks disagree.
    began: Timestamp,
}

fn known_attempts(id: RunId, run: &CountedRun) -> impl Iterator<Item = KnownAttempt<'_>> {
    let mut newest = Timestamp::MIN;
    run.attempts.iter().map(move |(number, attempt)| {
        newest = newest.max(attempt.started_at);
        let at = RunRef { id, attempt: *number };
        KnownAttempt { at, run, attempt, began: newest }
    })
}

fn attempts_of<'a>(counted: &'a CountedRuns, sha: &Sha) -> impl Iterator<Item = KnownAttempt<'a>> {
    let runs = counted.iter().filter(move |(_, run)| run.sha == *sha);
    runs.flat_map(|(id, run)| known_attempts(*id, run))
}

/// Whether the latest finished verification of each commit succeeded.
fn passed_by_sha(counted: &CountedRuns) -> BTreeMap<&Sha, bool> {
    let mut latest: BTreeMap<&Sha, ((Timestamp, RunRef), bool)> = BTreeMap::new();
    for (id, run) in counted {
        for known in known_attempts(*id, run) {
            let (began, progress) = ((known.began, known.at), &known.attempt.progress);
            let is_later = latest.get(&run.sha).is_none_or(|(newest, _)| *newest < began);
            if progress.finished() && is_later {
                latest.insert(&run.sha, (began, progress.succeeded()));
            }
        }
    }
    latest.into_iter().map(|(sha, (_, passed))| (sha, passed)).collect()
}

/// The result of the latest finished verification of this commit, if any.
pub(crate) fn latest_finished<'a>(counted: &'a CountedRuns, sha: &Sha) -> Option<&'a RunProgress> {
    attempts_of(counted, sha)
        .filter(|known| known.attempt.progress.finished())
        .max_by_key(|known| (known.began, known.at))
        .map(|known| &known.attempt.progress)
}

/// The latest attempt of this commit's runs, finished or not (design, section 2).
pub(crate) fn latest_run(counted: &CountedRuns, sha: &Sha) -> Option<RunRef> {
    latest(counted, sha).map(|known| known.at)
}

fn latest<'a>(counted: &'a CountedRuns, sha: &Sha) -> Option<KnownAttempt<'a>> {
    attempts_of(counted, sha).max_by_key(|known| (known.began, known.at))
}

/// The verification of `sha`, from the known runs.
pub(crate) fn verification_of(counted: &CountedRuns, sha: &Sha) -> Verification {
    let Some(KnownAttempt { at, run, attempt, began: started_at }) = latest(counted, sha) else {
        return Verification::None;
    };
    let run = VerificationRun { at, started_at, html_url: run.html_url.clone() };
    match &attempt.progress {
        RunProgress::Unfinished(_) => Verification::Running(run),
        RunProgress::Finished(Conclusion::Success) => Verification::Passed(run),
        RunProgress::Finished(other) => Verification::Failed(run, other.clone()),
    }
}

/// When the successful re-runs and manual runs of the verification of `sha` began.
pub(crate) fn reverified_at(counted: &CountedRuns, sha: &Sha) -> Vec<Timestamp> {
    attempts_of(counted, sha)
        .filter(|known| {
            (known.at.attempt > 1 || known.run.origin.event.is_workflow_dispatch())
                && known.attempt.progress.succeeded()
        })
        .map(|known| known.began)
        .collect()
}
