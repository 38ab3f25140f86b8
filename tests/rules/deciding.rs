//! Properties of every decision, whatever the world.

use proptest::prelude::*;
use release_governor::decide::{JudgeOutcome, judge};
use release_governor::domain::*;
use release_governor::messages;

use crate::approving::spoken_worlds;
use crate::arbitrary::{COMMITS, cases, files, worlds};
use crate::people::{high_paths, people_approved};
use crate::world::{
    BASE, WANTED, World, ahead, another_deploy_file, at, changed, operator, run, sha, succeeded,
};

/// The conditions for shipping a sha, directly from the design.
fn may_ship(world: &World, sha: &Sha) -> Result<(), String> {
    let (observation, release) = (&world.observation, &world.release);
    let ensure = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    let facts = observation.facts(sha);
    ensure(matches!(facts.verification, Fact::Known(Verification::Passed(_))), "S1: verified")?;
    ensure(facts.on_branch == Fact::Known(true), "S1: on the branch")?;
    let workflow = match &observation.deploy_workflow {
        WorkflowFact::Found(workflow) => workflow.state == WorkflowState::Active,
        WorkflowFact::Missing | WorkflowFact::NotConfigured => false,
    };
    ensure(workflow, "a workflow that may run")?;
    ensure(world.policy.paused.is_none() && release.pause.is_none(), "not paused")?;
    let idle = release.attempts.iter().all(Attempt::closed);
    ensure(idle && !release.runs.values().any(|run| run.in_flight()), "S3: nothing in flight")?;
    if let Some(production) = release.production().sha() {
        let shown = observation.branch_commits.shows_containment(production, sha);
        let ranged = observation.range(production, sha);
        let relation = ranged.known().and_then(Ranged::relation);
        let behind = matches!(relation, Some(Relation::Behind | Relation::Identical));
        ensure(!shown && !behind, "S5: newer than production")?;
        ensure(ranged.known().is_some(), "S4: the range is known")?;
    }
    let failed = u32::try_from(release.failed_deploys(sha).len()).unwrap();
    let triggers = release.triggered.iter().filter(|(of, _)| of == sha).count();
    let granted = facts.reverified_at.len() + triggers + usize::from(world.triggered);
    let allowed = world.policy.max_attempts_per_sha + u32::try_from(granted).unwrap();
    ensure(failed == 0 || failed < allowed, "S2: attempts are left")?;
    let started = release.starts_within_the_hour(&RuleClock::new(world.now)).len();
    ensure(started < usize::try_from(world.policy.max_deploys_per_hour).unwrap(), "rule 19")?;
    ensure(world.triggered || release.unconfirmed().next().is_none(), "rule 18")
}

/// The conditions for shipping a HIGH sha as approved, directly from the design.
fn is_approved(world: &World, decision: &Decision) -> bool {
    let (sha, release) = (&decision.sha, &world.release);
    let Cause::AllowHighApproved { by } = &decision.cause else { return true };
    let was_approved = |of: &Sha| {
        let by_environment = match &world.policy.approved_by_environment {
            EnvironmentApproval::Nothing => false,
            EnvironmentApproval::Everything => of == sha,
            EnvironmentApproval::Shas(shas) => shas.contains(of),
        };
        by_environment || release.approvals.iter().any(|word| word.sha == *of)
    };
    let base = match by {
        Approver::Environment => {
            let mut approved = vec![sha.clone()];
            if let EnvironmentApproval::Shas(shas) = &world.policy.approved_by_environment {
                approved.extend(shas.clone());
            }
            return approved.iter().any(|of| was_approved(of) && needs_no_more(world, of, sha));
        }
        Approver::Operator { sha: of, .. } => {
            return was_approved(of) && needs_no_more(world, of, sha);
        }
        Approver::People { since: Some(since), .. } if was_approved(since) => since.clone(),
        Approver::People { since: Some(_), .. } => return false,
        Approver::People { since: None, .. } => match release.production() {
            Production::Known { sha, .. } => sha,
            Production::None | Production::Uncertain { .. } => return false,
        },
    };
    people_approved(world, &base, sha)
}

/// Whether nothing HIGH came after an approved commit.
fn needs_no_more(world: &World, approved: &Sha, sha: &Sha) -> bool {
    let range = world.observation.range(approved, sha);
    approved == sha
        || (range.known().and_then(Ranged::relation) == Some(Relation::Ahead)
            || range.known().and_then(Ranged::relation) == Some(Relation::Identical))
            && high_paths(world, range).is_empty()
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn nothing_ships_that_may_not(world in prop_oneof![worlds(), spoken_worlds()]) {
        for sha in (0..=WANTED).map(sha) {
            let verdict = world.verdict_of(&sha);
            prop_assert_eq!(&verdict, &world.verdict_of(&sha), "deciding is deterministic");
            let Verdict::Decided(decision) = verdict else { continue };
            if decision.reason().starts_a_deploy() {
                let why = may_ship(&world, &sha);
                prop_assert!(why.is_ok(), "{} ships {}: {:?}", decision.reason().code(), sha, why);
                prop_assert!(is_approved(&world, &decision), "{:?}", decision.cause);
            }
        }
    }

    /// Without a fact, the decision is the same or there is none: no rule reads a missing fact
    /// as "fine".
    #[test]
    fn an_unknown_fact_never_turns_into_a_yes(
        world in prop_oneof![worlds(), spoken_worlds()], unreadable in any::<bool>(),
    ) {
        fn unknown<T>(unreadable: bool) -> Fact<T> {
            if unreadable { Fact::Unreadable(Why("timeout".to_owned())) } else { Fact::NotAsked }
        }
        let known: Vec<Sha> = world.observation.commits.keys().cloned().collect();
        for sha in known {
            let before = world.verdict_of(&sha);
            let yes = |verdict: &Verdict| match verdict {
                Verdict::Decided(decision) => decision.reason().starts_a_deploy(),
                Verdict::Lacks(_) | Verdict::Unreadable(_) => false,
            };
            let mut worlds = vec![world.clone(); 9];
            worlds[0].observation.commits.get_mut(&sha).unwrap().verification = unknown(unreadable);
            worlds[1].observation.commits.get_mut(&sha).unwrap().on_branch = unknown(unreadable);
            worlds[2].observation.commits.get_mut(&sha).unwrap().deploy_files = unknown(unreadable);
            worlds[3].observation.ranges.values_mut().for_each(|range| *range = unknown(unreadable));
            let lit = world.observation.origins.clone();
            let dark = || lit.clone();
            let part = |origins: Origins, world: &mut World| world.observation.origins = origins;
            let pulls = lit.pulls.keys().map(|key| (key.clone(), unknown(unreadable))).collect();
            part(Origins { pulls, ..dark() }, &mut worlds[4]);
            let events = lit.events.keys().map(|key| (*key, unknown(unreadable))).collect();
            part(Origins { events, ..dark() }, &mut worlds[5]);
            let labels = lit.labels.keys().map(|key| (*key, unknown(unreadable))).collect();
            part(Origins { labels, ..dark() }, &mut worlds[6]);
            let standings = lit.standings.keys();
            let standings = standings.map(|key| (key.clone(), unknown(unreadable))).collect();
            part(Origins { standings, ..dark() }, &mut worlds[7]);
            let members = lit.members.keys();
            let members = members.map(|key| (key.clone(), unknown(unreadable))).collect();
            part(Origins { members, ..dark() }, &mut worlds[8]);
            for (which, darker) in worlds.iter().enumerate() {
                let after = darker.verdict_of(&sha);
                if yes(&after) {
                    prop_assert!(which >= 2, "shipped without verification or branch");
                    prop_assert!(yes(&before), "{} became {:?}", sha, after);
                }
            }
        }
    }

    /// Lacking facts are named: once they are read, there is a decision.
    #[test]
    fn what_is_lacking_is_named_until_nothing_is(world in worlds()) {
        let mut world = world;
        for sha in (0..COMMITS).map(sha) {
            for round in 0.. {
                prop_assert!(round < 40, "{} never has all it needs", sha);
                let Verdict::Lacks(lacks) = world.verdict_of(&sha) else { break };
                prop_assert!(!lacks.is_empty());
                lacks.iter().for_each(|lack| read(&mut world, lack));
            }
        }
    }

    #[test]
    fn risk_is_monotone_in_paths_and_causes(some in files(), more in files()) {
        let class = |files: &[FileChange], change: fn(&mut World)| {
            let mut world = World::calm();
            let files = RangeFiles::Complete(files.to_vec());
            let relation = Relation::Ahead;
            let range = Fact::Known(Ranged::Compared(Comparison { relation, files }));
            world.range(BASE, WANTED, range);
            change(&mut world);
            world.decision().risk.class
        };
        let nothing = class(&[], |_| ());
        let part = class(&some, |_| ());
        let all: Vec<FileChange> = some.iter().chain(&more).cloned().collect();
        prop_assert_eq!(nothing, RiskClass::Low);
        prop_assert!(class(&all, |_| ()) >= part);
        prop_assert_eq!(class(&all, |_| ()), part.max(class(&more, |_| ())));
        let differs = class(&some, |world| {
            world.facts(WANTED).deploy_files = another_deploy_file(None);
        });
        prop_assert_eq!(differs, RiskClass::High);
        let renamed: Vec<FileChange> = some
            .iter()
            .map(|file| FileChange {
                path: "harmless".to_owned(),
                previous_path: Some(file.path.clone()),
                content: FileContent::Unknown,
            })
            .collect();
        let paths: Vec<FileChange> = some
            .iter()
            .map(|file| changed(&file.path))
            .collect();
        prop_assert_eq!(class(&renamed, |_| ()), class(&paths, |_| ()));
    }

    /// A commit that ships is judged to ship, and is the candidate or below one that is held
    /// for its own range.
    #[test]
    fn only_what_is_allowed_ships_from_a_judgement(world in worlds()) {
        let (policy, observation) = (&world.policy, &world.observation);
        let judged = judge(policy, observation, &world.release, &[], world.now);
        let JudgeOutcome::Done(judgement) = judged else { return Ok(()) };
        let Some(ships) = &judgement.ships else { return Ok(()) };
        let mut world = world.clone();
        world.triggered = false;
        prop_assert!(ships.reason().starts_a_deploy());
        prop_assert_eq!(may_ship(&world, &ships.sha), Ok(()));
        prop_assert!(is_approved(&world, ships), "{:?}", ships.cause);
        let candidate = world.observation.candidates.candidate.clone().unwrap();
        if ships.sha != candidate {
            let held = &judgement.decisions[&candidate];
            prop_assert!(held.reason().is_of_the_range());
            prop_assert!(world.observation.candidates.verified_below.contains(&ships.sha));
        }
    }

    /// Every blocking rule has a hint with a way forward.
    #[test]
    fn who_is_blocked_is_told_how_to_go_on(world in worlds()) {
        for sha in (0..COMMITS).map(sha) {
            let Verdict::Decided(decision) = world.verdict_of(&sha) else { continue };
            let blocked = matches!(decision.outcome(), Outcome::Hold | Outcome::Wait);
            let hints = messages::hints(&decision, &world.policy.repository);
            // A commit that is HIGH because production is uncertain also has a hint how to make
            // it certain.
            let causes = usize::from(blocked) + decision.also.len();
            let uncertain = usize::from(hints.iter().any(|hint| hint.contains("set-production")));
            prop_assert!(hints.len() == causes || hints.len() == causes + uncertain, "{:?}", hints);
            prop_assert!(hints.iter().all(|hint| !hint.trim().is_empty()));
            let order: Vec<Reason> = std::iter::once(&decision.cause)
                .chain(&decision.also)
                .map(Cause::reason)
                .collect();
            prop_assert!(order.is_sorted(), "{:?}", order);
            prop_assert!(decision.also.is_empty() || decision.reason() >= Reason::Paused);
        }
    }
}

/// Answers a lack; the value hardly matters.
fn read(world: &mut World, lack: &Lack) {
    match lack {
        Lack::Verification(sha) => {
            let facts = world.observation.commits.entry(sha.clone()).or_default();
            facts.verification = Fact::Known(Verification::None);
        }
        Lack::OnBranch(sha) => {
            let facts = world.observation.commits.entry(sha.clone()).or_default();
            facts.on_branch = Fact::Known(true);
        }
        Lack::DeployFiles(sha) => {
            let facts = world.observation.commits.entry(sha.clone()).or_default();
            facts.deploy_files = Fact::Known(DeployFiles::Same);
        }
        Lack::Range(base, head) => {
            world.observation.ranges.insert((base.clone(), head.clone()), ahead(&["a"]));
        }
        Lack::Commits(base, head) => {
            let of = (base.clone(), head.clone());
            let none = Fact::Known(Availability::Known(Vec::new()));
            world.observation.commits_between.insert(of, none);
        }
        Lack::Containment(container, contained) => {
            world.observation.ancestry.note(container, contained, Relation::Diverged);
        }
        Lack::Step(step) => {
            let key = (step.parent.clone(), step.sha.clone());
            world.observation.ranges.insert(key, ahead(&["infra/a.tf"]));
        }
        Lack::Steps(base, head) => {
            let step = BranchStep { sha: head.clone(), parent: base.clone(), is_merge: false };
            let steps = Fact::Known(Availability::Known(vec![step]));
            world.observation.origins.steps.insert((base.clone(), head.clone()), steps);
        }
        Lack::FailedRun(id) => {
            let mut run = KnownRun::clone(&world.release.runs[id]);
            run.history = RefHistory::Contains;
            run.attempts.values_mut().for_each(|attempt| attempt.has_jobs = Some(true));
            world.sees(run);
        }
        Lack::Pulls(_)
        | Lack::Events(_)
        | Lack::Labels(_)
        | Lack::Standing(_)
        | Lack::Member(..)
        | Lack::PullFiles(..)
        | Lack::HeadOnBranch(_)
        | Lack::MadeByGithub(_)
        | Lack::Flags(_) => read_origins(&mut world.observation.origins, lack),
    }
}

/// Everybody approves everything, so that the rules request further facts.
fn read_origins(origins: &mut Origins, lack: &Lack) {
    match lack {
        Lack::Pulls(sha) => {
            let pull = MergedPull {
                number: 42.into(),
                author: None,
                head: sha.clone(),
                merge_commit: None,
            };
            origins.pulls.insert(sha.clone(), Fact::Known(Availability::Known(vec![pull])));
        }
        Lack::PullFiles(pull, _) => {
            let file = FileChange { content: FileContent::Unknown, ..changed("infra/a.tf") };
            let files = Availability::Known(RangeFiles::Complete(vec![file]));
            origins.files.insert(*pull, Fact::Known(files));
        }
        Lack::HeadOnBranch(sha) => {
            origins.heads_on_branch.insert(sha.clone(), Fact::Known(Availability::Known(true)));
        }
        Lack::MadeByGithub(sha) => {
            origins.made_by_github.insert(sha.clone(), Fact::Known(Availability::Known(true)));
        }
        Lack::Events(pull) => {
            let kim = Person { id: 7.into(), login: "kim".into(), is_bot: false };
            let label = "release:approved".to_owned();
            let labeled = PullEvent::Labeled { label, by: Some(kim), at: at(-1) };
            origins.events.insert(*pull, Fact::Known(Availability::Known(vec![labeled])));
        }
        Lack::Labels(pull) => {
            let labels = vec!["release:approved".to_owned()];
            origins.labels.insert(*pull, Fact::Known(Availability::Known(labels)));
        }
        Lack::Standing(login) => {
            let permission = Some(Permission::Admin);
            let standing = RepositoryRole { permission, role: "admin".to_owned() };
            origins.standings.insert(login.clone(), Fact::Known(Availability::Known(standing)));
        }
        Lack::Member(team, login) => {
            let key = (team.clone(), login.clone());
            origins.members.insert(key, Fact::Known(Availability::Known(true)));
        }
        Lack::Flags(sha) => {
            origins.flags.insert(sha.clone(), Fact::Known(Availability::Known(Vec::new())));
        }
        Lack::Verification(_)
        | Lack::OnBranch(_)
        | Lack::Range(..)
        | Lack::Containment(..)
        | Lack::Step(_)
        | Lack::Steps(..)
        | Lack::FailedRun(_)
        | Lack::Commits(..)
        | Lack::DeployFiles(_) => {}
    }
}

/// An approval covers the deploy file at the tip, too. If the risk is HIGH for another cause
/// than a path, that file has not been compared yet, and an approval must not cover a file that
/// nobody has seen.
#[test]
fn an_approval_does_not_cover_a_deploy_file_that_nobody_looked_at() {
    let mut world = World::calm();
    world.sees(run(20, None, -30, succeeded()));
    world.word(-20, OperatorAction::Resumed { by: operator() });
    world.approves(-10, WANTED);
    world.facts(WANTED).deploy_files = Fact::NotAsked;
    assert_eq!(world.verdict(), Verdict::Lacks(vec![Lack::DeployFiles(sha(WANTED))]));
    let why = Why("timeout".to_owned());
    world.facts(WANTED).deploy_files = Fact::Unreadable(why.clone());
    assert_eq!(world.verdict(), Verdict::Unreadable(why));
    world.facts(WANTED).deploy_files = another_deploy_file(Some("changed since"));
    assert_eq!(world.decision().reason(), Reason::HighRiskNoApproval);
    world.facts(WANTED).deploy_files = Fact::Known(DeployFiles::Same);
    assert_eq!(world.decision().reason(), Reason::AllowHighApproved);
}
