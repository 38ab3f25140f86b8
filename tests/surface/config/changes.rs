//! The differences between two configurations, and which of them need a restart.

use insta::assert_snapshot;
use proptest::prelude::*;
use release_governor::config::{Config, ConfigChange, changes, lines, needs_restart};

use super::{Written, yaml};

fn told(old: &str, new: &str) -> String {
    lines(&changes(&yaml(old).good(), &yaml(new).good())).join("\n")
}

#[test]
fn repositories_that_come_and_go_are_named() {
    let old = "repositories: [{name: acme/shop}, {name: acme/cart}]";
    let new = "repositories: [{name: acme/pay}, {name: Acme/Shop}]";
    assert_snapshot!(told(old, new), @"
    acme/pay is now governed
    acme/cart was removed from the configuration: it is no longer governed; its history is kept
    ");
    assert_eq!(told(old, old), "");
    assert_eq!(told(old, "# words\nrepositories: [{name: acme/cart}, {name: acme/shop}]"), "");
}

#[test]
fn a_key_that_changed_is_told_with_both_values() {
    let old = "repositories: [{name: acme/shop, high_risk_paths: [a/**, b/**, c/**]}]";
    let new = "controller: {poll_interval: 30s}
repositories: [{name: acme/shop, high_risk_paths: [c/**, a/**, d/**], cooldown_minutes: 5, paused: freeze}]";
    assert_snapshot!(told(old, new), @r"
    controller.poll_interval: `60s` → `30s`
    acme/shop: cooldown_minutes: 30 → 5
    acme/shop: high_risk_paths: added `d/**`, removed `b/**`
    acme/shop: paused: null → `freeze`
    ");
    let other_order = "repositories: [{name: acme/shop, high_risk_paths: [b/**, a/**, c/**]}]";
    assert_eq!(told(old, other_order), "acme/shop: high_risk_paths: in another order");
}

#[test]
fn what_changes_everywhere_is_told_once_and_a_long_list_ends() {
    let fleet = |minutes: usize, own: bool| {
        let repository = |number: usize| {
            let own = if own { format!(", paused: \"freeze {number}\"") } else { String::new() };
            format!("{{name: acme/r{number}{own}}}")
        };
        let names: Vec<String> = (0..100).map(repository).collect();
        let names = names.join(", ");
        format!("defaults: {{cooldown_minutes: {minutes}}}\nrepositories: [{names}]")
    };
    let all = told(&fleet(30, false), &fleet(31, false));
    assert_snapshot!(all, @"acme/r0, acme/r1, acme/r10 and 97 more: cooldown_minutes: 30 → 31");
    let many = told(&fleet(30, false), &fleet(30, true));
    assert_eq!(many.lines().count(), 51);
    assert!(many.ends_with("and 50 more changes"), "{many}");
}

#[test]
fn what_strangers_wrote_is_escaped_and_a_secret_is_not_shown() {
    let with = |text: &str| -> Config {
        let text = format!("repositories: [{{name: acme/shop, paused: {text}}}]");
        yaml(&text).with("GITHUB_TOKEN", "hunter2hunter2hunter2").good()
    };
    let hostile = with(r#""x\u202Ey hunter2hunter2hunter2 ghp_0123456789abcdef""#);
    let lines = lines(&changes(&with("null"), &hostile));
    assert_eq!(lines, [r"acme/shop: paused: null → `x\u{202e}y *** ghp_***`"]);
    let long = with(&format!("\"{}\"", "y".repeat(200)));
    let shown = release_governor::config::lines(&changes(&with("null"), &long)).remove(0);
    assert!(shown.chars().count() < 150 && shown.ends_with('…'), "{shown}");
}

fn refused(old: &Written, new: &Written) -> String {
    match needs_restart(std::path::Path::new("governor.yaml"), &old.good(), &new.good()) {
        Ok(()) => "taken".to_owned(),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn what_a_process_rests_on_needs_a_restart_and_is_said_with_what_is_in_force() {
    const SHOP: &str = "repositories: [{name: acme/shop}]";
    let with = |more: &str| yaml(&format!("{more}\n{SHOP}"));
    let old = with("");
    assert_snapshot!(refused(&old, &with("server: {listen: ':9090'}\nstate: {dir: /data}")), @r"
    the configuration has 2 mistakes:
    governor.yaml: server.listen: found `0.0.0.0:9090`, expected `127.0.0.1:8080` for as long as this process runs: a change of this key needs a restart
    governor.yaml: state.dir: found `/data`, expected `./state` for as long as this process runs: a change of this key needs a restart
    ");
    for (section, key) in [
        ("github: {api_url: 'https://ghe.example.com/api/v3'}", "github.api_url"),
        ("github: {ca_file: ca.pem}", "github.ca_file"),
        ("github: {app: {app_id: 1, private_key_file: key.pem}}", "github.app"),
    ] {
        let said = refused(&old, &with(section));
        assert!(said.contains(key) && said.contains("needs a restart"), "{said}");
    }
    let app = |number: u32| {
        with(&format!("github: {{app: {{app_id: {number}, private_key_file: key.pem}}}}"))
    };
    assert_eq!(refused(&app(1), &app(1)), "taken");
    assert!(refused(&app(1), &app(2)).contains("github.app"), "another App");
    assert!(refused(&app(1), &old).contains("github.app"), "none any more");
    let token = |file: &str| with(&format!("github: {{token_file: {file}}}"));
    assert_eq!(refused(&token("a"), &token("b")), "taken");
    let given = with("").with("GITHUB_TOKEN", "ghp_given");
    assert!(refused(&given, &token("b")).contains("github.token_file"));
    for live in [
        "github: {max_requests_per_minute: 1, identities: [we]}",
        "controller: {poll_interval: 1s, active_poll_interval: 1s, max_concurrency: 1}",
        "server: {public_url: 'https://governor.example.com'}",
        "state: {history_days: 1}",
        "defaults: {dry_run: true}",
    ] {
        assert_eq!(refused(&old, &with(live)), "taken", "{live}");
    }
}

/// Some repositories, each with some keys.
fn configurations() -> BoxedStrategy<Config> {
    let repository = (0..6_u8, 0..3_u8, any::<bool>());
    prop::collection::btree_map(0..6_u8, repository, 1..6)
        .prop_map(|repositories| {
            let entries: Vec<String> = repositories
                .iter()
                .map(|(name, (_, minutes, dry_run))| {
                    format!(
                        "{{name: acme/r{name}, cooldown_minutes: {minutes}, dry_run: {dry_run}}}"
                    )
                })
                .collect();
            yaml(&format!("repositories: [{}]", entries.join(", "))).good()
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Reports every difference and nothing else, and the reverse difference undoes it.
    #[test]
    fn the_difference_is_all_that_differs(old in configurations(), new in configurations()) {
        prop_assert_eq!(changes(&old, &old), vec![]);
        let there = changes(&old, &new);
        prop_assert_eq!(there.is_empty(), old.digest == new.digest);
        let count = |list: &[ConfigChange], of: fn(&ConfigChange) -> bool| list.iter().filter(|one| of(one)).count();
        let added = count(&there, |one| matches!(one, ConfigChange::Added(_)));
        let removed = count(&there, |one| matches!(one, ConfigChange::Removed(_)));
        prop_assert_eq!(old.repositories.len() + added, new.repositories.len() + removed);
        let back = changes(&new, &old);
        prop_assert_eq!(count(&back, |one| matches!(one, ConfigChange::Removed(_))), added);
        prop_assert_eq!(back.len(), there.len());
    }
}
