//! How the mistakes of a configuration are reported.

use insta::assert_snapshot;

use super::{SHOP, file, shop, shop_with, yaml};

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

#[test]
fn an_unknown_variable_is_a_mistake() {
    let written = shop()
        .with("RELEASE_GOVERNOR_COOLDOWN_MINUTE", "5")
        .with("RELEASE_GOVERNOR_GITHUB__TOKEN", "ghp_secretsecret")
        .with("RELEASE_GOVERNOR_STATE_DIR", "/data")
        .with("RELEASE_GOVERNOR_WEBHOOK", "1");
    assert_snapshot!(written.mistakes(), @"
    the configuration has 4 mistakes:
    environment: RELEASE_GOVERNOR_COOLDOWN_MINUTE: is not a known key: did you mean RELEASE_GOVERNOR_COOLDOWN_MINUTES?
    environment: RELEASE_GOVERNOR_GITHUB__TOKEN: is not a known key: did you mean RELEASE_GOVERNOR_GITHUB__TOKEN_FILE?
    environment: RELEASE_GOVERNOR_STATE_DIR: is not a known key: did you mean RELEASE_GOVERNOR_STATE__DIR?
    environment: RELEASE_GOVERNOR_WEBHOOK: is not a known key: expected RELEASE_GOVERNOR_ and a key in capitals, with __ between levels, as in RELEASE_GOVERNOR_COOLDOWN_MINUTES or RELEASE_GOVERNOR_GITHUB__API_URL
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
    governor.yaml:1: contoller: is not a known key: did you mean controller?
    governor.yaml:2: github.api_uri: is not a known key: did you mean api_url?
    governor.yaml:3: defaults.name: is not a known key: known are enabled, dry_run, paused, branch, verification_workflow_name, verification_events, deploy_workflow_name, deploy_workflow_ref, run_title, other_run_titles, run_events, preview_refs, other_deploy_workflows, production_environment_name, require_approval_for_first_deploy, high_risk_paths, medium_risk_paths, migration_paths, workflow_files_high, cooldown_minutes, max_deploys_per_hour, max_attempts_per_sha, hold_after_rollback, hold_low_when_degraded, hold_state, deploy_timeout_minutes, approval_mode, approval_label, approval_command, approval_min_permission, approval_allow_author, approval_before_merge, approval_teams, raise_risk_contexts, dispatch_confirm_seconds, status_context, failure_types, failure_issue_on_recovery, degraded, health_check, post_deploy_watch_minutes
    governor.yaml:5: repositories[0].nam: is not a known key: did you mean name?
    governor.yaml:5: repositories[0]: lacks the key `name`, as in `name: acme/shop`
    governor.yaml:6: repositories[0].cooldown: is not a known key: did you mean cooldown_minutes?
    governor.yaml:7: repositories[0].failure_types[0].patern: is not a known key: did you mean pattern?
    governor.yaml:7: repositories[0].failure_types[0]: lacks the key `pattern`
    governor.yaml:7: repositories[0].failure_types[0]: lacks the key `label`
    ");
}

#[test]
fn null_is_a_key_left_out() {
    yaml(&format!("github: {{app: null, ca_file: null}}\n{SHOP}")).good();
    yaml("repositories: [{name: acme/shop, degraded: null, health_check: null}]\n").good();
}

#[test]
fn an_app_needs_its_number_and_its_key_and_stands_alone() {
    assert_snapshot!(yaml(&format!("github: {{app: {{app_id: 1}}}}\n{SHOP}")).mistakes(), @"governor.yaml:1: github.app: lacks the key `private_key_file`");
    assert_snapshot!(yaml(&format!("github: {{app: 1}}\n{SHOP}")).mistakes(), @"governor.yaml:1: github.app: found `1`, expected a mapping with `app_id` and `private_key_file`");
    let app = "app: {app_id: 1, private_key_file: key.pem}";
    assert_snapshot!(yaml(&format!("github: {{{app}, token_file: token}}\n{SHOP}")).mistakes(), @"governor.yaml:1: github.app: cannot be set together with github.token_file: choose one");
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
fn each_repository_stands_there_once() {
    let written = yaml("repositories:\n  - name: acme/shop\n  - name: Acme/Shop\n");
    assert_snapshot!(written.mistakes(), @"governor.yaml:3: repositories[1].name: found `Acme/Shop`, expected each repository once");
}

#[test]
fn a_key_that_stands_there_twice_is_refused_in_every_language() {
    assert_snapshot!(yaml("server: {}\nserver: {}\n").mistakes(), @"governor.yaml:2: is not valid YAML: duplicate mapping key `server` is not allowed here");
    let json = file("governor.json", "{\"server\": {},\n \"server\": {}}");
    assert_snapshot!(json.mistakes(), @"governor.json:2: is not valid JSON: the key `server` appears twice here at line 2 column 14");
    let toml = file("governor.toml", "[server]\n[server]\n");
    assert_snapshot!(toml.mistakes(), @"governor.toml:2: is not valid TOML: invalid table header duplicate key `server` in document root");
}

#[test]
fn limits_of_numbers_and_durations_are_the_documented_ones() {
    for good in [
        "cooldown_minutes: 0",
        "cooldown_minutes: 1.5",
        "dispatch_confirm_seconds: 1",
        "max_deploys_per_hour: 1",
        "max_attempts_per_sha: 1",
        "deploy_timeout_minutes: 0.05",
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
        "deploy_timeout_minutes: -1",
        "enabled: maybe",
        "enabled: 1",
        "hold_state: success",
        "approval_min_permission: owner",
        "approval_mode: []",
        "verification_events: []",
        "verification_events: [Push]",
        "verification_events: [push, pull_requests]",
        "verification_events: [workflow_call]",
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
fn an_approval_command_that_no_comment_could_give_is_refused() {
    assert_snapshot!(shop_with("approval_command: '> approve'").mistakes(), @"governor.yaml:3: repositories[0].approval_command: found `> approve`, expected a line that a comment can give, as in /approve: this one begins a quote in Markdown, and quoted words do not count");
    assert_snapshot!(shop_with("approval_command: ' /approve'").mistakes(), @"governor.yaml:3: repositories[0].approval_command: found ` /approve`, expected a line that a comment can give, as in /approve: this one begins or ends in white space, which a comment's line does not keep");
    assert_snapshot!(shop_with("approval_command: '<approve>'").mistakes(), @"governor.yaml:3: repositories[0].approval_command: found `<approve>`, expected a line that a comment can give, as in /approve: this one is HTML or a definition in Markdown, which is not shown");
    assert_snapshot!(shop_with("approval_command: \"/approve\\n/now\"").mistakes(), @r#"governor.yaml:3: repositories[0].approval_command: found `/approve\n/now`, expected a line that a comment can give, as in /approve: this one has more than one line"#);
    assert_snapshot!(shop_with("approval_command: [/approve]").mistakes(), @"governor.yaml:3: repositories[0].approval_command: found a list, expected a line that a comment can give, as in /approve");
    let written = shop().with("RELEASE_GOVERNOR_APPROVAL_COMMAND", "**approve**");
    assert_snapshot!(written.mistakes(), @"environment: RELEASE_GOVERNOR_APPROVAL_COMMAND: found `**approve**`, expected a line that a comment can give, as in /approve: this one holds markup, so that Markdown shows other characters than are written: write plain words");
    let config = shop_with("approval_command: '@governor ship it'").only();
    assert_eq!(config.approval_command.as_str(), "@governor ship it");
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
fn lines_are_known_in_every_language() {
    let json = file("governor.json", "{\"repositories\": [\n {\"name\": 5}]}");
    assert_snapshot!(json.mistakes(), @"governor.json:2: repositories[0].name: found `5`, expected a repository as OWNER/NAME, as in acme/shop");
    let toml = file("governor.toml", "[[repositories]]\nname = \"acme/shop\"\nbranch = 5\n");
    assert_snapshot!(toml.mistakes(), @"governor.toml:3: repositories[0].branch: found `5`, expected a branch's name without refs/heads/, as in main, or null");
}

#[test]
fn an_event_that_starts_no_runs_is_refused_with_those_that_do() {
    let said = shop_with("verification_events: [push, pull_requests]").mistakes();
    let known = "found `pull_requests`, expected an event that GitHub starts runs by: one of \
                 branch_protection_rule, check_run, check_suite, create,";
    assert!(said.contains(known) && said.contains(" workflow_dispatch, workflow_run"), "{said}");
    shop_with("verification_events: [pull_request, dynamic, workflow_run]").only();
}
