//! Recovering a lost ledger from our statuses (design, section 5, step 6).

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use release_governor::domain::*;
use release_governor::messages;
use release_governor::plan::{DeployTarget, DeployTargets, recover};

use crate::arbitrary::{cases, statuses};
use crate::world::{World, at, operator, policy, run, sha, succeeded, us};

fn targets() -> DeployTargets {
    DeployTargets {
        configured: DeployTarget { workflow: 7.into(), deploy_ref: "main".into() },
        workflows: BTreeMap::from([
            ("deploy.yml".to_owned(), 7.into()),
            ("ship.yml".to_owned(), 8.into()),
        ]),
    }
}

/// Statuses of `5`, oldest first: creator, description, linked run.
fn left(said: &[(&str, &str, Option<u64>)]) -> RecoveryScan {
    let mut statuses: Vec<CommitStatus> = Vec::new();
    for (number, (creator, text, run)) in (1..).zip(said) {
        statuses.insert(
            0,
            CommitStatus {
                id: u64::try_from(number).unwrap().into(),
                context: "booty/release-governor".to_owned(),
                state: CommitStatusState::Pending,
                description: text.replace('@', sha(5).short()),
                target_url: run
                    .map(|run| format!("https://github.com/acme/shop/actions/runs/{run}")),
                creator: Some(Login::from(*creator)),
                created_at: at(number),
            },
        );
    }
    RecoveryScan { statuses: vec![(sha(5), statuses)], issues: Vec::new() }
}

fn recovered(left: &RecoveryScan, gone: &[u64]) -> ReleaseState {
    let gone: BTreeSet<RunId> = gone.iter().map(|run| RunId::from(*run)).collect();
    let mut release = ReleaseState::default();
    for kind in recover(&policy(), left, &gone, &us(), &targets(), &ReleaseState::default()) {
        release.apply(&Entry { at: at(60), kind });
    }
    release
}

/// The recovered attempts, as `id phase run`.
fn attempts(said: &[(&str, &str, Option<u64>)], gone: &[u64]) -> Vec<String> {
    let release = recovered(&left(said), gone);
    assert!(release.recovered);
    let told = |attempt: &Attempt| {
        let run = attempt.run.map_or_else(|| "-".to_owned(), |run| run.to_string());
        assert_eq!(attempt.mark.as_ref().map(|mark| mark.at), Some(attempt.at), "GitHub's time");
        format!("{} {:?} {run}", attempt.begun.id, attempt.phase)
    };
    release.attempts.iter().map(told).collect()
}

const US: &str = "governor[bot]";
const MARK: (&str, &str, Option<u64>) = (US, "ALLOW @ · LOW · dispatching 7f3a9c", None);
const RUNS: (&str, &str, Option<u64>) =
    (US, "ALLOW @ · LOW · Triggered: deploy workflow run", Some(3));
const UNCONFIRMED: (&str, &str, Option<u64>) =
    (US, "HOLD @ · LOW · dispatch_unconfirmed: look", None);
const COOLDOWN: (&str, &str, Option<u64>) = (US, "HOLD @ · LOW · cooldown: wait", Some(9));
const OPEN_AGAIN: (&str, &str, Option<u64>) = (US, "ALLOW @ · HIGH · dispatching 000001", None);

#[test]
fn each_mark_is_an_attempt_and_what_follows_it_its_end() {
    assert_eq!(attempts(&[], &[]), [""; 0]);
    assert_eq!(attempts(&[COOLDOWN], &[]), [""; 0], "a HOLD is no attempt");
    assert_eq!(attempts(&[MARK], &[]), ["7f3a9c Sending -"], "open, so unknown");
    assert_eq!(attempts(&[MARK, RUNS], &[]), ["7f3a9c Running 3"]);
    assert_eq!(attempts(&[MARK, UNCONFIRMED], &[]), ["7f3a9c Closed(Unconfirmed) -"]);
    assert_eq!(attempts(&[MARK, UNCONFIRMED, COOLDOWN], &[]), ["7f3a9c Closed(Unconfirmed) -"]);
    assert_eq!(attempts(&[MARK, COOLDOWN], &[]), ["7f3a9c Closed(NotStarted) -"]);
    assert_eq!(
        attempts(&[MARK, UNCONFIRMED, RUNS], &[]),
        ["7f3a9c Running 3"],
        "it showed after all"
    );
    assert_eq!(attempts(&[MARK, RUNS, COOLDOWN], &[]), ["7f3a9c Running 3"]);
    assert_eq!(attempts(&[MARK, RUNS], &[3]), ["7f3a9c Closed(RunDeleted) -"]);
    let two = attempts(&[MARK, RUNS, COOLDOWN, OPEN_AGAIN], &[]);
    assert_eq!(two, ["7f3a9c Running 3", "000001 Sending -"], "each its own");
    let marks = attempts(&[MARK, OPEN_AGAIN], &[]);
    assert_eq!(marks, ["7f3a9c Sending -", "000001 Sending -"], "both are open");
}

/// By time alone, a run of the minute before a mark may belong to it; a run that we linked to
/// before the mark does not.
#[test]
fn the_run_of_a_recovered_attempt_is_newer_than_what_was_told_before_its_mark() {
    let seen = |said: &[(&str, &str, Option<u64>)]| {
        let release = recovered(&left(said), &[]);
        let seen = |attempt: &Attempt| attempt.begun.newest_run_seen.map(|run| run.to_string());
        release.attempts.iter().map(seen).collect::<Vec<_>>()
    };
    let three = Some("3".to_owned());
    assert_eq!(seen(&[MARK]), [None]);
    assert_eq!(seen(&[MARK, RUNS]), [None], "that is its own");
    assert_eq!(seen(&[MARK, RUNS, COOLDOWN, OPEN_AGAIN]), [None, three]);
    let forged = ("mallory", RUNS.1, Some(8));
    assert_eq!(seen(&[forged, MARK]), [None], "anybody can link to anything");
}

#[test]
fn a_strangers_status_is_no_attempt_and_ends_none() {
    let forged = ("mallory", MARK.1, None);
    assert_eq!(attempts(&[forged], &[]), [""; 0]);
    assert_eq!(attempts(&[MARK, ("mallory", COOLDOWN.1, None)], &[]), ["7f3a9c Sending -"]);
    assert_eq!(attempts(&[MARK, ("mallory", RUNS.1, Some(8))], &[]), ["7f3a9c Sending -"]);
}

/// An operator's `set-production` makes a status with ALLOW that links to no run.
#[test]
fn an_allow_without_a_run_leaves_no_attempt_running_for_ever() {
    let set = (US, RUNS.1, None);
    assert_eq!(attempts(&[MARK, UNCONFIRMED, set], &[]), ["7f3a9c Closed(Unconfirmed) -"]);
    assert_eq!(attempts(&[MARK, set], &[]), ["7f3a9c Closed(NotStarted) -"]);
}

#[test]
fn the_newest_status_of_all_says_whether_the_repository_is_paused() {
    let paused = |text: &str| {
        let said = [COOLDOWN, (US, text, None)];
        recovered(&left(&said), &[]).pause.map(|pause| pause.why)
    };
    let by_operator = "HOLD @ · LOW · paused: `release-governor resume acme/shop` (incident 42)";
    assert_eq!(paused(by_operator), Some("incident 42".to_owned()));
    assert_eq!(paused("HOLD @ · LOW · paused: `paused` is set in the configuration: freeze"), None);
    assert_eq!(paused(COOLDOWN.1), None);
    let before = [(US, by_operator, None), COOLDOWN];
    assert_eq!(recovered(&left(&before), &[]).pause, None, "resumed since");
    let forged = [COOLDOWN, ("mallory", by_operator, None)];
    assert_eq!(recovered(&left(&forged), &[]).pause, None);
}

#[test]
fn a_pauses_reason_survives_a_lost_ledger_as_it_was_said() {
    for why in ["incident 42", "freeze (until Monday), then on", "a; b (c) d", &"long ".repeat(30)]
    {
        let mut world = World::calm();
        world.word(-9, OperatorAction::Paused { why: why.to_owned(), by: operator() });
        let text = messages::decided(
            &world.decision(),
            &world.policy.repository,
            HoldState::Failure,
            at(0),
        );
        let said = [(US, &*text.unwrap().description, None)];
        let pause = recovered(&left(&said), &[]).pause.unwrap().why;
        let kept = pause.trim_end_matches('…');
        assert!(why.starts_with(kept) && kept.len() >= why.len().min(60), "{why} became {pause}");
    }
}

#[test]
fn a_run_that_is_gone_leaves_production_uncertain() {
    let release = recovered(&left(&[MARK, RUNS]), &[3]);
    assert!(matches!(release.production(), Production::Uncertain { .. }));
    let release = recovered(&left(&[MARK, RUNS]), &[]);
    assert_eq!(release.production(), Production::None, "its run tells, once it is read");
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn every_mark_of_ours_is_recovered_once_and_nothing_else(list in statuses(sha(5))) {
        let ours = list.iter().filter(|status| status.creator == Some(Login::from(US)));
        let marks: BTreeSet<AttemptId> = ours
            .filter_map(|status| match messages::parse(&status.description) {
                Some(messages::ParsedStatus::Dispatching { attempt, .. }) => Some(attempt),
                _ => None,
            })
            .collect();
        let left = RecoveryScan { statuses: vec![(sha(5), list)], issues: Vec::new() };
        let release = recovered(&left, &[]);
        let ids: Vec<AttemptId> =
            release.attempts.iter().map(|attempt| attempt.begun.id.clone()).collect();
        prop_assert_eq!(ids.iter().cloned().collect::<BTreeSet<_>>(), marks);
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        // A running attempt has a run and can end; an open one still looks for its run.
        for attempt in release.open_attempts() {
            let looks = attempt.looks_for_its_run();
            prop_assert!(looks || attempt.run.is_some(), "{:?} never ends", attempt);
        }
    }
}

/// A pause is recognized even if production was uncertain at the time, when another hint is
/// beside it.
#[test]
fn a_pause_is_told_from_the_configs_own_while_production_is_uncertain() {
    let pause = |paused: fn(&mut World)| {
        let mut world = World::calm();
        world.sees(run(20, None, -30, succeeded()));
        paused(&mut world);
        let text = messages::decided(
            &world.decision(),
            &world.policy.repository,
            HoldState::Failure,
            at(0),
        );
        let said = [(US, &*text.unwrap().description, None)];
        recovered(&left(&said), &[]).pause.map(|pause| pause.why)
    };
    assert_eq!(pause(|world| world.policy.paused = Some("freeze".to_owned())), None);
    let said = pause(|world| {
        let why = "incident 42, see the channel".to_owned();
        world.word(-9, OperatorAction::Paused { why, by: operator() });
    });
    assert_eq!(said.as_deref(), Some("incident 42, see the channel"));
}

#[test]
fn a_mark_says_where_its_dispatch_went_and_the_configuration_only_what_it_does_not() {
    let went = |page: Option<&str>| {
        let mut left = left(&[MARK]);
        left.statuses[0].1[0].target_url = page.map(|page| format!("https://github.com/a/b{page}"));
        let begun = &recovered(&left, &[]).attempts[0].begun;
        (begun.workflow.get(), begun.deploy_ref.to_string())
    };
    let to = |workflow: u64, on: &str| (workflow, on.to_owned());
    let unknown = WorkflowId::UNKNOWN.get();
    assert_eq!(went(Some("/actions/workflows/ship.yml?query=branch%3Alive")), to(8, "live"));
    assert_eq!(went(Some("/actions/workflows/ship.yml")), to(8, "main"), "by an earlier version");
    assert_eq!(went(Some("/actions/workflows/gone.yml?query=branch%3Amain")), to(unknown, "main"));
    assert_eq!(went(Some("/actions/runs/5")), to(7, "main"));
    assert_eq!(went(None), to(7, "main"));
}

#[test]
fn a_run_is_recovered_for_one_attempt_alone() {
    // Another process wrote its mark meanwhile and withdrew; the run is shown once more.
    let said = [MARK, RUNS, OPEN_AGAIN, RUNS];
    assert_eq!(attempts(&said, &[]), ["7f3a9c Running 3", "000001 Closed(NotStarted) -"]);
}

#[test]
fn a_run_that_somebody_started_for_the_commit_later_is_not_the_attempts() {
    let later = (US, "ALLOW @ · LOW · Triggered: deploy workflow run", Some(4));
    assert_eq!(attempts(&[MARK, RUNS, later], &[]), ["7f3a9c Running 3"]);
}
