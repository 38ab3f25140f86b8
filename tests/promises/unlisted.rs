//! S2 and S3 if a status of ours names a run that no list shows yet: it is read by its id
//! before anything is dispatched.

use std::time::Duration;

use ghbox::story as stage;

use crate::s2_answers::about_to_ship;
use crate::story::{Story, Twin};

const SHIPPED: &str = "success: ALLOW SHA · LOW · Triggered: deploy workflow run";
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// Somebody deploys the commit, a second governor sees the run and links to it in a status, and
/// then no list shows the run any more.
fn told_by_another(shop: &mut Story, sha: &str) -> (u64, Twin) {
    let run = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", sha, "dev");
    let twin = shop.second_governor();
    shop.later(5).pass_of(&twin).unwrap();
    assert_eq!(shop.status(sha), SHIPPED);
    shop.repo.hide_run_for(run, LONG);
    shop.later(5);
    (run, twin)
}

#[test]
fn a_run_that_a_status_without_a_mark_names_is_followed_though_no_list_shows_it() {
    let (mut shop, a1) = about_to_ship();
    let (run, _) = told_by_another(&mut shop, &a1);
    shop.good_pass().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1, "by hand");
    assert_eq!(shop.status(&a1), SHIPPED);
    // Another commit waits for it, too.
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a2), "pending: WAIT SHA · LOW · deploy_in_progress");
    shop.repo.finish_run(run, "success");
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.dispatches_of(&a2), 1);
}

#[test]
fn a_run_that_a_status_names_is_followed_also_where_the_ledger_was_lost() {
    let (mut shop, a1) = about_to_ship();
    let (run, _) = told_by_another(&mut shop, &a1);
    shop.lose_the_disk().good_pass().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1, "by hand");
    shop.repo.finish_run(run, "failure");
    shop.later(60).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed");
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_run_that_a_status_names_is_followed_also_where_an_operator_triggers() {
    let (mut shop, a1) = about_to_ship();
    told_by_another(&mut shop, &a1);
    shop.operator_triggered(&a1).good_pass().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1, "by hand");
}

#[test]
fn a_run_that_another_process_found_for_our_attempt_is_its_run_though_no_list_shows_it() {
    let (mut shop, a1) = about_to_ship();
    let twin = shop.second_governor();
    shop.repo.set_list_lag(Duration::from_secs(100));
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.pass();
    let run = shop.repo.dispatches().last().unwrap().run_id;
    // The other governor sees it for a moment.
    shop.later(120).pass_of(&twin).unwrap();
    assert_eq!(shop.status(&a1), SHIPPED);
    shop.repo.hide_run_for(run, LONG);
    shop.later(200).passes(5, 70);
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn a_run_that_a_status_names_and_that_was_deleted_keeps_nothing_back_for_ever() {
    let (mut shop, a1) = about_to_ship();
    let (run, _) = told_by_another(&mut shop, &a1);
    shop.repo.delete_run(run);
    // A run may not be readable immediately after it was named.
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1, "by hand");
    shop.later(301).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1, "an outage answers 404, too");
    shop.later(61).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
    assert_eq!(shop.status(&a1), SHIPPED);
}
