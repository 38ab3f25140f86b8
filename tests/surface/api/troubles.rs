//! The API while GitHub is unreachable, while a pass hangs, after a restart, and with untrusted
//! text.

use std::time::Duration;

use ghbox::{Fault, FaultOn};
use jiff::Timestamp;
use release_governor::clock::Clock;
use release_governor::domain::{EntryKind, Outcome, Reason, RiskClass, Sha};
use release_governor::store::{Store, StoreOptions};

use super::asking::{get, good};
use crate::town::{Running, Town};

fn every_address(sha: &str) -> [String; 7] {
    [
        "/api/v1".to_owned(),
        "/api/v1/openapi.json".to_owned(),
        "/api/v1/repositories".to_owned(),
        "/api/v1/repos/acme/shop".to_owned(),
        format!("/api/v1/repos/acme/shop/commits/{sha}"),
        "/api/v1/repos/acme/shop/attempts".to_owned(),
        "/api/v1/repos/acme/shop/ledger".to_owned(),
    ]
}

fn answers_at_once(running: &Running, sha: &str) {
    let began = Clock::system();
    for address in every_address(sha) {
        good(running, &address);
    }
    assert!(began.monotonic() < Duration::from_secs(5));
}

#[test]
fn it_answers_while_a_pass_hangs_and_while_github_is_down() {
    let (town, shop, production) = Town::with_shop();
    let held = shop.verified(&["infra/main.tf"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    town.github.fail(FaultOn::any().always(), Fault::Hang);
    // By then a pass has met the fault.
    let asked = || town.github.requests().len();
    let before = asked();
    crate::town::until(|| asked() > before);
    answers_at_once(&running, &held);
    let commit = good(&running, &format!("/api/v1/repos/acme/shop/commits/{held}")).json();
    assert_eq!(commit["judgement"]["source"], "last_pass");
    assert_eq!(running.end().0, 0);

    // After a restart there is only the ledger, and its row is what `status` shows.
    let mut town = town;
    town.lose_github();
    town.configure("repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    answers_at_once(&running, &held);
    let commit = good(&running, &format!("/api/v1/repos/acme/shop/commits/{}", &held[..7])).json();
    let judgement = &commit["judgement"];
    assert_eq!(judgement["source"], "ledger");
    assert_eq!(judgement["reason"], "high_risk_no_approval");
    assert!(judgement["evidence"].to_string().contains("infra/main.tf"), "{judgement}");
    assert!(judgement["unblock_hints"].is_null() && judgement["paths"].is_null());
    let repository = good(&running, "/api/v1/repos/acme/shop").json();
    assert_eq!(repository["judgements"][0], *judgement);
    assert_eq!(repository["production"]["sha"], production.as_str());
    assert_eq!(running.end().0, 0);
}

#[test]
fn nothing_is_known_before_github_was_ever_reached() {
    let (mut town, _, _) = Town::with_shop();
    town.lose_github();
    town.configure("repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    let repository = good(&running, "/api/v1/repos/acme/shop").json();
    assert_eq!(repository["production"]["certainty"], "not_asked");
    assert_eq!(
        good(&running, "/api/v1/repos/acme/shop/ledger").json()["entries"],
        serde_json::json!([])
    );
    assert_eq!(get(&running, "/api/v1/repos/acme/shop/attempts?before=7f3a9c").code, 400);
    assert_eq!(get(&running, "/api/v1/repos/acme/shop/commits/0123456").code, 404);
    assert_eq!(running.end().0, 0);
}

/// Writes a ledger with a decision about each of these, before the controller starts.
fn decided(town: &Town, shas: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&town.state(), StoreOptions::default()).unwrap();
        let mut ledger = store.ledger(7.into()).await.unwrap();
        let noon: Timestamp = "2026-11-02T12:00:00Z".parse().unwrap();
        let decision = |sha: &&str| EntryKind::Decided {
            sha: sha.parse::<Sha>().unwrap(),
            outcome: Outcome::Hold,
            reason: Reason::Cooldown,
            risk: RiskClass::Low,
            evidence: vec!["production is \u{1b}[2J\u{202e}x".to_owned()],
        };
        let governed = EntryKind::Governed { name: "acme/shop".parse().unwrap() };
        let entries = std::iter::once(governed).chain(shas.iter().map(decision)).collect();
        ledger.record(noon, entries).await.unwrap();
        store.close().await.unwrap();
    });
}

#[test]
fn a_shortened_commit_must_be_one() {
    let (mut town, _, _) = Town::with_shop();
    let (one, other) =
        ("1a2b3c4d".to_owned() + &"0".repeat(32), "1a2b3c4e".to_owned() + &"0".repeat(32));
    decided(&town, &[&one, &other]);
    town.lose_github();
    town.configure("repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    let of = |sha: &str| get(&running, &format!("/api/v1/repos/acme/shop/commits/{sha}"));
    let ambiguous = of("1a2b3c4");
    assert_eq!(ambiguous.code, 409);
    assert_eq!(ambiguous.json()["candidates"], serde_json::json!([one, other]));
    assert_eq!(of("1A2B3C4D").json()["sha"], one.as_str());
    assert_eq!(of(&other).json()["sha"], other.as_str());
    assert_eq!(of("1a2b3c4f").code, 404);
    assert_eq!(of(&format!("{}0", &one[..39])).json()["sha"], one.as_str());
    let raw = of(&one).body;
    assert!(raw.contains(r"production is \u001b[2J\u202ex"), "{raw}");
    assert!(!raw.contains(|c: char| c.is_control() || c == '\u{202e}'), "{raw}");
    assert_eq!(running.end().0, 0);
}

#[test]
fn what_strangers_named_steers_nothing() {
    let (town, shop, _) = Town::with_shop();
    let path = "infra/\u{1b}[31m\u{202e}gnp.\"<script>\u{9b}\u{7f}.tf";
    let sha = shop.verified(&[path]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    let answer = good(&running, &format!("/api/v1/repos/acme/shop/commits/{sha}"));
    let hidden = |c: char| c.is_control() || c == '\u{202e}';
    assert!(!answer.body.contains(hidden), "{}", answer.body);
    assert_eq!(answer.json()["judgement"]["paths"][0]["path"], path, "and it reads the same");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(running.end().0, 0);
}
