//! S5: never deploys backwards, and never forwards over somebody's rollback until an operator
//! allows it.

mod asked_anew;
mod back;
mod uncertain;

use ghbox::{Fault, FaultOn, NewCommit, StartRun, story as stage};

use crate::story::Story;

/// Two verified commits, the second deployed by us and seen by the governor in production.
fn in_production_by_us() -> (Story, String, String) {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass().settled();
    (shop, a0, a1)
}

#[test]
fn a_rollback_by_hand_is_left_alone_until_resume() {
    let (mut shop, a0, a1) = in_production_by_us();
    let run = shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    let said = shop.status(&a1).replace(&run.to_string(), "RUN");
    insta::assert_snapshot!(said, @"failure: HOLD SHA · LOW · rolled_back: run RUN rolled production back from SHA. To go forward: `resume` or `trigger SHA`");
    shop.settled();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass().minutes_later(60 * 24).good_pass().restart().good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1));

    shop.operator_resumes().good_pass();
    assert_eq!(shop.dispatched(), [a1, a2]);
}

#[test]
fn a_rollback_by_hand_is_left_alone_until_trigger() {
    let (mut shop, a0, a1) = in_production_by_us();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1));
    shop.operator_triggered(&a2).good_pass();
    assert_eq!(shop.dispatched(), [a1, a2]);
}

#[test]
fn a_rollback_by_hand_is_not_lifted_by_setting_production_to_where_it_went() {
    let (mut shop, a0, a1) = in_production_by_us();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
    shop.operator_sets_production(&a0).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_rollback_ends_when_production_contains_the_lost_commit_again() {
    let (mut shop, a0, a1) = in_production_by_us();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
    shop.deployed_by_hand(&a1, "success");
    shop.good_pass();
    assert_eq!(shop.dispatched(), [a1, a2]);
}

#[test]
fn a_rerun_of_an_older_run_is_a_rollback_also_of_a_run_of_ours() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    let ours = shop.repo.dispatches().last().unwrap().run_id;
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass().deploy_ends(&a2, "success").good_pass();
    shop.repo.rerun(ours, "dev");
    shop.later(5).good_pass();
    shop.repo.finish_run(ours, "success");
    shop.later(5).good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
    let a3 = shop.verified(&["src/tax.rs"]);
    shop.good_pass().settled();
    assert_eq!(shop.verdict(&a3), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatched(), [a1, a2]);
}

#[test]
fn a_rerun_that_fails_moves_nothing() {
    let (mut shop, _, a1) = in_production_by_us();
    let first = shop.repo.dispatches()[0].run_id;
    shop.repo.rerun(first, "dev");
    shop.later(5).good_pass();
    shop.repo.finish_run(first, "failure");
    shop.later(5).good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [a1, a2]);
}

#[test]
fn a_deploy_that_nobody_can_tell_is_treated_as_a_rollback() {
    let (mut shop, _, a1) = in_production_by_us();
    let start = StartRun::of("workflow_dispatch", "main", &a1).title("Deploy by feel");
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    let said = shop.status(&a2).replace(&run.to_string(), "RUN").replace(&a1[..7], "LOST");
    insta::assert_snapshot!(said, @"failure: HOLD SHA · HIGH · rolled_back: cannot tell what run RUN deployed: `set-production`, and add `run-name`; run RUN may hav…");
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1));
    // Production is uncertain: even after `resume`, the range is unknown.
    shop.operator_resumes().good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    shop.operator_sets_production(&a1).good_pass();
    assert_eq!(shop.dispatched(), [a1, a2]);
}

#[test]
fn a_rollback_is_shipped_over_where_the_policy_says_so() {
    let mut shop = Story::repository("acme/shop").policy("hold_after_rollback", "false");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
}

#[test]
fn a_commit_older_than_production_never_ships() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass().deploy_ends(&a2, "success").good_pass();
    shop.verified_again(&a1, "success");
    shop.good_pass().settled();
    // The newer one is no longer verified: the older one becomes the candidate.
    shop.verified_again(&a2, "failure");
    shop.good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.dispatched(), [a2]);
    assert_eq!(shop.status(&a1), "none");
}

#[test]
fn a_rollback_that_was_under_way_when_the_operator_spoke_is_held() {
    let (mut shop, a0, a1) = in_production_by_us();
    let run = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
    shop.later(5).good_pass();
    // The operator's action covers what has happened, and nothing later.
    shop.operator_resumes().good_pass();
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
}

#[test]
fn a_rollback_is_seen_again_after_the_disk_was_lost() {
    let (mut shop, a0, a1) = in_production_by_us();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    shop.lose_the_disk().good_pass().minutes_later(20).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn a_rollback_between_the_decision_and_the_dispatch_is_seen() {
    let (mut shop, a0, a1) = in_production_by_us();
    let a2 = shop.verified(&["src/till.rs"]);
    let repo = shop.repo.clone();
    let back = move || {
        repo.deploy(&a0, "dev", "success");
    };
    let meanwhile = shop.meanwhile(crate::story::a_look_at_statuses(), back);
    shop.pass();
    assert!(shop.happened(&meanwhile));
    assert_eq!(shop.dispatched(), [a1]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
}

#[test]
fn a_hotfix_that_lacks_production_is_a_rollback() {
    let (mut shop, a0, a1) = in_production_by_us();
    shop.repo.force_push("hotfix", &a0, "dev");
    let fix = shop.repo.push(NewCommit::on("hotfix").file("src/fix.rs", "fix"));
    let run = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &fix, "dev");
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a2).replace("HIGH", "LOW"), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn what_diverged_from_production_is_high() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    // A force push removes the commit in production from the branch.
    shop.repo.force_push("main", &a0, "dev");
    let b1 = shop.verified(&["src/till.rs"]);
    shop.good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.dispatches_of(&b1), 0);
    assert_eq!(shop.verdict(&b1), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    shop.settled();
}

#[test]
fn a_rollback_holds_also_where_github_does_not_show_once_how_the_lost_commit_stands_to_the_branch()
{
    let (mut shop, a0, a1) = in_production_by_us();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    // The lost commit is no longer on the first page of the branch, and is not cached.
    for _ in 0..120 {
        shop.pushed(&["src/till.rs"]);
    }
    let a2 = shop.verified(&["src/till.rs"]);
    let comparison = format!("/compare/{a2}...{a1}");
    let on = FaultOn::path(&format!("*{comparison}*")).always();
    let outage = shop.github.fail(on, Fault::Status(404));
    drop(shop.requests());
    shop.restart().pass();
    assert!(shop.requests().iter().any(|asked| asked.path.contains(&comparison)));
    shop.github.mend(outage);
    shop.later(60).good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatched(), [a1]);
}
