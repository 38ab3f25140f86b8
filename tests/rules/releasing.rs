//! The state that a ledger adds up to, unchanged by storing and loading it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use release_governor::domain::*;

use crate::arbitrary::{cases, kinds, ledgers, states};
use crate::world::{
    WANTED, World, at, attempt_id, begun, failed, operator, run, sha, succeeded, works,
};

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn every_entry_is_read_as_it_was_written(kind in kinds()) {
        let entry = Entry { at: at(0), kind };
        let text = serde_json::to_string(&entry).unwrap();
        prop_assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry, "{}", text);
    }

    #[test]
    fn a_release_state_is_read_as_it_was_written(state in states()) {
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<ReleaseState>(&text).unwrap(), state, "{}", text);
    }

    /// A state that was stored at any point and loaded again continues as if nothing had
    /// happened.
    #[test]
    fn a_restart_changes_nothing(entries in ledgers(), cut in 0..14_usize) {
        let mut whole = ReleaseState::default();
        let mut restarted = ReleaseState::default();
        for (place, entry) in entries.iter().enumerate() {
            whole.apply(entry);
            restarted.apply(entry);
            if place == cut {
                let text = serde_json::to_string(&restarted).unwrap();
                restarted = serde_json::from_str(&text).unwrap();
            }
        }
        prop_assert_eq!(whole, restarted);
    }

    /// An operator who acts during a deploy cannot mean what it does later: the deploy comes
    /// after the last action between its start and its end.
    #[test]
    fn production_is_always_the_newest_success_or_word(state in states()) {
        let words = words_about_production(&state);
        let successes = state.runs.values().flat_map(|run| {
            run.attempts.values().filter(|one| one.progress.succeeded())
        });
        let successes = successes.map(|one| {
            let spoken = words.iter().filter(|at| one.started_at < **at && **at < one.updated_at);
            let place = spoken.max().map_or((one.started_at, 0), |word| (*word, 2));
            (place, one.started_at)
        });
        let last_word = state.production_set.iter().map(|(_, at)| ((*at, 1), *at));
        let newest = successes.chain(last_word).max().map(|(_, since)| since);
        let since = match state.production() {
            Production::None => None,
            Production::Known { since, .. } => Some(since),
            Production::Uncertain { why } => {
                why.run().map(|run| state.runs[&run.id].attempts[&run.attempt].started_at)
            }
        };
        prop_assert_eq!(since, newest);
    }
}

/// The times of operators' `set-production` actions, as the state keeps them.
fn words_about_production(state: &ReleaseState) -> Vec<Timestamp> {
    let state = serde_json::to_value(state).unwrap();
    serde_json::from_value(state["history"]["words"].clone()).unwrap_or_default()
}

pub(crate) fn with_attempt(
    world: &mut World,
    id: u64,
    number: u32,
    start: i64,
    progress: RunProgress,
) {
    let mut run = KnownRun::clone(&world.release.runs[&id.into()]);
    let attempt = KnownRunAttempt {
        started_at: at(start),
        updated_at: at(start + 1),
        progress,
        superseded: None,
        failed_step: None,
        has_jobs: Some(true),
    };
    run.attempts.insert(number, Box::new(attempt));
    world.sees(run);
}

#[test]
fn a_later_attempt_that_runs_or_fails_does_not_unmake_production() {
    let mut world = World::calm();
    world.deploys(20, 4, -60, succeeded());
    with_attempt(&mut world, 20, 2, -30, works());
    assert_eq!(world.release.production().sha(), Some(&sha(4)));
    assert!(world.release.deploy_in_flight());
    with_attempt(&mut world, 20, 2, -30, failed());
    assert_eq!(world.release.production().run(), Some(RunRef { id: 20.into(), attempt: 1 }));
    assert_eq!(world.release.previous_production(), Some(sha(1)));
    // A successful re-run of the old run brings its sha back.
    with_attempt(&mut world, 10, 2, -10, succeeded());
    assert_eq!(world.release.production().sha(), Some(&sha(1)));
    assert_eq!(world.release.previous_production(), Some(sha(4)));
}

#[test]
fn a_word_about_production_is_overridden_by_newer_runs_only() {
    let mut world = World::calm();
    let (by, why) = (operator(), "by hand".to_owned());
    world.word(-60, OperatorAction::ProductionSet { sha: sha(7), why, by });
    assert_eq!(world.release.production().sha(), Some(&sha(7)));
    world.sees(run(20, Some(4), -70, succeeded()));
    assert_eq!(world.release.production().sha(), Some(&sha(7)), "an older run shows late");
    world.sees(run(19, Some(3), -61, succeeded()));
    assert_eq!(world.release.production().sha(), Some(&sha(3)), "it ran when they spoke");
    world.sees(run(21, None, -30, succeeded()));
    assert_eq!(world.release.production().sha(), None, "uncertain");
    world.sees(run(21, Some(4), -30, succeeded()));
    assert_eq!(world.release.production().sha(), Some(&sha(4)), "its title was read after all");
}

/// The times of signals come from a clock that may be two seconds off GitHub's, and GitHub's
/// own times have a resolution of one second.
#[test]
fn what_turns_degraded_right_with_a_deploy_or_with_the_end_of_its_watch_is_laid_at_its_door() {
    let watch = Duration::from_secs(600);
    let started = at(-60);
    let watched_until = at(-58) + SignedDuration::from_secs(600);
    let is_blamed_at = |since: Timestamp| {
        let mut world = World::calm();
        let health = |health, since, id: u64| EntryKind::HealthChecked {
            health,
            since,
            run: Some(RunRef { id: id.into(), attempt: 1 }),
            found: Vec::new(),
            signals: Vec::new(),
        };
        world.hears(-500, health(Health::Healthy, at(-500), 10));
        world.deploys(20, 4, -60, succeeded());
        world.hears(-58, health(Health::Degraded, since, 20));
        !world.release.degraded_after_deploys(watch).is_empty()
    };
    let seconds = SignedDuration::from_secs;
    for (since, blamed) in [
        (started - seconds(4), false),
        (started - seconds(3), true),
        (started, true),
        (watched_until + seconds(3), true),
        (watched_until + seconds(4), false),
    ] {
        assert_eq!(is_blamed_at(since), blamed, "{since}");
    }
}

#[test]
fn failures_count_until_production_moves_whoever_deploys() {
    let mut world = World::calm();
    let failures = |world: &World| world.release.failed_since_success();
    world.sees(run(19, Some(2), -2_000_000, failed()));
    assert_eq!(failures(&world), 0, "it failed before the last success");
    world.deploys(20, 4, -60, failed());
    with_attempt(&mut world, 20, 2, -50, failed());
    world.sees(run(21, None, -40, failed()));
    assert_eq!(failures(&world), 3);
    let mut superseded = run(22, Some(4), -38, RunProgress::Finished(Conclusion::Cancelled));
    superseded.attempts.values_mut().for_each(|attempt| attempt.superseded = Some(true));
    world.sees(superseded);
    let mut deleted = run(23, Some(4), -36, works());
    world.sees(deleted.clone());
    assert_eq!(failures(&world), 3, "one has not begun, one works");
    deleted.deleted = true;
    world.sees(deleted);
    assert_eq!(failures(&world), 4);
    let (by, why) = (operator(), "mended by hand".to_owned());
    let mut mended = World { release: world.release.clone(), ..World::calm() };
    mended.word(-20, OperatorAction::ProductionSet { sha: sha(4), why, by });
    assert_eq!(failures(&mended), 0);
    with_attempt(&mut world, 20, 3, -10, succeeded());
    assert_eq!(failures(&world), 0);
}

/// GitHub's times have a resolution of one second.
#[test]
fn a_deploy_that_failed_within_the_second_in_which_another_succeeded_came_after_it() {
    let mut world = World::calm();
    world.sees(run(20, Some(2), -60, succeeded()));
    world.sees(run(21, Some(4), -60, failed()));
    assert_eq!(world.release.failed_since_success(), 1);
    world.sees(run(22, Some(4), -60, succeeded()));
    assert_eq!(world.release.failed_since_success(), 0);
    with_attempt(&mut world, 22, 2, -60, failed());
    assert_eq!(world.release.failed_since_success(), 1);
}

#[test]
fn what_failed_before_a_repository_was_governed_is_not_counted() {
    let mut world = World::calm();
    world.release.governed_since = Some(at(-30));
    world.sees(run(20, Some(4), -60, failed()));
    assert_eq!(world.release.failed_since_success(), 0);
    world.sees(run(21, Some(4), -20, failed()));
    assert_eq!(world.release.failed_since_success(), 1);
}

#[test]
fn moves_by_others_are_those_that_no_pass_of_ours_decided_on() {
    let mut world = World::calm();
    world.deploys(20, 4, -60, succeeded());
    assert_eq!(world.release.past_productions().foreign, []);
    world.sees(run(21, Some(3), -50, succeeded()));
    world.sees(run(22, None, -40, succeeded()));
    world.sees(run(23, Some(3), -35, failed()));
    world.deploys(24, 5, -30, succeeded());
    with_attempt(&mut world, 20, 2, -20, succeeded());
    let moves = |world: &World| -> Vec<(Option<Sha>, u64)> {
        let foreign = world.release.past_productions().foreign.into_iter();
        foreign.map(|one| (one.to, one.run.id.get())).collect()
    };
    assert_eq!(moves(&world), [(Some(sha(4)), 20), (None, 22), (Some(sha(3)), 21)]);
    world.word(-25, OperatorAction::Resumed { by: operator() });
    assert_eq!(moves(&world), [(Some(sha(4)), 20)], "before an operator spoke");
}

#[test]
fn failed_deploys_are_those_since_the_last_success_and_not_superseded() {
    let mut world = World::calm();
    let wanted = sha(WANTED);
    let count = |world: &World| world.release.failed_deploys(&wanted).len();
    world.sees(run(20, Some(WANTED), -90, failed()));
    world.sees(run(21, Some(4), -80, failed()));
    world.sees(run(22, None, -80, failed()));
    assert_eq!(count(&world), 1, "whoever started it, of this sha");
    world.sees(run(23, Some(WANTED), -70, succeeded()));
    assert_eq!(count(&world), 0, "it succeeded since");
    world.sees(run(24, Some(WANTED), -60, works()));
    assert_eq!(count(&world), 0);
    let gone = KnownRun { deleted: true, ..run(24, Some(WANTED), -60, works()) };
    world.sees(gone);
    assert_eq!(count(&world), 1, "deleted while it ran");
    with_attempt(&mut world, 20, 2, -50, failed());
    assert_eq!(count(&world), 2, "a re-run counts");
    let mut superseded = run(25, Some(WANTED), -40, RunProgress::Finished(Conclusion::Cancelled));
    superseded.attempts.get_mut(&1).unwrap().superseded = Some(true);
    world.sees(superseded);
    assert_eq!(count(&world), 2);
}

#[test]
fn an_hours_starts_are_those_that_started_a_run() {
    let mut world = World::calm();
    world.deploys(20, 4, -61, failed());
    world.deploys(21, 4, -60, failed());
    world.deploys(22, 4, -59, failed());
    for (id, outcome) in [
        (30, AttemptOutcome::Withdrawn(String::new())),
        (31, AttemptOutcome::Rejected(String::new())),
        (32, AttemptOutcome::NotSent(String::new())),
        (33, AttemptOutcome::NotStarted),
        (34, AttemptOutcome::Unconfirmed),
    ] {
        world.hears(-10, EntryKind::AttemptBegun { attempt: begun(id, 4) });
        world.hears(-9, EntryKind::AttemptClosed { id: attempt_id(id), outcome });
    }
    let starts = world.release.starts_within_the_hour(&RuleClock::new(at(0)));
    assert_eq!(starts, [at(-59), at(-10)], "run 22, and the one that GitHub took");
}

/// The bounds: what is kept of each kind, and what must never be dropped.
#[test]
fn the_release_state_does_not_grow_without_bound() {
    let mut state = ReleaseState::default();
    let numbered = |number: u64| -> Sha { format!("{number:040x}").parse().unwrap() };
    let mut hears = |second: u64, kind| {
        let at = at(0) + jiff::SignedDuration::from_secs(i64::try_from(second).unwrap());
        state.apply(&Entry { at, kind });
    };
    let open = begun(9_999, 3);
    hears(0, EntryKind::AttemptBegun { attempt: open.clone() });
    hears(0, EntryKind::RunSeen { run: run(1, Some(1), -10, succeeded()) });
    hears(0, EntryKind::RunSeen { run: run(2, Some(2), -10, works()) });
    for number in 10..1_500_u64 {
        let sha = numbered(number);
        let attempt = NewAttempt { id: attempt_id(number), sha: sha.clone(), ..begun(0, 0) };
        hears(number, EntryKind::AttemptBegun { attempt: attempt.clone() });
        let outcome = AttemptOutcome::NotStarted;
        hears(number, EntryKind::AttemptClosed { id: attempt.id, outcome });
        hears(number, EntryKind::RunSeen { run: run(number, Some(4), -5, failed()) });
        let run_ref = RunRef { id: number.into(), attempt: 1 };
        let step = IssueStep::Written { sha: sha.clone(), run: run_ref, number: 1.into() };
        hears(number, EntryKind::Issue(step));
        let (words, retry_at) = (String::new(), at(i64::try_from(number).unwrap()));
        hears(number, EntryKind::StatusRefused { sha: sha.clone(), words, retry_at });
        let words = String::new();
        hears(number, EntryKind::RangeFailed { base: sha.clone(), head: sha.clone(), words });
        hears(number, EntryKind::Operator(OperatorAction::Triggered { sha, by: operator() }));
    }
    let counts = [
        state.attempts.len(),
        state.runs.len(),
        state.issues.len(),
        state.status_refusals.len(),
        state.failed_ranges.len(),
        state.triggered.len(),
    ];
    assert_eq!(counts, [500, 1_000, 500, 500, 100, 200]);
    assert!(state.attempt(&open.id).is_some(), "an open attempt is never dropped");
    assert_eq!(state.production().sha(), Some(&sha(1)), "nor what production rests on");
    assert!(state.runs.contains_key(&2.into()), "nor a run in flight");
    assert!(
        state.issues.contains_key(&numbered(1_499)) && !state.issues.contains_key(&numbered(10))
    );
}

/// What other processes and lost ledgers left is as bounded as our own data.
#[test]
fn adopted_attempts_are_bounded_too() {
    let mut state = ReleaseState::default();
    for number in 0..700_u64 {
        let attempt = Attempt {
            begun: begun(number, 3),
            at: at(i64::try_from(number).unwrap()),
            phase: AttemptPhase::Closed(AttemptOutcome::NotStarted),
            mark: None,
            run: None,
            absent_at: Vec::new(),
            late: false,
        };
        state.apply(&Entry { at: at(0), kind: EntryKind::AttemptAdopted { attempt } });
    }
    assert_eq!(state.attempts.len(), 500);
    assert!(state.attempt(&attempt_id(699)).is_some());
}
