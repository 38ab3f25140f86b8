//! What happens in a simulation: events as plain data, drawn from a seed before anything runs, so
//! that a failing script can be shortened and told.

use crate::chance::Chance;

/// One event at one repository (by its number, as far as there are so many).
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: u64,
    pub(crate) what: What,
}

/// What a pushed commit touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    Low,
    Medium,
    High,
    DeployFile,
}

/// `nth` counts back from the newest of what is meant; where there are not so many, nothing is
/// done.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Push {
        touch: Touch,
        verified: Option<&'static str>,
    },
    Verify {
        nth: u64,
        ends: Option<&'static str>,
        by_hand: bool,
    },
    VerifyAgain {
        nth: u64,
        ends: Option<&'static str>,
    },
    EndVerification {
        nth: u64,
        conclusion: &'static str,
    },
    ForeignDeploy {
        nth: u64,
        titled: bool,
        ends: Option<&'static str>,
    },
    EndDeploy {
        nth: u64,
        conclusion: &'static str,
    },
    Supersede {
        nth: u64,
    },
    AwaitReviewers {
        nth: u64,
    },
    DeployAgain {
        nth: u64,
        ends: Option<&'static str>,
    },
    DeleteRun {
        nth: u64,
    },
    ForcePush {
        nth: u64,
    },
    /// The branch is put to one of the newest commits, wherever that is.
    PutBranch {
        nth: u64,
    },
    Forge {
        nth: u64,
        description: &'static str,
        state: &'static str,
    },
    CloseIssue {
        nth: u64,
    },
    Pause,
    Resume,
    Approve {
        nth: u64,
        by_environment: bool,
    },
    SetProduction {
        nth: u64,
    },
    Policy {
        key: &'static str,
        value: &'static str,
    },
    Wait {
        seconds: u64,
    },
    ListLag {
        seconds: u64,
    },
    IndexLag {
        seconds: u64,
    },
    IndexMisses {
        nth: u64,
    },
    StopIndex {
        stopped: bool,
    },
    Rage {
        seed: u64,
        per_mille: u64,
    },
    Calm,
    Fail {
        operation: &'static str,
        fault: Hit,
        skip: u64,
    },
    Pass {
        crash: Option<Crash>,
    },
    Restart,
    LoseTheDisk,
    DiskFull {
        full: bool,
    },
    TwinComes,
    TwinGoes,
    TwinPasses,
    BothPass,
}

/// A fault that hits one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hit {
    LoseAnswer,
    LoseRequest,
    RefuseConnection,
    Before(u16),
    After(u16),
    Truncate,
    Malformed,
    Hang,
    Refuse(u16),
    Limit,
}

/// How a process ends in the middle of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Crash {
    /// At so many requests from its start, before or after GitHub carried the last one out.
    AtRequest { requests: u64, after: bool },
    /// The disk stops after so many changes; of what was not synced, a half survives by chance.
    AtChange { changes: u64, seed: u64 },
}

pub(crate) struct Script {
    pub(crate) repositories: u64,
    pub(crate) enterprise: bool,
    pub(crate) deployed_before: bool,
    /// Whether the config says who the token is: an App's own is nobody's, until a write tells.
    pub(crate) identified: bool,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn script(seed: u64, steps: usize) -> Script {
    let mut chance = Chance::new(seed);
    let repositories = chance.weighted(&[(6, 1), (2, 2), (1, 3)]);
    let enterprise = chance.percent(30);
    let deployed_before = chance.percent(80);
    // Each seed has a temper: some are about faults, some about operators, some about both.
    let temper = Temper {
        faults: chance.pick(&[0, 1, 1, 3]),
        people: chance.pick(&[0, 1, 1, 2]),
        crashes: chance.pick(&[0, 1, 1, 3]),
        twins: chance.pick(&[0, 0, 0, 1]),
        lags: chance.pick(&[0, 0, 1, 2]),
    };
    let mut events = Vec::new();
    while events.len() < steps {
        let at = chance.below(repositories);
        let what = temper.draw(&mut chance);
        if temper.faults > 0 && chance.percent(5) {
            events.extend(lost_answer(&mut chance).map(|what| Event { at, what }));
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
    Script { repositories, enterprise, deployed_before, identified, events }
}

#[derive(Clone, Copy)]
struct Temper {
    faults: u64,
    people: u64,
    crashes: u64,
    twins: u64,
    lags: u64,
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

fn commits(chance: &mut Chance) -> What {
    let touch = [(8, Touch::Low), (2, Touch::Medium), (3, Touch::High), (1, Touch::DeployFile)];
    let ends = chance.weighted(&[(6, Some("success")), (2, Some("failure")), (2, None)]);
    match chance.below(10) {
        0..=4 => What::Push { touch: chance.weighted(&touch), verified: Some("success") },
        5 => What::Push { touch: chance.weighted(&touch), verified: Some("failure") },
        6 => What::Push { touch: chance.weighted(&touch), verified: None },
        7 => What::Verify { nth: chance.near(), ends, by_hand: chance.percent(40) },
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
        15 | 16 => What::ForeignDeploy { nth, titled: true, ends },
        17 => What::ForeignDeploy { nth, titled: chance.percent(50), ends },
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
    match chance.below(16) {
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
            What::Policy { key, value }
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
            // A GitHub that refuses a read for a moment and means it would be lying.
            let written = operation.starts_with("create") || operation == "update";
            let fault = match fault {
                Hit::Refuse(_) if !written => Hit::Before(502),
                other => other,
            };
            What::Fail { operation, fault, skip: chance.weighted(&[(3, 0), (2, 1), (1, 3)]) }
        }
        5 => What::Rage { seed: chance.any(), per_mille: chance.pick(&[20, 100, 300]) },
        _ => What::Calm,
    }
}

/// What the exactly-once path is for: a dispatch whose answer is lost, and a list that lags.
fn lost_answer(chance: &mut Chance) -> [What; 9] {
    let operation = "create-workflow-dispatch";
    let fault = chance.pick(&[Hit::LoseAnswer, Hit::After(502), Hit::Hang, Hit::Truncate]);
    let pass = |chance: &mut Chance| match chance.below(6) {
        0 => What::Restart,
        1 => What::LoseTheDisk,
        _ => What::Pass { crash: None },
    };
    [
        What::ListLag { seconds: chance.pick(&[0, 20, 120, 120]) },
        What::Fail { operation, fault, skip: 0 },
        What::Push { touch: Touch::Low, verified: Some("success") },
        What::Pass { crash: None },
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
    match chance.below(8) {
        0..=3 => What::Restart,
        4 | 5 => What::LoseTheDisk,
        6 => What::DiskFull { full: true },
        _ => What::DiskFull { full: false },
    }
}
