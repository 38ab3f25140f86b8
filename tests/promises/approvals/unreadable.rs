//! Facts that no decision depends on may be unreadable without preventing the decision.

use ghbox::{Fault, FaultOn, MergeMethod};

use super::{HELD, SHIPS, ship, shop};

const PULLS: &str = "repos/list-pull-requests-associated-with-commit";
const COMPARE: &str = "compare-commits-with-basehead";

fn faults() -> [Fault; 4] {
    [Fault::Status(503), Fault::LoseAnswer, Fault::MalformedJson, Fault::Status(409)]
}

#[test]
fn who_brought_it_is_needed_neither_for_medium_nor_where_operators_alone_approve() {
    for fault in faults() {
        let mut shop = shop("environment");
        shop.github.fail(FaultOn::operation(PULLS).always(), fault.clone());
        let medium = shop.verified(&["package.json"]);
        assert_eq!(shop.decides(), "ALLOW MEDIUM deploying", "{fault:?}");
        shop.deploy_ends(&medium, "success").good_pass();
        let high = shop.verified(&["infra/dns.tf"]);
        assert_eq!(shop.decides(), HELD, "{fault:?}");
        assert!(shop.status(&high).starts_with("failure: HOLD"), "{}", shop.status(&high));
        shop.approve(&high).good_pass();
        assert_eq!(shop.dispatches_of(&high), 1, "{fault:?}");
    }
}

#[test]
fn a_small_fix_does_not_wait_behind_a_migration_whose_pull_request_cannot_be_read() {
    let mut shop = shop("environment");
    shop.github.fail(FaultOn::operation(PULLS).always(), Fault::Status(500));
    let fix = shop.verified(&["src/cart.rs"]);
    shop.verified(&["db/migrations/1.sql"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&fix), 1);
}

#[test]
fn where_people_approve_it_is_waited_for_and_an_operators_word_waits_for_nobody() {
    let mut shop = shop("label");
    let broken = shop.github.fail(FaultOn::operation(PULLS).always(), Fault::Status(503));
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.labeled("release:approved", "bea");
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    assert!(shop.failed_pass().contains("pull requests"), "no decision yet");
    assert_eq!((shop.status(&a1).as_str(), shop.dispatches_of(&a1)), ("none", 0));
    shop.github.mend(broken);
    shop.minutes_later(1);
    assert_eq!(shop.decides(), SHIPS);

    let mut other = super::shop("label");
    other.github.fail(FaultOn::operation(PULLS).always(), Fault::Status(503));
    let a1 = other.verified(&["infra/dns.tf"]);
    other.pass().approve(&a1).minutes_later(1).good_pass();
    assert_eq!(other.dispatches_of(&a1), 1);
}

#[test]
fn a_refusal_to_tell_who_brought_it_costs_a_settled_repository_nothing() {
    for mode in ["environment", "label"] {
        let mut shop = shop(mode);
        shop.github.fail(FaultOn::operation(PULLS).always(), Fault::Status(404));
        shop.verified(&["infra/dns.tf", "infra/net.tf"]);
        assert_eq!(shop.decides(), HELD);
        shop.settled_within(3);
    }
}

#[test]
fn many_steps_that_github_cannot_compare_for_good_are_told_as_such_from_the_third_pass_on() {
    let mut shop = shop("label");
    for number in 0..30 {
        shop.repo.push_paths(&[&format!("infra/{number}.tf")]);
    }
    shop.verified(&["infra/last.tf"]);
    // The first comparison is that of the whole range.
    shop.github.fail(FaultOn::operation(COMPARE).nth(2).always(), Fault::Status(503));
    for _ in 0..2 {
        assert!(shop.later(60).try_pass().is_err(), "no decision yet");
    }
    shop.later(60);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().contains("cannot be read"), "{}", shop.hints());
}

const TIMELINE: &str = "issues/list-events-for-timeline";

#[test]
fn a_timeline_that_cannot_be_read_for_good_holds_from_the_third_pass_on_and_says_why() {
    for fault in [Fault::Status(502), Fault::LoseAnswer] {
        let mut shop = shop("label");
        shop.github.fail(FaultOn::operation(TIMELINE).always(), fault.clone());
        let pull = shop.pull("ada", &["infra/dns.tf"]);
        pull.labeled("release:approved", "bea");
        let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
        for _ in 0..2 {
            assert!(shop.later(60).try_pass().is_err(), "{fault:?}: no decision yet");
        }
        shop.later(60);
        assert_eq!(shop.decides(), HELD, "{fault:?}");
        let hint = shop.hints();
        assert!(hint.contains("cannot read the comments and labels of #1"), "{fault:?}: {hint}");
        shop.approve(&a1).later(60).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?}: an operator's word ships it");
    }
}

#[test]
fn a_timeline_that_can_be_read_again_is_heard() {
    let mut shop = shop("label");
    let broken = shop.github.fail(FaultOn::operation(TIMELINE).always(), Fault::Status(502));
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.labeled("release:approved", "bea");
    ship(&mut shop, &pull, MergeMethod::Squash);
    for _ in 0..4 {
        shop.later(60).pass();
    }
    assert_eq!(shop.decides(), HELD);
    shop.github.mend(broken);
    shop.later(60);
    assert_eq!(shop.decides(), SHIPS);
}
