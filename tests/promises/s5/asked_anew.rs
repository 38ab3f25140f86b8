//! The commit of a run is determined again if it was determined for another configuration.

use ghbox::NewCommit;

use crate::story::Story;

fn production(shop: &mut Story) -> Option<String> {
    shop.release().production().sha().map(ToString::to_string)
}

/// `a0` and `a1`: the second was deployed last, and seen while the configuration named a branch
/// without it.
fn seen_under_another_branch() -> (Story, String, String) {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    shop.repo.force_push("release", &a0, "dev");
    shop.change_policy("branch", "release");
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.deployed_by_hand(&a1, "success");
    shop.good_pass();
    assert_eq!(production(&mut shop), None);
    (shop, a0, a1)
}

#[test]
fn a_rollback_over_a_deploy_that_was_first_seen_under_another_branch_holds() {
    let (mut shop, a0, a1) = seen_under_another_branch();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();

    shop.change_policy("branch", "main").good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
    shop.restart().good_pass().settled();
    assert_eq!(shop.dispatched(), Vec::<String>::new());
}

#[test]
fn what_runs_is_known_once_the_branch_in_the_configuration_has_it() {
    let (mut shop, _, a1) = seen_under_another_branch();
    shop.change_policy("branch", "main").restart().good_pass();
    assert_eq!(production(&mut shop), Some(a1.clone()));
    shop.settled();
}

/// Somebody deployed a commit of a branch `fix` that is not on the release branch. Returns the
/// commit and its run.
fn with_a_fix_in_production() -> (Story, String, u64) {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    shop.repo.force_push("fix", &a0, "dev");
    let fix = shop.repo.push(NewCommit::on("fix").file("src/fix.rs", "fixed"));
    let run = shop.deployed_by_hand(&fix, "success");
    shop.good_pass();
    (shop, fix, run)
}

#[test]
fn what_runs_is_known_once_its_commit_lands_on_the_branch() {
    let (mut shop, fix, _) = with_a_fix_in_production();
    assert_eq!(production(&mut shop), None);

    shop.repo.merge_branch("main", "fix", "dev");
    shop.minutes_later(11).good_pass();
    assert_eq!(production(&mut shop), Some(fix));
    shop.settled();
}

#[test]
fn what_runs_is_asked_anew_also_where_a_re_run_of_it_failed() {
    let (mut shop, fix, run) = with_a_fix_in_production();
    shop.repo.rerun(run, "dev");
    shop.repo.finish_run(run, "failure");
    shop.later(60).good_pass();
    assert_eq!(production(&mut shop), None);

    shop.repo.merge_branch("main", "fix", "dev");
    shop.minutes_later(11).good_pass();
    assert_eq!(production(&mut shop), Some(fix));
}

#[test]
fn a_rollback_over_a_deploy_whose_title_the_configuration_did_not_know_holds() {
    let mut shop = Story::repository("acme/shop").policy("run_title", "\"Ship {sha}\"");
    let a0 = shop.settled_in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.deployed_by_hand(&a1, "success");
    shop.good_pass();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    assert_eq!(production(&mut shop), None);

    shop.change_policy("run_title", "\"Deploy {sha}\"").good_pass();
    assert_eq!(production(&mut shop), Some(a0));
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
    shop.good_pass().settled();
    assert_eq!(shop.dispatched(), Vec::<String>::new());
}
