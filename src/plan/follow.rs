//! Turns what the deploy runs did into ledger entries: which run an attempt started, how it
//! ended, and what others deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::started::{RunSearchResult, find_run};
use super::recover::deploy_of;
use crate::domain::{
    Attempt, AttemptOutcome, AttemptPhase, Attribution, AttributionRule, Conclusion, EntryKind,
    Job, KnownRun, KnownRunAttempt, ListRead, Login, Policy, RefHistory, ReleaseState, Run, RunId,
    RunKind, RunProgress, RunSource, SeenRuns, Sha,
};

mod started;

/// GitHub's times have whole seconds: what it reports as 12:00:05 may have been almost a second
/// later.
const FRACTION: Duration = Duration::from_secs(1);

/// The ledger entries about the runs that were seen.
#[must_use]
pub fn follow(
    policy: &Policy,
    seen: &SeenRuns,
    release: &ReleaseState,
    us: &BTreeSet<Login>,
    now: Timestamp,
) -> Vec<EntryKind> {
    let mut entries = Vec::new();
    let mut owned = owners(release);
    for attempt in waiting_for_a_run(release) {
        let found = find_run(attempt, seen, release, us, &owned);
        if let RunSearchResult::Run(run) = found {
            owned.insert(run, attempt.clone());
            let (id, late) = (attempt.begun.id.clone(), attempt.closed());
            entries.push(EntryKind::AttemptRun { id, run, late });
        } else if attempt.looks_for_its_run() {
            let list = seen.searches.get(&attempt.begun.workflow).map(|search| search.list);
            entries.extend(absent(policy, attempt, &found, list.unwrap_or_default(), now));
        }
    }
    let mut known = BTreeMap::new();
    let named = named_by_status(seen, us);
    let found = owned.keys().copied().filter(|id| seen.run(*id).is_some());
    let shown = seen.runs.iter().map(|run| run.at.id).chain(seen.deleted.iter().copied());
    for id in shown.chain(found).collect::<BTreeSet<RunId>>() {
        let Some(run) = updated(id, seen, release, &owned, &named, now) else { continue };
        let before = release.runs.get(&id).map(|known| &**known);
        // Runs such as previews come with every push, so they are not kept.
        if before != Some(&run) && (before.is_some() || run.kind != RunKind::NotADeploy) {
            entries.push(EntryKind::RunSeen { run: run.clone() });
        }
        known.insert(id, run);
    }
    entries.extend(reclassified(seen, release, &owned, &known));
    for (id, attempt) in &owned {
        let run = known.get(id).or_else(|| release.runs.get(id).map(|run| &**run));
        entries.extend(run.and_then(|run| ended(attempt, run)));
    }
    entries
}

/// The commits that runs deploy, from statuses of ours that link to them.
fn named_by_status(seen: &SeenRuns, us: &BTreeSet<Login>) -> BTreeMap<RunId, Sha> {
    let mut named = seen.named_by_status.clone();
    for (sha, statuses) in &seen.statuses {
        let ours = statuses
            .iter()
            .filter(|status| status.creator.as_ref().is_some_and(|by| us.contains(by)));
        named.extend(ours.filter_map(deploy_of).map(|run| (run, sha.clone())));
    }
    named
}

/// Runs that were not seen in this pass but are classified differently under the current
/// policy.
fn reclassified(
    seen: &SeenRuns,
    release: &ReleaseState,
    owned: &BTreeMap<RunId, Attempt>,
    known: &BTreeMap<RunId, KnownRun>,
) -> Vec<EntryKind> {
    let Some(scope) = &seen.scope else { return Vec::new() };
    let unseen = release.runs.values().filter(|run| !known.contains_key(&run.id));
    let mut entries = Vec::new();
    for run in unseen {
        let (owner, history) = (owned.get(&run.id), seen.histories.get(&run.id));
        let attribution = seen.attributions.get(&run.id).filter(|_| owner.is_none());
        let is_the_same = run.kind_in(scope, owner) == run.kind;
        if is_the_same && history.is_none() && attribution.is_none() {
            continue;
        }
        let mut today = KnownRun::clone(run);
        today.history = history.copied().unwrap_or(run.history);
        if let Some(attribution) = attribution {
            today.attribute(attribution.clone(), scope, seen.searched_tip.as_ref());
        }
        today.classify(scope, owner);
        if today != **run {
            entries.push(EntryKind::RunSeen { run: today });
        }
    }
    entries
}

/// What an attempt becomes, from what is known about its run.
fn ended(attempt: &Attempt, run: &KnownRun) -> Option<EntryKind> {
    let id = attempt.begun.id.clone();
    let is_open = !attempt.closed() || attempt.run.is_none();
    let shows_again = attempt.outcome() == Some(&AttemptOutcome::RunDeleted) && !run.deleted;
    match outcome(run) {
        Some(outcome) if is_open || shows_again => Some(EntryKind::AttemptClosed { id, outcome }),
        // It was considered deleted, but is still in progress.
        None if shows_again => Some(EntryKind::AttemptRun { id, run: run.id, late: false }),
        Some(_) | None => None,
    }
}

fn owners(release: &ReleaseState) -> BTreeMap<RunId, Attempt> {
    let owned = |attempt: &Attempt| Some((attempt.run?, attempt.clone()));
    release.attempts.iter().filter_map(owned).collect()
}

/// Attempts whose run may still appear, oldest first, so that each finds its own: first those
/// that are open, then those that GitHub accepted, whose run must exist, then the rest.
fn waiting_for_a_run(release: &ReleaseState) -> impl Iterator<Item = &Attempt> {
    let of = |rank: u8| release.attempts.iter().filter(move |attempt| rank_of(attempt) == rank);
    of(0).chain(of(1)).chain(of(2)).filter(|attempt| attempt.takes_a_run())
}

fn rank_of(attempt: &Attempt) -> u8 {
    match attempt.outcome() {
        None => 0,
        Some(AttemptOutcome::Unconfirmed) => 1,
        Some(_) => 2,
    }
}

/// What the absence of a run proves once the deadline has passed. Only the workflow's complete
/// list proves absence. A dispatch that GitHub accepted is never concluded as "not started",
/// nor is one if a run was set aside only because of its title.
fn absent(
    policy: &Policy,
    attempt: &Attempt,
    found: &RunSearchResult,
    list: ListRead,
    now: Timestamp,
) -> Option<EntryKind> {
    let id = attempt.begun.id.clone();
    let deadline = plus(plus(attempt.began_at(), FRACTION), policy.dispatch_confirm);
    if now < deadline {
        return None;
    }
    let unconfirmed = |id| EntryKind::AttemptClosed { id, outcome: AttemptOutcome::Unconfirmed };
    match list {
        ListRead::Incomplete => return None,
        ListRead::Gone => return Some(unconfirmed(id)),
        ListRead::Complete if attempt.phase == AttemptPhase::Accepted => {
            return Some(unconfirmed(id));
        }
        ListRead::Complete => {}
    }
    match attempt.absent_at.first() {
        None => Some(EntryKind::AttemptAbsent { id }),
        Some(first) if now < plus(*first, policy.dispatch_confirm / 5) => None,
        Some(_) if *found == RunSearchResult::SetAside => Some(unconfirmed(id)),
        Some(_) => Some(EntryKind::AttemptClosed { id, outcome: AttemptOutcome::NotStarted }),
    }
}

/// A run as known now: the previous knowledge, updated with what was seen.
fn updated(
    id: RunId,
    seen: &SeenRuns,
    release: &ReleaseState,
    owned: &BTreeMap<RunId, Attempt>,
    named: &BTreeMap<RunId, Sha>,
    now: Timestamp,
) -> Option<KnownRun> {
    let newest = seen.run(id);
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
            kind: RunKind::Deploy,
            source: None,
            history: RefHistory::NotAsked,
            attributed_by: AttributionRule::Own,
            searched: None,
            moved_deploy_files: None,
        },
        (None, None) => return None,
    };
    known.deleted = seen.deleted.contains(&id);
    known.source = newest.map(RunSource::from).or(known.source);
    known.history = seen.histories.get(&id).copied().unwrap_or(known.history);
    if let Some(attempt) = owned.get(&id) {
        known.attribute_to(attempt.begun.sha.clone());
    } else if let Some(sha) = named.get(&id).filter(|_| is_of_the_deploy_workflow(&known, seen)) {
        known.attribute_to(sha.clone());
    } else if let Some((attribution, scope)) = seen.attributions.get(&id).zip(seen.scope.as_ref()) {
        known.attribute(attribution.clone(), scope, seen.searched_tip.as_ref());
    }
    let earlier = seen.earlier_attempts.iter().filter(|run| run.at.id == id);
    for run in earlier.chain(newest) {
        let before = known.attempts.get(&run.at.attempt).map(|before| &**before);
        let attempt = seen_attempt(run, before, seen, release);
        known.attempts.insert(run.at.attempt, Box::new(attempt));
    }
    // Nobody saw when or how it ended. Use the current time, so that no verification seems to
    // follow it.
    let was_deleted = release.runs.get(&id).is_some_and(|before| before.deleted);
    if known.deleted
        && !was_deleted
        && let Some(mut last) = known.attempts.last_entry()
        && !last.get().progress.finished()
    {
        last.get_mut().updated_at = now;
    }
    if let Some(scope) = &seen.scope {
        known.classify(scope, owned.get(&id));
    }
    Some(known)
}

/// Whether the run belongs to the current deploy workflow. Statuses count only for those,
/// because ours can also link to runs of a workflow that was configured before.
fn is_of_the_deploy_workflow(run: &KnownRun, seen: &SeenRuns) -> bool {
    let (source, scope) = (run.source.as_ref(), seen.scope.as_ref());
    source.is_some_and(|source| scope.is_some_and(|scope| scope.workflow == source.workflow))
}

fn seen_attempt(
    run: &Run,
    before: Option<&KnownRunAttempt>,
    seen: &SeenRuns,
    release: &ReleaseState,
) -> KnownRunAttempt {
    let jobs = seen.jobs.get(&run.at);
    let cancelled = run.progress == RunProgress::Finished(Conclusion::Cancelled);
    let is_main = seen.scope.as_ref().is_none_or(|scope| scope.workflow == run.workflow);
    let newer_run = || {
        (is_main && seen.newest.is_some_and(|newest| newest > run.at.id))
            || release.runs.values().rev().any(|other| {
                let of_it =
                    other.source.as_ref().is_none_or(|source| source.workflow == run.workflow);
                of_it && other.id > run.at.id
            })
    };
    let superseded = match jobs {
        Some(jobs) if cancelled => Some(jobs.iter().all(|job| job.steps.is_empty()) && newer_run()),
        // If unknown, it counts as a failure.
        None if cancelled && seen.jobs_untold.contains(&run.at) => Some(false),
        Some(_) | None if cancelled => before.and_then(|before| before.superseded),
        Some(_) | None => None,
    };
    let failed_step = match jobs {
        Some(jobs) => failed_step(jobs),
        None => before.and_then(|before| before.failed_step.clone()),
    };
    // GitHub may change `updated_at` later, so the end of a finished attempt stays what it was.
    let updated_at = match before {
        Some(before) if before.progress == run.progress && before.progress.finished() => {
            before.updated_at
        }
        Some(_) | None if run.progress.finished() => run.updated_at,
        Some(before) => before.updated_at,
        None => run.updated_at,
    };
    let has_jobs = match jobs {
        Some(jobs) => Some(!jobs.is_empty()),
        // If unknown, it counts as a failure.
        None if seen.jobs_untold.contains(&run.at) => Some(true),
        None => before.and_then(|before| before.has_jobs),
    };
    KnownRunAttempt {
        started_at: run.started_at,
        updated_at,
        progress: run.progress.clone(),
        superseded,
        failed_step,
        has_jobs,
    }
}

/// The first failed job and its first failed step.
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

/// How an attempt ended, from its run's newest attempt.
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
