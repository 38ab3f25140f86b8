//! While production is uncertain.

use ghbox::{StartRun, story as stage};

use crate::story::Story;

/// Somebody deploys an unknown commit.
fn deployed_by_feel(shop: &mut Story) -> u64 {
    let tip = shop.repo.tip("main");
    let start = StartRun::of("workflow_dispatch", "main", &tip).title("Deploy by feel");
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.repo.finish_run(run, "success");
    shop.later(5);
    run
}

#[test]
fn an_approved_older_commit_is_not_deployed_over_a_newer_one() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/a.tf"]);
    shop.good_pass().approve(&a1);
    let a2 = shop.pushed(&["src/b.rs"]);
    shop.deployed_by_hand(&a2, "success");
    shop.good_pass();
    deployed_by_feel(&mut shop);
    let a3 = shop.verified(&["src/c.rs"]);
    shop.good_pass();
    shop.resumes().unwrap();
    shop.good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.verdict(&a3), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    assert_eq!(shop.dispatched(), [""; 0], "a2 contains a1");
    let decided = shop.simulates(&a1).unwrap();
    assert_eq!(decided.reason().code(), "older_than_production");
    let name = "acme/shop".parse().unwrap();
    let hints = release_governor::messages::hints(&decided, &name).join("; ");
    assert!(hints.contains("set-production"), "{hints}");
    shop.settled();
}

#[test]
fn an_older_production_is_older_also_where_a_rollback_came_after_it() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.pushed(&["src/a.rs"]);
    shop.repo.verify(&a1, "success");
    let a2 = shop.verified(&["src/b.rs"]);
    shop.good_pass().deploy_ends(&a2, "success").good_pass();
    shop.deployed_by_hand(&a1, "success");
    deployed_by_feel(&mut shop);
    shop.good_pass();
    // a1 is the last certain one, and a2, which contains it, ran before.
    assert_eq!(shop.simulates(&a1).unwrap().reason().code(), "older_than_production");
    assert_ne!(shop.simulates(&a2).unwrap().reason().code(), "older_than_production");
}

#[test]
fn a_commit_that_was_approved_while_another_landed_ships_on_the_first_day() {
    let mut shop = Story::repository("acme/shop");
    // Earlier deploys of unknown commits.
    deployed_by_feel(&mut shop);
    let low = shop.verified(&["src/a.rs"]);
    let a1 = shop.verified(&["src/b.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    shop.approve(&a1);
    let high = shop.verified(&["infra/c.tf"]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1), "and not {low}");
    shop.deploy_ends(&a1, "success").good_pass().minutes_later(60).good_pass();
    // A later commit is judged by what it brings, and nobody approved that.
    assert_eq!(shop.verdict(&high), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn what_nobody_approved_does_not_ship_below_a_held_candidate_while_production_is_uncertain() {
    let mut shop = Story::repository("acme/shop");
    deployed_by_feel(&mut shop);
    shop.verified(&["src/a.rs"]);
    shop.verified(&["src/b.rs"]);
    shop.good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.dispatched(), [""; 0]);
    shop.settled();
}
