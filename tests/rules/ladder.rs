//! Starting from the worst input, in which everything is wrong at once, each step fixes one
//! thing, and the next rule of the design's table must apply.

use std::sync::Arc;

use release_governor::decide::RULES;
use release_governor::domain::*;
use release_governor::messages;

use crate::freezes::weekly;
use crate::world::{
    WANTED, World, ahead, at, attempt_id, begun, failed, related, run, says_degraded, says_healthy,
    says_nothing, sha, succeeded, verification_run, workflow, works,
};

/// The design's table, section 4.
const DESIGN: &[(&str, &str)] = &[
    ("deploying", "ALLOW"),
    ("deployed", "ALLOW"),
    ("not_verified", "WAIT"),
    ("verification_failed", "HOLD"),
    ("deploy_not_configured", "HOLD"),
    ("not_on_branch", "HOLD"),
    ("older_than_production", "NONE"),
    ("paused", "HOLD"),
    ("rolled_back", "HOLD"),
    ("reverted", "HOLD"),
    ("frozen", "HOLD"),
    ("first_deploy_required", "HOLD"),
    ("degraded_high_risk", "HOLD"),
    ("degraded_unknown_high_risk", "HOLD"),
    ("deploy_in_progress", "WAIT"),
    ("deploy_failed", "HOLD"),
    ("cooldown", "HOLD"),
    ("dispatch_rejected", "HOLD"),
    ("status_refused", "HOLD"),
    ("dispatch_unconfirmed", "HOLD"),
    ("rate_limit", "HOLD"),
    ("degraded_low_hold", "HOLD"),
    ("allow_low", "ALLOW"),
    ("degraded_medium_hold", "HOLD"),
    ("allow_medium", "ALLOW"),
    ("allow_high_approved", "ALLOW"),
    ("high_risk_no_approval", "HOLD"),
];

#[test]
fn the_rules_stand_in_the_designs_order() {
    let reasons: Vec<(&str, &str)> =
        Reason::ALL.iter().map(|reason| (reason.code(), reason.outcome().as_str())).collect();
    assert_eq!(reasons, DESIGN);
    let rules: Vec<Reason> = RULES.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(rules, Reason::ALL);
    assert!(Reason::ALL.is_sorted());
}

/// Everything is wrong with `5`.
fn worst() -> World {
    let mut world = World::calm();
    // Rules 1 and 2: it is being deployed, and in production.
    world.release.runs.clear();
    world.deploys(80, WANTED, -50, succeeded());
    world.deploys(90, WANTED, -20, works());
    // Rules 3 to 6.
    world.facts(WANTED).verification = Fact::Known(Verification::Running(verification_run()));
    world.observation.deploy_workflow = WorkflowFact::Missing;
    world.facts(WANTED).on_branch = Fact::Known(false);
    world.range(9, WANTED, related(Relation::Behind, &[]));
    // Rules 8 to 12. A later commit reverts it by sha, which counts whatever production is.
    let message = CommitMessage::of(&format!("Undo\n\nThis reverts commit {}.", sha(WANTED)));
    world.observation.branch_commits.messages.insert(sha(7), Some(Box::new(message)));
    world.policy.paused = Some("freeze".to_owned());
    let freeze = weekly(CalendarKind::Freeze, "UTC", &[("Fri 16:00", "Tue 08:00")]);
    world.policy.calendar.freezes.push(Arc::new(freeze));
    world.policy.require_approval_for_first_deploy = true;
    world.range(2, WANTED, ahead(&["infra/net.tf"]));
    world.range(1, WANTED, ahead(&["infra/net.tf"]));
    world.range(4, WANTED, ahead(&["src/cart.rs"]));
    world.approves(-900, 4);
    world.observation.signals = vec![says_degraded()];
    // Rules 13 and 16 to 20.
    world.sees(run(60, Some(3), -10, works()));
    let rejection =
        Rejection { words: "no".to_owned(), at: at(-5), key: RejectionKey("now".to_owned()) };
    world.release.rejection = Some(rejection);
    let retry_at = at(5);
    let (of, words) = (sha(WANTED), "refused".to_owned());
    world.hears(-5, EntryKind::StatusRefused { sha: of, words, retry_at });
    world.hears(-40, EntryKind::AttemptBegun { attempt: begun(55, 2) });
    let unconfirmed = AttemptOutcome::Unconfirmed;
    world.hears(-30, EntryKind::AttemptClosed { id: attempt_id(55), outcome: unconfirmed });
    world.policy.max_deploys_per_hour = 2;
    world.policy.hold_low_when_degraded = true;
    world
}

type Step = (&'static str, fn(&mut World));

/// What each step fixes, so that the next rule applies.
const STEPS: &[Step] = &[
    ("its deploy fails", |world| {
        world.sees(run(90, Some(WANTED), -20, failed()));
        let outcome = AttemptOutcome::Failed(Conclusion::Failure);
        world.hears(-18, EntryKind::AttemptClosed { id: attempt_id(90), outcome });
    }),
    ("a later commit goes into production", |world| {
        world.sees(run(95, Some(9), -15, succeeded()));
    }),
    ("its verification ends", |world| {
        let verification = Verification::Failed(verification_run(), Conclusion::TimedOut);
        world.facts(WANTED).verification = Fact::Known(verification);
    }),
    ("its verification passes", |world| {
        world.facts(WANTED).verification = Fact::Known(Verification::Passed(verification_run()));
    }),
    ("the deploy workflow is there", |world| {
        world.observation.deploy_workflow = workflow(WorkflowState::Active);
    }),
    ("the branch contains it", |world| world.facts(WANTED).on_branch = Fact::Known(true)),
    ("the later commit was an earlier one", |world| {
        world.sees(run(95, Some(2), -15, succeeded()));
    }),
    ("the config no longer pauses", |world| world.policy.paused = None),
    ("nothing was ever deployed", |world| {
        world.release.runs.remove(&80.into());
        world.release.runs.remove(&95.into());
        let succeeded = Some(&AttemptOutcome::Succeeded);
        world.release.attempts.retain(|attempt| attempt.outcome() != succeeded);
    }),
    ("the revert is taken back", |world| {
        let message = CommitMessage::of(&format!("Redo\n\nThis reverts commit {}.", sha(7)));
        world.observation.branch_commits.messages.insert(sha(8), Some(Box::new(message)));
    }),
    ("the freeze ends", |world| world.policy.calendar.freezes.clear()),
    ("a first commit was deployed", |world| world.sees(run(5, Some(1), -700, succeeded()))),
    ("the signal cannot be read", |world| {
        world.observation.signals = vec![says_nothing()];
    }),
    ("the range is LOW", |world| world.range(1, WANTED, ahead(&["src/cart.rs"]))),
    ("the other deploy ends", |world| world.sees(run(60, Some(3), -10, failed()))),
    ("it is verified again", |world| world.facts(WANTED).reverified_at = vec![at(-6)]),
    ("there is no cooldown", |world| world.policy.cooldown = std::time::Duration::ZERO),
    ("the token changes", |world| {
        world.observation.rejection_key = RejectionKey("then".to_owned());
    }),
    ("the refused status is due again", |world| {
        world.release.status_refusals.get_mut(&sha(WANTED)).unwrap().retry_at = at(0);
    }),
    ("the lost run shows", |world| {
        world.sees(run(62, Some(2), -39, failed()));
        let found = EntryKind::AttemptRun { id: attempt_id(55), run: 62.into(), late: true };
        world.hears(-1, found);
        let outcome = AttemptOutcome::Failed(Conclusion::Failure);
        world.hears(-1, EntryKind::AttemptClosed { id: attempt_id(55), outcome });
    }),
    ("more deploys an hour are allowed, and the signal answers", |world| {
        world.policy.max_deploys_per_hour = 10;
        world.observation.signals = vec![says_degraded()];
    }),
    ("LOW may ship while degraded", |world| world.policy.hold_low_when_degraded = false),
    ("a manifest changes", |world| world.range(1, WANTED, ahead(&["Cargo.toml"]))),
    ("production is well", |world| world.observation.signals = vec![says_healthy()]),
    ("infrastructure changes before the approved commit", |world| {
        world.range(1, WANTED, ahead(&["infra/net.tf"]));
    }),
    ("infrastructure changes after it", |world| {
        world.range(4, WANTED, ahead(&["infra/net.tf"]));
    }),
];

#[test]
fn each_step_mends_one_thing_and_the_next_rule_speaks() {
    let mut world = worst();
    let mut told = vec![told(&world)];
    for (what, mend) in STEPS {
        mend(&mut world);
        told.push(format!("{} <- {what}", self::told(&world)));
    }
    let spoken: Vec<&str> = told.iter().filter_map(|line| line.split(' ').next()).collect();
    let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(spoken, codes, "\n{}", told.join("\n"));
    insta::assert_snapshot!(told.join("\n"), @"
    deploying
    deployed <- its deploy fails
    not_verified <- a later commit goes into production
    verification_failed <- its verification ends
    deploy_not_configured <- its verification passes
    not_on_branch <- the deploy workflow is there
    older_than_production <- the branch contains it
    paused [rolled_back reverted frozen degraded_high_risk deploy_in_progress deploy_failed dispatch_rejected status_refused dispatch_unconfirmed rate_limit] <- the later commit was an earlier one
    rolled_back [reverted frozen degraded_high_risk deploy_in_progress deploy_failed dispatch_rejected status_refused dispatch_unconfirmed rate_limit] <- the config no longer pauses
    reverted [frozen first_deploy_required deploy_in_progress deploy_failed dispatch_rejected status_refused dispatch_unconfirmed rate_limit degraded_low_hold] <- nothing was ever deployed
    frozen [first_deploy_required deploy_in_progress deploy_failed dispatch_rejected status_refused dispatch_unconfirmed rate_limit degraded_low_hold] <- the revert is taken back
    first_deploy_required [deploy_in_progress deploy_failed dispatch_rejected status_refused dispatch_unconfirmed rate_limit degraded_low_hold] <- the freeze ends
    degraded_high_risk [deploy_in_progress deploy_failed dispatch_rejected status_refused dispatch_unconfirmed rate_limit] <- a first commit was deployed
    degraded_unknown_high_risk [deploy_in_progress deploy_failed dispatch_rejected status_refused dispatch_unconfirmed rate_limit] <- the signal cannot be read
    deploy_in_progress [deploy_failed dispatch_rejected status_refused dispatch_unconfirmed rate_limit] <- the range is LOW
    deploy_failed [dispatch_rejected status_refused dispatch_unconfirmed rate_limit] <- the other deploy ends
    cooldown [dispatch_rejected status_refused dispatch_unconfirmed rate_limit] <- it is verified again
    dispatch_rejected [status_refused dispatch_unconfirmed rate_limit] <- there is no cooldown
    status_refused [dispatch_unconfirmed rate_limit] <- the token changes
    dispatch_unconfirmed [rate_limit] <- the refused status is due again
    rate_limit <- the lost run shows
    degraded_low_hold <- more deploys an hour are allowed, and the signal answers
    allow_low <- LOW may ship while degraded
    degraded_medium_hold <- a manifest changes
    allow_medium <- production is well
    allow_high_approved <- infrastructure changes before the approved commit
    high_risk_no_approval <- infrastructure changes after it
    ");
}

/// The reason, and everything that blocks after it.
fn told(world: &World) -> String {
    let decision = world.decision();
    let also: Vec<&str> = decision.also.iter().map(|cause| cause.reason().code()).collect();
    let hints = messages::hints(&decision, &world.policy.repository);
    let blocks = decision.outcome() != Outcome::Allow && decision.outcome() != Outcome::None;
    assert_eq!(hints.len(), also.len() + usize::from(blocks), "{hints:?}");
    assert!(hints.iter().all(|hint| !hint.is_empty()), "{hints:?}");
    let blocks = if also.is_empty() { String::new() } else { format!(" [{}]", also.join(" ")) };
    format!("{}{blocks}", decision.reason().code())
}
