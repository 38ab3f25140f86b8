//! S2, attempts: crashes, second governors, and when a new attempt is due.

use ghbox::{FaultOn, UserKind, story as stage};

use crate::s2_answers::about_to_ship;
use crate::story::{Story, the_dispatch};

const SHIPPED: &str = "success: ALLOW SHA · LOW · Triggered: deploy workflow run";

#[test]
fn a_crash_at_any_request_dispatches_at_most_once_and_ships_in_the_end() {
    for nth in 1.. {
        let (mut shop, a1) = about_to_ship();
        let died = shop.dies_at(FaultOn::any().nth(nth));
        assert!(shop.dispatches_of(&a1) <= 1, "died at request {nth}");
        shop.recovers();
        assert_eq!(shop.dispatches_of(&a1), 1, "died at request {nth}");
        assert_eq!(shop.status(&a1), SHIPPED, "died at request {nth}");
        if !died {
            assert!(nth > 10, "the pass asks more than {nth} times");
            break;
        }
    }
}

#[test]
fn a_crash_at_any_write_to_the_disk_dispatches_at_most_once_and_ships_in_the_end() {
    for count in 0.. {
        let (mut shop, a1) = about_to_ship();
        let died = shop.dies_after_disk_writes(count);
        shop.recovers();
        assert_eq!(shop.dispatches_of(&a1), 1, "died after {count} writes");
        assert_eq!(shop.status(&a1), SHIPPED, "died after {count} writes");
        if !died {
            assert!(count > 10, "the pass writes more than {count} times");
            break;
        }
    }
}

#[test]
fn a_second_governor_that_passes_at_any_moment_dispatches_nothing_twice() {
    for nth in 1.. {
        let (mut shop, a1) = about_to_ship();
        let twin = shop.second_governor();
        let act = shop.pass_by(&twin);
        let met = shop.meanwhile(FaultOn::any().nth(nth), act);
        shop.pass();
        let met = shop.happened(&met);
        assert!(shop.dispatches_of(&a1) <= 1, "met at request {nth}");
        shop.passes_of_both(&twin, 6, 70);
        assert_eq!(shop.dispatches_of(&a1), 1, "met at request {nth}");
        shop.deploy_ends(&a1, "success").passes_of_both(&twin, 4, 60);
        assert_eq!(shop.dispatched(), std::slice::from_ref(&a1), "met at request {nth}");
        assert_eq!(shop.status(&a1), SHIPPED, "met at request {nth}");
        if !met {
            break;
        }
    }
}

#[test]
fn a_second_governor_that_dies_at_any_moment_leaves_no_second_dispatch() {
    for nth in 1.. {
        let (mut shop, a1) = about_to_ship();
        let twin = shop.second_governor();
        let _ = shop.pass_of(&twin);
        let died = shop.dies_at(FaultOn::any().nth(nth));
        for _ in 0..8 {
            let _ = shop.pass_of(&twin);
            shop.later(70);
        }
        assert_eq!(shop.dispatches_of(&a1), 1, "died at request {nth}");
        shop.passes_of_both(&twin, 8, 70);
        assert_eq!(shop.dispatches_of(&a1), 1, "died at request {nth}");
        if !died {
            break;
        }
    }
}

#[test]
fn a_mark_of_an_account_that_we_used_to_be_is_ours() {
    let mut shop = Story::repository("acme/shop")
        .environment("RELEASE_GOVERNOR_GITHUB__IDENTITIES", "[old-governor]");
    shop.github.add_user("old-governor", UserKind::User);
    shop.in_production();
    shop.good_pass();
    let a1 = shop.verified(&["src/cart.rs"]);
    let text = format!("ALLOW {} · LOW · dispatching 7f3a9c", &a1[..7]);
    shop.repo.set_status(&a1, "booty/release-governor", "pending", &text, "old-governor");
    shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a1, "old-governor");
    shop.later(5).recovers();
    assert_eq!(shop.dispatched(), [""; 0]);
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.status(&a1), SHIPPED);
}

#[test]
fn an_open_mark_of_ours_that_nobody_remembers_is_waited_for_and_then_begun_anew() {
    let (mut shop, a1) = about_to_ship();
    let text = format!("ALLOW {} · LOW · dispatching 7f3a9c", &a1[..7]);
    shop.repo.set_status(&a1, "booty/release-governor", "pending", &text, stage::GOVERNOR);
    shop.passes(4, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.recovers();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_strangers_mark_keeps_nothing_back() {
    let (mut shop, a1) = about_to_ship();
    let text = format!("ALLOW {} · LOW · dispatching 7f3a9c", &a1[..7]);
    shop.repo.set_status(&a1, "booty/release-governor", "pending", &text, "dev");
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_failed_deploy_is_not_tried_again_by_itself() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · deploy_failed: run 17000000004 failed, 1 of 1 attempts used: re-run the verification or the deploy, `trigger SHA`,…");
    shop.settled();
    shop.minutes_later(600).good_pass().restart().good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_second_attempt_waits_for_the_cooldown() {
    let mut shop = Story::repository("acme/shop")
        .policy("max_attempts_per_sha", "2")
        .policy("cooldown_minutes", "30");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · cooldown: wait until 09:32 UTC");
    shop.minutes_later(29).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.minutes_later(2).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
    shop.deploy_ends(&a1, "failure").good_pass().minutes_later(120).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
    insta::assert_snapshot!(shop.verdict(&a1), @"failure: HOLD SHA · LOW · deploy_failed");
    shop.settled();
}

#[test]
fn a_verification_that_succeeds_again_after_the_failure_grants_one_attempt() {
    let mut shop = Story::repository("acme/shop").policy("cooldown_minutes", "0");
    shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = shop.verified_again(&a1, "success");
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    shop.repo.rerun(run, "dev");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
    shop.deploy_ends(&a1, "failure").good_pass().minutes_later(120).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2, "it grants one, not more");
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed");
}

#[test]
fn a_push_that_is_verified_twice_grants_nothing() {
    let mut shop = Story::repository("acme/shop").policy("cooldown_minutes", "0");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    // A second run by a push is neither a re-run nor a manual run.
    shop.verified_again(&a1, "success");
    shop.good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_trigger_grants_one_attempt() {
    let mut shop = Story::repository("acme/shop").policy("cooldown_minutes", "0");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    shop.operator_triggered(&a1).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
    shop.deploy_ends(&a1, "failure").good_pass().minutes_later(120).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
}

#[test]
fn a_deploy_that_is_run_again_and_fails_uses_an_attempt() {
    let mut shop = Story::repository("acme/shop")
        .policy("max_attempts_per_sha", "2")
        .policy("cooldown_minutes", "0");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let run = shop.repo.dispatches().last().unwrap().run_id;
    shop.repo.finish_run(run, "failure");
    shop.repo.rerun(run, "dev");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.status(&a1), SHIPPED, "its deploy is in flight again");
    shop.repo.finish_run(run, "failure");
    shop.later(5).good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    insta::assert_snapshot!(shop.verdict(&a1), @"failure: HOLD SHA · LOW · deploy_failed");
}

#[test]
fn a_sha_that_others_failed_to_deploy_has_used_its_attempt() {
    let (mut shop, a1) = about_to_ship();
    shop.deployed_by_hand(&a1, "failure");
    shop.good_pass().minutes_later(120).good_pass();
    assert_eq!(shop.dispatched(), [""; 0]);
    insta::assert_snapshot!(shop.verdict(&a1), @"failure: HOLD SHA · LOW · deploy_failed");
}

#[test]
fn a_run_that_was_superseded_before_a_job_began_uses_no_attempt() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass();
    let run = shop.repo.dispatches().last().unwrap().run_id;
    shop.repo.set_jobs(run, &[]);
    shop.repo.finish_run(run, "cancelled");
    shop.later(5);
    let production = shop.repo.dispatches()[0].sha().unwrap().to_owned();
    shop.deployed_by_hand(&production, "success");
    shop.good_pass().good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
    assert_eq!(shop.repo.issues().len(), 0);
}

#[test]
fn a_run_that_was_deleted_while_it_ran_is_a_failure_and_no_reason_to_send_another() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass();
    let run = shop.repo.dispatches().last().unwrap().run_id;
    shop.repo.delete_run(run);
    shop.later(30).good_pass().minutes_later(120).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    insta::assert_snapshot!(shop.verdict(&a1), @"failure: HOLD SHA · LOW · deploy_failed");
    shop.settled();
}

#[test]
fn two_lost_answers_are_two_attempts_and_one_deploy() {
    let (mut shop, a1) = about_to_ship();
    shop.github.fail(the_dispatch(), ghbox::Fault::LoseRequest);
    shop.recovers();
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.recovers();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.status(&a1), SHIPPED);
}

#[test]
fn a_verification_before_a_deleted_run_is_missed_grants_no_further_attempt() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().minutes_later(5);
    shop.verified_again(&a1, "success");
    shop.deploy_ends(&a1, "failure");
    shop.repo.delete_run(shop.deploy_run());
    shop.passes(4, 70).minutes_later(60).passes(2, 70);
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed");
}
