//! The last check before a dispatch, and the check after its mark (design, section 5, steps 0
//! and 2).

use release_governor::domain::*;
use release_governor::plan::{Clearance, Obstacle, clearance, others_turn, unknown_links};

use crate::world::{WANTED, World, at, begun, run, sha, works};

const US: &str = "governor[bot]";

fn status(id: u64, creator: &str, text: &str, run: Option<u64>) -> CommitStatus {
    CommitStatus {
        id: id.into(),
        context: "booty/release-governor".to_owned(),
        state: CommitStatusState::Pending,
        description: text.replace('@', sha(WANTED).short()),
        target_url: run.map(|run| format!("https://github.com/acme/shop/actions/runs/{run}")),
        creator: Some(Login::from(creator)),
        created_at: at(i64::try_from(id).unwrap() - 60),
    }
}

fn mark(id: u64, attempt: &str) -> CommitStatus {
    status(id, US, &format!("ALLOW @ · LOW · dispatching {attempt}"), None)
}

fn triggered(id: u64, run: u64) -> CommitStatus {
    status(id, US, "ALLOW @ · LOW · Triggered: deploy workflow run", Some(run))
}

fn held(id: u64) -> CommitStatus {
    status(id, US, "HOLD @ · LOW · cooldown: wait", None)
}

/// The clearance with these statuses, newest first.
fn cleared(world: &mut World, statuses: Vec<CommitStatus>) -> Result<Clearance, Obstacle> {
    world.facts(WANTED).statuses = Fact::Known(statuses);
    let decision = world.decision();
    clear(world, &decision, Some(10.into()), &[])
}

fn clear(
    world: &World,
    decision: &Decision,
    newest: Option<RunId>,
    over: &[u64],
) -> Result<Clearance, Obstacle> {
    let over = over.iter().map(|run| RunId::from(*run)).collect();
    clearance(decision, &world.observation, &world.release, newest, &over)
}

fn others_attempt(got: Result<Clearance, Obstacle>) -> Attempt {
    match got {
        Err(Obstacle::OthersTurn(attempt)) => *attempt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_without_open_marks_is_cleared() {
    let mut world = World::calm();
    assert!(cleared(&mut world, vec![]).is_ok());
    let old = vec![held(5), mark(4, "0000aa")];
    let clearance = cleared(&mut world, old).unwrap();
    assert_eq!(clearance.newest_status_seen, Some(5.into()));
    assert_eq!(clearance.newest_run_seen, Some(10.into()));
    assert_eq!(clearance.workflow_file, "deploy.yml");
    let forged = CommitStatus { creator: Some("mallory".into()), ..mark(6, "0000aa") };
    assert!(cleared(&mut world, vec![forged]).is_ok(), "a stranger's mark stops nothing");
}

#[test]
fn what_is_not_known_clears_nothing() {
    let mut world = World::calm();
    let decision = world.decision();
    world.facts(WANTED).statuses = Fact::Unreadable(Why("timeout".to_owned()));
    let unread = clear(&world, &decision, None, &[]);
    assert!(matches!(unread, Err(Obstacle::NotKnown(_))), "{unread:?}");
    world.facts(WANTED).statuses = Fact::Known(vec![]);
    world.observation.deploy_workflow = WorkflowFact::Missing;
    let missing = clear(&world, &decision, None, &[]);
    assert!(matches!(missing, Err(Obstacle::NotKnown(_))), "{missing:?}");
}

#[test]
fn an_open_mark_that_the_ledger_does_not_own_is_anothers_turn() {
    let mut world = World::calm();
    let attempt = others_attempt(cleared(&mut world, vec![mark(9, "0000aa"), held(5)]));
    assert_eq!(attempt.begun.id.to_string(), "0000aa");
    assert_eq!(attempt.phase, AttemptPhase::Sending);
    assert_eq!(attempt.mark.unwrap().id, 9.into());
    // Our own mark is no obstacle, even below another one; another process's mark below ours
    // is.
    world.hears(-9, EntryKind::AttemptBegun { attempt: begun(0xbb, WANTED) });
    let outcome = AttemptOutcome::NotStarted;
    let id = "0000bb".parse().unwrap();
    world.hears(-8, EntryKind::AttemptClosed { id, outcome });
    assert!(cleared(&mut world, vec![mark(9, "0000bb")]).is_ok());
    let behind = cleared(&mut world, vec![mark(9, "0000bb"), mark(8, "0000aa")]);
    assert_eq!(others_attempt(behind).begun.id.to_string(), "0000aa");
}

#[test]
fn a_target_that_is_a_run_the_ledger_does_not_know_is_in_the_way() {
    let mut world = World::calm();
    let statuses = vec![held(7), triggered(6, 77), mark(5, "0000aa")];
    let attempt = others_attempt(cleared(&mut world, statuses.clone()));
    assert_eq!((attempt.begun.id.to_string().as_str(), attempt.run), ("0000aa", Some(77.into())));
    // Its mark may be manual or too far back; the run is unknown in any case.
    let unmarked = cleared(&mut world, vec![held(7), triggered(6, 77)]);
    assert!(matches!(unmarked, Err(Obstacle::NotKnown(_))), "{unmarked:?}");
    // The same if the mark before it belongs to an attempt of ours that found no run.
    world.hears(-9, EntryKind::AttemptBegun { attempt: begun(0xbb, WANTED) });
    let (id, outcome) = ("0000bb".parse().unwrap(), AttemptOutcome::NotStarted);
    world.hears(-8, EntryKind::AttemptClosed { id, outcome });
    let of_ours = vec![held(7), triggered(6, 77), mark(5, "0000bb")];
    let late = cleared(&mut world, of_ours);
    assert!(matches!(late, Err(Obstacle::NotKnown(_))), "{late:?}");
    // A finished run blocks nothing; a run that another process started does.
    let decision = world.decision();
    assert!(clear(&world, &decision, None, &[77]).is_ok());
    assert!(clear(&world, &decision, None, &[78]).is_err());
    world.facts(WANTED).statuses = Fact::Known(statuses.clone());
    assert_eq!(others_attempt(clear(&world, &decision, None, &[77])).run, Some(77.into()));
    world.sees(run(77, Some(3), -500, works()));
    world.sees(run(77, Some(3), -500, RunProgress::Finished(Conclusion::Failure)));
    assert!(cleared(&mut world, statuses).is_ok());
}

#[test]
fn what_our_statuses_name_and_the_ledger_does_not_know_is_asked_for() {
    let mut world = World::calm();
    world.sees(run(78, Some(3), -500, works()));
    let statuses =
        [triggered(9, 77), triggered(8, 78), held(7), triggered(6, 77), mark(5, "0000aa")];
    let strangers = CommitStatus { creator: Some("mallory".into()), ..triggered(10, 79) };
    let all: Vec<CommitStatus> = [strangers].into_iter().chain(statuses).collect();
    let links = unknown_links(&all, &world.observation.us, &world.release);
    assert_eq!(links.into_iter().collect::<Vec<_>>(), [(77.into(), at(-51))], "named last then");
}

/// Which process may proceed after our mark `20`, if `5` was the newest status seen before it.
fn turn(statuses: Vec<CommitStatus>) -> Option<String> {
    turn_of(statuses).map(|attempt| attempt.begun.id.to_string())
}

fn turn_of(statuses: Vec<CommitStatus>) -> Option<Attempt> {
    let mut world = World::calm();
    let clearance = cleared(&mut world, vec![held(5)]).unwrap();
    world.hears(-1, EntryKind::AttemptBegun { attempt: begun(0xbb, WANTED) });
    let own = Mark { id: 20.into(), at: at(0), target_url: None };
    let us = &world.observation.us;
    others_turn(&clearance, &statuses, &own, us, &world.release)
}

#[test]
fn of_two_marks_the_one_with_the_smaller_id_goes_on() {
    let own = || mark(20, "0000bb");
    assert_eq!(turn(vec![own(), held(5)]), None);
    assert_eq!(turn(vec![mark(21, "0000aa"), own(), held(5)]), None, "the other withdraws");
    assert_eq!(turn(vec![own(), mark(19, "0000aa"), held(5)]).as_deref(), Some("0000aa"));
    // It is between the last seen one and ours, and counts even if it is no longer open.
    let closed = vec![own(), triggered(19, 77), mark(18, "0000aa"), held(5)];
    assert_eq!(turn(closed).as_deref(), Some("0000aa"));
    // Its run was shown after our mark was written, but still belongs to it.
    let shown = vec![triggered(21, 77), own(), mark(19, "0000aa"), held(5)];
    let other = turn_of(shown).unwrap();
    assert_eq!((other.phase, other.run), (AttemptPhase::Running, Some(77.into())));
    let older = vec![own(), held(5), mark(4, "0000aa")];
    assert_eq!(turn(older), None, "what was closed before was seen");
    let forged = CommitStatus { creator: Some("mallory".into()), ..mark(19, "0000aa") };
    assert_eq!(turn(vec![own(), forged, held(5)]), None);
}

/// Two processes write their marks in any order, and read after writing: they never both
/// proceed.
#[test]
fn never_do_two_processes_both_go_on() {
    for first_is_ours in [false, true] {
        let (a, b) = if first_is_ours { ("0000bb", "0000aa") } else { ("0000aa", "0000bb") };
        let both = vec![mark(21, b), mark(20, a), held(5)];
        let goes_on = |own_id: &str, own_mark: u64| {
            let mut world = World::calm();
            let clearance = cleared(&mut world, vec![held(5)]).unwrap();
            let attempt = NewAttempt { id: own_id.parse().unwrap(), ..begun(1, WANTED) };
            world.hears(-1, EntryKind::AttemptBegun { attempt });
            let own = Mark { id: own_mark.into(), at: at(0), target_url: None };
            let us = &world.observation.us;
            others_turn(&clearance, &both, &own, us, &world.release).is_none()
        };
        assert!(goes_on(a, 20));
        assert!(!goes_on(b, 21));
    }
}
