//! A plan that was carried out leaves nothing to do.

use proptest::prelude::*;
use release_governor::decide::{JudgeOutcome, Judgement, judge};
use release_governor::domain::*;
use release_governor::plan::{self, Situation};

use crate::arbitrary::{cases, worlds};
use crate::world::{BASE, WANTED, World, ahead, at, begun, failed, related, run, sha, succeeded};

fn judged(world: &World) -> Option<Judgement> {
    let others = plan::undecided(&world.release);
    match judge(&world.policy, &world.observation, &world.release, &others, world.now) {
        JudgeOutcome::Done(judgement) => Some(*judgement),
        JudgeOutcome::Lacks(_) | JudgeOutcome::LacksBelow(..) | JudgeOutcome::Unreadable(_) => None,
    }
}

fn planned(world: &World) -> Option<Plan> {
    let judgement = judged(world)?;
    Some(plan::plan(&Situation {
        policy: &world.policy,
        observation: &world.observation,
        release: &world.release,
        judgement: &judgement,
        public_url: None,
        now: world.now,
    }))
}

/// Carries out the plan, with every request succeeding.
fn carried_out(world: &mut World, plan: Plan) {
    let now = world.now;
    let mut entries = plan.records;
    // GitHub numbers statuses in the order in which it receives them.
    let shown = world.observation.commits.values().filter_map(|facts| facts.statuses.known());
    let tracked = world.release.statuses.values().map(|tracked| tracked.newest.id);
    let numbers = shown.flatten().map(|status| status.id).chain(tracked).map(StatusId::get);
    let mut newest = numbers.max().unwrap_or_default();
    if let Some(decision) = plan.deploy {
        let attempt = NewAttempt { sha: decision.sha.clone(), ..begun(0xd15, 0) };
        let id = attempt.id.clone();
        entries.push(EntryKind::AttemptBegun { attempt });
        entries.push(EntryKind::AttemptSending { id });
    }
    for write in plan.writes {
        match write {
            PlannedWrite::Status { sha, state, description, target_url, .. } => {
                newest += 1;
                let status = CommitStatus {
                    id: newest.into(),
                    context: world.policy.status_context.clone(),
                    state,
                    description,
                    target_url,
                    creator: world.observation.us.first().cloned(),
                    created_at: now,
                };
                entries.push(EntryKind::StatusWritten {
                    sha: sha.clone(),
                    status: status.record("booty/release-governor"),
                });
                let facts = world.observation.commits.entry(sha).or_default();
                if let Fact::Known(shown) = &mut facts.statuses {
                    shown.insert(0, status);
                }
            }
            PlannedWrite::Issue(IssueWork::Failure { sha, run, number, .. }) => {
                let number = number.unwrap_or(77.into());
                entries.push(EntryKind::Issue(IssueStep::Intent { sha: sha.clone(), run }));
                entries.push(EntryKind::Issue(IssueStep::Written { sha, run, number }));
            }
            PlannedWrite::Issue(IssueWork::Recovery { sha, .. }) => {
                entries.push(EntryKind::Issue(IssueStep::RecoveryIntent { sha: sha.clone() }));
                entries.push(EntryKind::Issue(IssueStep::RecoveryWritten { sha }));
            }
        }
    }
    entries.into_iter().for_each(|kind| world.release.apply(&Entry { at: now, kind }));
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(world in worlds()) {
        let mut world = world;
        let Some(first) = planned(&world) else { return Ok(()) };
        let dispatched = first.deploy.is_some();
        carried_out(&mut world, first.clone());
        // A status may be followed by an issue that recovers, or a dispatch by its own status.
        for _ in 0..3 {
            let Some(next) = planned(&world) else { return Ok(()) };
            prop_assert!(!(dispatched && next.deploy.is_some()), "dispatched twice: {:?}", next);
            carried_out(&mut world, next);
        }
        let Some(last) = planned(&world) else { return Ok(()) };
        prop_assert!(last.is_empty(), "never settled: {:?} after {:?}", last, first);
    }

    /// Passes over an unchanged repository rely on this: they make no new plan.
    #[test]
    fn a_plan_stays_as_it_is_until_the_time_that_it_names(
        world in worlds(),
        minutes in 1..600_i64,
    ) {
        let Some(first) = planned(&world) else { return Ok(()) };
        let later = World { now: at(1 + minutes), ..world };
        if first.changes_at.is_none_or(|changes_at| later.now < changes_at) {
            let then = planned(&later).map(|then| Plan { changes_at: first.changes_at, ..then });
            prop_assert_eq!(then, Some(first));
        }
    }

    /// A forecast is what the rules say at that time.
    #[test]
    fn what_is_forecast_ships_then_and_not_a_second_before(world in worlds()) {
        let Some(judgement) = judged(&world) else { return Ok(()) };
        for (sha, decision) in &judgement.decisions {
            let ships = |now| {
                let judged = judged(&World { now, ..world.clone() });
                judged.map(|judged| judged.decisions[sha].reason().starts_a_deploy())
            };
            let waits = matches!(decision.outcome(), Outcome::Hold | Outcome::Wait);
            prop_assert!(waits || decision.ships_at.is_none());
            if let Some(ships_at) = &decision.ships_at {
                let second = jiff::SignedDuration::from_secs(1);
                prop_assert!(ships_at.at > world.now);
                prop_assert_eq!(ships(ships_at.at), Some(true));
                prop_assert_ne!(ships(ships_at.at - second), Some(true));
            }
            let end = decision.ships_at.as_ref().map(|time| time.at);
            for minutes in [1, 7, 31, 59, 61, 600, 1_440, 5_000, 10_080] {
                let then = at(minutes);
                if waits && world.now < then && end.is_none_or(|end| then < end) {
                    prop_assert_ne!(ships(then), Some(true), "{} minutes later", minutes);
                }
            }
        }
    }

    /// A wait for a time lasts until then, and no longer.
    #[test]
    fn a_decision_that_waits_for_a_time_changes_then(world in worlds()) {
        let Some(judgement) = judged(&world) else { return Ok(()) };
        for (sha, decision) in &judgement.decisions {
            let until = match decision.cause {
                Cause::Cooldown { until } | Cause::RateLimit { until, .. } => until,
                Cause::DispatchRejected { retry_at, .. }
                | Cause::StatusRefused { retry_at, .. } => retry_at,
                _ => continue,
            };
            prop_assert!(decision.changes_at.is_some_and(|at| world.now < at && at <= until));
            let reason_at = |now| {
                let judged = judged(&World { now, ..world.clone() });
                judged.map(|judged| judged.decisions[sha].reason())
            };
            let second = jiff::SignedDuration::from_secs(1);
            prop_assert_eq!(reason_at(until - second), Some(decision.reason()));
            prop_assert_ne!(reason_at(until), Some(decision.reason()));
        }
    }

    #[test]
    fn a_commit_gets_one_status_a_plan_and_no_unread_list_is_taken_for_empty(world in worlds()) {
        let Some(plan) = planned(&world) else { return Ok(()) };
        let mut spoken = std::collections::BTreeSet::new();
        for write in &plan.writes {
            if let PlannedWrite::Status { sha, description, .. } = write {
                prop_assert!(spoken.insert(sha.clone()), "{} twice", sha);
                let known = world.observation.facts(sha).statuses.known().is_some();
                prop_assert!(known || description.starts_with("SHIPPED"), "{}", description);
                prop_assert!(description.chars().count() <= 140);
            }
        }
    }
}

/// The planned actions, one per line.
fn told(world: &World) -> Vec<String> {
    let plan = planned(world).unwrap();
    let records = plan.records.iter().map(|kind| {
        let kind = serde_json::to_value(kind).unwrap();
        format!("record {}", kind["kind"].as_str().unwrap())
    });
    let deploy = plan.deploy.iter().map(|decision| format!("dispatch {}", decision.sha.short()));
    let writes = plan.writes.iter().map(|write| match write {
        PlannedWrite::Status { state, description, .. } => {
            format!("{}: {description}", state.as_str())
        }
        PlannedWrite::Issue(IssueWork::Failure { run, number, .. }) => {
            format!("failure of {}/{} on {number:?}", run.id, run.attempt)
        }
        PlannedWrite::Issue(IssueWork::Recovery { number, close, .. }) => {
            format!("recovery on {number}, close {close}")
        }
    });
    records.chain(deploy).chain(writes).collect()
}

#[test]
fn a_failed_deploy_is_said_once_and_a_re_run_is_said_again() {
    let mut world = World::calm();
    world.deploys(20, WANTED, -60, failed());
    let said = told(&world);
    assert!(said.contains(&"failure of 20/1 on None".to_owned()), "{said:?}");
    assert!(
        said.iter().any(|line| line.starts_with("failure: HOLD 0505050 · LOW · deploy_failed"))
    );
    let actions = planned(&world).unwrap();
    carried_out(&mut world, actions);
    assert_eq!(told(&world), [""; 0]);
    let mut again = KnownRun::clone(&world.release.runs[&20.into()]);
    let mut second = again.attempts[&1].clone();
    (second.started_at, second.updated_at) = (at(-40), at(-39));
    again.attempts.insert(2, second);
    world.sees(again);
    assert!(told(&world).contains(&"failure of 20/2 on Some(IssueNumber(77))".to_owned()));
}

#[test]
fn failures_from_before_the_first_pass_are_not_ours_to_tell() {
    let mut world = World::calm();
    world.release.governed_since = Some(at(-30));
    world.sees(run(20, Some(WANTED), -60, failed()));
    assert!(!told(&world).iter().any(|line| line.starts_with("failure of")));
    world.sees(run(21, Some(WANTED), -20, failed()));
    assert!(told(&world).contains(&"failure of 21/1 on None".to_owned()));
}

/// A re-run keeps its run's old number; the last failure is determined by time.
#[test]
fn a_failure_after_the_last_success_is_no_recovery() {
    let mut world = World::calm();
    let written = |id: u64, attempt| {
        let run = RunRef { id: id.into(), attempt };
        EntryKind::Issue(IssueStep::Written { sha: sha(WANTED), run, number: 77.into() })
    };
    // Run 20 fails, run 21 fails, then 6 succeeds, and 20 is re-run and fails.
    let mut first = run(20, Some(WANTED), -60, failed());
    let mut second = first.attempts[&1].clone();
    (second.started_at, second.updated_at) = (at(-5), at(-4));
    first.attempts.insert(2, second);
    world.sees(first);
    world.sees(run(21, Some(WANTED), -50, failed()));
    world.sees(run(22, Some(6), -20, succeeded()));
    world.range(6, WANTED, related(Relation::Behind, &[]));
    for kind in [written(20, 1), written(21, 1), written(20, 2)] {
        world.hears(-3, kind);
    }
    let said = told(&world);
    assert!(!said.iter().any(|line| line.starts_with("recovery")), "{said:?}");
    world.sees(run(23, Some(6), -1, succeeded()));
    let said = told(&world);
    assert!(said.contains(&"recovery on 77, close false".to_owned()), "{said:?}");
}

#[test]
fn what_went_along_with_a_later_deploy_is_said_once() {
    let mut world = World::calm();
    let description = "HOLD 0303030 · HIGH · high_risk_no_approval: approve".to_owned();
    let state = CommitStatusState::Failure;
    let status = StatusRecord {
        context: None,
        id: 3.into(),
        at: at(-90),
        state,
        description,
        target_url: None,
    };
    world.hears(-90, EntryKind::StatusWritten { sha: sha(3), status });
    assert!(!told(&world).iter().any(|line| line.contains("SHIPPED")), "not in production yet");
    world.deploys(20, 4, -30, succeeded());
    world.range(4, WANTED, ahead(&["src/cart.rs"]));
    let said = told(&world);
    assert!(said.contains(&"success: SHIPPED 0303030 · with 0404040".to_owned()), "{said:?}");
    let actions = planned(&world).unwrap();
    carried_out(&mut world, actions);
    assert!(!told(&world).iter().any(|line| line.contains("SHIPPED")));
}

#[test]
fn an_older_fix_ships_past_a_held_candidate() {
    let mut world = World::calm();
    world.range(BASE, WANTED, ahead(&["infra/net.tf"]));
    world.observation.candidates.verified_below = vec![sha(4), sha(3)];
    for older in [4, 3] {
        *world.facts(older) = world.observation.facts(&sha(WANTED));
    }
    world.range(BASE, 4, ahead(&["infra/net.tf"]));
    world.range(BASE, 3, ahead(&["src/cart.rs"]));
    assert!(told(&world).contains(&"dispatch 0303030".to_owned()));
    world.policy.enabled = false;
    assert!(!told(&world).iter().any(|line| line.starts_with("dispatch")));
    world.policy.enabled = true;
    world.policy.paused = Some("freeze".to_owned());
    assert!(!told(&world).iter().any(|line| line.starts_with("dispatch")));
}
