//! Backtests: replaying the past under a policy.

use std::time::Duration;

use ghbox::{MergeMethod, Repo, Role};
use serde_json::{Value, json};

use crate::town::Town;

const MINUTE: Duration = Duration::from_secs(60);

/// A repository whose production is two hours old, with a LOW commit that was deployed after a
/// minute and a HIGH one that was deployed after ten. Returns the shas in production, LOW and
/// HIGH.
fn a_busy_hour() -> (Town, Repo, [String; 3]) {
    let (town, shop, production) = Town::with_shop();
    town.github.advance(120 * MINUTE);
    let low = shop.verified(&["src/cart.rs"]);
    town.github.advance(MINUTE);
    shop.deploy(&low, "dev", "success");
    town.github.advance(10 * MINUTE);
    let high = shop.verified(&["infra/main.tf"]);
    town.github.advance(MINUTE);
    shop.deploy(&high, "dev", "success");
    town.github.advance(10 * MINUTE);
    (town, shop, [production, low, high])
}

fn recorded(town: &Town) -> Value {
    town.run(&["history", "--json", "--limit", "1000"]).with(0).json()["entries"].clone()
}

fn write(town: &Town, name: &str, text: &str) {
    std::fs::write(town.directory.path().join(name), text).unwrap();
}

#[test]
fn a_backtest_says_what_would_ship_and_what_happened_and_leaves_no_trace() {
    let (town, _, [production, low, high]) = a_busy_hour();
    let told = town.run(&["backtest", "--since", "1h", "--json"]).with(0).json();
    assert_eq!(told["production_at_start"], production.as_str());
    assert_eq!(told["supposed"], json!({"production": null, "policy": null}));
    let [first, second] = told["commits"].as_array().unwrap().as_slice() else {
        panic!("{told:#}")
    };
    assert_eq!((&first["sha"], &first["reason"]), (&json!(low), &json!("allow_low")));
    assert_eq!(first["ships_at"], first["verified_at"]);
    assert_eq!(first["really"]["outcome"], "deployed");
    assert_eq!((&second["sha"], &second["decision"]), (&json!(high), &json!("HOLD")));
    assert_eq!(second["ships_at"], Value::Null);
    assert!(second["why"].as_str().unwrap().starts_with("infra/main.tf; "), "{second:#}");
    let summary = &told["summary"];
    assert_eq!(
        (&summary["really_deployed"], &summary["deployed_although_held"]),
        (&json!(2), &json!(1))
    );
    let held = json!([{"reason": "high_risk_no_approval", "commits": 1}]);
    assert_eq!(summary["would_be_held"], held);
    assert_eq!(summary["held_for_their_own"], 1);

    let text = town.run(&["backtest", "acme/shop", "--since", "1h"]).with(0).text();
    assert!(text.contains(&low[..7]) && text.contains("ALLOW allow_low"), "{text}");
    assert!(text.contains("2 were really deployed, 1 of them although"), "{text}");
    let long = town.run(&["backtest", "--since", "30d"]).with(0).text();
    assert!(long.contains("no earlier successful deploy was found"), "{long}");
    assert_eq!(recorded(&town), json!([]));
    assert!(town.github.requests().iter().all(|one| !one.is_write()));
}

#[test]
fn a_backtest_through_a_running_controller_leaves_its_ledger_as_it_was() {
    let (town, _, [_, low, high]) = a_busy_hour();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "deployed");
    let before = recorded(&town);
    drop(town.github.take_requests());
    write(&town, "strict.toml", "high_risk_paths = [\"src/**\"]\n");
    let plain = town.run(&["backtest", "--since", "1h", "--json"]).with(0).json();
    let asked = ["backtest", "--since", "1h", "--policy", "strict.toml", "--json"];
    let strict = town.run(&asked).with(0).json();
    let held = |told: &Value| -> Vec<String> {
        let commits = told["commits"].as_array().unwrap().iter();
        let held = commits.filter(|commit| commit["decision"] == "HOLD");
        held.map(|commit| commit["sha"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(held(&plain), [high.clone()]);
    assert_eq!(held(&strict), [low, high]);
    assert_eq!(strict["supposed"]["policy"], "strict.toml");
    assert_eq!(recorded(&town), before);
    assert!(town.github.take_requests().iter().all(|one| !one.is_write()));
    write(&town, "wrong.toml", "high_risk = []\n");
    town.run(&["backtest", "--policy", "wrong.toml"]).with(2);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_backtest_says_of_a_commit_what_a_simulation_says_on_its_production() {
    let (town, _, [production, low, high]) = a_busy_hour();
    let told = town.run(&["backtest", "--since", "1h", "--json"]).with(0).json();
    for (index, base, sha) in [(0, production, low.clone()), (1, low, high)] {
        let ask = ["simulate", &sha, "--production", &base, "--json"];
        let done = town.run(&ask);
        assert_eq!(done.code(), i32::try_from(index).unwrap());
        let (simulated, row) = (done.json(), &told["commits"][index]);
        for key in ["sha", "decision", "reason", "risk_class"] {
            assert_eq!(row[key], simulated[key], "{key} of {sha}");
        }
    }
}

#[test]
fn an_approval_counts_from_the_moment_it_was_given() {
    let (town, shop, _) = Town::with_shop();
    town.configure("repositories: [{name: acme/shop, approval_mode: label}]\n");
    shop.person("kim").role(Role::Write);
    town.github.advance(120 * MINUTE);
    let pull = shop.pull("dev", &["infra/main.tf"]);
    let sha = pull.merged(MergeMethod::Squash, "dev");
    shop.verify(&sha, "success");
    town.github.advance(10 * MINUTE);
    pull.labeled("release:approved", "kim");
    town.github.advance(10 * MINUTE);
    pull.unlabeled("release:approved", "kim");
    town.github.advance(10 * MINUTE);
    let told = town.run(&["backtest", "--since", "1h", "--json"]).with(0).json();
    let commit = &told["commits"][0];
    assert_eq!((&commit["sha"], &commit["reason"]), (&json!(sha), &json!("high_risk_no_approval")));
    let waited = commit["waited_seconds"].as_i64().unwrap();
    assert!((600..=605).contains(&waited), "{commit:#}");
    assert_eq!(commit["really"]["outcome"], "never");
    town.run(&["simulate", &sha]).with(1);
}
