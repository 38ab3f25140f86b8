//! Who may approve a HIGH release, for what, and until when.

use crate::story::Story;

const HELD: &str = "HOLD HIGH high_risk_no_approval";

#[test]
fn high_and_not_approved_is_held_and_the_hint_names_the_command() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    assert_eq!(shop.decides(), HELD);
    insta::assert_snapshot!(shop.status(&a1), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
    shop.settled();
}

#[test]
fn the_variable_may_approve_everything() {
    for word in ["1", "true", "yes"] {
        let mut shop =
            Story::repository("acme/shop").environment("RELEASE_GOVERNOR_APPROVED", word);
        shop.in_production();
        let a1 = shop.verified(&["infra/dns.tf"]);
        assert_eq!(shop.decides(), "ALLOW HIGH deploying");
        assert_eq!(shop.dispatches_of(&a1), 1, "{word}");
    }
}

#[test]
fn the_variable_may_approve_single_commits() {
    let mut plain = Story::repository("acme/shop");
    plain.in_production();
    let a1 = plain.verified(&["infra/dns.tf"]);
    // The fake GitHub creates the same commits for the same story.
    let list = format!("acme/other@{}, acme/shop@{a1}", "0".repeat(40));
    let mut shop = Story::repository("acme/shop").environment("RELEASE_GOVERNOR_APPROVED", &list);
    shop.in_production();
    assert_eq!(shop.verified(&["infra/dns.tf"]), a1);
    assert_eq!(shop.decides(), "ALLOW HIGH deploying");
    shop.deploy_ends(&a1, "success").good_pass();
    shop.verified(&["infra/more.tf"]);
    assert_eq!(shop.decides(), HELD, "only that commit");
    shop.settled();
}

#[test]
fn the_variable_of_another_repository_approves_nothing_here() {
    let mut plain = Story::repository("acme/shop");
    plain.in_production();
    let a1 = plain.verified(&["infra/dns.tf"]);
    let list = format!("acme/other@{a1}");
    let mut shop = Story::repository("acme/shop").environment("RELEASE_GOVERNOR_APPROVED", &list);
    shop.in_production();
    assert_eq!(shop.verified(&["infra/dns.tf"]), a1);
    assert_eq!(shop.decides(), HELD);
}

#[test]
fn a_commit_that_the_variable_approves_covers_no_deploy_file_of_later() {
    let mut plain = Story::repository("acme/shop");
    plain.in_production();
    let a1 = plain.verified(&["infra/dns.tf"]);
    let list = format!("acme/shop@{a1}");
    let mut shop = Story::repository("acme/shop").environment("RELEASE_GOVERNOR_APPROVED", &list);
    shop.in_production();
    assert_eq!(shop.verified(&["infra/dns.tf"]), a1);
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.edit_the_deploy_file();
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 0, "nobody saw that deploy file");
}

#[test]
fn an_operators_word_approves_a_commit() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    assert_eq!(shop.decides(), HELD);
    shop.approve(&a1);
    assert_eq!(shop.decides(), "ALLOW HIGH deploying");
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "success").good_pass();
    insta::assert_snapshot!(shop.said(&a1), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    pending: ALLOW SHA · HIGH · dispatching ID
    success: ALLOW SHA · HIGH · Triggered: deploy workflow run
    "#);
    shop.settled();
}

#[test]
fn an_approval_outlives_a_restart() {
    let mut shop = Story::repository("acme/shop").policy("paused", "\"a release freeze\"");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().approve(&a1);
    shop.change_policy("paused", "null").crash().good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_later_candidate_needs_no_approval_where_nothing_high_came_after() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().approve(&a1);
    let a2 = shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "ALLOW HIGH deploying");
    assert_eq!(shop.dispatched(), [a2]);
}

#[test]
fn what_is_high_after_an_approval_holds_again() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().approve(&a1);
    let a2 = shop.verified(&["infra/dns.tf"]);
    assert_eq!(shop.decision().sha.as_str(), a2);
    assert_eq!(shop.dispatched(), [a1], "the approved one ships meanwhile");
}

#[test]
fn an_approval_of_a_later_commit_approves_no_earlier_one() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    let a2 = shop.pushed(&["src/cart.rs"]);
    shop.good_pass().approve(&a2);
    assert_eq!(shop.decides(), HELD);
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_deploy_file_that_stood_at_the_tip_is_approved_along() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.edit_the_deploy_file();
    assert_eq!(shop.decides(), HELD);
    shop.approve(&a1);
    assert_eq!(shop.decides(), "ALLOW HIGH deploying");
}

#[test]
fn a_deploy_file_that_changed_after_the_approval_holds_again() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().approve(&a1);
    shop.edit_the_deploy_file();
    shop.later(60).pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    insta::assert_snapshot!(shop.status(&a1), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
    shop.settled_within(4);
}

#[test]
fn an_approval_that_was_given_before_the_deploy_file_changed_back_counts_again() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().approve(&a1);
    shop.edit_the_deploy_file();
    shop.later(60).pass().later(10).pass();
    let file = ghbox::story::deploy_file().yaml();
    let back = ghbox::NewCommit::on("main");
    shop.repo.push(back.file(crate::story::DEPLOY_FILE, &file));
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn what_was_pushed_directly_takes_an_operator_in_every_mode() {
    for mode in ["label", "comment", "[label, comment]"] {
        let mut shop = Story::repository("acme/shop").policy("approval_mode", mode);
        shop.in_production();
        let a1 = shop.verified(&["infra/dns.tf"]);
        assert_eq!(shop.decides(), HELD, "{mode}");
        let hint = shop.hints();
        assert!(hint.starts_with("`release-governor approve acme/shop "), "{mode}: {hint}");
        let short = &a1[..7];
        let why = format!("infra/dns.tf came with {short}, without a pull request");
        assert!(hint.ends_with(&why), "{mode}: {hint}");
        shop.settled();
        shop.approve(&a1).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "the operator's word counts in every mode");
    }
}

#[test]
fn a_first_deploy_may_need_an_approval() {
    let mut shop =
        Story::repository("acme/shop").policy("require_approval_for_first_deploy", "true");
    let a1 = shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD LOW first_deploy_required");
    insta::assert_snapshot!(shop.status(&a1), @r#"
    failure: HOLD SHA · LOW · first_deploy_required: first deploy: `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
    shop.settled();
    shop.approve(&a1).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "success").good_pass();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1, "only the first one");
}

#[test]
fn the_approval_of_a_first_deploy_is_of_that_commit_alone() {
    let mut shop =
        Story::repository("acme/shop").policy("require_approval_for_first_deploy", "true");
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().approve(&a1);
    shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD LOW first_deploy_required");
    shop.settled();
}

#[test]
fn a_word_that_production_has_passed_approves_no_way_back_behind_what_came_after_it() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().approve(&a1).good_pass().deploy_ends(&a1, "success").good_pass();
    let a2 = shop.verified(&["db/migrations/1.sql"]);
    shop.good_pass().approve(&a2).good_pass().deploy_ends(&a2, "success").good_pass();
    // Nothing differs from what was approved first.
    let back = shop.repo.revert("main", &a2, "ada");
    shop.repo.verify(&back, "success");
    shop.later(5);
    assert_eq!(shop.decides(), HELD);
    assert_eq!(shop.dispatches_of(&back), 0);
}
