//! The effective configuration: which value wins, and what keywords mean.

use std::path::PathBuf;
use std::time::Duration;

use insta::assert_snapshot;
use release_governor::config::{self, POLICY_KEYS, TokenConfig};
use release_governor::domain::{ApprovalMode, EnvironmentApproval, HoldState};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{SHOP, Written, file, shop, shop_with, yaml};

/// The block in the documentation, word for word.
const DOCUMENTED: &str = r#"
github:
  api_url: https://api.github.com        # or https://ghe.example.com/api/v3, or http:// on loopback
  token_file: /var/run/secrets/github/token   # or GITHUB_TOKEN; re-read when it changes
  max_requests_per_minute: 700           # 0: no pacing
  identities: []                         # accounts we used to be
  # app: { app_id: 1, private_key_file: key.pem, installation_id: 2 }   # instead of a token
controller:
  poll_interval: 60s            # a settled repository
  active_poll_interval: 10s     # something is in flight
  max_concurrency: 16
server:
  listen: 127.0.0.1:8080
  public_url: null              # where people reach the pages; makes HOLD statuses link to them
state:
  dir: ./state
defaults: {}                    # any policy key
repositories:
  - name: acme/shop             # required; the rest are policy keys
    enabled: true               # false: a deploy in flight is watched to its end, nothing is started
    dry_run: false              # reads, decides, logs the plan, writes nothing to GitHub
    paused: null                # a reason; survives everything
    branch: main
    verification_workflow_name: "Verify main"   # a workflow's name or its file name
    verification_events: [push, merge_group, workflow_dispatch, schedule]
    deploy_workflow_name: deploy.yml
    deploy_workflow_ref: main
    run_title: null
    other_run_titles: []
    run_events: [workflow_dispatch, repository_dispatch, push]
    preview_refs: []
    other_deploy_workflows: []
    production_environment_name: production     # named in hints while a run waits for its reviewers
    require_approval_for_first_deploy: false
    high_risk_paths: [".github/workflows/**"]
    medium_risk_paths: ["**/Cargo.toml"]
    migration_paths: []
    workflow_files_high: true
    cooldown_minutes: 30
    max_deploys_per_hour: 6
    max_attempts_per_sha: 1
    hold_after_rollback: true
    hold_low_when_degraded: false
    hold_state: failure         # or pending
    deploy_timeout_minutes: 120 # then say so and alert; never a second dispatch
    approval_mode: environment
    approval_label: release:approved
    approval_command: /approve
    approval_min_permission: write
    approval_allow_author: false
    approval_before_merge: true
    approval_teams: []
    raise_risk_contexts: []
    dispatch_confirm_seconds: 300
    status_context: booty/release-governor
    degraded: null              # prometheus, alertmanager or http; see the issue that adds it
"#;

#[test]
fn every_default_is_the_documented_one() {
    let mut documented = yaml(DOCUMENTED).good().effective();
    let mut defaults = shop().good().effective();
    // These keys have no default that can be written down.
    for key in ["branch", "deploy_workflow_ref", "high_risk_paths", "medium_risk_paths"] {
        for config in [&mut documented, &mut defaults] {
            config["repositories"][0].as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(documented["github"]["token_file"], "/var/run/secrets/github/token");
    for config in [&mut documented, &mut defaults] {
        config["github"].as_object_mut().unwrap().remove("token_file");
    }
    assert_eq!(documented, defaults);
}

#[test]
fn unset_branches_are_the_default_branch_and_unset_lists_are_the_common_ones() {
    let policy = shop().only();
    assert_eq!((policy.branch, policy.deploy_workflow_ref), (None, None));
    for path in [
        ".github/workflows/ci.yml",
        ".github/actions/setup/action.yml",
        "db/migrations/1.sql",
        "src/auth/login.rs",
        "infra/main.tf",
        "terraform/main.tf",
        "Cargo.lock",
        "web/package-lock.json",
        "go.sum",
        "api/poetry.lock",
    ] {
        assert!(policy.high_risk_paths.matching(path).is_some(), "{path}");
    }
    for path in ["Cargo.toml", "web/package.json", "go.mod", "requirements-dev.txt", "pom.xml"] {
        assert!(policy.medium_risk_paths.matching(path).is_some(), "{path}");
        assert!(policy.high_risk_paths.matching(path).is_none(), "{path}");
    }
    assert!(policy.high_risk_paths.matching("src/cart.rs").is_none());
}

#[test]
fn the_repository_beats_the_defaults_and_the_environment_beats_both() {
    let layers = |defaults: bool, repository: bool, environment: bool| {
        let defaults = if defaults { "defaults: {cooldown_minutes: 1}\n" } else { "" };
        let own = if repository { ", cooldown_minutes: 2" } else { "" };
        let written = yaml(&format!("{defaults}repositories: [{{name: acme/shop{own}}}]\n"));
        let variable = "RELEASE_GOVERNOR_COOLDOWN_MINUTES";
        let written = if environment { written.with(variable, "3") } else { written };
        written.only().cooldown.as_secs() / 60
    };
    assert_eq!(layers(false, false, false), 30);
    assert_eq!(layers(true, false, false), 1);
    assert_eq!(layers(false, true, false), 2);
    assert_eq!(layers(true, true, false), 2);
    assert_eq!(layers(false, false, true), 3);
    assert_eq!(layers(true, false, true), 3);
    assert_eq!(layers(false, true, true), 3);
    assert_eq!(layers(true, true, true), 3);
}

#[test]
fn null_in_a_repository_takes_back_what_the_defaults_say() {
    let written = yaml(
        "defaults: {branch: trunk, paused: freeze}\n\
         repositories: [{name: acme/shop}, {name: acme/api, branch: null, paused: ~}]\n",
    );
    let policies = written.good().repositories;
    assert_eq!(policies[0].branch.as_ref().unwrap().as_str(), "trunk");
    assert_eq!(policies[0].paused.as_deref(), Some("freeze"));
    assert_eq!((&policies[1].branch, &policies[1].paused), (&None, &None));
}

#[test]
fn a_variable_names_a_key_with_two_underscores_between_levels() {
    let config = shop()
        .with("RELEASE_GOVERNOR_GITHUB__API_URL", "http://127.0.0.1:4000/")
        .with("RELEASE_GOVERNOR_GITHUB__IDENTITIES", "Old-Bot, other[bot]")
        .with("RELEASE_GOVERNOR_CONTROLLER__POLL_INTERVAL", "250ms")
        .with("RELEASE_GOVERNOR_STATE__DIR", "/data")
        .with("RELEASE_GOVERNOR_SERVER__LISTEN", ":9000")
        .with("RELEASE_GOVERNOR_DEFAULTS__COOLDOWN_MINUTES", "0.5")
        .with("RELEASE_GOVERNOR_BRANCH", "2024")
        .good();
    assert_eq!(config.github.api_url, "http://127.0.0.1:4000");
    let identities: Vec<_> = config.github.identities.iter().map(|i| i.as_str()).collect();
    assert_eq!(identities, ["Old-Bot", "other[bot]"]);
    assert_eq!(config.repositories[0].identities, config.github.identities);
    assert_eq!(config.controller.poll_interval, Duration::from_millis(250));
    assert_eq!(config.state_dir, PathBuf::from("/data"));
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(config.repositories[0].cooldown, Duration::from_secs(30));
    assert_eq!(config.repositories[0].branch.as_ref().unwrap().as_str(), "2024");
}

#[test]
fn a_list_in_a_variable_has_commas_or_brackets() {
    for list in ["infra/**,db/**", "infra/** , db/**", "[infra/**, \"db/**\"]"] {
        let policy = shop().with("RELEASE_GOVERNOR_HIGH_RISK_PATHS", list).only();
        assert_eq!(policy.high_risk_paths.written(), ["infra/**", "db/**"], "{list}");
    }
    let policy = shop()
        .with("RELEASE_GOVERNOR_FAILURE_TYPES", "[{pattern: smoke, label: deploy:smoke}]")
        .with("RELEASE_GOVERNOR_APPROVAL_MODE", "label,comment")
        .only();
    assert_eq!(policy.failure_types[0].pattern, "smoke");
    assert_eq!(policy.approval_modes, [ApprovalMode::Label, ApprovalMode::Comment]);
    let config = shop().with("RELEASE_GOVERNOR_REPOSITORIES", "acme/a,acme/b").good();
    let names: Vec<_> = config.repositories.iter().map(|p| p.repository.to_string()).collect();
    assert_eq!(names, ["acme/a", "acme/b"]);
    // An empty list is ambiguous, and one meaning would let everything through.
    let empty = shop().with("RELEASE_GOVERNOR_HIGH_RISK_PATHS", "");
    assert!(empty.mistakes().contains("RELEASE_GOVERNOR_HIGH_RISK_PATHS: found ``"));
}

#[test]
fn every_policy_key_can_be_set_by_a_variable() {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "null".to_owned(),
        other => other.to_string(),
    };
    let effective = shop().good().effective();
    let mut written = shop();
    for key in POLICY_KEYS.iter().map(|key| key.name) {
        let value = &effective["repositories"][0][key];
        assert!(!value.is_null() || effective["repositories"][0].get(key).is_some(), "{key}");
        let variable = format!("RELEASE_GOVERNOR_{}", key.to_uppercase());
        written = written.with(&variable, &text(value));
    }
    assert_eq!(written.good().effective(), effective);
}

#[test]
fn what_kubernetes_says_of_services_is_no_configuration() {
    let written = shop()
        .with("RELEASE_GOVERNOR_PORT", "tcp://10.0.0.1:8080")
        .with("RELEASE_GOVERNOR_SERVICE_HOST", "10.0.0.1")
        .with("RELEASE_GOVERNOR_SERVICE_PORT", "8080")
        .with("RELEASE_GOVERNOR_SERVICE_PORT_HTTP", "8080")
        .with("RELEASE_GOVERNOR_PORT_8080_TCP", "tcp://10.0.0.1:8080")
        .with("RELEASE_GOVERNOR_PORT_8080_TCP_ADDR", "10.0.0.1")
        .with("RELEASE_GOVERNOR_CONFIG", "elsewhere.yaml")
        .with("RELEASE_GOVERNOR_LOG", "debug")
        .with("RELEASE_GOVERNOR_LOG_FORMAT", "text")
        .with("PATH", "/bin");
    assert_eq!(written.good().digest, shop().good().digest);
}

#[test]
fn an_app_may_come_from_the_environment() {
    let config = yaml(SHOP)
        .with("RELEASE_GOVERNOR_GITHUB__APP__APP_ID", "Iv23liAbc")
        .with("RELEASE_GOVERNOR_GITHUB__APP__PRIVATE_KEY_FILE", "key.pem")
        .with("RELEASE_GOVERNOR_GITHUB__APP__INSTALLATION_ID", "42")
        .good();
    let app = &config.effective()["github"]["app"];
    assert_eq!((&app["app_id"], &app["installation_id"]), (&"Iv23liAbc".into(), &42.into()));
}

#[test]
fn a_name_that_looks_like_a_number_is_taken_as_it_was_written() {
    let policy =
        shop_with("branch: 1.10\n    approval_label: 007\n    status_context: 12e3").only();
    assert_eq!(policy.branch.unwrap().as_str(), "1.10");
    assert_eq!(policy.approval_label, "007");
    assert_eq!(policy.status_context, "12e3");
}

#[test]
fn words_become_what_they_stand_for() {
    let policy = shop_with(
        "deploy_workflow_name: ''\n    hold_state: pending\n    approval_mode: [label, label]",
    )
    .only();
    assert_eq!(policy.deploy_workflow, None);
    assert_eq!(policy.hold_state, HoldState::Pending);
    assert_eq!(policy.approval_modes, [ApprovalMode::Label]);
}

#[test]
fn the_environment_approves_everything_or_whole_shas() {
    let sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
    let digits = "1".repeat(40);
    let approved = |value: &str| shop().with("RELEASE_GOVERNOR_APPROVED", value);
    for everything in ["1", "true", "YES"] {
        let config = approved(everything).good();
        let policy = &config.repositories[0];
        assert_eq!(policy.approved_by_environment, EnvironmentApproval::Everything);
        assert!(config.warnings.iter().any(|w| w.contains("approves every")), "{everything}");
    }
    for nothing in ["", "0", "false"] {
        let policy = approved(nothing).only();
        assert_eq!(policy.approved_by_environment, EnvironmentApproval::Nothing);
    }
    let list = format!("ACME/shop@{sha}, acme/shop@{digits},");
    let expected = EnvironmentApproval::Shas(vec![sha.parse().unwrap(), digits.parse().unwrap()]);
    assert_eq!(approved(&list).only().approved_by_environment, expected);

    let elsewhere = approved(&format!("acme/other@{sha}")).good();
    assert_eq!(elsewhere.repositories[0].approved_by_environment, EnvironmentApproval::Nothing);
    assert!(elsewhere.warnings.iter().any(|w| w.contains("acme/other")));
    assert_snapshot!(approved("acme/shop@1a2b3c4").mistakes(), @"environment: RELEASE_GOVERNOR_APPROVED: found `acme/shop@1a2b3c4`, expected 1, true or yes for everything, or a comma list of OWNER/NAME@SHA with whole shas of 40 digits");
}

#[test]
fn a_token_comes_from_the_file_that_was_named_or_else_from_the_environment() {
    let named = yaml(&format!("github: {{token_file: ./token}}\n{SHOP}"));
    let both = named.with("GITHUB_TOKEN", "ghp_fromtheenvironment");
    assert!(matches!(both.good().github.token, TokenConfig::File(path) if path.ends_with("token")));
    let default = yaml(&format!("github: {{token_file: /var/run/secrets/github/token}}\n{SHOP}"));
    for from_the_environment in [shop(), default] {
        let given = from_the_environment.with("GITHUB_TOKEN", "12345678901234567890\n");
        let token = given.good().github.token;
        let TokenConfig::Value(token) = token else { panic!("{token:?}") };
        assert_eq!(token.expose_secret(), "12345678901234567890");
    }
    let none = shop().with("GITHUB_TOKEN", "").good();
    assert!(matches!(none.github.token, TokenConfig::Missing));
    assert!(none.warnings.iter().any(|w| w.starts_with("no token")), "{:?}", none.warnings);
}

#[test]
fn the_three_languages_say_the_same() {
    let effective = |written: Written| written.good().effective();
    let yaml = effective(yaml(
        "controller: {poll_interval: 2m}\ndefaults: {cooldown_minutes: 5}\n\
         repositories: [{name: acme/shop, high_risk_paths: [a/**]}]\n",
    ));
    let json = effective(file(
        "governor.json",
        json!({
            "controller": {"poll_interval": "2m"},
            "defaults": {"cooldown_minutes": 5},
            "repositories": [{"name": "acme/shop", "high_risk_paths": ["a/**"]}]
        })
        .to_string(),
    ));
    let toml = effective(file(
        "governor.toml",
        "[controller]\npoll_interval = \"2m\"\n[defaults]\ncooldown_minutes = 5\n\
         [[repositories]]\nname = \"acme/shop\"\nhigh_risk_paths = [\"a/**\"]\n",
    ));
    assert_eq!(yaml, json);
    assert_eq!(yaml, toml);
}

#[test]
fn anchors_and_merge_keys_work() {
    let config = yaml(
        "defaults: &all {cooldown_minutes: 5}\n\
         repositories:\n  - {<<: *all, name: acme/shop}\n  - {<<: *all, name: acme/api}\n",
    )
    .good();
    assert_eq!(config.repositories[1].cooldown, Duration::from_mins(5));
}

#[test]
fn the_digest_changes_with_values_and_not_with_words_about_them() {
    let digest = |text: &str| yaml(text).good().digest;
    let plain = digest(SHOP);
    assert_eq!(plain, digest(&format!("# a comment\ndefaults: {{cooldown_minutes: 30}}\n{SHOP}")));
    assert_ne!(plain, digest(&format!("defaults: {{cooldown_minutes: 31}}\n{SHOP}")));
    assert_ne!(plain, shop().with("RELEASE_GOVERNOR_APPROVED", "1").good().digest);
}

#[test]
fn the_examples_load_and_the_full_one_names_every_key() {
    let example = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    let load = |name| config::load(&example(name), std::iter::empty());
    let minimal = load("release-governor.yaml").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(minimal.repositories.len(), 1);
    let full = load("example-full.yaml").unwrap_or_else(|e| panic!("{e}"));
    let text = std::fs::read_to_string(example("example-full.yaml")).unwrap();
    let keys = config::SECTIONS.iter().flat_map(|(_, keys)| *keys).chain(POLICY_KEYS);
    for key in keys.map(|key| key.name) {
        assert!(text.contains(&format!("{key}:")), "{key}");
    }
    // It claims to contain the defaults, which is true except for the lists that it shortens.
    let (mut first, mut second) =
        (full.effective()["repositories"][0].take(), full.effective()["repositories"][1].take());
    for policy in [&mut first, &mut second] {
        for key in ["name", "high_risk_paths", "medium_risk_paths"] {
            policy.as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(first, second);
}
