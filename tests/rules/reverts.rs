//! Rule `reverted`: what commit messages state, and which of it holds a commit.

use std::collections::BTreeSet;

use proptest::prelude::*;
use release_governor::domain::*;

use crate::world::{World, operator, related, run, sha, succeeded};

mod rows;

use rows::{BY_PULL, BY_SHA, BY_TITLE, IN_BRANCHES, Row, WITHOUT_PRODUCTION};

/// A small history, described by a row.
struct History {
    /// In the order of creation.
    commits: Vec<(Sha, Vec<Sha>, String)>,
    judged: Sha,
}

fn history(told: &[&str]) -> History {
    let mut commits = vec![(sha(1), Vec::new(), "Change 1".to_owned())];
    let mut judged = sha(1);
    for one in told {
        let (name, message) = one.split_once(' ').unwrap_or((one, ""));
        let (name, is_judged) = name.strip_prefix('*').map_or((name, false), |name| (name, true));
        let before = commits.last().unwrap().0.clone();
        let number = |text: &str| sha(text.parse().unwrap());
        let (number, parents) = match name.split_once('<') {
            Some((name, parents)) => (number(name), parents.split(',').map(number).collect()),
            None => (number(name), vec![before]),
        };
        if is_judged {
            judged = number.clone();
        }
        commits.push((number, parents, message_of(message)));
    }
    History { commits, judged }
}

/// A message with placeholders replaced: `{2}` by an id, `|` by a line break.
fn message_of(told: &str) -> String {
    let mut message = String::new();
    for part in told.split('{') {
        match part.split_once('}') {
            Some((named, rest)) => {
                let (number, digits) = named.split_once(':').unwrap_or((named, "40"));
                let (number, digits): (u8, usize) =
                    (number.parse().unwrap(), digits.parse().unwrap());
                message.push_str(&sha(number).as_str()[..digits]);
                message.push_str(rest);
            }
            None => message.push_str(part),
        }
    }
    message.replace('|', "\n")
}

impl History {
    fn ancestors(&self, of: &Sha) -> BTreeSet<&Sha> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![of.clone()]);
        while let Some(sha) = open.pop() {
            for (listed, parents, _) in &self.commits {
                if *listed == sha && seen.insert(listed) {
                    open.extend(parents.clone());
                }
            }
        }
        seen
    }

    fn listed(&self, base: &Sha, head: &Sha) -> Vec<ListedCommit> {
        let (before, within) = (self.ancestors(base), self.ancestors(head));
        let commits = self.commits.iter();
        let commits = commits.filter(|(sha, _, _)| within.contains(sha) && !before.contains(sha));
        let listed = commits.map(|(sha, parents, message)| ListedCommit {
            sha: sha.clone(),
            parents: parents.clone(),
            message: CommitMessage::of(message),
        });
        listed.collect()
    }

    /// The branch as GitHub lists it: newest first.
    fn branch(&self) -> BranchCommits {
        let tip = &self.commits.last().unwrap().0;
        let within = self.ancestors(tip);
        let mut branch = BranchCommits { complete: true, ..BranchCommits::default() };
        for (sha, parents, message) in self.commits.iter().rev() {
            if within.contains(sha) {
                let message = Some(CommitMessage::of(message)).filter(CommitMessage::reverts);
                branch.messages.insert(sha.clone(), message.map(Box::new));
                branch.commits.push((sha.clone(), parents.clone()));
            }
        }
        branch
    }

    fn world(&self, production: Production) -> World {
        let mut world = World::calm();
        world.release = ReleaseState::default();
        match production {
            Production::Known { .. } => world.sees(run(10, Some(1), -600, succeeded())),
            Production::Uncertain { .. } => {
                world.sees(run(10, None, -600, succeeded()));
                world.policy.hold_after_rollback = false;
            }
            Production::None => {}
        }
        world.observation.branch_tip = self.commits.last().map(|(sha, _, _)| sha.clone());
        world.observation.branch_commits = self.branch();
        world.observation.candidates.candidate = Some(self.judged.clone());
        world.observation.commits_between.clear();
        world.observation.ranges.clear();
        let facts = world.facts(5).clone();
        world.observation.commits.insert(self.judged.clone(), facts);
        world
    }

    /// Answers a lack.
    fn read(&self, observation: &mut Observation, lack: &Lack) {
        match lack {
            Lack::Commits(base, head) => {
                let known = Fact::Known(Availability::Known(self.listed(base, head)));
                observation.commits_between.insert((base.clone(), head.clone()), known);
            }
            Lack::Range(base, head) => {
                let known = |of| self.commits.iter().any(|(sha, _, _)| sha == of);
                let range = if !known(base) || !known(head) {
                    Fact::Known(Ranged::Incomparable("Not Found".to_owned()))
                } else if self.ancestors(head).contains(base) {
                    related(Relation::Ahead, &["src/cart.rs"])
                } else if self.ancestors(base).contains(head) {
                    related(Relation::Behind, &[])
                } else {
                    related(Relation::Diverged, &["src/cart.rs"])
                };
                observation.ranges.insert((base.clone(), head.clone()), range);
            }
            other => panic!("nobody needs {other:?}"),
        }
    }

    /// The result of rule `reverted` for the judged commit.
    fn found(&self, world: &mut World) -> String {
        self.asked(world).0
    }

    /// The same, and all lacks on the way.
    fn asked(&self, world: &mut World) -> (String, Vec<Lack>) {
        let mut asked = Vec::new();
        for _ in 0..20 {
            match world.verdict_of(&self.judged) {
                Verdict::Decided(decision) => return (told(&decision), asked),
                Verdict::Unreadable(Why(why)) => return (format!("unreadable: {why}"), asked),
                Verdict::Lacks(lacks) => {
                    for lack in lacks {
                        self.read(&mut world.observation, &lack);
                        asked.push(lack);
                    }
                }
            }
        }
        panic!("it asks on and on")
    }
}

fn told(decision: &Decision) -> String {
    let mut causes = std::iter::once(&decision.cause).chain(&decision.also);
    let number = |sha: &Sha| u8::from_str_radix(&sha.as_str()[..2], 16).unwrap();
    let found = causes.find_map(|cause| match cause {
        Cause::Reverted { what: Reverted::Commit { commit, by, more } } => {
            let more = if *more == 0 { String::new() } else { format!(", and {more} more") };
            Some(format!("{} reverts {}{more}", number(by), number(commit)))
        }
        Cause::Reverted { what: Reverted::Unknown(_) } => Some("unknown".to_owned()),
        _ => None,
    });
    found.unwrap_or_else(|| "nothing".to_owned())
}

fn known() -> Production {
    World::calm().release.production()
}

fn uncertain() -> Production {
    let run = RunRef { id: 10.into(), attempt: 1 };
    Production::Uncertain { why: Uncertainty::Unattributed(run) }
}

fn check(rows: &[Row], production: &Production) {
    let mut wrong = Vec::new();
    for (sentence, commits, expected) in rows {
        let history = history(commits);
        let mut world = history.world(production.clone());
        let mut blind = world.clone();
        blind.observation.branch_commits = BranchCommits::default();
        // Data from earlier versions has no messages, and proves nothing.
        let mut old = world.clone();
        old.observation.branch_commits.messages.clear();
        for (by, world) in [("the branch", &mut world), ("lists", &mut blind), ("old", &mut old)] {
            let found = history.found(world);
            // A short sha can only be resolved if the branch is known.
            let is_untold = *expected != "unknown" && found == "unknown" && by == "lists";
            if found != *expected && !is_untold {
                wrong.push(format!("{sentence}, by {by}: expected {expected}, found {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_revert_by_sha_holds_what_would_bring_its_target() {
    check(BY_SHA, &known());
}

#[test]
fn a_revert_of_a_pull_request_holds_what_would_bring_it() {
    check(BY_PULL, &known());
}

#[test]
fn a_revert_by_its_title_holds_what_would_bring_the_newest_of_that_title() {
    check(BY_TITLE, &known());
}

#[test]
fn reverts_count_in_branch_order_whatever_branch_brought_them() {
    check(IN_BRANCHES, &known());
}

#[test]
fn without_a_certain_production_only_a_named_sha_counts() {
    check(WITHOUT_PRODUCTION, &Production::None);
    check(WITHOUT_PRODUCTION, &uncertain());
}

#[test]
fn trigger_silences_it_and_a_pause_is_told_beside_it() {
    let history = history(&["*2 Cart", "3 Undo||This reverts commit {2}."]);
    let mut world = history.world(known());
    world.policy.paused = Some("freeze".to_owned());
    assert_eq!(history.found(&mut world), "3 reverts 2");
    world.triggered = true;
    assert_eq!(history.found(&mut world), "nothing");
}

#[test]
fn no_list_is_read_where_the_branch_shows_that_nothing_is_reverted() {
    for commits in [
        &["2 Cart", "*3 Undo||This reverts commit {2}."][..],
        &["*2 Cart", "3 Till", "4 Tax"],
        &["8<1 Old", "*2<1 Cart", "9<2,8 Merge it"],
    ] {
        let history = history(commits);
        let (found, asked) = history.asked(&mut history.world(known()));
        assert_eq!((found.as_str(), asked), ("nothing", vec![Lack::Range(sha(1), history.judged)]));
    }
}

#[test]
fn the_range_is_read_only_where_something_after_it_is_reverted() {
    let history = history(&["*2 Cart", "3 Revert \"Cart\""]);
    let (found, asked) = history.asked(&mut history.world(known()));
    assert_eq!(found, "3 reverts 2");
    assert_eq!(asked, [Lack::Range(sha(1), sha(2)), Lack::Commits(sha(1), sha(2))]);
}

#[test]
fn what_the_branch_does_not_show_to_its_end_is_read() {
    // `8` forked so long ago that the newest commits do not show where.
    let history = history(&["8<1 Undo||This reverts commit {2}.", "*2<1 Cart", "9<2,8 Merge it"]);
    let mut world = history.world(known());
    world.observation.branch_commits.commits.retain(|(sha, _)| *sha != self::sha(8));
    let (found, asked) = history.asked(&mut world);
    assert_eq!(found, "8 reverts 2");
    assert!(asked.contains(&Lack::Commits(sha(2), sha(9))), "{asked:?}");
}

#[test]
fn what_can_never_be_read_holds_and_what_cannot_be_read_now_decides_nothing() {
    let history = history(&["*2 Cart", "3 Till"]);
    let mut world = history.world(known());
    world.observation.branch_commits = BranchCommits::default();
    let of = (sha(2), sha(3));
    let why = Fact::Known(Availability::Untold("Not Found".to_owned()));
    world.observation.commits_between.insert(of.clone(), why);
    assert_eq!(history.found(&mut world.clone()), "unknown");
    world.triggered = true;
    assert_eq!(history.found(&mut world.clone()), "nothing");
    world.triggered = false;
    let why = Fact::Unreadable(Why("502".to_owned()));
    world.observation.commits_between.insert(of, why);
    assert_eq!(history.found(&mut world), "unreadable: 502");
}

#[test]
fn a_branch_without_a_known_tip_holds() {
    let history = history(&["*2 Cart"]);
    let mut world = history.world(known());
    world.observation.branch_tip = None;
    assert_eq!(history.found(&mut world), "unknown");
}

#[test]
fn a_range_that_cannot_be_listed_holds_only_where_something_is_reverted() {
    for (last, expected) in [("3 Till", "nothing"), ("3 Revert \"Cart\"", "unknown")] {
        let history = history(&["*2 Cart", last]);
        let mut world = history.world(known());
        let why = Fact::Known(Availability::Untold("too many commits".to_owned()));
        world.observation.commits_between.insert((sha(1), sha(2)), why);
        assert_eq!(history.found(&mut world), expected);
    }
}

#[test]
fn only_the_newest_250_commits_after_it_are_looked_at() {
    let number = |number: u64| -> Sha { format!("{number:040x}").parse().unwrap() };
    let messages = |undo: u64| {
        let listed = (2..400).map(move |at| {
            let undoes = format!("Undo\n\nThis reverts commit {}.", number(2));
            let message = if at == undo { undoes } else { format!("Change {at}") };
            (number(at), vec![number(at - 1)], message)
        });
        let first = (sha(1), Vec::new(), "Change 1".to_owned());
        let second =
            listed.clone().next().map(|(sha, _, message)| (sha, vec![self::sha(1)], message));
        let rest = listed.skip(1);
        let commits = std::iter::once(first).chain(second).chain(rest).collect();
        History { commits, judged: number(2) }
    };
    let found = |undo: u64| {
        let history = messages(undo);
        let mut world = history.world(known());
        history.found(&mut world) != "nothing"
    };
    assert!(found(150));
    assert!(!found(149));
}

/// The expected result for a linear history, computed step by step.
fn by_hand(reverts: &[Option<u8>], judged: usize) -> Option<usize> {
    // Whether each commit's change is in effect: at the judged commit, and at the tip.
    let stands = |until: usize| {
        let mut stands = vec![true; reverts.len()];
        let mut flips: Vec<Option<(usize, bool)>> = vec![None; reverts.len()];
        for (at, of) in reverts.iter().enumerate().take(until) {
            let Some(of) = of.map(usize::from) else { continue };
            let flip = flips[of].map_or((of, false), |(root, was)| (root, !was));
            flips[at] = Some(flip);
            stands[flip.0] = flip.1;
        }
        stands
    };
    let (then, now) = (stands(judged + 1), stands(reverts.len()));
    (0..=judged).rev().find(|at| then[*at] && !now[*at])
}

fn histories() -> BoxedStrategy<(Vec<Option<u8>>, usize)> {
    let earlier = |length: usize| {
        let one = |at: usize| {
            let at = u8::try_from(at).unwrap();
            if at == 0 { Just(None).boxed() } else { proptest::option::of(0..at).boxed() }
        };
        ((0..length).map(one).collect::<Vec<_>>(), 0..length)
    };
    (2..12_usize).prop_flat_map(earlier).boxed()
}

proptest! {
    #[test]
    fn by_shas_it_finds_what_a_person_finds((reverts, judged) in histories()) {
        let number = |at: usize| sha(u8::try_from(at).unwrap() + 10);
        let mut commits = vec![(sha(1), Vec::new(), "Change 1".to_owned())];
        for (at, of) in reverts.iter().enumerate() {
            let parent = commits.last().unwrap().0.clone();
            let message = of.map_or_else(
                || format!("Change {at}"),
                |of| format!("Undo\n\nThis reverts commit {}.", number(of.into())),
            );
            commits.push((number(at), vec![parent], message));
        }
        let history = History { commits, judged: number(judged) };
        let found = history.found(&mut history.world(known()));
        let expected = by_hand(&reverts, judged);
        prop_assert_eq!(found != "nothing", expected.is_some(), "{:?} {}: {}", reverts, judged, found);
    }

    #[test]
    fn any_messages_are_read_and_never_bring_it_down(
        messages in proptest::collection::vec("(?s).{0,60}|(Revert \"|Reapply \"|revert: |a|\"| \\(#1\\)|\n|This reverts commit 0[0-9a-f]{6,39}|Reverts #1){0,9}", 2..8),
        judged in 0..7_usize,
    ) {
        let mut commits = vec![(sha(1), Vec::new(), "Change 1".to_owned())];
        for (at, message) in messages.iter().enumerate() {
            let number = u8::try_from(at).unwrap() + 2;
            let mut parents = vec![commits.last().unwrap().0.clone()];
            if at % 3 == 2 {
                parents.push(commits[at - 1].0.clone());
            }
            commits.push((sha(number), parents, message.clone()));
        }
        let judged = sha(u8::try_from(judged % messages.len()).unwrap() + 2);
        let history = History { commits, judged };
        for production in [known(), Production::None, uncertain()] {
            let _ = history.found(&mut history.world(production));
        }
    }
}

#[test]
fn resume_does_not_lift_it() {
    let history = history(&["*2 Cart", "3 Undo||This reverts commit {2}."]);
    let mut world = history.world(known());
    world.word(-1, OperatorAction::Resumed { by: operator() });
    assert_eq!(history.found(&mut world), "3 reverts 2");
}
