//! S2 and S9 after the loss of the whole state directory: GitHub's statuses and runs show what
//! was in progress.

use std::time::Duration;

use ghbox::{Fault, FaultOn, NewCommit, story as stage};

use crate::s2_answers::about_to_ship;
use crate::story::{Story, the_dispatch};

const SHIPPED: &str = "success: ALLOW SHA · LOW · Triggered: deploy workflow run";

#[test]
fn a_disk_that_is_lost_at_any_request_leaves_at_most_one_dispatch() {
    for nth in 1.. {
        let (mut shop, a1) = about_to_ship();
        let died = shop.dies_at(FaultOn::any().nth(nth));
        shop.lose_the_disk();
        shop.pass();
        assert!(shop.dispatches_of(&a1) <= 1, "lost at request {nth}");
        shop.recovers();
        assert_eq!(shop.dispatches_of(&a1), 1, "lost at request {nth}");
        assert_eq!(shop.status(&a1), SHIPPED, "lost at request {nth}");
        shop.deploy_ends(&a1, "success").good_pass().lose_the_disk().settled();
        assert_eq!(shop.dispatches_of(&a1), 1, "lost at request {nth}");
        if !died {
            break;
        }
    }
}

#[test]
fn a_disk_that_is_lost_while_the_run_shows_late_leaves_one_dispatch() {
    let (mut shop, a1) = about_to_ship();
    shop.repo.set_list_lag(Duration::from_secs(200));
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.pass().lose_the_disk().passes(10, 30);
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.status(&a1), SHIPPED);
}

#[test]
fn a_mark_that_was_given_up_is_not_open_again_after_the_disk_was_lost() {
    let (mut shop, a1) = about_to_ship();
    shop.github.lose_the_answer_to("create-commit-status");
    shop.pass().later(10).good_pass();
    assert_eq!(shop.status(&a1), SHIPPED);
    let said = shop.statuses(&a1).len();
    shop.lose_the_disk().good_pass().deploy_ends(&a1, "success").good_pass();
    shop.lose_the_disk().settled();
    assert_eq!(shop.statuses(&a1).len(), said, "nothing is left to be said");
}

#[test]
fn a_disk_that_is_lost_after_a_failure_does_not_lose_the_failure() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let held = shop.status(&a1);
    shop.lose_the_disk().good_pass().minutes_later(200).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.status(&a1), held);
    assert_eq!(shop.repo.issues().len(), 1);
    shop.settled();
}

#[test]
fn a_disk_that_is_lost_between_the_failure_and_its_recording_does_not_lose_the_failure() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass().deploy_ends(&a1, "failure");
    shop.lose_the_disk().good_pass().minutes_later(200).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed");
    shop.settled();
}

#[test]
fn an_unconfirmed_dispatch_stays_so_after_the_disk_was_lost() {
    let (mut shop, a1) = about_to_ship();
    shop.github.enterprise();
    shop.repo.set_list_lag(Duration::from_secs(100_000));
    shop.good_pass().later(305).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · dispatch_unconfirmed");
    shop.lose_the_disk().good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · dispatch_unconfirmed");
    assert_eq!(shop.statuses(&a1).len(), 2, "the mark, and the hold");
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_pause_outlives_the_disk() {
    let (mut shop, a1) = about_to_ship();
    shop.operator_pauses("deploy freeze").good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · paused: `release-governor resume acme/shop` (deploy freeze)");
    shop.lose_the_disk().good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · paused: `release-governor resume acme/shop` (deploy freeze)");
    shop.settled();
    shop.operator_resumes().good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn nothing_is_written_before_what_was_left_behind_has_been_read() {
    let (mut shop, a1) = about_to_ship();
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.pass().lose_the_disk();
    let fault = FaultOn::operation("list-commit-statuses-for-ref").always();
    let fault = shop.github.fail(fault, Fault::Status(500));
    drop(shop.requests());
    shop.passes(8, 60);
    assert!(shop.requests().iter().all(|one| !one.is_write()));
    shop.github.mend(fault);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.status(&a1), SHIPPED);
}

#[test]
fn a_run_in_flight_far_down_the_list_is_found_by_its_status_after_the_disk_was_lost() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let waits = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
    shop.repo.set_run(waits, "waiting", None);
    // It is no longer on any page that is read by default.
    shop.minutes_later(31 * 24 * 60);
    for _ in 0..210 {
        shop.repo.deploy(&a0, "dev", "success");
    }
    shop.later(60);
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert_eq!(shop.verdict(&a1), "pending: WAIT SHA · LOW · deploy_in_progress");
    shop.lose_the_disk().good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.repo.finish_run(waits, "cancelled");
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_rerun_far_down_the_list_is_production_also_for_a_new_ledger() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.verified(&["src/lib.rs"]);
    let back = shop.deployed_by_hand(&a0, "success");
    let a1 = shop.verified(&["src/cart.rs"]);
    for _ in 0..120 {
        shop.repo.deploy(&a1, "dev", "success");
    }
    shop.later(60);
    shop.repo.rerun(back, "dev");
    shop.later(5);
    shop.repo.finish_run(back, "success");
    shop.later(5).good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · rolled_back: run 17000000002 rolled production back from SHA. To go forward: `resume` or `trigger SHA`");
    assert_eq!(shop.dispatched(), [""; 0]);
}

#[test]
fn a_sweep_whose_pass_failed_is_made_again() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let waits = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
    shop.repo.set_run(waits, "waiting", None);
    for _ in 0..110 {
        shop.repo.deploy(&a0, "dev", "success");
    }
    let a1 = shop.verified(&["src/cart.rs"]);
    for nth in 1..40 {
        shop.lose_the_disk();
        let fault = FaultOn::any().nth(nth).times(3);
        let fault = shop.github.fail(fault, Fault::Status(500));
        shop.pass().github.mend(fault);
        shop.pass();
        assert_eq!(shop.dispatches_of(&a1), 0, "failed at request {nth}");
    }
}

#[test]
fn a_run_without_a_title_is_told_by_the_status_that_links_to_it() {
    let mut shop = Story::repository("acme/shop").policy("high_risk_paths", "[\"infra/**\"]");
    let deploy = stage::deploy_file().run_name("Deploy").yaml();
    shop.repo.push(ghbox::NewCommit::on("main").file(".github/workflows/deploy.yml", &deploy));
    let a0 = shop.in_production();
    shop.good_pass().operator_sets_production(&a0).good_pass();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    // In flight.
    shop.lose_the_disk().good_pass();
    assert_eq!(shop.status(&a1), SHIPPED);
    assert_eq!(shop.dispatches_of(&a1), 1);
    // In production.
    shop.deploy_ends(&a1, "success").good_pass();
    shop.lose_the_disk().good_pass();
    assert_eq!(shop.status(&a1), SHIPPED);
    shop.settled();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
}

#[test]
fn a_deploy_of_ours_that_was_deleted_is_not_repeated_after_the_disk_was_lost() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass();
    let run = shop.repo.dispatches().last().unwrap().run_id;
    shop.deploy_ends(&a1, "success").good_pass();
    shop.repo.delete_run(run);
    shop.lose_the_disk();
    assert!(shop.failed_pass().contains("for which GitHub answers 404"), "not certain yet");
    shop.later(61).good_pass().minutes_later(120).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_mark_before_the_dispatch_is_waited_for_after_the_disk_was_lost() {
    let (mut shop, a1) = about_to_ship();
    shop.github.fail(the_dispatch(), Fault::LoseRequest);
    shop.pass().lose_the_disk();
    for _ in 0..5 {
        shop.good_pass().later(50);
        assert_eq!(shop.dispatches_of(&a1), 0);
    }
    shop.recovers();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

/// A dispatch of `a1` to `deploy.yml` on `main` whose answer is lost and whose run appears
/// late.
fn dispatched_without_an_answer() -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    let ship = stage::deploy_file();
    shop.repo.push(NewCommit::on("main").file(".github/workflows/ship.yml", &ship.yaml()));
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.repo.set_list_lag(Duration::from_secs(120));
    shop.github.fail(the_dispatch(), Fault::LoseAnswer);
    shop.pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    (shop, a1)
}

#[test]
fn after_a_lost_disk_a_run_is_looked_for_in_the_workflow_that_its_mark_names() {
    let (mut shop, a1) = dispatched_without_an_answer();
    shop.change_policy("deploy_workflow_name", "ship.yml").lose_the_disk();
    shop.minutes_later(7).passes(4, 70);
    let a2 = shop.verified(&["src/till.rs"]);
    shop.passes(3, 70);
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1), "its run is in flight");
    shop.deploy_ends(&a1, "success").passes(2, 60);
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · HIGH · high_risk_no_approval");
}

#[test]
fn after_a_lost_disk_a_run_is_looked_for_on_the_ref_that_its_mark_names() {
    let (mut shop, a1) = dispatched_without_an_answer();
    let tip = shop.repo.tip("main");
    shop.repo.push(NewCommit::on("live").parents(&[&tip]).message("Live"));
    shop.change_policy("deploy_workflow_ref", "live").lose_the_disk();
    shop.minutes_later(7).passes(4, 70);
    assert_eq!(shop.dispatches_of(&a1), 1);
    let run = shop.deploy_run();
    let found = shop.release().attempts.last().unwrap().run;
    assert_eq!(found.map(|run| run.get()), Some(run));
}

#[test]
fn the_mark_of_a_dispatch_keeps_its_link_whatever_the_configuration_says() {
    let (mut shop, a1) = dispatched_without_an_answer();
    let page = shop.target(&a1);
    assert!(page.ends_with("/actions/workflows/deploy.yml?query=branch%3Amain"), "{page}");
    shop.change_policy("deploy_workflow_name", "ship.yml").passes(2, 20);
    assert_eq!(shop.target(&a1), page);
}
