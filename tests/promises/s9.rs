//! S9: what was recorded and acted on is never lost.

use ghbox::{Fault, FaultOn};
use release_governor::domain::OperatorAction;

use crate::story::Story;

/// A repository with all kinds of entries in its ledger.
fn eventful() -> (Story, String) {
    let mut shop = Story::repository("acme/shop").policy("max_attempts_per_sha", "2");
    let a0 = shop.settled_in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let a2 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().approve(&a2).good_pass();
    shop.deploy_ends(&a2, "success").good_pass();
    let by = Story::operator;
    shop.operator_says(OperatorAction::Paused { why: "incident 42".into(), by: by() });
    shop.operator_says(OperatorAction::Resumed { by: by() });
    shop.operator_says(OperatorAction::ProductionSet {
        sha: a0.parse().unwrap(),
        why: "rolled back by hand".into(),
        by: by(),
    });
    shop.operator_says(OperatorAction::Triggered { sha: a1.parse().unwrap(), by: by() });
    shop.operator_says(OperatorAction::Paused { why: "incident 43".into(), by: by() });
    shop.good_pass();
    (shop, a2)
}

#[test]
fn a_restart_loses_nothing() {
    let (mut shop, _) = eventful();
    let (history, release) = (shop.history(), shop.release());
    assert!(history.len() > 20, "{}", history.len());
    shop.restart();
    assert_eq!(shop.history(), history);
    assert_eq!(shop.release(), release);
}

#[test]
fn a_crash_loses_nothing() {
    let (mut shop, _) = eventful();
    let (history, release) = (shop.history(), shop.release());
    shop.crash();
    assert_eq!(shop.history(), history);
    assert_eq!(shop.release(), release);
    shop.good_pass();
    assert_eq!(shop.history()[..history.len()], history[..], "it is only ever appended to");
    shop.settled();
}

#[test]
fn a_crash_that_loses_all_that_was_not_synced_loses_nothing() {
    let (mut shop, _) = eventful();
    let (history, release) = (shop.history(), shop.release());
    shop.crash_unsynced();
    assert_eq!(shop.history(), history);
    assert_eq!(shop.release(), release);
    shop.good_pass().settled();
}

#[test]
fn entries_are_numbered_without_a_gap_and_in_the_order_of_time() {
    let (mut shop, _) = eventful();
    shop.crash().good_pass();
    let history = shop.history();
    for pair in history.windows(2) {
        assert_eq!(pair[1].0, pair[0].0 + 1);
        assert!(pair[1].1.at >= pair[0].1.at);
    }
}

#[test]
fn the_ledger_adds_up_to_the_same_after_its_history_was_pruned() {
    let (mut shop, _) = eventful();
    let release = shop.release();
    shop.prune_the_history();
    assert_eq!(shop.history().len(), 1);
    assert_eq!(shop.release(), release);
    shop.crash();
    assert_eq!(shop.release(), release);
    shop.good_pass().settled();
}

#[test]
fn a_decision_is_recorded_when_it_changes_and_not_otherwise() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    let entries = shop.history().len();
    shop.passes(30, 60);
    assert_eq!(shop.history().len(), entries);
}

#[test]
fn every_dispatch_is_in_the_ledger_before_it_leaves() {
    // The disk fails after this many changes, wherever that is in the pass.
    let mut sent = 0;
    for changes in 0..60 {
        let mut shop = Story::repository("acme/shop");
        shop.settled_in_production();
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.stop_the_disk_after(changes);
        shop.pass();
        let dispatches = shop.dispatches_of(&a1);
        sent += dispatches;
        shop.crash_unsynced();
        let known =
            shop.release().attempts.iter().filter(|one| one.begun.sha.as_str() == a1).count();
        assert!(known >= dispatches, "after {changes} changes");
        shop.minutes_later(2).pass().minutes_later(10).pass().minutes_later(10).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "after {changes} changes");
        shop.deploy_ends(&a1, "success").good_pass().settled();
    }
    assert!(sent > 0, "some of them got that far");
}

#[test]
fn a_full_disk_fails_the_pass_loudly_and_sends_nothing() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.fill_the_disk(true);
    drop(shop.requests());
    for _ in 0..5 {
        assert!(shop.later(60).try_pass().is_err());
    }
    assert_eq!(shop.writes(), 0);
    shop.fill_the_disk(false).later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "success").good_pass().settled();
}

#[test]
fn a_full_disk_keeps_a_failed_deploy_from_being_said_and_it_is_said_later() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure");
    shop.fill_the_disk(true);
    drop(shop.requests());
    shop.passes(3, 60);
    assert_eq!(shop.writes(), 0);
    shop.fill_the_disk(false).good_pass();
    assert_eq!(shop.repo.issues().len(), 1);
    shop.settled();
}

#[test]
fn a_disk_that_is_full_while_nothing_happens_is_no_trouble() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified(&["infra/dns.tf"]);
    shop.good_pass().settled();
    shop.fill_the_disk(true).passes(3, 60);
    shop.fill_the_disk(false).good_pass().settled();
}

#[test]
fn a_lost_state_directory_brings_back_what_github_knows() {
    let mut shop = Story::repository("acme/shop").known_by_name();
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    shop.operator_says(OperatorAction::Paused { why: "incident 42".into(), by: Story::operator() });
    shop.good_pass().deploy_ends(&a2, "success").good_pass();
    let a3 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert!(shop.status(&a3).contains("paused"), "{}", shop.status(&a3));
    let before = shop.release();
    shop.lose_the_disk().later(60).good_pass().good_pass();
    let after = shop.release();
    assert_eq!(after.production().sha(), before.production().sha());
    // It reads no further back than the newest certain deploy.
    let newest = |release: &release_governor::domain::ReleaseState| {
        release.attempts.last().map(|one| (one.begun.id.clone(), one.run, one.phase.clone()))
    };
    assert_eq!(newest(&after), newest(&before));
    assert_eq!(after.pause.as_ref().map(|pause| pause.why.as_str()), Some("incident 42"));
    assert_eq!(shop.dispatched(), [a1, a2]);
    shop.settled();
}

#[test]
fn a_read_that_fails_keeps_the_last_word_as_it_is() {
    let (mut shop, _) = eventful();
    let release = shop.release();
    shop.github.fail(FaultOn::any().always(), Fault::Status(503));
    shop.passes(5, 60);
    assert_eq!(shop.release(), release);
}

#[test]
fn the_evidence_of_a_decision_stays_in_the_history() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().crash();
    let evidence = shop.recorded_evidence(&a1);
    assert!(evidence.contains("infra/dns.tf is HIGH: it matches infra/**"), "{evidence}");
}

#[test]
fn a_governor_that_can_record_nothing_is_not_ready() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass();
    assert_eq!(shop.why_not_ready(), None);
    shop.verified(&["src/cart.rs"]);
    shop.fill_the_disk(true).pass();
    let why = shop.why_not_ready().unwrap();
    assert!(why.contains("the disk is full"), "{why}");
    shop.fill_the_disk(false).later(60).good_pass();
    assert_eq!(shop.why_not_ready(), None);
}
