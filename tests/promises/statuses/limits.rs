//! Statuses by others, statuses that GitHub refuses, and too many statuses.

use ghbox::{Fault, FaultOn};
use release_governor::domain::OperatorAction;

use crate::story::{CONTEXT, Story};

const FORGED: &str = "release_governor_forged_statuses_total";

/// A repository whose candidate is held.
fn held() -> (Story, String) {
    let mut shop = Story::repository("acme/shop").known_by_name();
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    (shop, a1)
}

#[test]
fn someone_elses_status_under_our_context_is_replaced_and_counted() {
    let (mut shop, a1) = held();
    let ours = shop.status(&a1);
    shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW: trust me", "dev");
    shop.later(60).good_pass();
    assert_eq!(shop.status(&a1), ours);
    assert_eq!(shop.statuses(&a1).len(), 2);
    assert_eq!(shop.metric(FORGED), 1.0);
    shop.settled();
    assert_eq!(shop.metric(FORGED), 1.0, "it is counted once");
}

#[test]
fn a_context_in_other_letters_is_ours_too() {
    let (mut shop, a1) = held();
    shop.repo.set_status(&a1, "Booty/Release-Governor", "success", "ALLOW: trust me", "dev");
    shop.later(60).good_pass();
    assert_eq!(shop.statuses(&a1).len(), 2);
    assert_eq!(shop.metric(FORGED), 1.0);
    shop.settled();
}

#[test]
fn a_forged_status_with_our_very_words_is_replaced_too() {
    let (mut shop, a1) = held();
    let ours = shop.statuses(&a1)[0].clone();
    let target = ours.target_url.as_deref();
    shop.repo.set_linked_status(&a1, CONTEXT, &ours.state, &ours.description, target, "dev");
    shop.later(60).good_pass();
    assert_eq!(shop.statuses(&a1).len(), 2);
    shop.settled();
}

#[test]
fn a_forged_allow_starts_nothing_and_moves_no_production() {
    let (mut shop, a1) = held();
    let words = format!("ALLOW {} · LOW · Triggered: deploy workflow run", &a1[..7]);
    shop.repo.set_status(&a1, CONTEXT, "success", &words, "dev");
    let words = format!("ALLOW {} · LOW · dispatching abcdef", &a1[..7]);
    shop.repo.set_status(&a1, CONTEXT, "pending", &words, "dev");
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert!(shop.status(&a1).starts_with("failure: HOLD"), "{}", shop.status(&a1));
    shop.settled();
}

#[test]
fn a_forgery_before_our_first_status_is_replaced() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW", "dev");
    shop.good_pass();
    assert!(shop.status(&a1).starts_with("failure: HOLD"), "{}", shop.status(&a1));
    assert_eq!(shop.metric(FORGED), 1.0);
    shop.settled();
}

#[test]
fn a_forger_who_does_not_tire_gets_no_more_than_twenty_answers_an_hour() {
    let (mut shop, a1) = held();
    for _ in 0..59 {
        shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW", "dev");
        shop.later(60).good_pass();
    }
    assert_eq!(shop.statuses(&a1).len(), 20);
    assert!(shop.metric("release_governor_status_budget_spent_total") > 0.0);
    shop.minutes_later(60).good_pass();
    assert_eq!(shop.statuses(&a1).len(), 21, "the hour is over");
    shop.settled();
}

#[test]
fn a_commit_whose_budget_is_spent_still_ships() {
    let (mut shop, a1) = held();
    for _ in 0..25 {
        shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW", "dev");
        shop.later(60).good_pass();
    }
    assert_eq!(shop.statuses(&a1).len(), 20);
    shop.approve(&a1).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    insta::assert_snapshot!(shop.status(&a1), @"success: ALLOW SHA · HIGH · Triggered: deploy workflow run");
    shop.deploy_ends(&a1, "success").good_pass().settled();
}

#[test]
fn a_commit_takes_no_more_than_five_hundred_statuses_of_ours() {
    let (mut shop, a1) = held();
    for _ in 0..499 {
        shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW", "dev");
        shop.later(240).good_pass();
    }
    assert_eq!(shop.statuses(&a1).len(), 500);
    shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW", "dev");
    drop(shop.requests());
    shop.passes(5, 3_600);
    assert_eq!(shop.writes(), 0);
}

#[test]
fn the_budget_of_a_commit_is_known_after_the_state_is_lost() {
    let (mut shop, a1) = held();
    for _ in 0..25 {
        shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW", "dev");
        shop.later(60).good_pass();
    }
    shop.lose_the_disk().good_pass();
    shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW", "dev");
    shop.good_pass();
    assert_eq!(shop.statuses(&a1).len(), 20);
}

#[test]
fn statuses_under_other_contexts_are_left_alone() {
    let (mut shop, a1) = held();
    shop.repo.set_status(&a1, "ci/lint", "failure", "lint", "dev");
    shop.repo.set_status(&a1, "booty/release-governor-2", "success", "ours is ours", "dev");
    drop(shop.requests());
    shop.later(60).good_pass();
    assert_eq!(shop.writes(), 0);
    assert_eq!(shop.metric(FORGED), 0.0);
    shop.settled();
}

#[test]
fn many_statuses_of_others_cause_no_other_one_of_ours() {
    let (mut shop, a1) = held();
    for number in 0..250 {
        shop.repo.set_status(&a1, &format!("ci/{number}"), "success", "fine", "dev");
    }
    shop.later(60).good_pass().settled();
    assert_eq!(shop.statuses(&a1).len(), 1);
    shop.restart().settled();
    shop.lose_the_disk().good_pass().settled();
    assert_eq!(shop.statuses(&a1).len(), 1);
}

#[test]
fn a_changed_hold_is_said_among_many_statuses_of_others() {
    let (mut shop, a1) = held();
    for number in 0..150 {
        shop.repo.set_status(&a1, &format!("ci/{number}"), "success", "fine", "dev");
    }
    shop.operator_says(OperatorAction::Paused { why: "x".into(), by: Story::operator() });
    shop.good_pass();
    assert!(shop.status(&a1).contains("paused"), "{}", shop.status(&a1));
    shop.settled();
}

fn refusing(shop: &Story) -> ghbox::FaultId {
    shop.github.fail(
        FaultOn::operation("create-commit-status").always(),
        Fault::Refuse { status: 403, message: "Resource not accessible".into() },
    )
}

#[test]
fn a_refused_status_is_left_out_until_its_backoff_ends() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    let refused = refusing(&shop);
    let mut tried = Vec::new();
    drop(shop.requests());
    for minute in 0..60 {
        shop.good_pass();
        if shop.writes() > 0 {
            tried.push(minute);
        }
        shop.later(60);
    }
    // 5 s, doubling, up to ten minutes.
    assert_eq!(tried, [0, 1, 2, 3, 4, 6, 9, 15, 25, 35, 45, 55]);
    shop.github.mend(refused);
    shop.minutes_later(10).good_pass();
    assert!(shop.status(&a1).contains("high_risk_no_approval"), "{}", shop.status(&a1));
    shop.settled();
}

#[test]
fn a_refused_mark_holds_the_deploy_and_says_githubs_words() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    let refused = refusing(&shop);
    shop.pass();
    shop.later(2);
    assert_eq!(shop.decides(), "HOLD LOW status_refused");
    insta::assert_snapshot!(shop.hints(), @r#"GitHub refused our status: GitHub said 403 "Resource not accessible""#);
    shop.passes(30, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.github.mend(refused);
    shop.minutes_later(10).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "success").good_pass().settled();
}

#[test]
fn a_refused_status_keeps_no_other_word_from_being_said() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let failed = shop.pushed(&["src/b.rs"]);
    shop.repo.verify(&failed, "failure");
    shop.deploy_ends(&a1, "failure");
    let path = format!("*/statuses/{a1}");
    let refuse = Fault::Refuse { status: 422, message: "No".into() };
    shop.github.fail(FaultOn::path(&path).always(), refuse);
    shop.pass();
    assert_eq!(shop.repo.issues().len(), 1);
    assert!(shop.status(&failed).contains("verification_failed"), "{}", shop.status(&failed));
}

#[test]
fn a_status_that_failed_for_now_is_no_refusal() {
    for fault in [Fault::Status(502), Fault::LoseRequest, Fault::LoseAnswer] {
        let (mut shop, _) = held();
        let a1 = shop.verified(&["infra/dns.tf"]);
        shop.github.fail(FaultOn::operation("create-commit-status"), fault.clone());
        assert!(shop.try_pass().is_err(), "it is told: {fault:?}");
        shop.later(1);
        assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
        assert_eq!(shop.statuses(&a1).len(), 1, "{fault:?}");
        shop.settled();
    }
}

#[test]
fn a_forger_on_a_commit_that_shipped_gets_no_more_than_twenty_answers_an_hour_either() {
    let mut shop = Story::repository("acme/shop").known_by_name();
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    for _ in 0..59 {
        shop.repo.set_status(&a1, CONTEXT, "failure", "HOLD", "dev");
        shop.later(60).good_pass();
    }
    assert_eq!(shop.statuses(&a1).len(), 20);
    assert_eq!(shop.metric("release_governor_status_budget_spent_total"), 1.0);
    shop.minutes_later(61).good_pass();
    assert_eq!(shop.statuses(&a1).len(), 21, "the hour is over");
}

#[test]
fn of_a_commit_whose_budget_is_spent_the_run_and_the_outcome_are_said_once_each() {
    for (conclusion, says) in [("success", "success: ALLOW"), ("failure", "failure: HOLD")] {
        let (mut shop, a1) = held();
        for _ in 0..25 {
            shop.repo.set_status(&a1, CONTEXT, "success", "ALLOW", "dev");
            shop.later(60).good_pass();
        }
        assert_eq!(shop.statuses(&a1).len(), 20);
        shop.approve(&a1).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1);
        assert!(shop.later(10).good_pass().status(&a1).contains("Triggered"), "the run");
        assert_eq!(shop.statuses(&a1).len(), 22, "the mark and the run");
        for _ in 0..3 {
            shop.repo.set_status(&a1, CONTEXT, "error", "broken", "dev");
            shop.later(10).good_pass();
        }
        assert_eq!(shop.statuses(&a1).len(), 22, "the run is not said again");
        shop.deploy_ends(&a1, conclusion).good_pass();
        assert!(shop.status(&a1).starts_with(says), "{}", shop.status(&a1));
        for _ in 0..3 {
            shop.repo.set_status(&a1, CONTEXT, "error", "broken", "dev");
            shop.later(60).good_pass();
        }
        assert_eq!(shop.statuses(&a1).len(), 23, "nor is the outcome");
    }
}

#[test]
fn characters_that_github_refuses_in_a_description_are_replaced() {
    let (mut shop, a1) = held();
    let why = "incident 🔥 in 𝒮hop".to_owned();
    shop.operator_says(OperatorAction::Paused { why, by: Story::operator() });
    shop.good_pass();
    let said = shop.status(&a1);
    assert!(said.contains("incident \u{fffd} in \u{fffd}hop"), "{said}");
    shop.settled();
}
