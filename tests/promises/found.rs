//! Bugs that the simulation found, as stories.

use ghbox::{NewCommit, story as stage};

use crate::story::{Story, a_look_at_statuses};

#[test]
fn an_earlier_approval_by_the_environment_does_not_cover_a_new_deploy_file_at_the_tip() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["db/migrations/1.sql"]);
    shop.approve_by_environment(&a1).good_pass().deploy_ends(&a1, "failure");
    let a2 = shop.verified(&["src/cart.rs"]);
    let file = format!("{}\n# another one\n", stage::deploy_file().yaml());
    shop.repo.push(NewCommit::on("main").file(".github/workflows/deploy.yml", &file));
    shop.good_pass();
    assert_eq!(shop.dispatched(), [a1]);
    insta::assert_snapshot!(shop.status(&a2), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
}

#[test]
fn somebodys_deploy_of_a_commit_that_was_just_pushed_is_told_by_its_title() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.repo.deploy(&a1, "dev", "success");
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"success: ALLOW SHA · LOW · Triggered: deploy workflow run");
    shop.settled();
}

#[test]
fn a_held_candidate_over_many_held_commits_is_still_decided() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified(&["db/migrations/1.sql"]);
    for _ in 0..12 {
        shop.verified(&["src/cart.rs"]);
    }
    let newest = shop.verified(&["db/migrations/2.sql"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&newest), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
}

#[test]
fn a_commit_that_passes_during_the_look_before_a_dispatch_is_seen_by_the_next_pass() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass().later(60);
    let a1 = shop.verified(&["src/cart.rs"]);
    let repo = shop.repo.clone();
    // The second read of statuses follows that of the branch's tip and precedes that of the
    // runs.
    let meanwhile = shop.meanwhile(a_look_at_statuses().nth(2), move || {
        repo.verified(&["src/till.rs"]);
    });
    shop.good_pass();
    assert!(shop.happened(&meanwhile));
    let a2 = shop.repo.tip("main");
    shop.later(10).good_pass().later(10).good_pass();
    for sha in shop.dispatched() {
        shop.deploy_ends(&sha, "success");
    }
    shop.later(10).good_pass().later(10).good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1, "and {} of {a1}", shop.dispatches_of(&a1));
}
