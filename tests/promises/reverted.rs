//! Rule `reverted`: a commit that the branch has reverted does not ship before the revert does.

use ghbox::{Fault, FaultOn, MergeMethod, NewCommit};

use crate::story::Story;

/// Pushes a revert of a commit, as `git revert` writes it, without a verification.
fn reverted(shop: &mut Story, title: &str, sha: &str, path: &str) -> String {
    let message = format!("Revert \"{title}\"\n\nThis reverts commit {sha}.");
    let sha = shop.repo.push(NewCommit::on("main").message(&message).file(path, "As before\n"));
    shop.later(5);
    sha
}

/// A bad commit that was verified during a pause, and its revert, which is not verified yet.
fn a_bad_commit_is_reverted_during_a_pause(path: &str) -> (Story, String, String) {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.operator_pauses("the cart loses items");
    let bad = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&bad), "failure: HOLD SHA · LOW · paused");
    let revert = reverted(&mut shop, "Change src/cart.rs", &bad, path);
    shop.operator_resumes().good_pass().later(30).good_pass();
    (shop, bad, revert)
}

#[test]
fn a_bad_commit_waits_for_its_revert_when_a_pause_ends_before_that_is_verified() {
    let (mut shop, bad, revert) = a_bad_commit_is_reverted_during_a_pause("src/cart.rs");
    let said = shop.status(&bad).replace(&revert[..7], "REVERT");
    insta::assert_snapshot!(said, @"failure: HOLD SHA · LOW · reverted: REVERT reverts SHA. Wait for the revert to be verified and ship with it, or `trigger SHA`");
    // This hold depends on the branch.
    shop.settled_within(4).minutes_later(60).restart().good_pass();
    assert!(shop.dispatched().is_empty());

    shop.repo.verify(&revert, "success");
    shop.good_pass();
    assert_eq!(shop.dispatched(), [revert.clone()]);
    shop.deploy_ends(&revert, "success").good_pass().settled();
    assert_eq!(shop.dispatched(), [revert]);
}

#[test]
fn a_bad_commit_does_not_ship_while_its_revert_is_held_for_a_high_path() {
    let (mut shop, bad, revert) = a_bad_commit_is_reverted_during_a_pause("infra/net.tf");
    shop.repo.verify(&revert, "success");
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    shop.minutes_later(60).good_pass();
    assert!(shop.dispatched().is_empty());
    assert_eq!(shop.simulates(&bad).unwrap().reason().code(), "reverted");

    shop.approve(&revert).good_pass();
    assert_eq!(shop.dispatched(), [revert]);
}

#[test]
fn trigger_ships_what_is_reverted() {
    let (mut shop, bad, _) = a_bad_commit_is_reverted_during_a_pause("src/cart.rs");
    shop.triggers(&bad, false).unwrap();
    assert_eq!(shop.dispatched(), [bad]);
}

#[test]
fn a_revert_that_is_pushed_right_before_the_dispatch_is_seen() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let bad = shop.verified(&["src/cart.rs"]);
    // The governor read the tip of the branch a moment ago, and reads it every ten minutes.
    reverted(&mut shop, "Change src/cart.rs", &bad, "src/cart.rs");
    shop.good_pass().later(30).good_pass();
    assert!(shop.dispatched().is_empty());
    assert_eq!(shop.verdict(&bad), "failure: HOLD SHA · LOW · reverted");
}

#[test]
fn a_revert_of_the_revert_lets_it_ship() {
    let (mut shop, bad, revert) = a_bad_commit_is_reverted_during_a_pause("src/cart.rs");
    let message = format!("Reapply \"Change src/cart.rs\"\n\nThis reverts commit {revert}.");
    shop.repo.push(NewCommit::on("main").message(&message).file("src/cart.rs", "Again\n"));
    shop.later(30).good_pass();
    assert_eq!(shop.dispatched(), [bad]);
}

#[test]
fn a_merged_revert_pull_request_holds_what_it_reverts_however_it_is_merged() {
    for method in [MergeMethod::Squash, MergeMethod::Merge, MergeMethod::Rebase] {
        let mut shop = Story::repository("acme/shop");
        shop.settled_in_production();
        shop.operator_pauses("the cart loses items");
        let pull = shop.pull("dev", &["src/cart.rs"]);
        let bad = pull.merged(method, "dev");
        shop.repo.verify(&bad, "success");
        shop.later(5).good_pass();
        // As GitHub's revert button does.
        let message = format!("Revert \"Change src/cart.rs\"\n\nThis reverts commit {bad}.");
        let branch = "revert-1-dev-cart";
        let commit = NewCommit::on(branch).parents(&[&bad]).message(&message);
        shop.repo.push(commit.file("src/cart.rs", "As before\n"));
        let title = "Revert \"Change src/cart.rs\"";
        let number = shop.repo.open_pull_request(branch, "main", title, "dev");
        let revert = shop.repo.merge_pull_request(number, method, "dev");
        shop.later(5).operator_resumes().good_pass().later(30).good_pass();
        assert!(shop.dispatched().is_empty(), "{method:?}");
        assert_eq!(shop.verdict(&bad), "failure: HOLD SHA · LOW · reverted", "{method:?}");
        shop.repo.verify(&revert, "success");
        shop.good_pass();
        assert_eq!(shop.dispatched(), [revert], "{method:?}");
    }
}

#[test]
fn a_revert_amid_a_range_holds_the_newest_verified_commit() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.operator_pauses("the cart loses items");
    let bad = shop.verified(&["src/cart.rs"]);
    let good = shop.verified(&["src/till.rs"]);
    let revert = reverted(&mut shop, "Change src/cart.rs", &bad, "src/cart.rs");
    shop.good_pass().operator_resumes().good_pass().later(30).good_pass();
    assert!(shop.dispatched().is_empty());
    assert_eq!(shop.verdict(&good), "failure: HOLD SHA · LOW · reverted");
    let evidence = shop.evidence().replace(&bad[..7], "BAD").replace(&revert[..7], "REVERT");
    insta::assert_snapshot!(evidence.lines().next().unwrap(), @"REVERT reverts BAD, which this commit would ship");
}

/// A bad commit, its revert, and more later commits than a page of the branch shows.
fn far_below_the_tip() -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.operator_pauses("the cart loses items");
    let bad = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    reverted(&mut shop, "Change src/cart.rs", &bad, "src/cart.rs");
    for _ in 0..120 {
        shop.pushed(&["src/till.rs"]);
    }
    (shop, bad)
}

#[test]
fn a_revert_that_is_on_no_page_of_the_branch_is_seen() {
    let (mut shop, bad) = far_below_the_tip();
    shop.operator_resumes().good_pass().later(30).good_pass();
    assert!(shop.dispatched().is_empty());
    assert_eq!(shop.verdict(&bad), "failure: HOLD SHA · LOW · reverted");
    shop.settled_within(4);
}

#[test]
fn commits_that_cannot_be_listed_decide_nothing_until_that_lasts_and_then_they_hold() {
    let (mut shop, bad) = far_below_the_tip();
    let on = FaultOn::operation("compare-commits-with-basehead").always();
    let fault = shop.github.fail(on, Fault::Status(503));
    shop.operator_resumes();
    assert!(shop.failed_pass().contains("compare"));
    assert!(shop.failed_pass().contains("compare"));
    shop.passes(4, 30);
    assert!(shop.dispatched().is_empty());
    assert!(
        shop.status(&bad).contains("cannot tell whether a revert follows"),
        "{}",
        shop.status(&bad)
    );

    shop.github.mend(fault);
    shop.minutes_later(15).good_pass();
    assert_eq!(shop.verdict(&bad), "failure: HOLD SHA · LOW · reverted");
    assert!(shop.dispatched().is_empty());
}
