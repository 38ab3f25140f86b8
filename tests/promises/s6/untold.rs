//! What is permanently unknown is HIGH. What is temporarily unknown causes no decision.

use ghbox::{Fault, FaultOn, NewCommit, story as stage};

use crate::story::{DEPLOY_FILE, Story};

#[test]
fn a_branch_that_went_another_way_than_production_is_high() {
    let mut shop = Story::repository("acme/shop");
    let base = shop.repo.tip("main");
    shop.settled_in_production();
    shop.repo.force_push("main", &base, "dev");
    shop.minutes_later(11).verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @r"
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk HIGH: production and this commit have diverged; from the paths that differ from production
    ");
    shop.settled();
}

#[test]
fn a_run_that_names_a_commit_which_the_branch_lacks_leaves_production_uncertain() {
    let mut shop = Story::repository("acme/shop");
    let base = shop.repo.tip("main");
    shop.in_production();
    shop.repo.force_push("main", &base, "dev");
    shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    assert!(shop.evidence().starts_with("production is uncertain"), "{}", shop.evidence());
    shop.settled();
}

/// Asserts that the reads a hold depends on are made in every pass (a 404 has no `ETag`), and
/// that nothing is written.
fn goes_on_asking(shop: &mut Story) {
    drop(shop.requests());
    for _ in 0..5 {
        shop.later(60).good_pass();
        let requests = shop.requests();
        let charged = requests.iter().filter(|one| one.response_status != 304).count();
        assert!(charged <= 1 && !requests.iter().any(|one| one.is_write()), "{charged}");
    }
}

#[test]
fn no_common_ancestor_is_high() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let file = stage::deploy_file().yaml();
    shop.minutes_later(11);
    let anew = NewCommit::on("main").parents(&[]).file("src/cart.rs", "1").file(DEPLOY_FILE, &file);
    shop.verified_commit(anew.file(".github/workflows/verify.yml", &stage::verify_file().yaml()));
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @r"
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk HIGH: it cannot be compared with production: No common ancestor between 1fee7ec81c7696c55bbabadd097e748ae950c990...73388e453da71a03d206d4de90ec3c612e0c90ec.
    ");
    shop.minutes_later(10);
    goes_on_asking(&mut shop);
}

#[test]
fn a_production_that_github_no_longer_has_is_high() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.github.fail(
        FaultOn::operation("compare-commits-with-basehead").always(),
        Fault::Refuse { status: 404, message: "Not Found".into() },
    );
    shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @r"
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk HIGH: it cannot be compared with production: Not Found
    ");
    goes_on_asking(&mut shop);
}

/// A repository whose deploy runs do not show what they deploy.
fn silent_about_its_deploys() -> Story {
    let mut shop = Story::repository("acme/shop");
    let silent = ghbox::WorkflowFile::new("Deploy").on_dispatch(&["sha"]);
    shop.repo.push(NewCommit::on("main").file(DEPLOY_FILE, &silent.yaml()));
    shop.in_production();
    shop
}

#[test]
fn an_uncertain_production_is_high_and_the_hint_says_what_to_do() {
    let mut shop = silent_about_its_deploys();
    let a1 = shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @"
    production is uncertain: cannot tell which commit run 17000000002 deployed; add `run-name: Deploy ${{ inputs.sha }}` to the deploy workflow, or run `release-governor set-production acme/shop SHA --reason TEXT`
    risk HIGH: production is uncertain (run 17000000002 succeeded last, and nothing tells which commit it deployed)
    ");
    insta::assert_snapshot!(shop.hints(), @r#"
    cannot tell what run 17000000002 deployed: `set-production`, and add `run-name`
    `release-governor approve acme/shop e6ec00b --reason "WHY"`
    "#);
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · HIGH · high_risk_no_approval: cannot tell what run 17000000002 deployed: `set-production`, and add `run-name`; `release-gove…");
    shop.settled();
}

#[test]
fn an_operators_word_makes_an_uncertain_production_certain() {
    let mut shop = silent_about_its_deploys();
    let a0 = shop.repo.tip("main");
    let a1 = shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    let word = release_governor::domain::OperatorAction::ProductionSet {
        sha: a0.parse().unwrap(),
        why: "I looked".into(),
        by: Story::operator(),
    };
    shop.operator_says(word);
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
    shop.deploy_ends(&a1, "success");
    // Our own attempt owns its run: no title is needed.
    assert_eq!(shop.decides(), "ALLOW LOW deployed");
    shop.settled();
}

#[test]
fn a_comparison_that_fails_for_good_is_high_from_the_third_pass_on() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let broken = shop
        .github
        .fail(FaultOn::operation("compare-commits-with-basehead").always(), Fault::Status(503));
    let a1 = shop.verified(&["src/cart.rs"]);
    for _ in 0..2 {
        assert!(shop.later(60).try_pass().is_err(), "no decision yet");
        assert_eq!(shop.status(&a1), "none");
    }
    shop.later(60);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @r"
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk HIGH: GitHub failed to compare it with production in three passes: 503 Server Error
    ");
    // Once GitHub can compare them, the actual risk applies.
    shop.github.mend(broken);
    shop.minutes_later(10).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_comparison_that_failed_twice_and_then_not_counts_from_the_beginning() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.github
        .fail(FaultOn::operation("compare-commits-with-basehead").times(2), Fault::Status(502));
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.pass().later(60).pass().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_range_that_was_read_is_known_though_github_fails_to_compare_it_again() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.operator_pauses("deploy freeze");
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    shop.github
        .fail(FaultOn::operation("compare-commits-with-basehead").always(), Fault::Status(503));
    shop.operator_resumes().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn passes_in_which_other_reads_fail_do_not_make_a_comparison_broken() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    let incident = shop.github.fail(FaultOn::any().always(), Fault::Status(503));
    shop.passes(5, 60);
    shop.github.mend(incident);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_read_that_fails_for_now_ends_the_pass_without_a_decision() {
    for fault in [Fault::LoseAnswer, Fault::Truncate, Fault::MalformedJson, Fault::Html(200)] {
        let mut shop = Story::repository("acme/shop");
        shop.settled_in_production();
        let a1 = shop.verified(&["src/cart.rs"]);
        let on = FaultOn::operation("compare-commits-with-basehead").always();
        let broken = shop.github.fail(on, fault.clone());
        for _ in 0..5 {
            assert!(shop.later(60).try_pass().is_err(), "{fault:?}");
        }
        assert_eq!((shop.status(&a1).as_str(), shop.dispatches_of(&a1)), ("none", 0), "{fault:?}");
        shop.github.mend(broken);
        shop.later(60).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?}");
    }
}

#[test]
fn a_deploy_file_that_cannot_be_read_is_not_the_same() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.pushed(&["src/cart2.rs"]);
    shop.github.fail(FaultOn::operation("get-content").always(), Fault::Status(500));
    shop.passes(3, 700);
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.github.calm();
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn an_approval_covers_no_later_deploy_file_where_the_range_cannot_be_told_either() {
    let mut shop = silent_about_its_deploys();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().approve(&a1);
    shop.edit_the_deploy_file();
    shop.later(60).pass();
    assert_eq!(shop.dispatches_of(&a1), 0, "nobody saw that deploy file");
    shop.approve(&a1).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}
