//! Properties of approvals, whatever was changed and whoever approved.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use release_governor::decide::class_of_path;
use release_governor::domain::*;

use crate::arbitrary::cases;
use crate::people::{
    CAST, PUSHED, captains, comment, high_paths, labeled, opened, people_approved, person,
    unlabeled,
};
use crate::world::{BASE, WANTED, World, another_deploy_file, operator, sha};

const PULLS: [u64; 2] = [42, 43];

/// A step of the branch: a path, and the pull requests it came with.
fn steps() -> BoxedStrategy<Vec<(Option<&'static str>, Vec<u64>)>> {
    let path = select(vec!["infra/a.tf", "infra/b.tf", "db/1.sql", "src/cart.rs"]);
    let pulls = prop_oneof![
        4 => select(PULLS.to_vec()).prop_map(|one| vec![one]),
        1 => subsequence(PULLS.to_vec(), 0..=2),
    ];
    vec((option::weighted(0.6, path), pulls), usize::from(WANTED)).boxed()
}

fn speakers() -> BoxedStrategy<Option<Person>> {
    prop_oneof![
        9 => select(CAST.to_vec()).prop_map(|login| Some(person(login))),
        1 => Just(None),
    ]
    .boxed()
}

fn comments() -> BoxedStrategy<Comment> {
    let spoken = prop_oneof![
        6 => Just(CommandReading::Given),
        1 => select(vec![CommandReading::InQuote, CommandReading::InCode, CommandReading::LooksLike]),
    ];
    let app = option::weighted(0.1, Just("slack".to_owned()));
    (speakers(), spoken, prop::bool::weighted(0.1), app, any::<bool>())
        .prop_map(|(by, spoken, is_edited, through_app, is_from_inside)| Comment {
            spoken,
            is_edited,
            through_app,
            is_from_inside,
            ..comment(by, 0)
        })
        .boxed()
}

/// Events of a pull request: arbitrary until the merge, and no label twice.
pub(crate) fn timelines() -> BoxedStrategy<Vec<PullEvent>> {
    let event = prop_oneof![
        2 => speakers().prop_map(|by| labeled(by, 0)),
        1 => Just(unlabeled()),
        4 => comments().prop_map(PullEvent::Commented),
        1 => Just(PUSHED),
        1 => Just(PullEvent::Pushed { sha: Some(sha(0)) }),
        1 => Just(PullEvent::Labeled {
            label: "needs-ops".to_owned(),
            by: Some(person("cid")),
            at: crate::world::at(0),
        }),
    ];
    (vec(event, 0..8), any::<Index>(), prop::bool::weighted(0.9))
        .prop_map(|(mut events, place, merged)| {
            if merged {
                events.insert(place.index(events.len() + 1), PullEvent::Merged);
            }
            events
        })
        .boxed()
}

pub(crate) fn standings() -> BoxedStrategy<Availability<RepositoryRole>> {
    let permission = prop_oneof![
        3 => Just(Some(Permission::Write)),
        1 => Just(Some(Permission::Admin)),
        1 => Just(Some(Permission::Triage)),
        1 => Just(None),
    ];
    let known = permission.prop_map(|permission| {
        let role = permission.map_or("none", Permission::as_str).to_owned();
        Availability::Known(RepositoryRole { permission, role })
    });
    prop_oneof![9 => known, 1 => Just(Availability::Untold("GitHub said 403".to_owned()))].boxed()
}

pub(crate) fn modes() -> BoxedStrategy<Vec<ApprovalMode>> {
    let modes = vec![ApprovalMode::Label, ApprovalMode::Comment, ApprovalMode::Environment];
    subsequence(modes, 1..=3).boxed()
}

type People = (Vec<Vec<PullEvent>>, Vec<Availability<RepositoryRole>>, Vec<bool>);

fn people() -> BoxedStrategy<People> {
    let members = vec(prop::bool::weighted(0.8), CAST.len());
    (vec(timelines(), PULLS.len()), vec(standings(), CAST.len()), members).boxed()
}

type Rules = (Vec<ApprovalMode>, bool, bool, bool);

fn rules() -> BoxedStrategy<Rules> {
    let raises = prop::bool::weighted(0.2);
    (modes(), any::<bool>(), prop::bool::weighted(0.2), raises).boxed()
}

/// A world in which every fact is known: who brought what, who approved, and which commits
/// operators approved with which deploy file.
pub(crate) fn spoken_worlds() -> BoxedStrategy<World> {
    let words = vec((2..=WANTED, any::<bool>()), 0..2);
    let differs = prop::bool::weighted(0.1);
    let reverts = vec(prop::bool::weighted(0.1), 3);
    let objection = option::weighted(0.2, 2..=WANTED);
    let hidden = option::weighted(0.1, select(vec!["infra/a.tf", "infra/b.tf", "db/1.sql"]));
    (steps(), people(), rules(), words, differs, reverts, objection, hidden)
        .prop_map(|(steps, people, rules, words, differs, reverts, objection, hidden)| {
            let mut world = World::calm().approved_by(&rules.0);
            *world.files(BASE, WANTED) = Vec::new();
            for (of, (path, pulls)) in (1..=WANTED).zip(steps) {
                match path {
                    Some(path) => world.brings(of, path, &pulls),
                    None => world.came_with(of, &pulls),
                }
            }
            let paths = ["infra/a.tf", "infra/b.tf", "db/1.sql"];
            for (path, _) in paths.into_iter().zip(reverts).filter(|(_, is)| *is) {
                world.files(BASE, WANTED).retain(|file| file.path != path);
            }
            set_people(&mut world, people);
            if let Some(path) = hidden {
                PULLS.iter().for_each(|pull| world.shown(*pull).retain(|file| file.path != path));
            }
            world.policy.approval_allow_author = rules.1;
            world.policy.approval_before_merge = !rules.1 || rules.2;
            if rules.2 {
                world.policy.approval_teams = vec![captains()];
            }
            if rules.3 {
                let names = ["scan", "needs-ops"].map(str::to_owned);
                world.policy.raise_risk_contexts = names.to_vec();
            }
            set_flags(&mut world, objection);
            if differs {
                world.facts(WANTED).deploy_files = another_deploy_file(Some("b10b"));
            }
            for (of, with_file) in words {
                says(&mut world, of, with_file);
            }
            world
        })
        .boxed()
}

fn set_people(world: &mut World, (timelines, standings, members): People) {
    for (number, mut events) in PULLS.into_iter().zip(timelines) {
        let mut is_on = false;
        events.retain(|event| match event {
            PullEvent::Labeled { label, .. } if label == "needs-ops" => true,
            PullEvent::Labeled { .. } => !std::mem::replace(&mut is_on, true),
            PullEvent::Unlabeled { .. } => std::mem::replace(&mut is_on, false),
            _ => true,
        });
        world.came_with(0, &[number]);
        events.insert(0, opened(number));
        *world.timeline(number) = events;
        let label = is_on.then(|| "release:approved".to_owned());
        *world.labels(number) = label.into_iter().collect();
    }
    for ((login, standing), is_member) in CAST.into_iter().zip(standings).zip(members) {
        let origins = &mut world.observation.origins;
        origins.standings.insert(login.into(), Fact::Known(standing));
        let membership = Fact::Known(Availability::Known(is_member));
        origins.members.insert((captains(), login.into()), membership);
    }
}

fn set_flags(world: &mut World, objection: Option<u8>) {
    for number in 0..=9 {
        let objects = objection == Some(number);
        let flag = Flag { context: "scan".to_owned(), kind: FlagKind::Objected };
        let flags = objects.then_some(flag).into_iter().collect();
        world
            .observation
            .origins
            .flags
            .insert(sha(number), Fact::Known(Availability::Known(flags)));
    }
}

/// An operator approves a commit, with the current deploy file at the tip or without one.
fn says(world: &mut World, of: u8, with_file: bool) {
    let deploy_file = with_file.then(|| "b10b".to_owned());
    let (why, by) = ("looked at it".to_owned(), operator());
    world.word(
        -5,
        OperatorAction::Approved { approval: Approval { sha: sha(of), deploy_file, why, by } },
    );
}

fn yes(world: &World) -> bool {
    world.decision().reason() == Reason::AllowHighApproved
}

/// Directly from the design, for a HIGH candidate.
fn is_approved(world: &World) -> bool {
    let by_people =
        world.policy.approval_modes.iter().any(|mode| *mode != ApprovalMode::Environment);
    let words = || world.release.approvals.iter();
    let covers_the_file = |word: &&Approval| match &world.facts_of_wanted().deploy_files {
        Fact::Known(DeployFiles::Differ { .. }) => word.deploy_file.as_deref() == Some("b10b"),
        _ => true,
    };
    let is_raised_after = |base: u8| {
        !world.policy.raise_risk_contexts.is_empty()
            && (base + 1..=WANTED).any(|number| is_raised(world, number))
    };
    let nothing_high_after =
        |base: u8| high_paths(world, world.observation.range(&sha(base), &sha(WANTED))).is_empty();
    let approved_after = |base: u8| {
        !is_raised_after(base)
            && (nothing_high_after(base)
                || (by_people && people_approved(world, &sha(base), &sha(WANTED))))
    };
    let own_file = world.facts_of_wanted().deploy_files == Fact::Known(DeployFiles::Same);
    let by_a_word = words().filter(covers_the_file).any(|word| {
        word.sha == sha(WANTED)
            || (BASE + 1..WANTED).any(|number| word.sha == sha(number) && approved_after(number))
    });
    by_a_word || (own_file && approved_after(BASE))
}

fn is_raised(world: &World, number: u8) -> bool {
    let origins = &world.observation.origins;
    let objected = origins.flags[&sha(number)] != Fact::Known(Availability::Known(Vec::new()));
    let Fact::Known(Availability::Known(pulls)) = &origins.pulls[&sha(number)] else { return true };
    let bore = |pull: &MergedPull| match &origins.events[&pull.number] {
        Fact::Known(Availability::Known(events)) => events
            .iter()
            .any(|event| matches!(event, PullEvent::Labeled { label, .. } if label == "needs-ops")),
        _ => true,
    };
    objected || pulls.iter().any(bore)
}

impl World {
    fn facts_of_wanted(&self) -> CommitFacts {
        self.observation.facts(&sha(WANTED))
    }
}

/// Adds an approval, by an authorized person or an operator.
fn approve_more(world: &mut World, pull: u64, how: u8) {
    match how {
        0 => {
            world.may("zoe", Some(Permission::Admin));
            let membership = Fact::Known(Availability::Known(true));
            let key = (captains(), Login::from("zoe"));
            world.observation.origins.members.insert(key, membership);
            let event = PullEvent::Commented(comment(Some(person("zoe")), 0));
            world.timeline(pull).push(event);
        }
        of => says(world, of, of % 2 == 0),
    }
}

/// Removes an approval, or something it depends on.
fn take_away(world: &mut World, pull: u64, how: u8, which: Index) {
    let of_comments = |events: &[PullEvent]| -> Vec<usize> {
        let is_one = |(place, event): (usize, &PullEvent)| {
            matches!(event, PullEvent::Commented(_)).then_some(place)
        };
        events.iter().enumerate().filter_map(is_one).collect()
    };
    let login = CAST[which.index(CAST.len())];
    match how {
        0 => world.take_the_label_off(pull),
        1 => world.labels(pull).clear(),
        2 | 3 => {
            let events = world.timeline(pull);
            let places = of_comments(events);
            let Some(place) = places.get(which.index(places.len().max(1))) else { return };
            if how == 2 {
                events.remove(*place);
            } else if let PullEvent::Commented(comment) = &mut events[*place] {
                comment.is_edited = true;
            }
        }
        4 => world.may(login, Some(Permission::Read)),
        5 => {
            let key = (captains(), Login::from(login));
            world.observation.origins.members.insert(key, Fact::Known(Availability::Known(false)));
        }
        _ => {
            world.release.approvals.pop();
        }
    }
}

/// Decides as a pass does: lacking facts are read from `world`, either the one that `one`
/// selects or all of them. Also returns the lacks.
fn decided_by_asking(world: &World, one: Option<Index>) -> (Verdict, BTreeSet<Lack>) {
    let mut dark = world.clone();
    dark.observation.origins = Origins::default();
    dark.observation.ranges.clear();
    dark.facts(WANTED).deploy_files = Fact::NotAsked;
    let mut asked = BTreeSet::new();
    loop {
        let Verdict::Lacks(mut lacks) = dark.verdict() else { return (dark.verdict(), asked) };
        if let Some(one) = one {
            lacks = vec![lacks.swap_remove(one.index(lacks.len()))];
        }
        for lack in lacks {
            assert!(asked.insert(lack.clone()), "{lack:?} is asked for again");
            read(&mut dark.observation, &world.observation, &lack);
        }
    }
}

fn read(dark: &mut Observation, light: &Observation, lack: &Lack) {
    fn copy<K: Ord + Clone, V: Clone>(
        to: &mut std::collections::BTreeMap<K, V>,
        from: &std::collections::BTreeMap<K, V>,
        key: &K,
    ) {
        to.insert(key.clone(), from[key].clone());
    }
    let (to, from) = (&mut dark.origins, &light.origins);
    match lack {
        Lack::Range(base, head) => {
            copy(&mut dark.ranges, &light.ranges, &(base.clone(), head.clone()));
        }
        Lack::Commits(base, head) => {
            let of = (base.clone(), head.clone());
            copy(&mut dark.commits_between, &light.commits_between, &of);
        }
        Lack::Step(step) => {
            let key = (step.parent.clone(), step.sha.clone());
            copy(&mut dark.ranges, &light.ranges, &key);
        }
        Lack::DeployFiles(sha) => {
            let files = light.facts(sha).deploy_files;
            dark.commits.get_mut(sha).unwrap().deploy_files = files;
        }
        Lack::Steps(base, head) => {
            copy(&mut to.steps, &from.steps, &(base.clone(), head.clone()));
        }
        Lack::Pulls(sha) => copy(&mut to.pulls, &from.pulls, sha),
        Lack::PullFiles(pull, _) => copy(&mut to.files, &from.files, pull),
        Lack::HeadOnBranch(head) => {
            copy(&mut to.heads_on_branch, &from.heads_on_branch, head);
        }
        Lack::MadeByGithub(sha) => copy(&mut to.made_by_github, &from.made_by_github, sha),
        Lack::Events(pull) => copy(&mut to.events, &from.events, pull),
        Lack::Labels(pull) => copy(&mut to.labels, &from.labels, pull),
        Lack::Standing(login) => copy(&mut to.standings, &from.standings, login),
        Lack::Member(team, login) => {
            copy(&mut to.members, &from.members, &(team.clone(), login.clone()));
        }
        Lack::Flags(sha) => copy(&mut to.flags, &from.flags, sha),
        Lack::Verification(_) | Lack::OnBranch(_) | Lack::FailedRun(_) | Lack::Containment(..) => {
            panic!("known: {lack:?}")
        }
    }
}

/// Unauthorized people also give the command, at these positions.
fn crowd(world: &mut World, pull: u64, places: &[Index]) {
    for (number, place) in places.iter().enumerate() {
        let login = format!("stranger-{number}");
        world.may(&login, None);
        let no = Fact::Known(Availability::Known(false));
        let key = (captains(), Login::from(login.as_str()));
        world.observation.origins.members.insert(key, no);
        let mut comment = comment(Some(person(&login)), 0);
        comment.is_from_inside = false;
        let events = world.timeline(pull);
        events.insert(place.index(events.len() + 1), PullEvent::Commented(comment));
    }
}

fn approver(world: &World) -> Option<Approver> {
    match world.decision().cause {
        Cause::AllowHighApproved { by } => Some(by),
        _ => None,
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn what_is_high_ships_where_the_design_says_that_it_is_approved(world in spoken_worlds()) {
        let decision = world.decision();
        if decision.risk.class == RiskClass::High {
            let expected = is_approved(&world);
            prop_assert_eq!(yes(&world), expected, "{:?}", decision.cause);
        } else {
            prop_assert_eq!(decision.reason(), Reason::AllowLow);
        }
    }

    #[test]
    fn approving_more_never_holds_what_may_ship(
        world in spoken_worlds(), pull in select(PULLS.to_vec()), how in 0..=WANTED,
    ) {
        let mut more = world.clone();
        approve_more(&mut more, pull, how);
        prop_assert!(!yes(&world) || yes(&more), "{:?}", more.decision().cause);
    }

    #[test]
    fn taking_an_approval_away_never_ships_what_is_held(
        world in spoken_worlds(), pull in select(PULLS.to_vec()), how in 0..7_u8,
        which in any::<Index>(),
    ) {
        let mut less = world.clone();
        take_away(&mut less, pull, how, which);
        prop_assert!(yes(&world) || !yes(&less), "{:?}", less.decision().cause);
    }

    /// However many there are, and wherever they comment.
    #[test]
    fn strangers_change_nothing(
        world in spoken_worlds(), pull in select(PULLS.to_vec()), places in vec(any::<Index>(), 0..30),
    ) {
        let mut world = world;
        for event in world.timeline(pull) {
            if let PullEvent::Commented(comment) = event {
                comment.is_from_inside = true;
            }
        }
        let mut crowded = world.clone();
        crowd(&mut crowded, pull, &places);
        let mut otherwise = world.clone();
        let reversed: Vec<Index> = places.iter().rev().copied().collect();
        crowd(&mut otherwise, pull, &reversed);
        prop_assert_eq!(approver(&crowded), approver(&world));
        prop_assert_eq!(approver(&otherwise), approver(&world));
    }

    #[test]
    fn a_push_withdraws_what_was_said_before_the_merge_and_no_more(
        world in spoken_worlds(), pull in select(PULLS.to_vec()),
    ) {
        let counting = |world: &World| -> BTreeSet<(bool, jiff::Timestamp)> {
            let counts = |seen: &&SeenApproval| {
                seen.given.pull == Some(pull.into()) && seen.counting == Counting::Counts
            };
            let seen = world.decision().approvals;
            let mode = |seen: &SeenApproval| seen.given.mode == ApprovalMode::Label;
            seen.iter().filter(counts).map(|seen| (mode(seen), seen.given.at.unwrap())).collect()
        };
        let mut world = world;
        // Each event has its own time.
        let mut merged_at = None;
        for (minute, event) in (-100..).zip(world.timeline(pull)) {
            match event {
                PullEvent::Labeled { at, .. } => *at = crate::world::at(minute),
                PullEvent::Commented(comment) => comment.at = crate::world::at(minute),
                PullEvent::Merged => merged_at = Some(crate::world::at(minute)),
                PullEvent::Unlabeled { .. } | PullEvent::Pushed { .. } => {}
            }
        }
        let before = counting(&world);
        let mut pushed = world.clone();
        pushed.timeline(pull).push(PUSHED);
        let left = before.iter().filter(|(_, at)| merged_at.is_some_and(|merged| *at > merged));
        prop_assert_eq!(counting(&pushed), left.copied().collect::<BTreeSet<_>>());
    }

    /// No fact is requested twice, either.
    #[test]
    fn the_order_in_which_facts_are_read_changes_nothing(
        world in spoken_worlds(), one in any::<Index>(),
    ) {
        let (at_once, asked) = decided_by_asking(&world, None);
        let (one_by_one, _) = decided_by_asking(&world, Some(one));
        prop_assert_eq!(&at_once, &world.verdict());
        prop_assert_eq!(&one_by_one, &world.verdict());
        // A range, steps, pull requests and flags for each commit, and the permissions of each
        // person.
        prop_assert!(asked.len() < 60, "{} facts", asked.len());
    }
}

#[test]
fn a_thousand_people_cost_twenty_questions_and_do_not_drown_one_who_may() {
    let mut world = World::calm().approved_by(&[ApprovalMode::Comment]);
    *world.files(BASE, WANTED) = Vec::new();
    world.brings(WANTED, "db/1.sql", &[42]);
    let bea = PullEvent::Commented(comment(Some(person("bea")), 0));
    world.timeline(42).push(bea);
    let last: Vec<Index> = Vec::new();
    crowd(&mut world, 42, &last);
    for number in 0..1_000 {
        let login = format!("stranger-{number}");
        world.may(&login, None);
        let mut comment = comment(Some(person(&login)), 0);
        comment.is_from_inside = false;
        world.timeline(42).push(PullEvent::Commented(comment));
    }
    let (verdict, asked) = decided_by_asking(&world, None);
    let standings = asked.iter().filter(|lack| matches!(lack, Lack::Standing(_))).count();
    assert_eq!(standings, 20);
    let Verdict::Decided(decision) = verdict else { panic!("{verdict:?}") };
    assert_eq!(decision.reason(), Reason::AllowHighApproved);
    assert!(decision.approvals.len() <= 50, "{} are told", decision.approvals.len());
}

/// A chain of `steps` commits between production and the candidate.
fn long_way(steps: u32) -> World {
    let mut world = World::calm().approved_by(&[ApprovalMode::Label]);
    world.observation.branch_commits = BranchCommits::default();
    let commit = |number: u32| -> Sha {
        if number == 0 { sha(BASE) } else { format!("{number:040x}").parse().unwrap() }
    };
    let sha_of = |number: u32| if number == steps { sha(WANTED) } else { commit(number) };
    let way: Vec<BranchStep> = (1..=steps)
        .rev()
        .map(|number| BranchStep {
            sha: sha_of(number),
            parent: sha_of(number - 1),
            is_merge: false,
        })
        .collect();
    let origins = &mut world.observation.origins;
    for step in &way {
        origins.pulls.insert(step.sha.clone(), Fact::Known(Availability::Known(Vec::new())));
        origins.flags.insert(step.sha.clone(), Fact::Known(Availability::Known(Vec::new())));
        let key = (step.parent.clone(), step.sha.clone());
        world.observation.ranges.insert(key, crate::world::ahead(&[]));
    }
    origins.steps.insert((sha(BASE), sha(WANTED)), Fact::Known(Availability::Known(way)));
    world
}

#[test]
fn of_a_way_that_is_too_long_nobody_asks_what_raised_it_and_it_is_high() {
    let raising = |steps: u32| {
        let mut world = long_way(steps);
        world.policy.raise_risk_contexts = vec!["scan".to_owned()];
        let (verdict, asked) = decided_by_asking(&world, None);
        let Verdict::Decided(decision) = verdict else { panic!("{verdict:?}") };
        (decision.reason(), asked.len())
    };
    let (reason, asked) = raising(1_000);
    assert_eq!(reason, Reason::AllowLow);
    assert!(asked < 2_010, "{asked} facts");
    let (reason, asked) = raising(1_001);
    assert_eq!(reason, Reason::HighRiskNoApproval);
    assert!(asked < 10, "{asked} facts");
}

#[test]
fn of_a_way_that_is_too_long_nobody_asks_who_brought_what() {
    let migrating = |steps: u32| {
        let mut world = long_way(steps);
        *world.files(BASE, WANTED) = vec![crate::world::changed("db/1.sql")];
        assert!(class_of_path(&world.policy, "db/1.sql").is_some());
        decided_by_asking(&world, None).1.len()
    };
    assert!(migrating(1_001) < 10);
    assert!((1_000..1_010).contains(&migrating(1_000)));
}

#[test]
fn a_word_about_a_commit_that_leads_not_here_is_told_as_such() {
    let mut world = World::calm().approved_by(&[ApprovalMode::Label]);
    world.brings(WANTED, "db/1.sql", &[42]);
    let about = |world: &mut World, of: u8| -> Vec<Counting> {
        says(world, of, false);
        let words = world.decision().approvals.into_iter().filter(|seen| seen.given.pull.is_none());
        words.map(|seen| seen.counting).collect()
    };
    let came_after = Counting::Not(WhyNot::SomethingCameAfter);
    assert_eq!(about(&mut world, 4), [came_after.clone()]);
    // A later commit is not an ancestor.
    assert_eq!(about(&mut world, 8), [Counting::Not(WhyNot::LeadsNotHere), came_after]);
}

/// A cause that several commits and pull requests share is reported once.
#[test]
fn what_raised_a_range_is_told_once() {
    let mut world = World::calm().approved_by(&[ApprovalMode::Label]);
    world.policy.raise_risk_contexts = vec!["needs-ops".to_owned(), "needs-dba".to_owned()];
    (2..=WANTED).for_each(|of| world.came_with(of, &[42]));
    set_flags(&mut world, None);
    for label in ["needs-ops", "needs-dba", "needs-ops"] {
        let (label, by) = (label.to_owned(), Some(person("cid")));
        world.timeline(42).push(PullEvent::Labeled { label, by, at: crate::world::at(-1) });
    }
    let raised = |cause: &&RiskCause| matches!(cause, RiskCause::Raised(_));
    assert_eq!(world.decision().risk.causes.iter().filter(raised).count(), 2);
}
