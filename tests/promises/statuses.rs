//! The status on a commit: its text, its target, and when it is written.

mod gone;
mod limits;

use release_governor::domain::OperatorAction;

use crate::story::{CONTEXT, Story};

fn pause(why: &str) -> OperatorAction {
    OperatorAction::Paused { why: why.into(), by: Story::operator() }
}

#[test]
fn an_allowed_commit_is_pending_until_its_run_is_known_and_then_leads_to_it() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.said(&a1), @r"
    pending: ALLOW SHA · LOW · dispatching ID
    success: ALLOW SHA · LOW · Triggered: deploy workflow run
    ");
    assert_eq!(shop.target(&a1), shop.deploy_page());
    let mark = &shop.statuses(&a1)[0];
    assert!(!mark.target_url.clone().unwrap_or_default().contains("/actions/runs/"), "{mark:?}");
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.statuses(&a1).len(), 2, "and it stays so");
    shop.settled();
}

#[test]
fn a_dispatch_whose_run_is_not_known_stays_pending() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.repo.set_list_lag(std::time::Duration::from_secs(120));
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().later(10).good_pass().later(10).good_pass();
    insta::assert_snapshot!(shop.said(&a1), @"pending: ALLOW SHA · LOW · dispatching ID");
    shop.later(120).good_pass();
    insta::assert_snapshot!(shop.said(&a1), @r"
    pending: ALLOW SHA · LOW · dispatching ID
    success: ALLOW SHA · LOW · Triggered: deploy workflow run
    ");
    assert_eq!(shop.target(&a1), shop.deploy_page());
}

#[test]
fn a_hold_says_decision_sha_risk_reason_and_how_to_unblock_it() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.said(&a1), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
    assert_eq!(shop.target(&a1), shop.verification_page(&a1));
    shop.settled();
}

#[test]
fn a_hold_leads_to_the_governors_page_where_it_has_one() {
    let mut shop = Story::repository("acme/shop").public_url("https://governor.example.com/");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    let page = format!("https://governor.example.com/repos/acme/shop/commits/{a1}");
    assert_eq!(shop.target(&a1), page);
    shop.settled();
}

#[test]
fn an_allowed_commit_leads_to_its_run_whatever_the_governors_page() {
    let mut shop = Story::repository("acme/shop").public_url("https://governor.example.com");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.target(&a1), shop.deploy_page());
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.target(&a1), shop.deploy_page());
    shop.settled();
}

#[test]
fn a_hold_may_be_pending_for_teams_whose_red_cross_means_broken() {
    let mut shop = Story::repository("acme/shop").policy("hold_state", "pending");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    assert!(shop.status(&a1).starts_with("pending: HOLD SHA · HIGH"), "{}", shop.status(&a1));
    shop.settled();
}

#[test]
fn a_status_follows_its_hold_state_when_the_config_changes() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().change_policy("hold_state", "pending").good_pass();
    assert_eq!(shop.statuses(&a1).len(), 2);
    assert_eq!(shop.statuses(&a1)[1].state, "pending");
    shop.settled();
}

#[test]
fn a_wait_says_which_run_it_waits_for_and_since_when() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.later(60).good_pass();
    let run = shop.deploy_run().to_string();
    insta::assert_snapshot!(shop.status(&a2).replace(&run, "RUN"), @"pending: WAIT SHA · LOW · deploy_in_progress: run RUN since 09:02 UTC");
    shop.later(600).good_pass().later(600).good_pass();
    assert_eq!(shop.statuses(&a2).len(), 1, "it does not change from pass to pass");
    shop.repo.set_run(shop.deploy_run(), "waiting", None);
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&a2).replace(&run, "RUN"), @"pending: WAIT SHA · LOW · deploy_in_progress: run RUN since 09:02 UTC waits for the reviewers of production");
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
    shop.deploy_ends(&a2, "success").good_pass().settled();
}

#[test]
fn a_commit_that_is_verified_again_waits() {
    let mut shop = Story::repository("acme/shop").policy("paused", "\"incident 42\"");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let run = shop.repo.runs().into_iter().rev().find(|run| run.head_sha == a1).unwrap().id;
    shop.repo.rerun(run, "dev");
    shop.later(60).good_pass();
    insta::assert_snapshot!(shop.status(&a1).replace(&run.to_string(), "RUN"), @"pending: WAIT SHA · LOW · not_verified: verification run RUN is still running");
    shop.repo.finish_run(run, "failure");
    shop.later(60).good_pass();
    // It is the head now: the newest commit with a finished verification, which failed.
    insta::assert_snapshot!(shop.status(&a1).replace(&run.to_string(), "RUN"), @"failure: HOLD SHA · LOW · verification_failed: fix and push, or re-run verification run RUN (failure)");
    shop.settled_within(4);
}

#[test]
fn the_head_says_why_it_is_no_candidate() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = shop.repo.verify(&a1, "timed_out");
    shop.later(5).good_pass();
    insta::assert_snapshot!(shop.status(&a1).replace(&run.to_string(), "RUN"), @"failure: HOLD SHA · LOW · verification_failed: fix and push, or re-run verification run RUN (timed_out)");
    assert_eq!(shop.target(&a1), shop.verification_page(&a1));
    insta::assert_snapshot!(shop.status(&a0), @"success: ALLOW SHA · LOW · Triggered: deploy workflow run");
    shop.settled_within(4);
}

#[test]
fn a_pause_says_the_operators_reason_and_how_to_resume() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass();
    let a1 = shop.operator_says(pause("incident 42")).verified(&["src/cart.rs"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · paused: `release-governor resume acme/shop` (incident 42)");
    shop.settled();
    shop.operator_says(OperatorAction::Resumed { by: Story::operator() }).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn the_configs_own_pause_names_the_config() {
    let mut shop = Story::repository("acme/shop").policy("paused", "\"release freeze\"");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · paused: `paused` is set in the configuration: release freeze");
    shop.settled();
}

#[test]
fn a_hold_names_all_that_blocks_as_far_as_there_is_room() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass();
    let a1 = shop.operator_says(pause("incident 42")).verified(&["infra/dns.tf"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&a1), @r#"
    failure: HOLD SHA · HIGH · paused: `release-governor resume acme/shop` (incident 42); `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
    insta::assert_snapshot!(shop.hints(), @r#"
    `release-governor resume acme/shop` (incident 42)
    `release-governor approve acme/shop 8fd3cfb --reason "WHY"`
    "#);
    shop.settled();
}

#[test]
fn a_long_hint_is_shortened_and_the_code_never_is() {
    for why in ["x".repeat(250), "ü".repeat(250), "🚀".repeat(250), "two words ".repeat(25)] {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        shop.good_pass();
        let a1 = shop.operator_says(pause(why.trim())).verified(&["src/cart.rs"]);
        shop.good_pass();
        let status = &shop.statuses(&a1)[0];
        let characters = status.description.chars().count();
        assert!(characters <= 140, "{characters}: {}", status.description);
        assert!(status.description.contains(" · paused: "), "{}", status.description);
        shop.settled();
    }
}

#[test]
fn a_strangers_words_steer_no_terminal_and_break_no_line() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass();
    let why = "a\u{1b}[31mb\nc\u{202e}d\u{200b}e";
    let a1 = shop.operator_says(pause(why)).verified(&["src/cart.rs"]);
    shop.good_pass();
    let said = &shop.statuses(&a1)[0].description;
    assert!(!said.chars().any(|c| c.is_control() || "\u{202e}\u{200b}".contains(c)), "{said:?}");
}

#[test]
fn a_cooldown_names_a_time_that_does_not_move() {
    let mut shop = Story::repository("acme/shop").policy("max_attempts_per_sha", "2");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · cooldown: wait until 09:32 UTC");
    let before = shop.statuses(&a1).len();
    for _ in 0..28 {
        shop.later(60).good_pass();
    }
    assert_eq!(shop.statuses(&a1).len(), before);
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.minutes_later(3).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
}

#[test]
fn a_failed_deploy_turns_the_status_to_failure() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let run = shop.deploy_run().to_string();
    insta::assert_snapshot!(shop.said(&a1).replace(&run, "RUN"), @r"
    pending: ALLOW SHA · LOW · dispatching ID
    success: ALLOW SHA · LOW · Triggered: deploy workflow run
    failure: HOLD SHA · LOW · deploy_failed: run RUN failed, 1 of 1 attempts used: re-run the verification or the deploy, `trigger SHA`,…
    ");
    shop.settled();
}

#[test]
fn a_failed_deploy_is_said_also_where_another_candidate_came_meanwhile() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let a2 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let run = shop.deploy_run().to_string();
    insta::assert_snapshot!(shop.status(&a1).replace(&run, "RUN"), @"failure: HOLD SHA · LOW · deploy_failed: run RUN failed, 1 of 1 attempts used: re-run the verification or the deploy, `trigger SHA`,…");
    assert!(shop.status(&a2).contains("high_risk_no_approval"), "{}", shop.status(&a2));
    shop.settled();
}

#[test]
fn a_rate_limit_names_the_time_when_it_ends() {
    let mut shop = Story::repository("acme/shop").policy("max_deploys_per_hour", "1");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&a2), @"failure: HOLD SHA · LOW · rate_limit: wait until 10:02 UTC (at most 1 deploys an hour)");
    shop.settled();
    shop.minutes_later(61).good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
}

#[test]
fn a_held_commit_that_went_into_production_with_a_later_one_says_so_once() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().approve(&a2).good_pass();
    shop.deploy_ends(&a2, "success").good_pass();
    insta::assert_snapshot!(shop.said(&a1).replace(&a2[..7], "LATER"), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    success: SHIPPED SHA · with LATER
    "#);
    assert_eq!(shop.target(&a1), shop.deploy_page());
    shop.minutes_later(11).good_pass();
    let a3 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a3, "success").good_pass().settled();
    assert_eq!(shop.statuses(&a1).len(), 2, "once, whatever ships later");
}

#[test]
fn a_waiting_commit_that_went_into_production_with_a_later_one_says_so() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/a.rs"]);
    shop.good_pass();
    let a2 = shop.verified(&["src/b.rs"]);
    shop.good_pass();
    assert!(shop.status(&a2).starts_with("pending: WAIT"), "{}", shop.status(&a2));
    let a3 = shop.verified(&["src/c.rs"]);
    shop.deploy_ends(&a1, "success").good_pass().deploy_ends(&a3, "success").good_pass();
    insta::assert_snapshot!(shop.status(&a2).replace(&a3[..7], "LATER"), @"success: SHIPPED SHA · with LATER");
    shop.settled();
}

#[test]
fn a_closed_attempts_mark_that_went_into_production_with_a_later_one_says_so() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/a.rs"]);
    // GitHub never receives the dispatch, and the next candidate appears before that is
    // certain.
    let fault = ghbox::Fault::LoseRequest;
    shop.github.fail(ghbox::FaultOn::operation("create-workflow-dispatch"), fault);
    shop.pass();
    let a2 = shop.verified(&["src/b.rs"]);
    shop.minutes_later(6).pass().minutes_later(2).pass().pass();
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a2));
    shop.deploy_ends(&a2, "success").good_pass().good_pass();
    let status = shop.status(&a1).replace(&a2[..7], "LATER");
    insta::assert_snapshot!(status, @"success: SHIPPED SHA · with LATER");
    shop.settled();
}

#[test]
fn a_commit_that_nobody_judged_bears_no_status() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.pushed(&["src/a.rs"]);
    let a2 = shop.verified(&["src/b.rs"]);
    let a3 = shop.pushed(&["src/c.rs"]);
    shop.good_pass().deploy_ends(&a2, "success").good_pass().settled();
    assert_eq!([shop.status(&a0), shop.status(&a1), shop.status(&a3)], ["none", "none", "none"]);
}

#[test]
fn the_context_is_the_policys() {
    let mut shop = Story::repository("acme/shop").policy("status_context", "ci/Governor");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    assert_eq!(shop.status(&a1), "none");
    assert_eq!(shop.repo.statuses(&a1)[0].context, "ci/Governor");
    shop.settled();
}

#[test]
fn nothing_is_said_aloud_in_a_dry_run() {
    let mut shop = Story::repository("acme/shop").policy("dry_run", "true");
    shop.in_production();
    shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.github.writes().len(), 0);
    assert_ne!(CONTEXT, "");
}

#[test]
fn a_hold_whose_answer_was_lost_is_known_and_ends_once_the_commit_ships_with_another() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.github.lose_the_answer_to("create-commit-status");
    shop.pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    shop.passes(2, 60);
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.approve(&a1).approve(&a2).good_pass().deploy_ends(&a2, "success").passes(2, 60);
    let status = shop.status(&a1).replace(&a2[..7], "LATER");
    insta::assert_snapshot!(status, @"success: SHIPPED SHA · with LATER");
    shop.settled();
}
