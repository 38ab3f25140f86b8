//! The watch after a deploy.

use release_governor::domain::EntryKind;

use super::{ALERTS, Signalling, shop};
use crate::story::Story;

/// A repository whose newest commit was deployed while production was healthy.
fn deployed(policy: &[(&str, &str)]) -> (Story, Signalling, String) {
    let (mut shop, signalling) = shop(ALERTS);
    for (key, value) in policy {
        shop = shop.policy(key, value);
    }
    signalling.says(200, "[]");
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().later(40).deploy_ends(&a1, "success").good_pass();
    (shop, signalling, a1)
}

#[test]
fn production_that_turns_degraded_after_a_deploy_is_said_in_one_issue() {
    let (mut shop, signalling, a1) = deployed(&[]);
    signalling.alert("ShopDown</code>`@ada`");
    shop.minutes_later(2).good_pass().minutes_later(1).good_pass();
    assert_eq!(shop.metric("release_governor_degraded_after_deploy_total"), 1.0);
    shop.restart().minutes_later(1).good_pass();
    let issues = shop.repo.issues();
    assert_eq!(issues.len(), 1, "{issues:#?}");
    assert_eq!(issues[0].title, format!("Deploy failure: {}", &a1[..7]));
    assert_eq!(
        issues[0].labels,
        ["deploy-failure", "severity:high", "deploy:degraded-after-deploy"]
    );
    let run = shop.deploy_run().to_string();
    insta::assert_snapshot!(issues[0].body.replace(&a1, "SHA").replace(&run, "RUN"), @r#"
    Production turned degraded after the deploy of `SHA`.

    - **Commit:** SHA
    - **Run:** [run RUN](https://github.com/acme/shop/actions/runs/RUN)
    - **Deployed:** 2026-11-02 09:02 UTC
    - **Degraded since:** 2026-11-02 09:04 UTC
    - ``signal shop alerts reports degraded: active: ShopDown</code>`@ada` {service="shop"} (read 2026-11-02 09:04:50 UTC)``

    The deploy itself succeeded, and nothing is rolled back. While production is degraded, riskier releases are held: fix the incident, roll back, or ship the fix.

    <!-- release-governor {"repository":"acme/shop","sha":"SHA","run":RUN,"run_attempt":1,"status_context":"booty/release-governor","recovered":false} -->
    "#);
    // It is not a failed deploy: it is in production.
    assert_eq!(shop.decides(), "ALLOW LOW deployed");

    signalling.says(200, "[]");
    shop.minutes_later(2).good_pass();
    let comments = shop.repo.issues().remove(0).comments;
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0].body.starts_with("Recovered: production is healthy again since "));
    shop.settled();
}

#[test]
fn what_was_degraded_before_or_turns_so_too_late_is_laid_at_no_deploys_door() {
    let (mut shop, signalling) = shop(ALERTS);
    signalling.alert("ShopDown");
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().later(40).deploy_ends(&a1, "success").good_pass();
    shop.minutes_later(2).good_pass();
    assert!(shop.repo.issues().is_empty());

    let (mut late, signalling, _) = deployed(&[]);
    late.minutes_later(11).good_pass();
    signalling.alert("ShopDown");
    late.minutes_later(1).good_pass();
    assert!(late.repo.issues().is_empty());
}

#[test]
fn a_signal_that_is_new_and_bad_is_laid_at_no_deploys_door() {
    let (mut shop, signalling, _) = deployed(&[]);
    signalling.alert("ShopDown");
    let other = ALERTS.replace("shop alerts", "other alerts");
    shop.change_policy("degraded", &other).minutes_later(1).good_pass();
    assert_eq!(shop.metric("release_governor_degraded"), 1.0);
    assert!(shop.repo.issues().is_empty(), "{:#?}", shop.repo.issues());
    // Once it has been healthy, it counts like any other signal.
    signalling.says(200, "[]");
    shop.minutes_later(1).good_pass();
    signalling.alert("ShopDown");
    shop.minutes_later(1).good_pass();
    assert_eq!(shop.repo.issues().len(), 1);
}

#[test]
fn a_watch_of_no_minutes_opens_no_issue() {
    let (mut shop, signalling, _) = deployed(&[("post_deploy_watch_minutes", "0")]);
    signalling.alert("ShopDown");
    shop.minutes_later(1).good_pass();
    assert!(shop.repo.issues().is_empty());
}

#[test]
fn a_health_check_is_watched_after_a_deploy_and_holds_nothing() {
    let signalling = Signalling::default();
    let mut shop = Story::repository("acme/shop")
        .policy("health_check", "https://shop.example.com/healthz")
        .signals(signalling.carrier());
    shop.in_production();
    signalling.says(200, "fine");
    let a1 = shop.verified(&["Cargo.toml"]);
    shop.good_pass().later(40).deploy_ends(&a1, "success").good_pass();
    // After a deploy, an unreachable address counts as an answer.
    signalling.is_gone();
    let a2 = shop.verified(&["Cargo.toml"]);
    shop.minutes_later(1).good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
    let issues = shop.repo.issues();
    assert_eq!(issues.len(), 1, "{issues:#?}");
    assert!(issues[0].body.contains(&a1), "{}", issues[0].body);
    assert!(issues[0].body.contains("nobody is there"), "{}", issues[0].body);
}

#[test]
fn the_ledger_learns_what_the_signals_said_once_and_again_when_it_changes() {
    let (mut shop, signalling, _) = deployed(&[]);
    shop.minutes_later(1).good_pass().minutes_later(1).good_pass();
    signalling.alert("ShopDown");
    shop.minutes_later(1).good_pass().minutes_later(1).good_pass();
    let checks: Vec<String> = shop
        .history()
        .into_iter()
        .filter_map(|(_, entry)| match entry.kind {
            EntryKind::HealthChecked { health, run, .. } => {
                Some(format!("{} {}", health.as_str(), run.is_some()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(checks, ["healthy true", "healthy true", "degraded true"]);
}
