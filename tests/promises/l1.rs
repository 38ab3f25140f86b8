//! L1: once faults stop, every repository settles.

use ghbox::{Fault, FaultOn};

use crate::story::Story;

fn every_fault() -> Vec<Fault> {
    vec![
        Fault::Status(500),
        Fault::Status(502),
        Fault::StatusAfter(502),
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::RefuseConnection,
        Fault::Truncate,
        Fault::MalformedJson,
        Fault::Html(503),
    ]
}

/// Faults are over: after three passes, plus the time for a lost answer, everything is settled.
fn settles(shop: &mut Story, what: &str) {
    shop.github.calm();
    shop.pass().later(60).pass().later(60).pass();
    // One and a half times `dispatch_confirm_seconds`, if an answer was lost.
    if shop.release().deploy_in_flight() {
        shop.passes(9, 60);
    }
    assert!(shop.try_pass().is_ok(), "{what}");
}

#[test]
fn a_repository_settles_after_any_incident() {
    for fault in every_fault() {
        let mut shop = Story::repository("acme/shop");
        shop.settled_in_production();
        shop.github.fail(FaultOn::any().always(), fault.clone());
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.passes(5, 60);
        assert_eq!(shop.dispatches_of(&a1), 0);
        settles(&mut shop, &format!("{fault:?}"));
        assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?}");
        shop.deploy_ends(&a1, "success").good_pass().settled();
    }
}

#[test]
fn a_repository_settles_after_an_incident_that_only_writes_met() {
    for fault in every_fault() {
        let mut shop = Story::repository("acme/shop");
        shop.settled_in_production();
        shop.github.fail(FaultOn::writes().always(), fault.clone());
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.passes(5, 60);
        settles(&mut shop, &format!("{fault:?}"));
        assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?}");
        shop.deploy_ends(&a1, "success").good_pass().settled();
    }
}

#[test]
fn a_repository_settles_whichever_request_failed() {
    for fault in [Fault::Status(502), Fault::LoseAnswer, Fault::StatusAfter(502)] {
        for nth in 1..=45 {
            let mut shop = Story::repository("acme/shop");
            shop.in_production();
            let a1 = shop.verified(&["src/cart.rs"]);
            shop.github.fail(FaultOn::any().nth(nth), fault.clone());
            shop.pass().later(60);
            settles(&mut shop, &format!("{fault:?} at request {nth}"));
            assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?} at request {nth}");
            shop.deploy_ends(&a1, "success").good_pass().settled();
        }
    }
}

#[test]
fn a_repository_settles_after_any_storm() {
    for seed in 0..25 {
        let mut shop = Story::repository("acme/shop");
        shop.settled_in_production();
        shop.github.rage(seed, 250, every_fault());
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.passes(10, 60);
        if seed % 3 == 0 {
            shop.crash();
        }
        settles(&mut shop, &format!("seed {seed}"));
        assert_eq!(shop.dispatches_of(&a1), 1, "seed {seed}");
        shop.deploy_ends(&a1, "failure").pass().later(61).pass().later(61).good_pass();
        assert_eq!(shop.repo.issues().len(), 1, "seed {seed}");
        shop.settled();
    }
}

#[test]
fn a_failed_deploy_is_said_after_any_storm() {
    for seed in 0..25 {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.good_pass();
        shop.github.rage(seed, 300, every_fault());
        shop.deploy_ends(&a1, "failure").passes(6, 60);
        settles(&mut shop, &format!("seed {seed}"));
        let issues = shop.repo.issues();
        assert_eq!((issues.len(), issues[0].comments.len()), (1, 0), "seed {seed}");
        assert!(shop.status(&a1).contains("deploy_failed"), "seed {seed}: {}", shop.status(&a1));
        shop.settled();
    }
}

#[test]
fn a_limit_that_github_names_is_waited_for_and_then_it_settles() {
    let limit = Fault::SecondaryLimit { status: 429, retry_after: Some(30) };
    for on in [FaultOn::any(), FaultOn::writes(), FaultOn::operation("create-workflow-dispatch")] {
        let mut shop = Story::repository("acme/shop");
        shop.settled_in_production();
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.github.fail(on, limit.clone());
        shop.pass().later(31).pass().later(60).pass();
        assert_eq!(shop.dispatches_of(&a1), 1);
        shop.deploy_ends(&a1, "success").good_pass().settled();
    }
}

#[test]
fn an_index_that_stands_still_delays_and_loses_nothing() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.repo.stop_index(true);
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.passes(11, 60);
    assert_eq!(shop.dispatches_of(&a1), 1, "the tenth pass reads the unfiltered list");
    shop.deploy_ends(&a1, "success").good_pass();
    shop.repo.stop_index(false);
    shop.good_pass().settled();
    assert_eq!(shop.dispatches_of(&a1), 1);
}
