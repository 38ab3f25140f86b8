//! Simulations with another policy or another production, which have no effect.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::town::{Town, until};

/// The recorded history of the shop.
fn recorded(town: &Town) -> Value {
    town.run(&["history", "--json", "--limit", "1000"]).with(0).json()["entries"].clone()
}

fn lines(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
}

fn write(town: &Town, name: &str, text: &str) {
    std::fs::write(town.directory.path().join(name), text).unwrap();
}

#[test]
fn another_policy_and_another_production_are_judged_by_and_said_first() {
    let (town, shop, production) = Town::with_shop();
    let docs = shop.verified(&["docs/guide.md"]);
    let wanted = shop.verified(&["src/cart.rs"]);
    write(&town, "strict.yaml", "high_risk_paths: [docs/**]\n");

    let ask = |more: &[&str], code: i32| {
        let arguments: Vec<&str> =
            ["simulate", &wanted[..8], "--json"].iter().chain(more).copied().collect();
        town.run(&arguments).with(code).json()
    };
    let strict = ask(&["--policy", "strict.yaml"], 1);
    assert_eq!(strict["reason"], "high_risk_no_approval");
    assert_eq!(strict["supposed"], json!({"production": null, "policy": "strict.yaml"}));
    let evidence = lines(&strict["evidence"]);
    assert_eq!(evidence[0], "assumed: the policy of strict.yaml, over the built-in defaults");

    let later = ask(&["--policy", "strict.yaml", "--production", &docs[..8]], 0);
    assert_eq!(later["reason"], "allow_low");
    assert_eq!(later["supposed"], json!({"production": docs, "policy": "strict.yaml"}));
    let evidence = lines(&later["evidence"]);
    assert_eq!(evidence[1], format!("assumed: production is {}", &docs[..7]));
    assert!(!later["evidence"].to_string().contains("operator"), "{evidence:?}");

    let there = ask(&["--production", &wanted], 0);
    assert_eq!(there["reason"], "deployed");
    assert!(!there["evidence"].to_string().contains("operator"), "{there:#}");
    let now = ask(&[], 0);
    assert_eq!(now["supposed"], json!({"production": null, "policy": null}));
    assert!(now["evidence"].to_string().contains(&format!("production is {}", &production[..7])));

    let unknown = town.run(&["simulate", &wanted, "--production", "0123456789"]).with(4).error();
    assert!(unknown.contains("there is no commit 0123456789"), "{unknown}");
}

#[test]
fn another_policy_may_read_other_branches_and_workflows_and_leaves_no_trace() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["infra/main.tf"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    assert!(until(|| !shop.statuses(&sha).is_empty()));
    let (before, row) = (recorded(&town), town.row("acme/shop"));
    drop(town.github.take_requests());
    shop.force_push("next", &sha, "dev");
    let policy = "branch: next\nverification_workflow_name: Deploy\ndeploy_workflow_name: verify.yml\n\
                  deploy_workflow_ref: next\nrun_events: [workflow_dispatch]\n\
                  status_context: other/context\n";
    write(&town, "other.yaml", policy);
    let other = town.run(&["simulate", &sha, "--policy", "other.yaml", "--json"]).with(1).json();
    assert_eq!(other["reason"], "not_verified", "{other:#}");
    let same = town.run(&["simulate", &sha, "--production", &sha, "--json"]).with(0).json();
    assert_eq!(same["reason"], "deployed");
    town.row_when("acme/shop", |now| now["last_pass"] != row["last_pass"]);
    assert_eq!(recorded(&town), before);
    assert_eq!(town.row("acme/shop")["reason"], "high_risk_no_approval");
    assert!(town.github.take_requests().iter().all(|one| !one.is_write()));
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_what_if_alone_begins_no_ledger() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    write(&town, "held.json", "{\"paused\": \"freeze\"}");
    let held = town.run(&["simulate", &sha, "--policy", "held.json", "--json"]).with(1).json();
    assert_eq!(held["reason"], "paused");
    assert_eq!(recorded(&town), json!([]));
    town.run(&["simulate", &sha]).with(0);
    assert_ne!(recorded(&town), json!([]));
}

#[test]
fn a_policy_that_the_configuration_would_not_take_is_refused() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    let refused = |name: &str| town.run(&["simulate", &sha, "--policy", name]).with(2).error();
    write(&town, "typo.toml", "cooldown_minutes = 5\nhigh_risk_path = []\n");
    assert_snapshot!(refused("typo.toml"), @"error: typo.toml:2: high_risk_path: is not a known key: did you mean high_risk_paths?");
    write(&town, "other.yaml", "repositories: [{name: acme/api}]\n");
    assert_snapshot!(refused("other.yaml"), @"error: other.yaml: repositories: expected an entry of acme/shop, as in `- name: acme/shop`");
    assert!(refused("gone.yaml").starts_with("error: gone.yaml: cannot be read: "));

    let running = town.govern();
    assert!(refused("typo.toml").contains("did you mean high_risk_paths?"));
    let many: Vec<String> = (0..2_000).map(|n| format!("- dir{n}/**\n")).collect();
    write(&town, "large.yaml", &format!("high_risk_paths:\n{}", many.concat()));
    town.run(&["simulate", &sha, "--policy", "large.yaml"]).with(0);
    assert_eq!(running.end().0, 0);
}
