//! Failed deploys of a commit, and what grants it another attempt (rules 14 and 15).

use jiff::{SignedDuration, Timestamp};
use release_governor::domain::*;

use super::facts::Asked;
use super::{Availability, undetermined};

/// An operator's `trigger` that started a deploy, or may have.
pub(super) struct Word {
    pub(super) sha: Sha,
    pub(super) at: Timestamp,
    pub(super) rollback: bool,
}

/// Every `trigger` that counts. It counts from *started* or *unknown* on; a withdrawn or
/// refused attempt makes it void.
pub(super) fn words(release: &ReleaseState) -> Vec<Word> {
    let apart = release.triggered.iter();
    let apart = apart.map(|(sha, at)| Word { sha: sha.clone(), at: *at, rollback: false });
    let attempts = release.attempts.iter().filter(|attempt| {
        let may_have_started = match &attempt.phase {
            AttemptPhase::Intent => false,
            AttemptPhase::Sending | AttemptPhase::Accepted | AttemptPhase::Running => true,
            AttemptPhase::Closed(outcome) => !matches!(
                outcome,
                AttemptOutcome::Withdrawn(_)
                    | AttemptOutcome::Rejected(_)
                    | AttemptOutcome::NotSent(_)
            ),
        };
        attempt.begun.triggered_by.is_some() && (may_have_started || attempt.run.is_some())
    });
    apart
        .chain(attempts.map(|attempt| Word {
            sha: attempt.begun.sha.clone(),
            at: attempt.at,
            rollback: attempt.begun.rollback,
        }))
        .collect()
}

/// When deploys of this commit failed since it last succeeded, whoever started them, oldest
/// first. A superseded run is not a failure; one that was deleted before it ended is.
fn failures(asked: &Asked<'_>) -> Availability<Vec<Timestamp>> {
    let mut ended: Vec<(Timestamp, RunId, u32, bool)> = Vec::new();
    let of_it = asked
        .release
        .runs
        .values()
        .filter(|run| run.attribution == Attribution::Sha(asked.sha.clone()));
    for run in of_it {
        let is_ours = asked.release.attempts.iter().any(|attempt| attempt.run == Some(run.id));
        for (number, attempt) in &run.attempts {
            let succeeded = match &attempt.progress {
                RunProgress::Finished(Conclusion::Success) => true,
                RunProgress::Finished(_) if attempt.superseded != Some(true) => false,
                RunProgress::Unfinished(_) if run.deleted => false,
                RunProgress::Finished(_) | RunProgress::Unfinished(_) => continue,
            };
            let counts = if succeeded {
                matches!(run.kind, RunKind::Deploy | RunKind::OtherDeploy)
            } else {
                run.kind == RunKind::Deploy || is_ours
            };
            if counts {
                ended.push((attempt.updated_at, run.id, *number, succeeded));
            }
        }
    }
    ended.sort_unstable();
    let last_success = ended.iter().rposition(|(.., succeeded)| *succeeded);
    let since = ended.split_off(last_success.map_or(0, |place| place + 1));
    for (_, id, ..) in &since {
        let run = &asked.release.runs[id];
        let is_ours = asked.release.attempts.iter().any(|attempt| attempt.run == Some(*id));
        if !is_ours && may_be_no_deploy(run) {
            return undetermined(format!("whether run {id} is a deploy"));
        }
    }
    Ok(since.into_iter().map(|(at, ..)| at).collect())
}

/// Whether the run may still turn out to be phantom or stray.
fn may_be_no_deploy(run: &KnownRun) -> bool {
    let attempts = || run.attempts.values();
    let failed = |one: &KnownRunAttempt| {
        let (failure, startup) = (Conclusion::Failure, Conclusion::StartupFailure);
        one.progress == RunProgress::Finished(failure)
            || one.progress == RunProgress::Finished(startup)
    };
    let may_be_phantom = run.event.is_push()
        && attempts().all(|one| failed(one))
        && attempts().any(|one| one.has_jobs.is_none());
    let names_a_ref = run.source.as_ref().is_some_and(|source| source.head_branch.is_some());
    may_be_phantom || (run.history == RefHistory::NotAsked && names_a_ref)
}

/// The attempts that this commit may use: `max_attempts_per_sha`, plus one for each re-run or
/// manual run of its verification that began after the failure and succeeded, and one for each
/// `trigger` since.
fn allowed(asked: &Asked<'_>, first_failure: Timestamp) -> usize {
    let facts = asked.observation.commits.get(asked.sha);
    let verified = facts.map_or(&[][..], |facts| &facts.reverified_at);
    let verified = verified.iter().filter(|at| **at > first_failure).count();
    let words = words(asked.release);
    let triggered =
        words.iter().filter(|word| word.sha == *asked.sha && word.at > first_failure).count();
    let by_this_question = usize::from(asked.triggered);
    usize::try_from(asked.policy.max_attempts_per_sha).unwrap()
        + verified
        + triggered
        + by_this_question
}

/// Rule 14.
pub(super) fn are_used_up(asked: &Asked<'_>) -> Availability<bool> {
    let failures = failures(asked)?;
    Ok(failures.first().is_some_and(|first| failures.len() >= allowed(asked, *first)))
}

/// Rule 15: attempts are left, but the commit failed less than `cooldown_minutes` ago.
pub(super) fn cools_down(asked: &Asked<'_>) -> Availability<bool> {
    let failures = failures(asked)?;
    let cooldown = SignedDuration::try_from(asked.policy.cooldown).unwrap();
    // GitHub's times have a resolution of one second: the failure may be almost a second later.
    let until = |last: &Timestamp| *last + SignedDuration::from_secs(1) + cooldown;
    let is_recent =
        !cooldown.is_zero() && failures.last().is_some_and(|last| asked.now < until(last));
    Ok(is_recent && !are_used_up(asked)?)
}
