//! S4: what cannot be read is never read as "fine".

use std::collections::BTreeSet;

use ghbox::{Fault, FaultOn};

use crate::s2_answers::about_to_ship;
use crate::story::Story;

fn faults() -> Vec<Fault> {
    vec![
        Fault::Status(500),
        Fault::Status(502),
        Fault::LoseAnswer,
        Fault::MalformedJson,
        Fault::Truncate,
        Fault::Html(200),
        Fault::SecondaryLimit { status: 403, retry_after: Some(60) },
        Fault::Status(451),
    ]
}

/// The reads of a pass that ships, by operation.
fn reads(scene: &dyn Fn() -> (Story, String)) -> BTreeSet<&'static str> {
    let (mut shop, _) = scene();
    drop(shop.requests());
    shop.good_pass();
    let requests = shop.requests();
    requests.iter().filter(|one| !one.is_write()).filter_map(|one| one.operation).collect()
}

fn holds_while_unreadable(scene: &dyn Fn() -> (Story, String)) {
    let reads = reads(scene);
    assert!(reads.len() >= 5, "{reads:?}");
    for operation in reads {
        for fault in faults() {
            // An App's token has no user: that is a 403, whatever its body.
            let of_a_body = matches!(fault, Fault::MalformedJson | Fault::Truncate);
            if operation == "users/get-authenticated" && of_a_body {
                continue;
            }
            let (mut shop, a1) = scene();
            let on = FaultOn::operation(operation).always();
            let standing = shop.github.fail(on, fault.clone());
            shop.pass().later(90).pass();
            // A read that is only needed for the status comes after the decision.
            assert_eq!(shop.dispatches_of(&a1), 0, "{operation} {fault:?}");
            shop.github.mend(standing);
            shop.later(90).pass().later(90).good_pass();
            assert_eq!(shop.dispatches_of(&a1), 1, "{operation} {fault:?}: healed");
        }
    }
}

#[test]
fn nothing_ships_while_any_read_of_a_pass_fails_and_it_ships_once_healed() {
    holds_while_unreadable(&about_to_ship);
}

#[test]
fn nothing_ships_while_any_read_of_a_first_pass_fails_and_it_ships_once_healed() {
    holds_while_unreadable(&|| {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        shop.pushed(&["README.md"]);
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.pushed(&["docs/how.md"]);
        (shop, a1)
    });
}

#[test]
fn nothing_ships_in_a_pass_of_which_one_read_fails_thrice() {
    // Three tries of each read: the nth request of the pass, and its retries.
    for fault in [Fault::Status(502), Fault::MalformedJson, Fault::LoseAnswer] {
        for nth in 1.. {
            let (mut shop, a1) = about_to_ship();
            let before = shop.github.requests().len();
            let on = FaultOn::any().method(http::Method::GET).nth(nth).times(3);
            let standing = shop.github.fail(on, fault.clone());
            let failed = shop.try_pass().is_err();
            let dispatched = shop.dispatches_of(&a1);
            shop.github.mend(standing);
            assert!(dispatched <= 1);
            shop.recovers();
            assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?} at read {nth}");
            let asked = shop.github.requests().len() - before;
            if !failed && dispatched == 1 && nth > 10 {
                break;
            }
            assert!(nth < 100, "asked {asked} times");
        }
    }
}

#[test]
fn one_run_that_makes_no_sense_fails_the_whole_list() {
    let (mut shop, a1) = about_to_ship();
    let spoiled = FaultOn::operation("list-workflow-runs").always();
    let standing = shop.github.fail(spoiled, Fault::MalformedJson);
    insta::assert_snapshot!(shop.failed_pass(), @"cannot list the runs of workflow 90000002 in acme/shop: GitHub's response is malformed: GET /repos/acme/shop/actions/workflows/90000002/runs?per_page=100&branch=main: EOF while parsing an object at line 1 column 17");
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.github.mend(standing);
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_comparison_that_fails_for_ever_is_high_after_three_passes() {
    for status in [500, 503] {
        let (mut shop, a1) = about_to_ship();
        let on = FaultOn::operation("compare-commits-with-basehead").always();
        let standing = shop.github.fail(on, Fault::Status(status));
        assert!(shop.failed_pass().contains("compare"));
        assert!(shop.failed_pass().contains("compare"));
        assert_eq!(shop.status(&a1), "none");
        shop.later(60).good_pass();
        assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · high_risk_no_approval");
        shop.later(60).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 0);
        shop.github.mend(standing);
        shop.later(60).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "it was not for ever");
    }
}

#[test]
fn a_comparison_that_fails_for_now_is_nobodys_risk() {
    let faults = [Fault::LoseRequest, Fault::Hang, Fault::Status(408)];
    for fault in faults {
        let (mut shop, a1) = about_to_ship();
        let on = FaultOn::operation("compare-commits-with-basehead").always();
        let standing = shop.github.fail(on, fault.clone());
        shop.passes(5, 60);
        assert_eq!(shop.status(&a1), "none", "{fault:?}");
        shop.github.mend(standing);
        shop.good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?}");
    }
}
