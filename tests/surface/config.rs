//! What the configuration means, and how its mistakes are said.

use std::path::PathBuf;
use std::time::Duration;

use insta::assert_snapshot;
use release_governor::config::{self, Config, ConfigErrors, POLICY_KEYS, TokenConfig};
use release_governor::domain::{ApprovalMode, EnvironmentApproval, HoldState, Policy};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A configuration file and an environment, in a directory of their own.
pub(crate) struct Written {
    directory: TempDir,
    name: &'static str,
    environment: Vec<(String, String)>,
}

pub(crate) fn yaml(text: &str) -> Written {
    file("governor.yaml", text)
}

pub(crate) fn file(name: &'static str, text: impl AsRef<[u8]>) -> Written {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), text).unwrap();
    Written { directory, name, environment: Vec::new() }
}

impl Written {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join(self.name)
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        config::load(&self.path(), self.environment.iter().cloned())
    }

    fn good(&self) -> Config {
        self.load().unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn only(&self) -> Policy {
        self.good().repositories.remove(0)
    }

    /// The mistakes as people read them, but for the directory.
    pub(crate) fn mistakes(&self) -> String {
        let mistakes = self.load().expect_err("a mistake").to_string();
        mistakes.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

const SHOP: &str = "repositories: [{name: acme/shop}]\n";

fn shop() -> Written {
    yaml(SHOP)
}

/// A repository with these keys.
fn shop_with(keys: &str) -> Written {
    yaml(&format!("repositories:\n  - name: acme/shop\n    {keys}\n"))
}

#[test]
fn three_mistakes_are_said_at_once_each_with_file_key_value_and_what_was_expected() {
    let written = yaml(
        "controller:\n  poll_interval: 5\nrepositories:\n  - name: acme/shop\n    \
         max_attempts_per_sha: 0\n    high_risk_paths:\n      - infra/**\n      - src/[ab\n",
    );
    assert_snapshot!(written.mistakes(), @r"
    the configuration has 3 mistakes:
    governor.yaml:2: controller.poll_interval: found `5`, expected a duration from 100ms to 24h: a number with ms, s, m or h, as in 30s
    governor.yaml:5: repositories[0].max_attempts_per_sha: found `0`, expected a whole number from 1 to 1000000
    governor.yaml:8: repositories[0].high_risk_paths[1]: found `src/[ab`, expected a pattern as in .gitignore: this one holds a `[` that no `]` closes
    ");
    let mistakes = written.load().unwrap_err().0;
    let [_, second, _] = mistakes.as_slice() else { panic!("{mistakes:?}") };
    assert_eq!(second.key, "repositories[0].max_attempts_per_sha");
    assert_eq!(second.line, Some(5));
    assert_eq!(second.value.as_deref(), Some("`0`"));
    assert!(second.file.ends_with("governor.yaml"));
}

#[test]
fn mistakes_in_the_file_and_in_the_environment_are_said_together() {
    let written = yaml("defaults: {cooldown_minutes: soon}\nrepositories: [{name: shop}]\n")
        .with("RELEASE_GOVERNOR_HOLD_STATE", "red")
        .with("RELEASE_GOVERNOR_HIGH_RISK_PATHS", "infra/**, a{b");
    assert_snapshot!(written.mistakes(), @r"
    the configuration has 4 mistakes:
    governor.yaml:1: defaults.cooldown_minutes: found `soon`, expected a number of minutes, at least 0 and at most a year
    governor.yaml:2: repositories[0].name: found `shop`, expected a repository as OWNER/NAME, as in acme/shop
    environment: RELEASE_GOVERNOR_HIGH_RISK_PATHS[1]: found `a{b`, expected a pattern as in .gitignore: this one holds braces, which gitignore does not know: write one pattern for each
    environment: RELEASE_GOVERNOR_HOLD_STATE: found `red`, expected failure or pending
    ");
}

#[test]
fn a_mistake_under_an_override_is_said_all_the_same() {
    let written = yaml(
        "defaults: {cooldown_minutes: soon}\n\
         repositories: [{name: acme/shop, cooldown_minutes: 5}]\n",
    )
    .with("RELEASE_GOVERNOR_COOLDOWN_MINUTES", "7");
    assert_snapshot!(written.mistakes(), @"governor.yaml:1: defaults.cooldown_minutes: found `soon`, expected a number of minutes, at least 0 and at most a year");
}

/// The block of the documentation, word for word.
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
    production_environment_name: production     # named in hints while a run waits for its reviewers
    require_approval_for_first_deploy: false
    high_risk_paths: [".github/workflows/**"]
    medium_risk_paths: ["**/Cargo.toml"]
    migration_paths: []
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
    dispatch_confirm_seconds: 300
    status_context: booty/release-governor
    degraded: null              # prometheus, alertmanager or http; see the issue that adds it
"#;

#[test]
fn every_default_is_the_documented_one() {
    let mut documented = yaml(DOCUMENTED).good().effective();
    let mut defaults = shop().good().effective();
    // These have no value of their own to write down.
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
    assert_eq!(identities, ["old-bot", "other[bot]"]);
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
    // Empty could be meant either way, and one of them lets everything through.
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
    for key in POLICY_KEYS {
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
        .with("PATH", "/bin");
    assert_eq!(written.good().digest, shop().good().digest);
}

#[test]
fn an_unknown_variable_is_a_mistake() {
    let written = shop()
        .with("RELEASE_GOVERNOR_COOLDOWN_MINUTE", "5")
        .with("RELEASE_GOVERNOR_GITHUB__TOKEN", "ghp_secretsecret")
        .with("RELEASE_GOVERNOR_STATE_DIR", "/data")
        .with("RELEASE_GOVERNOR_WEBHOOK", "1");
    assert_snapshot!(written.mistakes(), @r"
    the configuration has 4 mistakes:
    environment: RELEASE_GOVERNOR_COOLDOWN_MINUTE: is no key: did you mean RELEASE_GOVERNOR_COOLDOWN_MINUTES?
    environment: RELEASE_GOVERNOR_GITHUB__TOKEN: is no key: did you mean RELEASE_GOVERNOR_GITHUB__TOKEN_FILE?
    environment: RELEASE_GOVERNOR_STATE_DIR: is no key: did you mean RELEASE_GOVERNOR_STATE__DIR?
    environment: RELEASE_GOVERNOR_WEBHOOK: is no key: expected RELEASE_GOVERNOR_ and a key in capitals, with __ between levels, as in RELEASE_GOVERNOR_COOLDOWN_MINUTES or RELEASE_GOVERNOR_GITHUB__API_URL
    ");
}

#[test]
fn unknown_keys_are_refused_with_what_was_probably_meant() {
    let written = yaml(
        "contoller: {}\ngithub: {api_uri: x}\ndefaults: {name: acme/x}\n\
         repositories:\n  - nam: acme/shop\n    cooldown: 5\n    failure_types: [{patern: x}]\n",
    );
    assert_snapshot!(written.mistakes(), @r"
    the configuration has 9 mistakes:
    governor.yaml:1: contoller: is no key here: did you mean controller?
    governor.yaml:2: github.api_uri: is no key here: did you mean api_url?
    governor.yaml:3: defaults.name: is no key here: known are enabled, dry_run, paused, branch, verification_workflow_name, verification_events, deploy_workflow_name, deploy_workflow_ref, production_environment_name, require_approval_for_first_deploy, high_risk_paths, medium_risk_paths, migration_paths, cooldown_minutes, max_deploys_per_hour, max_attempts_per_sha, hold_after_rollback, hold_low_when_degraded, hold_state, deploy_timeout_minutes, approval_mode, approval_label, approval_command, approval_min_permission, approval_allow_author, dispatch_confirm_seconds, status_context, failure_types, failure_issue_on_recovery, degraded
    governor.yaml:5: repositories[0].nam: is no key here: did you mean name?
    governor.yaml:5: repositories[0]: lacks the key `name`, as in `name: acme/shop`
    governor.yaml:6: repositories[0].cooldown: is no key here: did you mean cooldown_minutes?
    governor.yaml:7: repositories[0].failure_types[0].patern: is no key here: did you mean pattern?
    governor.yaml:7: repositories[0].failure_types[0]: lacks the key `pattern`
    governor.yaml:7: repositories[0].failure_types[0]: lacks the key `label`
    ");
}

#[test]
fn what_this_version_does_not_know_yet_is_refused_and_null_is_not() {
    let written = yaml("repositories: [{name: acme/shop, degraded: {type: prometheus}}]\n");
    assert_snapshot!(written.mistakes(), @"governor.yaml:1: repositories[0].degraded: is not supported by this version yet: leave it out");
    yaml(&format!("github: {{app: null, ca_file: null}}\n{SHOP}")).good();
}

#[test]
fn an_app_needs_its_number_and_its_key_and_stands_alone() {
    assert_snapshot!(yaml(&format!("github: {{app: {{app_id: 1}}}}\n{SHOP}")).mistakes(), @"governor.yaml:1: github.app: lacks the key `private_key_file`");
    assert_snapshot!(yaml(&format!("github: {{app: 1}}\n{SHOP}")).mistakes(), @"governor.yaml:1: github.app: found `1`, expected a mapping with `app_id` and `private_key_file`");
    let app = "app: {app_id: 1, private_key_file: key.pem}";
    assert_snapshot!(yaml(&format!("github: {{{app}, token_file: token}}\n{SHOP}")).mistakes(), @"governor.yaml:1: github.app: stands beside github.token_file: choose one of them");
    let odd = "app: {app_id: a/b, private_key_fil: key.pem, installation_id: -1}";
    let odd = yaml(&format!("github: {{{odd}}}\n{SHOP}")).mistakes();
    for said in
        ["app_id: found `a/b`", "did you mean private_key_file?", "installation_id: found `-1`"]
    {
        assert!(odd.contains(said), "{odd}");
    }
    let config = yaml(&format!("github: {{{app}}}\n{SHOP}")).good();
    assert_eq!(config.effective()["github"]["app"]["app_id"], "1");
    let whole = "app: {app_id: 1, private_key_file: key.pem, installation_id: 60000001}";
    let config = yaml(&format!("github: {{{whole}}}\n{SHOP}")).good();
    assert_eq!(config.effective()["github"]["app"]["installation_id"], 60_000_001);
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
fn each_repository_stands_there_once() {
    let written = yaml("repositories:\n  - name: acme/shop\n  - name: Acme/Shop\n");
    assert_snapshot!(written.mistakes(), @"governor.yaml:3: repositories[1].name: found `Acme/Shop`, expected each repository once");
}

#[test]
fn a_key_that_stands_there_twice_is_refused_in_every_language() {
    assert_snapshot!(yaml("server: {}\nserver: {}\n").mistakes(), @"governor.yaml:2: is no valid YAML: duplicate mapping key `server` is not allowed here");
    let json = file("governor.json", "{\"server\": {},\n \"server\": {}}");
    assert_snapshot!(json.mistakes(), @"governor.json:2: is no valid JSON: the key `server` stands here twice at line 2 column 14");
    let toml = file("governor.toml", "[server]\n[server]\n");
    assert_snapshot!(toml.mistakes(), @"governor.toml:2: is no valid TOML: invalid table header duplicate key `server` in document root");
}

#[test]
fn limits_of_numbers_and_durations_are_the_documented_ones() {
    for good in [
        "cooldown_minutes: 0",
        "cooldown_minutes: 1.5",
        "dispatch_confirm_seconds: 1",
        "max_deploys_per_hour: 1",
        "max_attempts_per_sha: 1",
        "deploy_timeout_minutes: 1",
    ] {
        shop_with(good).good();
    }
    for wrong in [
        "cooldown_minutes: -1",
        "cooldown_minutes: 1e300",
        "cooldown_minutes: '5'",
        "cooldown_minutes:",
        "dispatch_confirm_seconds: 0",
        "max_deploys_per_hour: 0",
        "max_attempts_per_sha: 0",
        "max_attempts_per_sha: 1.5",
        "max_attempts_per_sha: 99999999999999999999999",
        "deploy_timeout_minutes: 0",
        "enabled: maybe",
        "enabled: 1",
        "hold_state: success",
        "approval_min_permission: owner",
        "approval_mode: []",
        "verification_events: []",
        "verification_events: [Push]",
        "verification_workflow_name: ''",
        "status_context: ''",
        "status_context: \"a\\nb\"",
        "branch: refs/heads/main",
        "branch: a..b",
        "branch: ''",
        "high_risk_paths: infra/**",
        "high_risk_paths:",
        "high_risk_paths: ['']",
        "failure_issue_on_recovery: reopen",
        "paused: true",
        "paused: ''",
        "paused: [x]",
    ] {
        let text = shop_with(wrong).mistakes();
        let key = wrong.split(':').next().unwrap();
        assert!(
            text.contains(&format!("governor.yaml:3: repositories[0].{key}")),
            "{wrong}: {text}"
        );
        assert!(text.contains("expected"), "{wrong}: {text}");
    }
    for infinite in ["cooldown_minutes: .nan", "cooldown_minutes: .inf"] {
        assert!(shop_with(infinite).mistakes().starts_with("governor.yaml:3: "));
    }
    for (interval, is_good) in [("100ms", true), ("99ms", false), ("1h", true), ("60", false)] {
        let written = yaml(&format!("controller: {{poll_interval: {interval}}}\n{SHOP}"));
        assert_eq!(written.load().is_ok(), is_good, "{interval}");
    }
}

#[test]
fn addresses_are_https_or_stay_on_this_machine() {
    let load = |key: &str, url: &str| {
        let (section, name) = key.split_once('.').unwrap();
        yaml(&format!("{section}: {{{name}: '{url}'}}\n{SHOP}")).load()
    };
    for good in [
        "https://api.github.com/",
        "https://ghe.example.com/api/v3",
        "http://localhost:4000",
        "http://127.0.0.1:4000",
        "http://[::1]:4000",
    ] {
        let config = load("github.api_url", good).unwrap();
        assert_eq!(config.github.api_url, good.trim_end_matches('/'));
    }
    for wrong in [
        "http://ghe.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "https://user:hunter2@ghe.example.com",
        "https://ghe.example.com?x=1",
        "https://ghe.example.com#x",
        "https://github.com",
        "ftp://ghe.example.com",
        "ghe.example.com",
        "https://",
        "https://ghe.example.com:http",
        "",
    ] {
        let mistakes = load("github.api_url", wrong).expect_err(wrong).to_string();
        assert!(!mistakes.contains("hunter2"), "{mistakes}");
    }
    assert!(load("server.public_url", "http://governor.internal/x/").is_ok());
    assert!(load("server.public_url", "governor.internal").is_err());
    for listen in ["0.0.0.0:8080", "[::]:8080", ":8080", "localhost:0"] {
        assert!(load("server.listen", listen).is_ok(), "{listen}");
    }
    for listen in ["8080", "0.0.0.0", "host:80", ":99999"] {
        assert!(load("server.listen", listen).is_err(), "{listen}");
    }
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
    let token = shop().with("GITHUB_TOKEN", "12345678901234567890\n").good().github.token;
    let TokenConfig::Value(token) = token else { panic!("{token:?}") };
    assert_eq!(token.expose_secret(), "12345678901234567890");
    let none = shop().with("GITHUB_TOKEN", "").good();
    assert!(matches!(none.github.token, TokenConfig::Missing));
    assert!(none.warnings.iter().any(|w| w.starts_with("no token")), "{:?}", none.warnings);
}

#[test]
fn no_message_holds_a_secret() {
    let secret = "hunter2hunter2hunter2";
    let written = yaml(&format!(
        "github:\n  token: ghp_0123456789abcdef\n  token_file: ghp_0123456789abcdef\n  \
         api_url: https://me:{secret}@ghe.example.com\n  max_requests_per_minute: {secret}\n\
         ghp_0123456789abcdef: 1\nrepositories: [{{name: {secret}}}]\n"
    ))
    .with("GITHUB_TOKEN", secret)
    .with("RELEASE_GOVERNOR_ENABLED", "github_pat_11ABCDEFG_0123456789")
    .with("RELEASE_GOVERNOR_GITHUB__TOKN", "ghs_0123456789abcdef");
    let mistakes = written.mistakes();
    assert!(mistakes.lines().count() > 6, "{mistakes}");
    for part in ["0123456789", "hunter2"] {
        assert!(!mistakes.contains(part), "{mistakes}");
    }
    let debug = format!("{:?}", shop().with("GITHUB_TOKEN", secret).good());
    assert!(!debug.contains(secret), "{debug}");
    for (name, text) in [
        ("a.yaml", "token: \"ghp_0123456789abcdef"),
        ("a.json", "{\"token\": \"ghp_0123456789abcdef"),
        ("a.toml", "token = \"ghp_0123456789abcdef"),
        ("b.toml", "token = ghp_0123456789abcdef"),
    ] {
        let mistakes = file(name, text).mistakes();
        assert!(!mistakes.contains("0123456789"), "{mistakes}");
    }
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
fn lines_are_known_in_every_language() {
    let json = file("governor.json", "{\"repositories\": [\n {\"name\": 5}]}");
    assert_snapshot!(json.mistakes(), @"governor.json:2: repositories[0].name: found `5`, expected a repository as OWNER/NAME, as in acme/shop");
    let toml = file("governor.toml", "[[repositories]]\nname = \"acme/shop\"\nbranch = 5\n");
    assert_snapshot!(toml.mistakes(), @"governor.toml:3: repositories[0].branch: found `5`, expected a branch's name without refs/heads/, as in main, or null");
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
    for key in keys.filter(|key| !["app", "ca_file"].contains(key)) {
        assert!(text.contains(&format!("{key}:")), "{key}");
    }
    // It says that it holds the defaults: but for the lists that it shortens, it does.
    let (mut first, mut second) =
        (full.effective()["repositories"][0].take(), full.effective()["repositories"][1].take());
    for policy in [&mut first, &mut second] {
        for key in ["name", "high_risk_paths", "medium_risk_paths"] {
            policy.as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(first, second);
}
