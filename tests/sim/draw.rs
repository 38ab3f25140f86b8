//! Draws scripts from seeds.

use crate::calendar;
use crate::chance::Chance;
use crate::pulls;
use crate::scenes;
use crate::script::{Crash, Event, Hit, On, Script, Title, Touch, What};

pub(crate) fn script(seed: u64, steps: usize) -> Script {
    let mut chance = Chance::new(seed);
    let repositories = chance.weighted(&[(6, 1), (2, 2), (1, 3)]);
    let enterprise = chance.percent(30);
    let deployed_before = chance.percent(80);
    // Each seed has its own emphasis: faults, operators, or both.
    let temper = Temper {
        faults: chance.pick(&[0, 1, 1, 3]),
        people: chance.pick(&[0, 1, 1, 2]),
        crashes: chance.pick(&[0, 1, 1, 3]),
        twins: chance.pick(&[0, 0, 0, 1]),
        lags: chance.pick(&[0, 0, 1, 2]),
        refs: chance.pick(&[0, 0, 1, 2]),
        config: chance.pick(&[0, 0, 0, 1]),
        trees: chance.pick(&[0, 0, 1, 2]),
        oddities: chance.pick(&[0, 0, 1, 2]),
    };
    let calls_lib = chance.percent(40);
    let mut events = Vec::new();
    while events.len() < steps {
        let at = chance.below(repositories);
        let what = temper.draw(&mut chance);
        if temper.faults > 0 && chance.percent(5) {
            events.extend(lost_answer(&mut chance).map(|what| Event { at, what }));
        }
        if chance.percent(4) {
            let scene = scenes::draw(&mut chance);
            events.extend(scene.into_iter().map(|what| Event { at, what }));
        }
        let acts = !matches!(what, What::Wait { .. } | What::Pass { .. });
        events.push(Event { at, what });
        if acts && chance.percent(70) {
            let seconds = chance.weighted(&[(3, 1), (4, 15), (4, 60), (1, 400)]);
            events.push(Event { at, what: What::Wait { seconds } });
            events.push(Event { at, what: temper.pass(&mut chance) });
        }
    }
    let identified = seed.is_multiple_of(2);
    let events = pulls::weave(seed, events, repositories);
    let events = scenes::weave_lasting(seed, events, repositories);
    let events = calendar::weave(seed, events, repositories);
    Script { repositories, enterprise, deployed_before, identified, calls_lib, events }
}

#[derive(Clone, Copy)]
struct Temper {
    faults: u64,
    people: u64,
    crashes: u64,
    twins: u64,
    lags: u64,
    refs: u64,
    config: u64,
    trees: u64,
    oddities: u64,
}

impl Temper {
    fn draw(self, chance: &mut Chance) -> What {
        let kind = chance.weighted(&[
            (30, 0),
            (18, 1),
            (8, 2),
            (10, 3),
            (6 * self.people, 4),
            (8 * self.faults, 5),
            (5 * self.lags, 6),
            (4 * self.crashes, 7),
            (6 * self.twins, 8),
            (7 * self.refs, 9),
            (10 * self.config, 10),
            (6 * self.trees, 11),
            (5 * self.oddities, 12),
        ]);
        match kind {
            0 => commits(chance),
            1 => deploys(chance),
            2 => What::Wait {
                seconds: chance.weighted(&[(5, 30), (3, 300), (2, 1_900), (1, 9_000)]),
            },
            3 => self.pass(chance),
            4 => people(chance),
            5 => faults(chance),
            6 => lags(chance),
            7 => crashes(chance),
            9 => refs(chance),
            10 => config(chance),
            11 => trees(chance),
            12 => oddities(chance),
            _ => chance.pick(&[
                What::TwinComes,
                What::TwinPasses,
                What::TwinPasses,
                What::BothPass,
                What::BothPass,
                What::BothPass,
                What::TwinGoes,
            ]),
        }
    }

    fn pass(self, chance: &mut Chance) -> What {
        if self.twins > 0 && chance.percent(20) {
            return chance.pick(&[What::TwinPasses, What::BothPass, What::BothPass]);
        }
        if !chance.percent(8 * self.crashes) {
            return What::Pass { crash: None };
        }
        let crash = if chance.percent(60) {
            let requests = 1 + chance.below(45);
            Crash::AtRequest { requests, after: chance.percent(60) }
        } else {
            Crash::AtChange { changes: chance.below(160), seed: chance.any() }
        };
        What::Pass { crash: Some(crash) }
    }
}

fn touch(chance: &mut Chance) -> Touch {
    chance.weighted(&[
        (24, Touch::Low),
        (6, Touch::Medium),
        (9, Touch::High),
        (3, Touch::DeployFile),
        (2, Touch::Link),
        (2, Touch::CalledFile),
        (1, Touch::OtherWorkflow),
    ])
}

fn commits(chance: &mut Chance) -> What {
    let ends = chance.weighted(&[(6, Some("success")), (2, Some("failure")), (2, None)]);
    let push = |chance: &mut Chance, verified| What::Push {
        touch: touch(chance),
        verified,
        dated_back: chance.weighted(&[(9, 0), (1, 30)]),
    };
    match chance.below(10) {
        0..=4 => push(chance, Some("success")),
        5 => push(chance, Some("failure")),
        6 => push(chance, None),
        7 => What::Verify {
            nth: chance.near(),
            ends,
            by_hand: chance.percent(40),
            on: "main",
            other: false,
        },
        8 => What::VerifyAgain { nth: chance.near(), ends },
        _ => {
            let conclusion = chance.weighted(&[(3, "success"), (1, "failure"), (1, "cancelled")]);
            What::EndVerification { nth: chance.near(), conclusion }
        }
    }
}

fn deploys(chance: &mut Chance) -> What {
    let conclusion = chance.weighted(&[
        (8, "success"),
        (4, "failure"),
        (1, "cancelled"),
        (1, "timed_out"),
        (1, "startup_failure"),
    ]);
    let ends = chance.weighted(&[(4, Some("success")), (1, Some("failure")), (2, None)]);
    let nth = chance.near();
    match chance.below(20) {
        0..=10 => What::EndDeploy { nth: nth % 2, conclusion },
        11 => What::Supersede { nth: nth % 2 },
        12 => What::AwaitReviewers { nth: nth % 2 },
        13 | 14 => What::DeployAgain { nth, ends },
        15 | 16 => What::ForeignDeploy { nth, title: Title::Full, on: On::Branch, ends },
        17 => {
            let title = chance.pick(&[Title::Short, Title::ByHand]);
            What::ForeignDeploy { nth, title, on: On::Branch, ends }
        }
        18 => What::DeleteRun { nth },
        _ => What::EndDeploy { nth: 0, conclusion: "failure" },
    }
}

fn people(chance: &mut Chance) -> What {
    let policies = [
        ("max_attempts_per_sha", "1"),
        ("max_attempts_per_sha", "3"),
        ("cooldown_minutes", "0"),
        ("cooldown_minutes", "5"),
        ("hold_after_rollback", "false"),
        ("hold_after_rollback", "true"),
        ("max_deploys_per_hour", "1"),
        ("max_deploys_per_hour", "20"),
        ("dispatch_confirm_seconds", "60"),
        ("dispatch_confirm_seconds", "300"),
        ("enabled", "false"),
        ("enabled", "true"),
        ("paused", "for the audit"),
        ("paused", "null"),
    ];
    let forged = [
        ("success", "ALLOW abcdef0 · LOW · Triggered: deploy workflow run"),
        ("pending", "ALLOW abcdef0 · LOW · dispatching 7f3a9c"),
        ("failure", "HOLD abcdef0 · LOW · paused: no"),
        ("success", ""),
    ];
    match chance.below(20) {
        16..=18 => {
            let refused = [
                ("create-commit-status", Hit::Refuse(422)),
                ("create-commit-status", Hit::Before(502)),
                ("create-workflow-dispatch", Hit::Refuse(422)),
                ("create-workflow-dispatch", Hit::Limit),
                ("create-workflow-dispatch", Hit::LoseRequest),
            ];
            let refused = chance.percent(40).then(|| chance.pick(&refused));
            What::Trigger { nth: chance.near(), rollback: chance.percent(30), refused }
        }
        0 if chance.percent(40) => What::PutBranch { nth: chance.near() },
        0 => What::ForcePush { nth: 1 + chance.near() },
        1 => {
            let (state, description) = chance.pick(&forged);
            What::Forge { nth: chance.near(), state, description }
        }
        2 => What::CloseIssue { nth: chance.near() },
        3 => What::Pause,
        4..=6 => What::Resume,
        7..=9 => What::Approve { nth: chance.near(), by_environment: chance.percent(50) },
        10 => What::SetProduction { nth: chance.near() },
        _ => {
            let (key, value) = chance.pick(&policies);
            What::Policy { key, value, live: chance.percent(30) }
        }
    }
}

fn faults(chance: &mut Chance) -> What {
    let hits = [
        Hit::LoseAnswer,
        Hit::LoseAnswer,
        Hit::LoseRequest,
        Hit::RefuseConnection,
        Hit::Before(500),
        Hit::Before(503),
        Hit::After(502),
        Hit::After(500),
        Hit::Truncate,
        Hit::Malformed,
        Hit::Blank,
        Hit::Hang,
        Hit::Refuse(403),
        Hit::Refuse(422),
        Hit::Limit,
    ];
    let operations = [
        "create-workflow-dispatch",
        "create-workflow-dispatch",
        "create-commit-status",
        "create-commit-status",
        "list-commit-statuses-for-ref",
        "list-workflow-runs",
        "compare-commits-with-basehead",
        "create",
        "create-comment",
        "update",
    ];
    match chance.below(8) {
        0..=4 => {
            let (operation, fault) = (chance.pick(&operations), chance.pick(&hits));
            // Exclude reads that fail briefly with a permanent error: GitHub would be lying.
            let written = operation.starts_with("create") || operation == "update";
            let fault = match fault {
                Hit::Refuse(_) if !written => Hit::Before(502),
                Hit::Blank if operation != "list-workflow-runs" => Hit::Truncate,
                other => other,
            };
            What::Fail { operation, fault, skip: chance.weighted(&[(3, 0), (2, 1), (1, 3)]) }
        }
        5 => What::Rage { seed: chance.any(), per_mille: chance.pick(&[20, 100, 300]) },
        _ => What::Calm,
    }
}

/// The scenario that exactly-once dispatch exists for: the answer to a dispatch is lost, and
/// the list lags.
fn lost_answer(chance: &mut Chance) -> [What; 10] {
    let operation = "create-workflow-dispatch";
    let fault = chance.pick(&[
        Hit::LoseAnswer,
        Hit::After(502),
        Hit::Hang,
        Hit::Truncate,
        Hit::LoseRequest,
        Hit::Before(502),
    ]);
    let pass = |chance: &mut Chance| match chance.below(6) {
        0 => What::Restart,
        1 => What::LoseTheDisk,
        _ => What::Pass { crash: None },
    };
    // Meanwhile, the configuration names another workflow, or the same account deploys
    // something else.
    let meanwhile = match chance.below(8) {
        0 => What::Policy { key: "deploy_workflow_name", value: "ship.yml", live: true },
        1 => What::Policy { key: "deploy_workflow_ref", value: "release", live: true },
        2 => What::ForeignDeploy {
            nth: 1 + chance.near(),
            title: chance.pick(&[Title::Short, Title::Full]),
            on: On::OurAccount,
            ends: Some("success"),
        },
        3 => What::SkewRuns { seconds: chance.pick(&[-3, -3, 2]) },
        _ => What::Pass { crash: None },
    };
    [
        What::ListLag { seconds: chance.pick(&[0, 20, 120, 120]) },
        What::Fail { operation, fault, skip: 0 },
        What::Push { touch: Touch::Low, verified: Some("success"), dated_back: 0 },
        What::Pass { crash: None },
        meanwhile,
        pass(chance),
        What::Pass { crash: None },
        What::Wait { seconds: chance.pick(&[1, 30, 70]) },
        pass(chance),
        What::Pass { crash: None },
    ]
}

fn lags(chance: &mut Chance) -> What {
    match chance.below(6) {
        0..=2 => What::ListLag { seconds: chance.weighted(&[(3, 0), (2, 20), (3, 120), (1, 900)]) },
        3 => What::IndexLag { seconds: chance.pick(&[0, 60, 3_600]) },
        4 => What::IndexMisses { nth: chance.near() },
        _ => What::StopIndex { stopped: chance.percent(50) },
    }
}

fn crashes(chance: &mut Chance) -> What {
    match chance.below(12) {
        0..=3 => What::Restart,
        4 | 5 => What::LoseTheDisk,
        6 | 7 => What::KeepTheDisk,
        8 | 9 => What::PutBackTheDisk,
        10 => What::DiskFull { full: true },
        _ => What::DiskFull { full: false },
    }
}

/// Deploys by means other than ours.
fn refs(chance: &mut Chance) -> What {
    let ends = chance.weighted(&[(5, Some("success")), (1, Some("failure")), (2, None)]);
    let title = chance.weighted(&[
        (5, Title::Full),
        (2, Title::Short),
        (2, Title::ToStaging),
        (1, Title::Number),
        (1, Title::ByHand),
    ]);
    let on = chance.weighted(&[
        (2, On::Branch),
        (2, On::NoBranch),
        (2, On::Tag),
        (2, On::Hotfix),
        (1, On::Push),
        (2, On::Rollback),
        (4, On::Stray),
    ]);
    match chance.below(10) {
        0..=6 => What::ForeignDeploy { nth: chance.near(), title, on, ends },
        7 | 8 => What::Phantom { conclusion: chance.pick(&["failure", "startup_failure"]) },
        _ => What::LoseBranch { nth: chance.near() },
    }
}

/// Configuration changes.
fn config(chance: &mut Chance) -> What {
    let policies = [
        ("verification_workflow_name", "other.yml"),
        ("verification_workflow_name", "verify.yml"),
        ("verification_events", "[push]"),
        ("verification_events", "[workflow_dispatch]"),
        ("verification_events", "[push, merge_group, workflow_dispatch]"),
        ("branch", "release"),
        ("branch", "main"),
        ("deploy_workflow_name", "ship.yml"),
        ("deploy_workflow_name", "deploy.yml"),
        ("deploy_workflow_ref", "release"),
        ("deploy_workflow_ref", "main"),
        ("other_deploy_workflows", "[rollback.yml]"),
        ("preview_refs", "[\"v1\"]"),
    ];
    match chance.below(10) {
        0..=5 => {
            let (key, value) = chance.pick(&policies);
            What::Policy { key, value, live: chance.percent(50) }
        }
        6 => What::TakeName { verified: chance.pick(&[None, Some("success")]) },
        7 => What::PutRelease { nth: chance.near() },
        _ => {
            let (nth, ends) = (chance.near(), Some("success"));
            let (on, other) = chance.pick(&[("main", true), ("release", false)]);
            What::Verify { nth, ends, by_hand: chance.percent(50), on, other }
        }
    }
}

/// Non-linear histories.
fn trees(chance: &mut Chance) -> What {
    let verified = chance.weighted(&[(3, Some("success")), (1, None)]);
    match chance.below(12) {
        0..=2 => What::Merge {
            nth: chance.near(),
            touches: [touch(chance), touch(chance)],
            verified,
            dated_back: chance.pick(&[0, 0, 30]),
        },
        3..=7 => What::Revert { nth: chance.near(), by_sha: chance.percent(60), verified },
        8..=10 => What::Queue { touch: touch(chance) },
        _ => What::Crowd { nth: chance.near() },
    }
}

/// Rare behavior of GitHub and of machines.
fn oddities(chance: &mut Chance) -> What {
    match chance.below(12) {
        0..=2 => What::Vanish { nth: chance.near() % 2, seconds: chance.pick(&[30, 90, 200]) },
        3..=6 => What::Freeze {
            answers: chance.below(3),
            seconds: chance.pick(&[30, 150, 900]),
            suspended: chance.percent(50),
        },
        7 | 8 => What::SkewRuns { seconds: chance.pick(&[-3, -3, 2, 0]) },
        9 => What::Siege { nth: chance.near() },
        _ => {
            let operation = "list-workflow-runs";
            What::Fail { operation, fault: Hit::Blank, skip: chance.below(4) }
        }
    }
}
