//! How runs are classified, and what follows for production.

use release_governor::domain::*;

use crate::world::{World, at, begun, failed, policy, run, scope, sha, succeeded, works};

fn source(workflow: u64, branch: Option<&str>, title: &str) -> RunSource {
    RunSource {
        workflow: workflow.into(),
        head_branch: branch.map(Into::into),
        head_sha: sha(9),
        head_repository: Some(1.into()),
        title: title.to_owned(),
    }
}

fn tagged(policy: &Policy) -> DeployScope {
    let others = std::collections::BTreeSet::from([8.into()]);
    DeployScope::new(policy, 1.into(), 7.into(), others, "main".into(), "production".into())
}

#[test]
fn a_run_is_what_its_workflow_ref_event_and_title_say() {
    let policy = Policy {
        other_run_titles: vec![RunTitle::new("* to staging").unwrap()],
        preview_refs: vec![RefPattern::new("preview/**"), RefPattern::new("main")],
        run_events: vec!["workflow_dispatch".to_owned()],
        ..policy()
    };
    let scope = tagged(&policy);
    let kind = |event: &str, workflow: u64, branch: Option<&str>, title: &str| {
        scope.kind_by_source(&RunEvent(event.to_owned()), &source(workflow, branch, title))
    };
    let by_hand = "workflow_dispatch";
    for (said, is) in [
        (kind(by_hand, 7, Some("main"), "x"), RunKind::Deploy),
        (kind(by_hand, 7, Some("production"), "x"), RunKind::Deploy),
        (kind(by_hand, 7, None, "x"), RunKind::Deploy),
        (kind("schedule", 7, Some("main"), "to staging"), RunKind::Deploy),
        (kind(by_hand, 7, Some("v1"), "x"), RunKind::OtherDeploy),
        (kind(by_hand, 8, Some("main"), "x"), RunKind::OtherDeploy),
        (kind("push", 8, Some("preview/a"), "x"), RunKind::OtherDeploy),
        (kind(by_hand, 9, Some("main"), "x"), RunKind::OtherWorkflow),
        (kind(by_hand, 7, Some("preview/a"), "x"), RunKind::NotADeploy),
        (kind(by_hand, 7, Some("main"), "x to staging"), RunKind::NotADeploy),
        (kind(by_hand, 8, Some("main"), "x to staging"), RunKind::NotADeploy),
        (kind("push", 7, Some("main"), "x"), RunKind::NotADeploy),
        (kind("pull_request_target", 7, Some("main"), "x"), RunKind::NotADeploy),
    ] {
        assert_eq!(said, is);
    }
    let of_a_fork = RunSource { head_repository: Some(2.into()), ..source(7, Some("main"), "x") };
    let untold = RunSource { head_repository: None, ..source(7, Some("main"), "x") };
    let event = RunEvent(by_hand.to_owned());
    assert_eq!(scope.kind_by_source(&event, &of_a_fork), RunKind::NotADeploy);
    assert_eq!(scope.kind_by_source(&event, &untold), RunKind::Deploy, "unknown counts");
}

fn outside(id: u64, of: u8, start: i64, progress: RunProgress) -> KnownRun {
    let mut stray = run(id, Some(of), start, progress);
    stray.source = Some(source(7, Some("main"), ""));
    stray.history = RefHistory::Lacks;
    stray.classify(&scope(), None);
    stray
}

#[test]
fn a_stray_run_tells_no_commit_and_makes_production_uncertain_until_a_later_deploy() {
    let mut world = World::calm();
    world.sees(outside(20, 5, -30, succeeded()));
    let production = world.release.production();
    let at_20 = RunRef { id: 20.into(), attempt: 1 };
    assert_eq!(production, Production::Uncertain { why: Uncertainty::Stray(at_20) });
    assert!(world.release.past_productions().foreign.is_empty(), "it moves nothing");
    world.deploys(21, 4, -20, succeeded());
    assert_eq!(world.release.production().sha(), Some(&sha(4)));
}

#[test]
fn a_stray_run_blocks_and_never_fails_and_one_of_ours_is_none() {
    let mut world = World::calm();
    world.sees(outside(20, 5, -30, works()));
    assert!(world.release.deploy_in_flight());
    world.sees(outside(20, 5, -30, failed()));
    assert!(world.release.failed_deploys(&sha(5)).is_empty());
    assert_eq!(world.release.failed_since_success(), 0);
    let ours = Attempt {
        begun: begun(3, 5),
        at: at(-31),
        phase: AttemptPhase::Running,
        mark: None,
        run: Some(20.into()),
        absent_at: Vec::new(),
        late: false,
    };
    let known = outside(20, 5, -30, failed());
    assert_eq!(known.kind_in(&scope(), Some(&ours)), RunKind::Deploy);
}

#[test]
fn a_run_of_a_workflow_that_is_configured_no_more_moves_nothing_but_is_not_forgotten() {
    let mut release = ReleaseState::default();
    let mut staging = run(20, Some(5), -30, succeeded());
    staging.source = Some(source(9, Some("main"), ""));
    staging.classify(&scope(), None);
    release.apply(&Entry { at: at(0), kind: EntryKind::RunSeen { run: staging } });
    let uncertain = Production::Uncertain { why: Uncertainty::DeployedOtherwise };
    assert_eq!(release.production(), uncertain);
    let real = EntryKind::RunSeen { run: run(10, Some(4), -90, succeeded()) };
    release.apply(&Entry { at: at(0), kind: real });
    assert_eq!(release.production().sha(), Some(&sha(4)));
}
