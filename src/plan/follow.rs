//! Writes down what the deploy runs did: which run an attempt started, how it ended, and what
//! others deployed.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    Attempt, AttemptOutcome, AttemptPhase, Attribution, Conclusion, EntryKind, Job, KnownRun,
    KnownRunAttempt, Login, Policy, ReleaseState, Run, RunId, RunProgress, SeenRuns, ShaPrefix,
};

/// GitHub's times have no fractions: what it says to have been at 12:00:05 may have been almost a
/// second later.
const FRACTION: Duration = Duration::from_secs(1);

/// GitHub's incidents delay a dispatched run by minutes; what began later is somebody else's.
const LATEST_BEGIN: Duration = Duration::from_secs(60 * 60);

/// What the ledger is to learn from the runs that were seen.
#[must_use]
pub fn follow(
    policy: &Policy,
    seen: &SeenRuns,
    release: &ReleaseState,
    us: &std::collections::BTreeSet<Login>,
    now: Timestamp,
) -> Vec<EntryKind> {
    let mut entries = Vec::new();
    let mut owned = owners(release);
    for attempt in waiting_for_a_run(release) {
        if let Some(run) = find_run(attempt, seen, us, &owned) {
            owned.insert(run, attempt.clone());
            let (id, late) = (attempt.begun.id.clone(), attempt.closed());
            entries.push(EntryKind::AttemptRun { id, run, late });
        } else if attempt.looks_for_its_run() && seen.shows_absence {
            entries.extend(absent(policy, attempt, now));
        }
    }
    let mut known = BTreeMap::new();
    for id in seen.runs.iter().map(|run| run.at.id).chain(seen.deleted.iter().copied()) {
        let Some(run) = updated(id, seen, release, &owned) else { continue };
        if release.runs.get(&id).map(|known| &**known) != Some(&run) {
            entries.push(EntryKind::RunSeen { run: run.clone() });
        }
        known.insert(id, run);
    }
    for (id, attempt) in &owned {
        let run = known.get(id).or_else(|| release.runs.get(id).map(|run| &**run));
        let just_found = !attempt.closed() || attempt.run.is_none();
        if let Some(outcome) = run.and_then(outcome)
            && just_found
        {
            entries.push(EntryKind::AttemptClosed { id: attempt.begun.id.clone(), outcome });
        }
    }
    entries
}

fn owners(release: &ReleaseState) -> BTreeMap<RunId, Attempt> {
    let owned = |attempt: &Attempt| Some((attempt.run?, attempt.clone()));
    release.attempts.iter().filter_map(owned).collect()
}

/// Attempts whose run may still show, oldest first, so that each finds its own.
fn waiting_for_a_run(release: &ReleaseState) -> impl Iterator<Item = &Attempt> {
    // Those that are still open come first.
    let waiting = |attempt: &&Attempt| {
        attempt.run.is_none()
            && match &attempt.phase {
                AttemptPhase::Sending | AttemptPhase::Accepted => true,
                AttemptPhase::Intent | AttemptPhase::Running => false,
                AttemptPhase::Closed(outcome) => {
                    matches!(outcome, AttemptOutcome::NotStarted | AttemptOutcome::Unconfirmed)
                }
            }
    };
    let open = release.attempts.iter().filter(|attempt| !attempt.closed());
    let closed = release.attempts.iter().filter(|attempt| attempt.closed());
    open.chain(closed).filter(waiting)
}

/// Section 5, step 5: one whose title names the sha wins; one whose title names another sha is
/// never it; otherwise the oldest.
fn find_run(
    attempt: &Attempt,
    seen: &SeenRuns,
    us: &std::collections::BTreeSet<Login>,
    owned: &BTreeMap<RunId, Attempt>,
) -> Option<RunId> {
    let since = attempt.mark.as_ref().map_or(attempt.at, |mark| mark.at);
    let names_the_whole_sha = |run: &Run| {
        let named = ShaPrefix::all_in(&run.title);
        named.iter().any(|prefix| prefix.whole().is_some_and(|sha| sha == attempt.begun.sha))
    };
    // GitHub may name nobody; then nothing but the whole sha in its title shows that it is ours.
    let is_ours = |run: &Run| {
        run.actors.iter().any(|actor| us.contains(actor))
            || (run.actors.is_empty() && names_the_whole_sha(run))
    };
    let mut possible: Vec<&Run> = seen
        .runs
        .iter()
        .filter(|run| {
            run.event.is_workflow_dispatch()
                && is_ours(run)
                && run.head_branch.as_ref() == Some(&attempt.begun.deploy_ref)
                && Some(run.at.id) > attempt.begun.newest_run_seen
                && plus(run.created_at, FRACTION) >= since
                && !owned.contains_key(&run.at.id)
        })
        .collect();
    possible.sort_by_key(|run| run.at.id);
    let names_it = |run: &&&Run| {
        ShaPrefix::all_in(&run.title).iter().any(|prefix| attempt.begun.sha.starts_with(prefix))
    };
    let names_another = |run: &&&Run| {
        let attributed = seen.attributions.get(&run.at.id).and_then(Attribution::sha);
        attributed.is_some_and(|sha| *sha != attempt.begun.sha)
            || ShaPrefix::all_in(&run.title)
                .iter()
                .any(|prefix| prefix.whole().is_some_and(|sha| sha != attempt.begun.sha))
    };
    let named = possible.iter().find(names_it);
    // A closed attempt's run shows late, but it began with the attempt; a run that the same account
    // started much later, for whatever reason, is not it.
    let in_time = |run: &&&Run| !attempt.closed() || run.created_at <= plus(since, LATEST_BEGIN);
    let oldest = || possible.iter().find(|run| in_time(run) && !names_another(run));
    named.or_else(oldest).map(|run| run.at.id)
}

/// What the absence of a run says, once the time given has passed.
fn absent(policy: &Policy, attempt: &Attempt, now: Timestamp) -> Option<EntryKind> {
    let id = attempt.begun.id.clone();
    let marked = attempt.mark.as_ref().map_or(attempt.at, |mark| mark.at);
    let deadline = plus(plus(marked, FRACTION), policy.dispatch_confirm);
    if now < deadline {
        return None;
    }
    if attempt.phase == AttemptPhase::Accepted {
        let outcome = AttemptOutcome::Unconfirmed;
        return Some(EntryKind::AttemptClosed { id, outcome });
    }
    let apart = policy.dispatch_confirm / 5;
    match attempt.absent_at.first() {
        None => Some(EntryKind::AttemptAbsent { id }),
        Some(first) if now >= plus(*first, apart) => {
            Some(EntryKind::AttemptClosed { id, outcome: AttemptOutcome::NotStarted })
        }
        Some(_) => None,
    }
}

/// A run as it is known now: what was known before, and what was seen of it.
fn updated(
    id: RunId,
    seen: &SeenRuns,
    release: &ReleaseState,
    owned: &BTreeMap<RunId, Attempt>,
) -> Option<KnownRun> {
    let newest = seen.runs.iter().find(|run| run.at.id == id);
    let mut known = match (release.runs.get(&id), newest) {
        (Some(known), _) => KnownRun::clone(known),
        (None, Some(run)) => KnownRun {
            id,
            event: run.event.clone(),
            attribution: Attribution::Unresolved,
            created_at: run.created_at,
            html_url: run.html_url.clone(),
            attempts: BTreeMap::new(),
            deleted: false,
            moved_deploy_files: None,
        },
        (None, None) => return None,
    };
    known.deleted = seen.deleted.contains(&id);
    if let Some(attempt) = owned.get(&id) {
        known.attribution = Attribution::Sha(attempt.begun.sha.clone());
    } else if let Some(attribution) = seen.attributions.get(&id) {
        known.attribution = attribution.clone();
    }
    let earlier = seen.earlier_attempts.iter().filter(|run| run.at.id == id);
    for run in earlier.chain(newest) {
        let before = known.attempts.get(&run.at.attempt).map(|before| &**before);
        let attempt = seen_attempt(run, before, seen, release);
        known.attempts.insert(run.at.attempt, Box::new(attempt));
    }
    Some(known)
}

fn seen_attempt(
    run: &Run,
    before: Option<&KnownRunAttempt>,
    seen: &SeenRuns,
    release: &ReleaseState,
) -> KnownRunAttempt {
    let jobs = seen.jobs.get(&run.at);
    let cancelled = run.progress == RunProgress::Finished(Conclusion::Cancelled);
    let newer_run = || {
        seen.newest.is_some_and(|newest| newest > run.at.id)
            || release.runs.keys().next_back().is_some_and(|newest| *newest > run.at.id)
    };
    let superseded = match jobs {
        Some(jobs) if cancelled => Some(jobs.iter().all(|job| job.steps.is_empty()) && newer_run()),
        Some(_) | None if cancelled => before.and_then(|before| before.superseded),
        Some(_) | None => None,
    };
    let failed_step = match jobs {
        Some(jobs) => failed_step(jobs),
        None => before.and_then(|before| before.failed_step.clone()),
    };
    // `updated_at` may move for reasons of GitHub's own; once a run attempt ended, it ended then.
    let updated_at = match before {
        Some(before) if before.progress == run.progress && before.progress.finished() => {
            before.updated_at
        }
        Some(_) | None if run.progress.finished() => run.updated_at,
        Some(before) => before.updated_at,
        None => run.updated_at,
    };
    KnownRunAttempt {
        started_at: run.started_at,
        updated_at,
        progress: run.progress.clone(),
        superseded,
        failed_step,
    }
}

/// The first job that failed, and its first step that did.
fn failed_step(jobs: &[Job]) -> Option<(String, String)> {
    let bad = |conclusion: &Option<Conclusion>| {
        conclusion.as_ref().is_some_and(|conclusion| {
            matches!(
                conclusion,
                Conclusion::Failure | Conclusion::TimedOut | Conclusion::StartupFailure
            )
        })
    };
    let job = jobs.iter().find(|job| bad(&job.conclusion))?;
    let step = job.steps.iter().find(|step| bad(&step.conclusion));
    Some((job.name.clone(), step.map_or_else(String::new, |step| step.name.clone())))
}

/// How an attempt ended, by its run's newest attempt.
fn outcome(run: &KnownRun) -> Option<AttemptOutcome> {
    let (_, newest) = run.newest()?;
    match &newest.progress {
        RunProgress::Unfinished(_) => run.deleted.then_some(AttemptOutcome::RunDeleted),
        RunProgress::Finished(Conclusion::Success) => Some(AttemptOutcome::Succeeded),
        RunProgress::Finished(_) if newest.superseded == Some(true) => {
            Some(AttemptOutcome::Superseded)
        }
        RunProgress::Finished(conclusion) => Some(AttemptOutcome::Failed(conclusion.clone())),
    }
}

fn plus(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
