//! Rule 9 and the history of production, against a direct implementation of the design that
//! keeps every event.

use std::collections::BTreeSet;

use proptest::prelude::*;
use release_governor::decide::{Gap, Question, standing_rollback};
use release_governor::domain::*;

use crate::arbitrary::cases;
use crate::releasing::with_attempt;
use crate::world::{World, at, failed, operator, run, sha, succeeded};

const COMMITS: u8 = 8;

/// A possible event; each takes ten minutes.
#[derive(Clone, Debug)]
enum Event {
    /// A pass of ours deploys a commit.
    Ours(u8),
    /// An operator's `trigger --rollback` deploys one.
    Rollback(u8),
    /// Somebody else deploys a commit, or an unknown one.
    Foreign(Option<u8>),
    /// Somebody re-runs an earlier run of ours.
    Rerun,
    /// A deploy fails.
    Fails(u8),
    Resume,
    Pause,
    /// A `resume` while somebody else's deploy of this commit is running.
    ResumeTooEarly(u8),
    Trigger(u8),
    SetProduction(u8),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let commit = || 0..COMMITS;
    let event = prop_oneof![
        4 => commit().prop_map(Event::Ours),
        2 => commit().prop_map(Event::Rollback),
        4 => prop::option::weighted(0.8, commit()).prop_map(Event::Foreign),
        1 => Just(Event::Rerun),
        1 => commit().prop_map(Event::Fails),
        2 => Just(Event::Resume),
        1 => Just(Event::Pause),
        1 => commit().prop_map(Event::ResumeTooEarly),
        2 => commit().prop_map(Event::Trigger),
        2 => commit().prop_map(Event::SetProduction),
    ];
    prop::collection::vec(event, 0..14)
}

/// For each commit, its parents: some of the earlier commits.
fn graphs() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let parents = (1..COMMITS)
        .map(|of| prop::collection::vec(of.saturating_sub(3)..of, 0..3))
        .collect::<Vec<_>>();
    parents.prop_map(|parents| std::iter::once(Vec::new()).chain(parents).collect())
}

/// Everything that a commit contains.
fn contained_in(parents: &[Vec<u8>], of: u8) -> BTreeSet<u8> {
    let mut found = BTreeSet::from([of]);
    for parent in &parents[usize::from(of)] {
        found.extend(contained_in(parents, *parent));
    }
    found
}

/// A move of production, as the oracle keeps it.
struct Moved {
    to: Option<u8>,
    foreign: bool,
    ended: i64,
}

/// All events, in a form that is easy to check.
#[derive(Default)]
struct History {
    moves: Vec<Moved>,
    resumed: Vec<i64>,
    lifted: Vec<(u8, i64)>,
    paused: bool,
}

impl History {
    /// Rule 9 of the design, word for word.
    fn holds(&self, contains: impl Fn(u8, u8) -> bool, tip: u8) -> bool {
        let production = self.moves.last().and_then(|last| last.to);
        self.moves.iter().enumerate().any(|(place, moved)| {
            let resumed = self.resumed.iter().any(|at| *at >= moved.ended);
            let earlier = self.moves[..place].iter().filter_map(|earlier| earlier.to);
            moved.foreign
                && !resumed
                && earlier.into_iter().any(|lost| {
                    moved.to.is_none_or(|to| !contains(to, lost))
                        && production.is_none_or(|production| !contains(production, lost))
                        && contains(tip, lost)
                        && !self
                            .lifted
                            .iter()
                            .any(|(of, at)| *at >= moved.ended && contains(*of, tip))
                })
        })
    }
}

/// A ledger and the oracle's history of the same events.
struct Told {
    world: World,
    history: History,
    runs: u64,
    now: i64,
}

impl Told {
    fn nothing() -> Self {
        let mut world = World::calm();
        world.release = ReleaseState::default();
        Self { world, history: History::default(), runs: 100, now: -900 }
    }

    fn moved(&mut self, to: Option<u8>, foreign: bool) {
        // A run takes two minutes, and GitHub's times have a resolution of one second.
        let ended = self.now * 60 + 121;
        self.history.moves.push(Moved { to, foreign, ended });
    }

    fn happens(&mut self, event: &Event) {
        self.now += 10;
        self.runs += 1;
        let (now, id) = (self.now, self.runs);
        let world = &mut self.world;
        match event {
            Event::Ours(of) => {
                world.deploys(id, *of, now, succeeded());
                self.moved(Some(*of), false);
            }
            Event::Rollback(of) => {
                world.deploys_back(id, *of, now);
                self.moved(Some(*of), true);
            }
            Event::Foreign(of) => {
                world.sees(run(id, *of, now, succeeded()));
                self.moved(*of, true);
            }
            Event::Rerun => {
                let ours = world.release.attempts.first();
                let known = ours.and_then(|ours| Some((ours.run?, ours.begun.sha.clone())));
                let Some((ours, of)) = known else { return };
                let of = (0..COMMITS).find(|number| sha(*number) == of).unwrap();
                let attempts = &world.release.runs[&ours].attempts;
                let number = u32::try_from(attempts.len()).unwrap() + 1;
                with_attempt(world, ours.get(), number, now, succeeded());
                self.moved(Some(of), true);
            }
            Event::Fails(of) => world.deploys(id, *of, now, failed()),
            Event::Resume => self.resumes(now),
            Event::Pause => {
                let why = "incident".to_owned();
                world.word(now, OperatorAction::Paused { why, by: operator() });
                self.history.paused = true;
            }
            Event::ResumeTooEarly(of) => {
                self.resumes(now + 1);
                self.world.sees(run(id, Some(*of), now, succeeded()));
                self.moved(Some(*of), true);
            }
            Event::Trigger(of) => {
                world.word(now, OperatorAction::Triggered { sha: sha(*of), by: operator() });
                self.history.lifted.push((*of, now * 60));
            }
            Event::SetProduction(of) => {
                let (sha, why, by) = (sha(*of), "by hand".to_owned(), operator());
                world.word(now, OperatorAction::ProductionSet { sha, why, by });
                self.history.lifted.push((*of, now * 60));
                self.history.moves.push(Moved { to: Some(*of), foreign: false, ended: now * 60 });
            }
        }
    }

    fn resumes(&mut self, now: i64) {
        self.world.word(now, OperatorAction::Resumed { by: operator() });
        if !std::mem::take(&mut self.history.paused) {
            self.history.resumed.push(now * 60);
        }
    }

    /// Adds a thousand later runs that all failed, so that the earlier ones are no longer kept.
    fn is_long_ago(&mut self) {
        for number in 0..1_000 {
            self.world.sees(run(1_000_000 + number, Some(0), -5, failed()));
        }
    }

    /// Evaluates the rule for the tip, and answers its lacks from the graph.
    fn held(&mut self, parents: &[Vec<u8>], tip: u8) -> Option<Cause> {
        let number = |of: &Sha| (0..COMMITS).find(|number| sha(*number) == *of).unwrap();
        let relation = |one: u8, other: u8| {
            let contains = |one, other| contained_in(parents, one).contains(&other);
            match (contains(one, other), contains(other, one)) {
                (true, true) => Relation::Identical,
                (true, false) => Relation::Behind,
                (false, true) => Relation::Ahead,
                (false, false) => Relation::Diverged,
            }
        };
        let world = &mut self.world;
        world.observation.branch_commits = BranchCommits::default();
        world.observation.ranges.clear();
        world.observation.commits.clear();
        for _ in 0..100 {
            let found = standing_rollback(&Question {
                sha: &sha(tip),
                policy: &world.policy,
                observation: &world.observation,
                release: &world.release,
                triggered: false,
                rollback: false,
                supposed_production: None,
                now: at(0),
            });
            let lacks = match found {
                Ok(cause) => return cause,
                Err(Gap::Lacks(lacks)) => lacks,
                Err(Gap::Unreadable(why)) => panic!("{why:?}"),
            };
            assert!(!lacks.is_empty());
            for lack in lacks {
                match lack {
                    Lack::Containment(one, other) => {
                        let relation = relation(number(&one), number(&other));
                        world.observation.ancestry.note(&one, &other, relation);
                    }
                    Lack::OnBranch(of) => {
                        let holds = contained_in(parents, tip).contains(&number(&of));
                        world.observation.commits.entry(of).or_default().on_branch =
                            Fact::Known(holds);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        panic!("it never has all it needs");
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_rollback_holds_as_the_design_says_it(
        events in events(), parents in graphs(), tip in 0..COMMITS, is_long_ago in prop::bool::weighted(0.03),
    ) {
        let mut told = Told::nothing();
        events.iter().for_each(|event| told.happens(event));
        if is_long_ago {
            told.is_long_ago();
        }
        let contains = |one, other| contained_in(&parents, one).contains(&other);
        let expected = told.history.holds(contains, tip);
        let found = told.held(&parents, tip);
        prop_assert_eq!(found.is_some(), expected, "{:?} {:?}", found, told.world.release.history);
        // Storing and loading changes nothing.
        let kept = serde_json::to_value(&told.world.release).unwrap();
        told.world.release = serde_json::from_value(kept).unwrap();
        prop_assert_eq!(told.held(&parents, tip), found);
    }
}

/// Commit `number` is the child of the previous one.
fn linear() -> Vec<Vec<u8>> {
    (0..COMMITS).map(|of| of.checked_sub(1).into_iter().collect()).collect()
}

fn lost_after(events: &[Event], tip: u8) -> Option<Sha> {
    let mut told = Told::nothing();
    events.iter().for_each(|event| told.happens(event));
    told.held(&linear(), tip).map(|cause| match cause {
        Cause::RolledBack { lost, .. } => lost,
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_rollback_is_remembered_however_many_moves_ago() {
    let mut events = vec![Event::Ours(1), Event::Ours(5), Event::Foreign(Some(1))];
    for _ in 0..60 {
        events.extend([Event::Foreign(Some(1)), Event::Foreign(Some(2))]);
    }
    assert_eq!(lost_after(&events, 6), Some(sha(5)));
    events.push(Event::Resume);
    assert_eq!(lost_after(&events, 6), None);
}

#[test]
fn a_rollback_is_remembered_beyond_the_runs_that_are_kept() {
    let mut told = Told::nothing();
    for event in [Event::Ours(1), Event::Ours(5), Event::Foreign(Some(1))] {
        told.happens(&event);
    }
    for number in 0..1_500 {
        told.world.sees(run(1_000_000 + number, Some(1), -5, succeeded()));
    }
    assert!(!told.world.release.runs.contains_key(&102.into()), "it is not kept any more");
    let Some(Cause::RolledBack { lost, .. }) = told.held(&linear(), 6) else { panic!() };
    assert_eq!(lost, sha(5));
}

#[test]
fn every_earlier_production_counts_and_not_only_the_last() {
    // `3` is back, but `5` is not.
    let events = [Event::Ours(5), Event::Ours(3), Event::Foreign(Some(2)), Event::Foreign(Some(4))];
    assert_eq!(lost_after(&events, 6), Some(sha(5)));
}

#[test]
fn a_word_about_a_commit_lifts_what_it_contains_and_nothing_else() {
    let rolled_back = [Event::Ours(3), Event::Ours(5), Event::Foreign(Some(1))];
    let after = |word: Event| {
        let events: Vec<Event> = rolled_back.iter().cloned().chain([word]).collect();
        lost_after(&events, 6)
    };
    assert_eq!(after(Event::Trigger(4)), Some(sha(5)));
    assert_eq!(after(Event::Trigger(5)), Some(sha(5)), "6 was not triggered");
    assert_eq!(after(Event::Trigger(6)), None);
    assert_eq!(after(Event::SetProduction(1)), Some(sha(5)));
    assert_eq!(after(Event::SetProduction(6)), None);
    assert_eq!(after(Event::Resume), None);
    // A rollback that an operator requested does not, either.
    assert_eq!(after(Event::Rollback(1)), Some(sha(5)));
}

#[test]
fn a_resume_of_a_pause_does_not_lift_the_rollback() {
    let events = [Event::Ours(5), Event::Foreign(Some(1)), Event::Pause, Event::Resume];
    assert_eq!(lost_after(&events, 6), Some(sha(5)));
    let twice: Vec<Event> = events.iter().cloned().chain([Event::Resume]).collect();
    assert_eq!(lost_after(&twice, 6), None);
}

#[test]
fn a_rollback_whose_commit_was_told_later_holds() {
    let events = [Event::Ours(5), Event::Foreign(None), Event::SetProduction(1)];
    assert_eq!(lost_after(&events, 6), Some(sha(5)));
}

/// Of two overlapping deploys by others, the one that began first may end last: a `resume`
/// between their ends lifts one, and not the other.
#[test]
fn a_resume_lifts_nothing_that_ended_after_it() {
    for of in [Some(1), None] {
        let mut told = Told::nothing();
        told.happens(&Event::Ours(5));
        let world = &mut told.world;
        let ending = |id, start, end| {
            let mut overlapping = run(id, of, start, succeeded());
            overlapping.attempts.get_mut(&1).unwrap().updated_at = at(end);
            overlapping
        };
        world.sees(ending(901, -800, -770));
        world.sees(ending(902, -799, -795));
        world.word(-780, OperatorAction::Resumed { by: operator() });
        let held = told.held(&linear(), 6);
        let lost = matches!(held, Some(Cause::RolledBack { lost, .. }) if lost == sha(5));
        assert!(lost, "{of:?}");
    }
}

#[test]
fn what_the_branch_holds_no_more_is_not_lost() {
    let events = [Event::Ours(5), Event::Foreign(Some(1))];
    assert_eq!(lost_after(&events, 4), None);
}

#[test]
fn an_answer_about_one_commit_is_used_for_what_it_contains() {
    let mut told = Told::nothing();
    (0..6).for_each(|of| told.happens(&Event::Foreign(Some(of))));
    let world = &mut told.world;
    (world.observation.branch_commits, world.observation.ranges) = Default::default();
    for of in 1..5 {
        world.observation.ancestry.note(&sha(of), &sha(of - 1), Relation::Behind);
    }
    let found = standing_rollback(&Question {
        sha: &sha(6),
        policy: &world.policy,
        observation: &world.observation,
        release: &world.release,
        triggered: false,
        rollback: false,
        supposed_production: None,
        now: at(0),
    });
    assert_eq!(found, Err(Gap::Lacks(vec![Lack::Containment(sha(5), sha(4))])));
}
