//! S2: never dispatches the same sha twice, unless a new attempt is due.

use crate::story::Story;

#[test]
fn a_low_risk_commit_ships_once() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    insta::assert_snapshot!(shop.status(&a1), @"success: ALLOW SHA · LOW · Triggered: deploy workflow run");
    shop.deploy_ends(&a1, "success").good_pass();
    shop.settled();
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn a_deploy_whose_answer_was_lost_is_not_sent_twice() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.pass().restart().minutes_later(10).pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    insta::assert_snapshot!(shop.status(&a1), @"success: ALLOW SHA · LOW · Triggered: deploy workflow run");
    shop.settled();
}
