//! Statuses and labels by which others raise a release to HIGH.

use ghbox::{MergeMethod, NewCommit};

use super::{HELD, ship, staffed};
use crate::story::Story;

fn shop() -> Story {
    staffed(
        Story::repository("acme/shop")
            .policy("approval_mode", "label")
            .policy("raise_risk_contexts", "[security/scan, needs-care]"),
    )
}

#[test]
fn a_scanner_that_objects_raises_what_it_objected_to_and_nothing_lowers_it() {
    let mut shop = shop();
    let a1 = shop.pushed(&["src/cart.rs"]);
    shop.repo.set_status(&a1, "Security/Scan", "failure", "2 findings", "scanner");
    shop.repo.verify(&a1, "success");
    shop.later(5);
    assert_eq!(shop.decides(), HELD);
    insta::assert_snapshot!(shop.status(&a1), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`: Security/Scan objected to SHA
    "#);
    assert!(shop.evidence().contains("Security/Scan objected to"), "{}", shop.evidence());
    shop.settled_within(5);
    shop.repo.set_status(&a1, "security/scan", "success", "never mind", "scanner");
    assert_eq!(shop.decides(), HELD, "a later word takes nothing back");
    let a2 = shop.verified(&["src/fix.rs"]);
    assert_eq!(shop.decides(), HELD, "what it objected to is shipped along");
    shop.approve(&a2).good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
}

#[test]
fn a_scanner_that_has_not_ended_raises_until_it_has() {
    let mut shop = shop();
    let a1 = shop.pushed(&["src/cart.rs"]);
    shop.repo.set_status(&a1, "security/scan", "pending", "scanning", "scanner");
    shop.repo.verify(&a1, "success");
    shop.later(5);
    assert_eq!(shop.decides(), HELD);
    shop.repo.set_status(&a1, "security/scan", "success", "clean", "scanner");
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
}

#[test]
fn a_label_raises_what_its_pull_request_brought_even_when_it_is_off_again() {
    let mut shop = shop();
    let pull = shop.pull("ada", &["src/cart.rs"]);
    pull.labeled("Needs-Care", "tom").unlabeled("needs-care", "ada");
    ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.evidence().contains("the label Needs-Care was put on #1"), "{}", shop.evidence());
    assert!(shop.hints().starts_with("`release-governor approve "), "{}", shop.hints());
}

#[test]
fn statuses_and_labels_of_other_names_raise_nothing() {
    let mut shop = shop();
    let pull = shop.pull("ada", &["src/cart.rs"]);
    pull.labeled("bug", "tom");
    let a1 = pull.merged(MergeMethod::Squash, "ada");
    shop.repo.set_status(&a1, "lint", "failure", "no", "linter");
    shop.repo.verify(&a1, "success");
    shop.later(5);
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
}

#[test]
fn what_was_merged_the_other_way_round_hides_no_objection() {
    let mut shop = shop();
    let base = shop.repo.tip("main");
    let objected = shop.pushed(&["src/cart.rs"]);
    shop.repo.set_status(&objected, "security/scan", "failure", "2 findings", "scanner");
    // Somebody merges the branch into their own, and pushes the result as the branch.
    shop.repo.push(NewCommit::on("own").parents(&[&base]).file("src/own.rs", "1"));
    let merge = shop.repo.merge_branch("own", "main", "ada");
    shop.repo.force_push("main", &merge, "ada");
    shop.repo.verify(&merge, "success");
    shop.later(5);
    assert_eq!(shop.decides(), HELD);
    assert_eq!(shop.dispatches_of(&merge), 0);
    assert!(shop.evidence().contains("merged other commits"), "{}", shop.evidence());
}
