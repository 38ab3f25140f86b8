//! Failure issues: one for each failed sha, and one comment for each further failed run
//! attempt.

use jiff::SignedDuration;

use super::{Situation, production_contains};
use crate::domain::{
    DegradedAfterDeploy, FailedDeploy, Health, IssueRecord, IssueWork, KnownRunAttempt, Marker,
    OnRecovery, PlannedWrite, ReleaseState, RuleClock, RunProgress, RunRef, Sha,
};
use crate::messages::issue;

/// How long no issue is written after GitHub refused one.
const REFUSED_REST: SignedDuration = SignedDuration::from_mins(10);
/// The longest time that an issue is left alone after GitHub refused to change it. It starts at
/// ten minutes and doubles.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(24);

/// The issues and comments about failed deploys.
pub(super) fn of_failures(situation: &Situation<'_>, at: &RuleClock) -> Vec<PlannedWrite> {
    let release = situation.release;
    let Some(since) = release.governed_since else { return Vec::new() };
    if rests(release, at) || !may_write(situation) {
        return Vec::new();
    }
    let mut failures: Vec<(&Sha, FailedDeploy)> = Vec::new();
    for run in release.runs.values().filter(|run| release.can_fail(run)) {
        let Some(sha) = run.attribution.sha() else { continue };
        let ours = release.attempt_of(run.id).is_some();
        if !ours && run.lacks_its_jobs() {
            continue;
        }
        for failed in failed_attempts(run) {
            let issue = release.issues.get(sha);
            let said = issue.is_some_and(|issue| issue.said.contains(&failed.run));
            let rests = issue.is_some_and(|issue| issue_rests(issue, at));
            if (ours || failed.ended_at >= since) && !said && !rests {
                failures.push((sha, failed));
            }
        }
    }
    failures.sort_by_key(|(_, failed)| (failed.ended_at, failed.run));
    let work = failures.into_iter().filter_map(|(sha, failed)| of_failure(situation, sha, &failed));
    work.map(PlannedWrite::Issue).collect()
}

/// Whether an issue is left alone for now because GitHub refused to change it, for example
/// because it is locked. Other issues are not affected.
fn issue_rests(issue: &IssueRecord, at: &RuleClock) -> bool {
    issue.refused.is_some_and(|refusal| {
        let doubled = 1_i32.checked_shl(refusal.times.saturating_sub(1)).unwrap_or(i32::MAX);
        let rest = REFUSED_REST.saturating_mul(doubled.max(1)).min(LONGEST_REST);
        at.is_within(rest, refusal.at)
    })
}

/// Whether all issues are left alone for now because GitHub refused one.
fn rests(release: &ReleaseState, at: &RuleClock) -> bool {
    let refused = release.issues_unavailable.as_ref();
    refused.is_some_and(|(_, refused_at)| at.is_within(REFUSED_REST, *refused_at))
}

/// Whether issues may be written. In a repository that is not enabled, only if it has attempts
/// of ours.
fn may_write(situation: &Situation<'_>) -> bool {
    situation.policy.enabled || !situation.release.attempts.is_empty()
}

fn failed_attempts(run: &crate::domain::KnownRun) -> Vec<FailedDeploy> {
    let failed = |(number, attempt): (&u32, &KnownRunAttempt)| {
        let run_ref = RunRef { id: run.id, attempt: *number };
        let conclusion = match &attempt.progress {
            RunProgress::Finished(conclusion) if attempt.superseded != Some(true) => {
                (!attempt.progress.succeeded()).then(|| conclusion.clone())?
            }
            RunProgress::Unfinished(_) if run.deleted => {
                crate::domain::Conclusion::Other("deleted".to_owned())
            }
            RunProgress::Finished(_) | RunProgress::Unfinished(_) => return None,
        };
        Some(FailedDeploy { run: run_ref, ended_at: attempt.updated_at, conclusion })
    };
    let attempts = run.attempts.iter().map(|(number, attempt)| (number, &**attempt));
    attempts.filter_map(failed).collect()
}

fn of_failure(situation: &Situation<'_>, sha: &Sha, failed: &FailedDeploy) -> Option<IssueWork> {
    let run = situation.release.runs.get(&failed.run.id)?;
    let attempt = run.attempts.get(&failed.run.attempt)?;
    let deleted = run.deleted && !attempt.progress.finished();
    let failure = issue::FailureText {
        sha,
        run: failed.run,
        url: &run.html_url,
        conclusion: (!deleted).then_some(&failed.conclusion),
        failed_step: attempt.failed_step.as_ref(),
        ended_at: failed.ended_at,
        decision: situation.judgement.decisions.get(sha),
        repository: &situation.policy.repository,
    };
    let marker = marker(situation, sha, failed.run, false);
    Some(IssueWork::Failure {
        sha: sha.clone(),
        run: failed.run,
        title: issue::title(sha),
        labels: issue::labels(&failure, situation.policy),
        body: issue::body(&failure, &marker),
        marker,
        number: situation.release.issues.get(sha).and_then(|issue| issue.number),
    })
}

/// The issues and comments about deploys after which production turned degraded.
pub(super) fn of_degraded(situation: &Situation<'_>, at: &RuleClock) -> Vec<PlannedWrite> {
    let release = situation.release;
    let Some(governed_since) = release.governed_since else { return Vec::new() };
    if rests(release, at) || !may_write(situation) {
        return Vec::new();
    }
    let work = |degraded: DegradedAfterDeploy| {
        let (run, known) = (degraded.run, release.runs.get(&degraded.run.id)?);
        let sha = known.attribution.sha()?;
        let ended_at = release.run_attempt(run)?.updated_at;
        let ours = release.attempt_of(run.id).is_some();
        let issue = release.issues.get(sha);
        if issue.is_some_and(|issue| issue.said.contains(&run) || issue_rests(issue, at))
            || !(ours || ended_at >= governed_since)
        {
            return None;
        }
        let marker = marker(situation, sha, run, false);
        let body = issue::degraded_body(sha, &degraded, &known.html_url, ended_at, &marker);
        Some(PlannedWrite::Issue(IssueWork::Failure {
            sha: sha.clone(),
            run,
            title: issue::title(sha),
            labels: issue::degraded_labels(),
            body,
            marker,
            number: issue.and_then(|issue| issue.number),
        }))
    };
    let watch = situation.policy.post_deploy_watch;
    if watch.is_zero() {
        return Vec::new();
    }
    release.degraded_after_deploys(watch).into_iter().filter_map(work).collect()
}

/// The comments about a later deploy of the failed sha, or of a commit that contains it.
pub(super) fn of_recoveries(situation: &Situation<'_>, at: &RuleClock) -> Vec<PlannedWrite> {
    let ignored = situation.policy.failure_issue_on_recovery == OnRecovery::Ignore;
    if ignored || rests(situation.release, at) || !may_write(situation) {
        return Vec::new();
    }
    let issues = situation.release.issues.iter();
    let awake = issues.filter(|(_, record)| !issue_rests(record, at));
    let recovered = awake.filter_map(|(sha, record)| {
        let work = of_recovery(situation, sha, record)?;
        Some(PlannedWrite::Issue(work))
    });
    recovered.collect()
}

fn of_recovery(situation: &Situation<'_>, sha: &Sha, record: &IssueRecord) -> Option<IssueWork> {
    let number = record.number.filter(|_| !record.recovered)?;
    let runs = &situation.release.runs;
    let started = |at: &RunRef| Some(runs.get(&at.id)?.attempts.get(&at.attempt)?.started_at);
    // A re-run keeps its run's id, so the last failure is determined by time.
    let last = *record.said.iter().max_by_key(|at| (started(at), **at))?;
    let marker = marker(situation, sha, last, true);
    let close = situation.policy.failure_issue_on_recovery == OnRecovery::Close;
    if record.said_deleted.contains(&last)
        && let Some(run) = runs.get(&last.id).filter(|run| !run.deleted)
        && situation.release.run_attempt(last)?.progress.succeeded()
    {
        let body = issue::not_deleted(last, &run.html_url, &marker);
        return Some(IssueWork::Recovery { sha: sha.clone(), number, body, marker, close });
    }
    // The deploy succeeded, but production turned degraded after it.
    if situation.release.run_attempt(last)?.progress.succeeded() {
        let health = situation.release.last_health();
        let healthy = health.filter(|health| health.health == Health::Healthy)?;
        let body = issue::healthy_again(healthy.since, &marker);
        return Some(IssueWork::Recovery { sha: sha.clone(), number, body, marker, close });
    }
    let production = situation.release.production();
    let crate::domain::Production::Known { sha: now, since, run } = &production else {
        return None;
    };
    let later = *since > started(&last)?;
    if !later || !production_contains(situation, sha) {
        return None;
    }
    let url = run.and_then(|run| Some((run, situation.release.runs.get(&run.id)?)));
    let body =
        issue::recovery(now, url.map(|(run, known)| (run, known.html_url.as_str())), &marker);
    Some(IssueWork::Recovery { sha: sha.clone(), number, body, marker, close })
}

fn marker(situation: &Situation<'_>, sha: &Sha, run: RunRef, recovered: bool) -> Marker {
    Marker {
        repository: situation.policy.repository.to_string(),
        sha: sha.clone(),
        run: run.id.get(),
        run_attempt: run.attempt,
        status_context: situation.policy.status_context.clone(),
        recovered,
    }
}
