//! Decisions, one row per sentence: the situation and the result.

use std::sync::Arc;
use std::time::Duration;

use release_governor::domain::*;

use crate::freezes::weekly;
use crate::world::{
    BASE, WANTED, World, ahead, another_deploy_file, at, attempt_id, begun, changed, failed,
    operator, related, run, says_degraded, says_healthy, says_nothing, sha, succeeded,
    verification_run, workflow, works,
};

/// The situation, as phrases | the result.
const TABLE: &str = "
LOW | ALLOW LOW allow_low
MEDIUM | ALLOW MEDIUM allow_medium
HIGH | HOLD HIGH high_risk_no_approval
a migration | HOLD HIGH high_risk_no_approval
an empty range | ALLOW LOW allow_low
a HIGH name renamed away | HOLD HIGH high_risk_no_approval
truncated | HOLD HIGH high_risk_no_approval
diverged | HOLD HIGH high_risk_no_approval
incomparable | HOLD HIGH high_risk_no_approval
compare broken | HOLD HIGH high_risk_no_approval
deploy file differs at the tip | HOLD HIGH high_risk_no_approval
production uncertain | HOLD HIGH rolled_back
production uncertain, rollbacks do not hold | HOLD HIGH high_risk_no_approval
production uncertain, resumed, approved by an operator | ALLOW HIGH allow_high_approved
never deployed, HIGH | ALLOW LOW allow_low
HIGH, approved by the environment | ALLOW HIGH allow_high_approved
HIGH, approved in the environment for it | ALLOW HIGH allow_high_approved
HIGH, approved by an operator | ALLOW HIGH allow_high_approved
HIGH, an earlier commit approved, LOW after that | ALLOW HIGH allow_high_approved
HIGH, an earlier commit approved, HIGH after that | HOLD HIGH high_risk_no_approval
HIGH, an earlier commit approved, truncated after that | HOLD HIGH high_risk_no_approval
HIGH, an earlier commit approved, diverged after that | HOLD HIGH high_risk_no_approval
HIGH, production itself approved | HOLD HIGH high_risk_no_approval
truncated, approved by an operator | ALLOW HIGH allow_high_approved
diverged, approved by an operator | ALLOW HIGH allow_high_approved
deploy file differs at the tip, approved by an operator | HOLD HIGH high_risk_no_approval
deploy file differs at the tip, approved with that file | ALLOW HIGH allow_high_approved
never deployed, first deploys need approval | HOLD LOW first_deploy_required
never deployed, first deploys need approval, approved by an operator | ALLOW LOW allow_low
never deployed, first deploys need approval, an earlier commit approved | HOLD LOW first_deploy_required
LOW, first deploys need approval | ALLOW LOW allow_low
LOW, degraded | ALLOW LOW allow_low
LOW, degraded, LOW held when degraded | HOLD LOW degraded_low_hold
MEDIUM, degraded | HOLD MEDIUM degraded_medium_hold
HIGH, degraded, approved by an operator | HOLD HIGH degraded_high_risk
LOW, LOW held when degraded | ALLOW LOW allow_low
LOW, signal unreadable, LOW held when degraded | ALLOW LOW allow_low
MEDIUM, signal unreadable | ALLOW MEDIUM allow_medium
HIGH, signal unreadable, approved by an operator | HOLD HIGH degraded_unknown_high_risk
HIGH, production is well, approved by an operator | ALLOW HIGH allow_high_approved
LOW, another deploy runs | WAIT LOW deploy_in_progress
LOW, a deploy of an unknown commit runs | WAIT LOW deploy_in_progress
LOW, an attempt of another is open | WAIT LOW deploy_in_progress
LOW, an attempt of it is open | ALLOW LOW deploying
HIGH, somebody deploys it | ALLOW HIGH deploying
LOW, somebody deploys it, paused by the config | ALLOW LOW deploying
LOW, in production | ALLOW LOW deployed
LOW, in production, paused by the config | ALLOW LOW deployed
LOW, set as production | ALLOW LOW deployed
LOW, set as production, a newer run deployed another | HOLD LOW rolled_back
not verified | WAIT LOW not_verified
being verified | WAIT LOW not_verified
verification failed | HOLD LOW verification_failed
verification failed, paused by the config | HOLD LOW verification_failed
no deploy workflow | HOLD LOW deploy_not_configured
deploy workflow missing | HOLD LOW deploy_not_configured
deploy workflow disabled | HOLD LOW deploy_not_configured
LOW, force-pushed away | HOLD LOW not_on_branch
production contains it | NONE LOW older_than_production
production contains it, paused by the config | NONE LOW older_than_production
LOW, paused by the config | HOLD LOW paused
LOW, paused by the config, resumed | HOLD LOW paused
LOW, paused by an operator | HOLD LOW paused
LOW, paused by an operator, resumed | ALLOW LOW allow_low
LOW, rolled back by somebody | HOLD LOW rolled_back
LOW, rolled back by somebody, resumed | ALLOW LOW allow_low
LOW, rolled back by somebody, rollbacks do not hold | ALLOW LOW allow_low
LOW, rolled back by somebody, deployed forward again | ALLOW LOW allow_low
LOW, rolled back by somebody, by trigger | ALLOW LOW allow_low
LOW, rolled back by a re-run of ours | HOLD LOW rolled_back
LOW, moved forward by somebody | ALLOW LOW allow_low
LOW, reverted by a later commit | HOLD LOW reverted
LOW, reverted by a later commit, that is taken back | ALLOW LOW allow_low
LOW, reverted by a later commit, by trigger | ALLOW LOW allow_low
HIGH, reverted by a later commit, approved by an operator | HOLD HIGH reverted
LOW, reverted by a later commit, paused by the config | HOLD LOW paused
LOW, in production, reverted by a later commit | ALLOW LOW deployed
LOW, somebody deploys it, reverted by a later commit | ALLOW LOW deploying
never deployed, reverted by a later commit | HOLD LOW reverted
production uncertain, resumed, reverted by a later commit | HOLD HIGH reverted
LOW, frozen | HOLD LOW frozen
LOW, outside its windows | HOLD LOW frozen
LOW, outside its windows, inside another window | ALLOW LOW allow_low
LOW, frozen, inside another window | HOLD LOW frozen
LOW, frozen, by trigger | HOLD LOW frozen
LOW, frozen, paused by the config | HOLD LOW paused
LOW, frozen, reverted by a later commit | HOLD LOW reverted
LOW, frozen, another deploy runs | HOLD LOW frozen
LOW, frozen, failed 10 minutes ago, two attempts | HOLD LOW frozen
LOW, frozen, six deploys within the hour | HOLD LOW frozen
HIGH, frozen, approved by an operator | HOLD HIGH frozen
never deployed, first deploys need approval, frozen | HOLD LOW frozen
LOW, in production, frozen | ALLOW LOW deployed
LOW, somebody deploys it, frozen | ALLOW LOW deploying
production contains it, frozen | NONE LOW older_than_production
not verified, frozen | WAIT LOW not_verified
LOW, failed 40 minutes ago | HOLD LOW deploy_failed
LOW, failed 40 minutes ago, two attempts | ALLOW LOW allow_low
LOW, failed 10 minutes ago | HOLD LOW deploy_failed
LOW, failed 10 minutes ago, two attempts | HOLD LOW cooldown
LOW, failed 10 minutes ago, two attempts, no cooldown | ALLOW LOW allow_low
LOW, failed 40 minutes ago, verified again since | ALLOW LOW allow_low
LOW, failed 40 minutes ago, verified again before | HOLD LOW deploy_failed
LOW, failed 40 minutes ago, triggered since | ALLOW LOW allow_low
LOW, failed 40 minutes ago, triggered before | HOLD LOW deploy_failed
LOW, failed 40 minutes ago, by trigger | ALLOW LOW allow_low
LOW, failed 10 minutes ago, by trigger | HOLD LOW cooldown
LOW, failed 40 minutes ago, failed 35 minutes ago, verified again since | HOLD LOW deploy_failed
LOW, superseded 10 minutes ago | ALLOW LOW allow_low
LOW, deleted while it ran | HOLD LOW deploy_failed
LOW, somebody's deploy of it failed | HOLD LOW deploy_failed
LOW, another failed 10 minutes ago | ALLOW LOW allow_low
LOW, dispatch rejected | HOLD LOW dispatch_rejected
LOW, dispatch rejected, the token changed | ALLOW LOW allow_low
LOW, dispatch rejected, an hour later | ALLOW LOW allow_low
LOW, dispatch rejected, by trigger | ALLOW LOW allow_low
LOW, dispatch rejected, resumed | ALLOW LOW allow_low
LOW, status refused | HOLD LOW status_refused
LOW, status refused, an hour later | ALLOW LOW allow_low
LOW, status refused, by trigger | HOLD LOW status_refused
LOW, another's dispatch unconfirmed | HOLD LOW dispatch_unconfirmed
LOW, another's dispatch unconfirmed, resumed | HOLD LOW dispatch_unconfirmed
LOW, another's dispatch unconfirmed, triggered since | ALLOW LOW allow_low
LOW, another's dispatch unconfirmed, by trigger | ALLOW LOW allow_low
LOW, another's dispatch unconfirmed, its run showed and failed | ALLOW LOW allow_low
LOW, six deploys within the hour | HOLD LOW rate_limit
LOW, six deploys within the hour, by trigger | HOLD LOW rate_limit
LOW, six deploys within the hour, an hour later | ALLOW LOW allow_low
LOW, paused by an operator, by trigger | HOLD LOW paused
HIGH, by trigger | HOLD HIGH high_risk_no_approval
not verified, by trigger | WAIT LOW not_verified
LOW, another deploy runs, by trigger | WAIT LOW deploy_in_progress
";

#[test]
fn every_row_of_the_table_holds() {
    let mut wrong = Vec::new();
    for row in TABLE.lines().filter(|row| !row.is_empty()) {
        let (case, expected) = row.split_once(" | ").unwrap();
        let mut world = World::calm();
        case.split(", ").for_each(|phrase| told(&mut world, phrase));
        let decision = world.decision();
        let class = decision.risk.class.as_str();
        let got = format!("{} {class} {}", decision.outcome().as_str(), decision.reason().code());
        if got != expected {
            wrong.push(format!("{case} | {got}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_reason_has_a_row() {
    for reason in Reason::ALL {
        assert!(TABLE.contains(&format!(" {}\n", reason.code())), "{}", reason.code());
    }
}

fn told(world: &mut World, phrase: &str) {
    let known = of_range(world, phrase)
        || of_approval(world, phrase)
        || of_runs(world, phrase)
        || of_rollbacks(world, phrase)
        || of_failures(world, phrase)
        || of_the_commit(world, phrase)
        || of_operators(world, phrase)
        || of_limits(world, phrase);
    assert!(known, "no such phrase: {phrase}");
}

fn of_range(world: &mut World, phrase: &str) -> bool {
    let range = match phrase {
        "LOW" => ahead(&["src/cart.rs"]),
        "MEDIUM" => ahead(&["src/cart.rs", "crates/a/Cargo.toml"]),
        "HIGH" => ahead(&["Cargo.toml", "infra/net.tf"]),
        "a migration" => ahead(&["db/1.sql"]),
        "an empty range" => ahead(&[]),
        "diverged" => related(Relation::Diverged, &["src/cart.rs"]),
        "incomparable" => Fact::Known(Ranged::Incomparable("Not Found".to_owned())),
        "compare broken" => Fact::Known(Ranged::Broken("502".to_owned())),
        "truncated" => truncated(),
        "a HIGH name renamed away" => {
            let previous_path = Some("infra/net.tf".to_owned());
            let change = FileChange { previous_path, ..changed("old/net.tf") };
            let files = RangeFiles::Complete(vec![change]);
            Fact::Known(Ranged::Compared(Comparison { relation: Relation::Ahead, files }))
        }
        "deploy file differs at the tip" => {
            world.facts(WANTED).deploy_files = another_deploy_file(Some("b10b"));
            return true;
        }
        "degraded" => return signals(world, &[says_healthy(), says_degraded(), says_nothing()]),
        "production is well" => return signals(world, &[says_healthy()]),
        "signal unreadable" => {
            return signals(world, &[says_nothing(), says_healthy()]);
        }
        _ => return false,
    };
    world.range(BASE, WANTED, range);
    true
}

fn truncated() -> Fact<Ranged> {
    let files = RangeFiles::Truncated(vec![]);
    Fact::Known(Ranged::Compared(Comparison { relation: Relation::Ahead, files }))
}

fn signals(world: &mut World, readings: &[SignalReading]) -> bool {
    world.observation.signals = readings.to_vec();
    true
}

fn of_approval(world: &mut World, phrase: &str) -> bool {
    match phrase {
        "approved by the environment" => {
            world.policy.approved_by_environment = EnvironmentApproval::Everything;
        }
        "approved in the environment for it" => {
            let these = EnvironmentApproval::Shas(vec![sha(3), sha(WANTED)]);
            world.policy.approved_by_environment = these;
        }
        "approved by an operator" => world.approves(-5, WANTED),
        "approved with that file" => {
            world.approves(-5, WANTED);
            world.release.approvals[0].deploy_file = Some("b10b".to_owned());
        }
        "production itself approved" => world.approves(-700, BASE),
        "an earlier commit approved" => world.approves(-5, 4),
        "LOW after that" => world.range(4, WANTED, ahead(&["src/cart.rs"])),
        "HIGH after that" => world.range(4, WANTED, ahead(&["infra/b.tf"])),
        "truncated after that" => world.range(4, WANTED, truncated()),
        "diverged after that" => world.range(4, WANTED, related(Relation::Diverged, &[])),
        "first deploys need approval" => world.policy.require_approval_for_first_deploy = true,
        "LOW held when degraded" => world.policy.hold_low_when_degraded = true,
        _ => return false,
    }
    true
}

fn of_runs(world: &mut World, phrase: &str) -> bool {
    match phrase {
        "never deployed" => {
            world.release.runs.clear();
            world.release.attempts.clear();
        }
        "production uncertain" => world.sees(run(20, None, -30, succeeded())),
        "another deploy runs" => world.sees(run(20, Some(3), -5, works())),
        "a deploy of an unknown commit runs" => world.sees(run(20, None, -5, works())),
        "somebody deploys it" => world.sees(run(20, Some(WANTED), -5, works())),
        "an attempt of another is open" => {
            world.hears(-1, EntryKind::AttemptBegun { attempt: begun(20, 3) });
        }
        "an attempt of it is open" => {
            world.hears(-1, EntryKind::AttemptBegun { attempt: begun(20, WANTED) });
        }
        "in production" => world.deploys(20, WANTED, -30, succeeded()),
        "set as production" => world.word(-30, production_set(WANTED)),
        "a newer run deployed another" => {
            world.sees(run(21, Some(BASE), -10, succeeded()));
            world.range(WANTED, BASE, related(Relation::Behind, &[]));
        }
        "production contains it" => {
            world.sees(run(20, Some(8), -30, succeeded()));
            world.range(8, WANTED, related(Relation::Behind, &[]));
        }
        "moved forward by somebody" => {
            world.sees(run(20, Some(2), -30, succeeded()));
            world.range(2, WANTED, ahead(&["src/cart.rs"]));
        }
        _ => return false,
    }
    true
}

fn production_set(of: u8) -> OperatorAction {
    OperatorAction::ProductionSet { sha: sha(of), why: "by hand".to_owned(), by: operator() }
}

fn of_rollbacks(world: &mut World, phrase: &str) -> bool {
    match phrase {
        // `3` was in production, and no longer is.
        "rolled back by somebody" => {
            world.deploys(20, 3, -30, succeeded());
            world.sees(run(21, Some(BASE), -10, succeeded()));
            world.range(BASE, 3, ahead(&["src/cart.rs"]));
        }
        "rolled back by a re-run of ours" => {
            world.deploys(20, 3, -30, succeeded());
            let mut again = run(10, Some(BASE), -600, succeeded());
            let mut second = again.attempts[&1].clone();
            second.started_at = at(-10);
            again.attempts.insert(2, second);
            world.sees(again);
            world.range(BASE, 3, ahead(&["src/cart.rs"]));
        }
        "deployed forward again" => {
            world.sees(run(22, Some(4), -5, succeeded()));
            world.range(4, WANTED, ahead(&["src/cart.rs"]));
            world.range(3, BASE, related(Relation::Behind, &[]));
        }
        "reverted by a later commit" => says(world, 7, WANTED),
        "that is taken back" => says(world, 8, 7),
        "rollbacks do not hold" => world.policy.hold_after_rollback = false,
        _ => return false,
    }
    true
}

/// A commit states that it reverts another.
fn says(world: &mut World, by: u8, of: u8) {
    let message = CommitMessage::of(&format!("Undo\n\nThis reverts commit {}.", sha(of)));
    world.observation.branch_commits.messages.insert(sha(by), Some(Box::new(message)));
}

fn of_failures(world: &mut World, phrase: &str) -> bool {
    match phrase {
        "failed 40 minutes ago" => world.deploys(20, WANTED, -42, failed()),
        "failed 35 minutes ago" => world.deploys(21, WANTED, -37, failed()),
        "failed 10 minutes ago" => world.deploys(20, WANTED, -12, failed()),
        "another failed 10 minutes ago" => world.deploys(20, 4, -12, failed()),
        "somebody's deploy of it failed" => world.sees(run(20, Some(WANTED), -12, failed())),
        "superseded 10 minutes ago" => {
            let cancelled = RunProgress::Finished(Conclusion::Cancelled);
            let mut run = run(20, Some(WANTED), -12, cancelled);
            run.attempts.get_mut(&1).unwrap().superseded = Some(true);
            world.sees(run);
        }
        "deleted while it ran" => {
            let run = KnownRun { deleted: true, ..run(20, Some(WANTED), -12, works()) };
            world.sees(run);
        }
        "two attempts" => world.policy.max_attempts_per_sha = 2,
        "no cooldown" => world.policy.cooldown = Duration::ZERO,
        "verified again since" => world.facts(WANTED).reverified_at = vec![at(-35)],
        "verified again before" => world.facts(WANTED).reverified_at = vec![at(-41)],
        "triggered since" => world.word(-20, triggered()),
        "triggered before" => world.word(-50, triggered()),
        _ => return false,
    }
    true
}

fn triggered() -> OperatorAction {
    OperatorAction::Triggered { sha: sha(WANTED), by: operator() }
}

fn of_the_commit(world: &mut World, phrase: &str) -> bool {
    let verification = match phrase {
        "not verified" => Verification::None,
        "being verified" => Verification::Running(verification_run()),
        "verification failed" => Verification::Failed(verification_run(), Conclusion::Failure),
        "force-pushed away" => {
            world.facts(WANTED).on_branch = Fact::Known(false);
            return true;
        }
        "no deploy workflow" => return deploy_workflow(world, WorkflowFact::NotConfigured),
        "deploy workflow missing" => return deploy_workflow(world, WorkflowFact::Missing),
        "deploy workflow disabled" => {
            let disabled = WorkflowState::Disabled("disabled_manually".to_owned());
            return deploy_workflow(world, workflow(disabled));
        }
        _ => return false,
    };
    world.facts(WANTED).verification = Fact::Known(verification);
    true
}

fn deploy_workflow(world: &mut World, fact: WorkflowFact) -> bool {
    world.observation.deploy_workflow = fact;
    true
}

fn of_operators(world: &mut World, phrase: &str) -> bool {
    match phrase {
        "paused by the config" => world.policy.paused = Some("freeze".to_owned()),
        "paused by an operator" => {
            let why = "incident 42".to_owned();
            world.word(-60, OperatorAction::Paused { why, by: operator() });
        }
        "resumed" => world.word(-1, OperatorAction::Resumed { by: operator() }),
        "by trigger" => world.triggered = true,
        _ => return false,
    }
    true
}

fn of_limits(world: &mut World, phrase: &str) -> bool {
    let calendar = &mut world.policy.calendar;
    let entry = |kind, from, to| Arc::new(weekly(kind, "Europe/Berlin", &[(from, to)]));
    match phrase {
        // It is Monday, 13:00 in Berlin.
        "frozen" => calendar.freezes.push(entry(CalendarKind::Freeze, "Fri 16:00", "Mon 13:01")),
        "outside its windows" => {
            calendar.windows.push(entry(CalendarKind::Window, "Mon 09:00", "Mon 13:00"));
        }
        "inside another window" => {
            calendar.windows.push(entry(CalendarKind::Window, "Mon 13:00", "Mon 13:01"));
        }
        "dispatch rejected" => {
            world.hears(-12, EntryKind::AttemptBegun { attempt: begun(20, WANTED) });
            let outcome = AttemptOutcome::Rejected("403".to_owned());
            world.hears(-12, EntryKind::AttemptClosed { id: attempt_id(20), outcome });
        }
        "the token changed" => world.observation.rejection_key = RejectionKey("new".to_owned()),
        "an hour later" => world.now = at(60),
        "status refused" => {
            let (sha, words) = (sha(WANTED), "422".to_owned());
            let refused = EntryKind::StatusRefused { sha, words, retry_at: at(2) };
            world.hears(-1, refused);
        }
        "another's dispatch unconfirmed" => {
            world.hears(-70, EntryKind::AttemptBegun { attempt: begun(20, 4) });
            let outcome = AttemptOutcome::Unconfirmed;
            world.hears(-65, EntryKind::AttemptClosed { id: attempt_id(20), outcome });
        }
        "its run showed and failed" => {
            world.hears(
                -60,
                EntryKind::AttemptRun { id: attempt_id(20), run: 20.into(), late: true },
            );
            world.sees(run(20, Some(4), -70, failed()));
            let outcome = AttemptOutcome::Failed(Conclusion::Failure);
            world.hears(-60, EntryKind::AttemptClosed { id: attempt_id(20), outcome });
        }
        "six deploys within the hour" => {
            for number in 0..6_u8 {
                let start = -50 + i64::from(number) * 5;
                world.deploys(20 + u64::from(number), 4, start, failed());
            }
        }
        _ => return false,
    }
    true
}
