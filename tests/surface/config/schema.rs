//! The schema of the file accepts what the program accepts, and rejects what the program
//! rejects.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use insta::assert_snapshot;
use jsonschema::Validator;
use release_governor::config::{self, POLICY_KEYS, SCHEMA_URL, SECTIONS};
use serde_json::{Value, json};

use super::{SHOP, yaml};

static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft7::new(&config::schema()).unwrap());

/// The errors that the schema reports: location and message.
pub(super) fn wrong(value: &Value) -> Vec<(String, String)> {
    let told = VALIDATOR.iter_errors(value);
    told.map(|error| (error.instance_path().to_string(), error.to_string())).collect()
}

fn parsed(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Fails if the schema rejects a file that the program accepts.
#[track_caller]
pub(super) fn takes(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let value: Value = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml" | "json") => parsed(text.trim_start_matches('\u{feff}')),
        _ => return,
    };
    let wrong = wrong(&value);
    assert!(
        wrong.is_empty(),
        "the program takes this, and the schema does not: {wrong:#?}\n{text}"
    );
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_published_schema_is_the_one_that_the_program_prints() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_release-governor"));
    let printed = command.env_clear().arg("schema").output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let path = root().join("config/schema.json");
    if std::env::var_os("RELEASE_GOVERNOR_REWRITE").is_some() {
        fs::write(&path, &printed).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == printed,
        "config/schema.json is out of date: RELEASE_GOVERNOR_REWRITE=1 cargo test --test surface \
         makes it anew"
    );
}

#[test]
fn the_schema_is_one_of_draft_7_and_describes_every_key() {
    let schema = config::schema();
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    let described = |property: &Value, key: &str| {
        assert!(property["description"].is_string(), "{key} has no description");
        assert!(property.get("default").is_some(), "{key} has no default");
    };
    let properties = &schema["properties"];
    for (section, keys) in SECTIONS {
        assert_eq!(properties[section]["properties"].as_object().unwrap().len(), keys.len());
        for key in *keys {
            described(&properties[section]["properties"][key.name], key.name);
        }
    }
    for key in POLICY_KEYS {
        described(&properties["defaults"]["properties"][key.name], key.name);
        let same = format!("#/properties/defaults/properties/{}", key.name);
        let of_repository = &schema["definitions"]["repository"]["properties"][key.name];
        assert_eq!(*of_repository, json!({ "$ref": same }));
    }
    for name in ["repository", "signal", "health_check"] {
        assert_eq!(schema["definitions"][name]["additionalProperties"], false, "{name}");
    }
}

#[test]
fn every_example_passes_the_schema_and_tells_editors_where_it_is() {
    let mut seen = 0;
    for folder in ["config", "config/manifests"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            // Kubernetes manifests in the same place have a `kind`.
            if path.extension().is_none_or(|it| it != "yaml") || text.contains("\nkind: ") {
                continue;
            }
            seen += 1;
            takes(&path);
            let first = text.lines().next().unwrap();
            let to = first.strip_prefix("# yaml-language-server: $schema=").unwrap_or_default();
            let schema = path.parent().unwrap().join(to);
            let schema = schema.canonicalize().unwrap_or_else(|e| panic!("{path:?}: {to}: {e}"));
            assert_eq!(schema, root().join("config/schema.json").canonicalize().unwrap());
        }
    }
    assert_eq!(seen, 3);
    let manifest = fs::read_to_string(root().join("charts/release-governor/Chart.yaml")).unwrap();
    let repository = SCHEMA_URL.strip_prefix("https://raw.githubusercontent.com/").unwrap();
    let repository = repository.strip_suffix("/main/config/schema.json").unwrap();
    assert!(manifest.contains(&format!("home: https://github.com/{repository}\n")));
}

/// Configurations with one mistake each, and the key that must be named. A repository is added
/// if there is none.
const MISTAKES: &[(&str, &str)] = &[
    // Unknown keys, at each level.
    ("contoller: {}", "contoller"),
    ("github: {api_uri: x}", "api_uri"),
    ("github: {token: x}", "token"),
    ("github: {app: {app_id: 1, private_key_file: k, private_key: x}}", "private_key"),
    ("controller: {interval: 60s}", "interval"),
    ("server: {port: 8080}", "port"),
    ("state: {directory: /data}", "directory"),
    ("defaults: {cooldwon_minutes: 5}", "cooldwon_minutes"),
    ("defaults: {name: acme/shop}", "name"),
    ("repositories: [{name: acme/shop, brnach: main}]", "brnach"),
    ("defaults: {failure_types: [{pattern: a, label: b, lable: c}]}", "lable"),
    ("defaults: {degraded: {type: http, url: 'http://h', status: 200}}", "status"),
    ("defaults: {degraded: [{type: http, url: 'http://h', query: up}]}", "query"),
    ("defaults: {health_check: {url: 'http://h', type: http}}", "type"),
    // Missing keys.
    ("defaults: {}\nrepositories: [{branch: main}]", "name"),
    ("github: {app: {app_id: 1}}", "private_key_file"),
    ("github: {app: {private_key_file: k}}", "app_id"),
    ("defaults: {failure_types: [{pattern: a}]}", "label"),
    ("defaults: {degraded: {url: 'http://h'}}", "type"),
    ("defaults: {degraded: {type: http}}", "url"),
    ("defaults: {degraded: {type: prometheus, url: 'http://h'}}", "query"),
    ("defaults: {degraded: {type: alertmanager, url: 'http://h'}}", "matchers"),
    ("defaults: {health_check: {timeout: 1s}}", "url"),
    ("defaults: {health_check: {url: 'http://h', json_pointer: /a}}", "expected_value"),
    ("defaults: {health_check: {url: 'http://h', expected_value: a}}", "json_pointer"),
    // Values of the wrong type.
    ("github: []", "github"),
    ("defaults: text", "defaults"),
    ("repositories: {name: acme/shop}", "repositories"),
    ("repositories: [acme/shop]", "repositories"),
    ("repositories: []", "repositories"),
    ("defaults: {enabled: 1}", "enabled"),
    ("defaults: {dry_run: 'true'}", "dry_run"),
    ("defaults: {dry_run: null}", "dry_run"),
    ("defaults: {paused: true}", "paused"),
    ("defaults: {cooldown_minutes: 5m}", "cooldown_minutes"),
    ("defaults: {cooldown_minutes: '5'}", "cooldown_minutes"),
    ("defaults: {high_risk_paths: infra/**}", "high_risk_paths"),
    ("defaults: {approval_teams: acme/captains}", "approval_teams"),
    ("defaults: {verification_events: push}", "verification_events"),
    ("defaults: {branch: [main]}", "branch"),
    ("defaults: {degraded: true}", "degraded"),
    ("defaults: {health_check: 5}", "health_check"),
    ("defaults: {failure_types: {pattern: a, label: b}}", "failure_types"),
    ("controller: {poll_interval: 60}", "poll_interval"),
    ("controller: {max_concurrency: many}", "max_concurrency"),
    ("github: {app: 12345}", "app"),
    // Unknown keywords.
    ("defaults: {hold_state: success}", "hold_state"),
    ("defaults: {approval_mode: lable}", "approval_mode"),
    ("defaults: {approval_mode: [label, issue]}", "approval_mode"),
    ("defaults: {approval_mode: []}", "approval_mode"),
    ("defaults: {approval_min_permission: owner}", "approval_min_permission"),
    ("defaults: {failure_issue_on_recovery: reopen}", "failure_issue_on_recovery"),
    ("defaults: {verification_events: [pull_requests]}", "verification_events"),
    ("defaults: {run_events: []}", "run_events"),
    ("defaults: {degraded: {type: grafana, url: 'http://h'}}", "type"),
    ("defaults: {health_check: {url: 'http://h', when_unreachable: bad}}", "when_unreachable"),
    // Numbers and durations out of range.
    ("defaults: {cooldown_minutes: -1}", "cooldown_minutes"),
    ("defaults: {cooldown_minutes: 527041}", "cooldown_minutes"),
    ("defaults: {dispatch_confirm_seconds: 0}", "dispatch_confirm_seconds"),
    ("defaults: {max_deploys_per_hour: 0}", "max_deploys_per_hour"),
    ("defaults: {max_attempts_per_sha: 1.5}", "max_attempts_per_sha"),
    ("defaults: {max_attempts_per_sha: 1000001}", "max_attempts_per_sha"),
    ("github: {max_requests_per_minute: -1}", "max_requests_per_minute"),
    ("controller: {max_concurrency: 1001}", "max_concurrency"),
    ("state: {history_days: 0}", "history_days"),
    ("state: {history_days: 36526}", "history_days"),
    ("controller: {poll_interval: 1 minute}", "poll_interval"),
    ("controller: {poll_interval: 1d}", "poll_interval"),
    ("controller: {active_poll_interval: 0s}", "active_poll_interval"),
    ("defaults: {health_check: {url: 'http://h', timeout: soon}}", "timeout"),
    ("defaults: {health_check: {url: 'http://h', expected_status: 99}}", "expected_status"),
    ("defaults: {health_check: {url: 'http://h', expected_status: [200, 600]}}", "expected_status"),
    // Invalid texts.
    ("repositories: [{name: shop}]", "name"),
    ("repositories: [{name: acme/shop/api}]", "name"),
    ("repositories: [{name: acme/..}]", "name"),
    ("defaults: {branch: refs/heads/main}", "branch"),
    ("defaults: {deploy_workflow_ref: 'a b'}", "deploy_workflow_ref"),
    ("defaults: {run_title: Deploy}", "run_title"),
    ("defaults: {other_run_titles: ['*']}", "other_run_titles"),
    ("defaults: {preview_refs: [refs/heads/x]}", "preview_refs"),
    ("defaults: {high_risk_paths: ['*.{js,ts}']}", "high_risk_paths"),
    ("defaults: {migration_paths: ['']}", "migration_paths"),
    ("defaults: {approval_command: '> approve'}", "approval_command"),
    ("defaults: {approval_teams: [a/b/c]}", "approval_teams"),
    ("defaults: {status_context: ''}", "status_context"),
    ("defaults: {approval_label: ' x'}", "approval_label"),
    ("defaults: {production_environment_name: ''}", "production_environment_name"),
    ("defaults: {degraded: {type: prometheus, url: 'http://h/api/v1', query: up}}", "url"),
    ("defaults: {degraded: {type: http, url: h}}", "url"),
    (
        "defaults: {degraded: {type: prometheus, url: 'http://h', query: up, degraded_when: high}}",
        "degraded_when",
    ),
    ("defaults: {degraded: {type: alertmanager, url: 'http://h', matchers: [shop]}}", "matchers"),
    (
        "defaults: {health_check: {url: 'http://h', json_pointer: a, expected_value: b}}",
        "json_pointer",
    ),
    ("defaults: {health_check: {url: 'http://h', headers: {Content-Length: 1}}}", "headers"),
    (
        "defaults: {health_check: {url: 'http://h', headers: {Authorization: x}, \
         bearer_token_file: t}}",
        "health_check",
    ),
    ("github: {api_url: 'http://ghe.example.com'}", "api_url"),
    ("github: {api_url: 'https://github.com'}", "api_url"),
    ("github: {api_url: 'https://me@ghe.example.com'}", "api_url"),
    ("github: {token_file: ghp_0123456789}", "token_file"),
    ("github: {app: {app_id: a/b, private_key_file: k}}", "app_id"),
    ("github: {app: {app_id: 1, private_key_file: k, installation_id: 0}}", "installation_id"),
    ("server: {listen: '8080'}", "listen"),
    ("server: {public_url: governor.example.com}", "public_url"),
];

#[test]
fn mistakes_are_refused_by_the_schema_and_by_the_program_and_both_name_the_key() {
    assert!(MISTAKES.len() >= 50);
    for (text, key) in MISTAKES {
        let more = if text.contains("repositories:") { "" } else { SHOP };
        let text = format!("{text}\n{more}");
        let by_program = yaml(&text).mistakes();
        assert!(by_program.contains(key), "the program does not name {key}: {by_program}\n{text}");
        let by_schema = wrong(&parsed(&text));
        let named = by_schema.iter().any(|(place, told)| place.contains(key) || told.contains(key));
        assert!(named, "the schema does not name {key}: {by_schema:?}\n{text}");
    }
    let both = "github: {app: {app_id: 1, private_key_file: k}, token_file: t}\n";
    assert!(yaml(&format!("{both}{SHOP}")).mistakes().contains("choose one"));
    assert!(!wrong(&parsed(&format!("{both}{SHOP}"))).is_empty());
}

/// Values that are tried at every key.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "100",
    "601",
    "1001",
    "40000",
    "1e6",
    "1e9",
    "99999999999",
    "''",
    "' '",
    "x",
    "' x'",
    "'x '",
    "'a b'",
    "'Yes'",
    "'0'",
    "main",
    "2024.1",
    "refs/heads/main",
    "a..b",
    "-x",
    "x/",
    "x.lock",
    "a//b",
    "preview/**",
    "infra/**",
    "'a{b'",
    "'#x'",
    "/",
    "'!x'",
    "'a**'",
    "'**/x'",
    "'Deploy {sha}'",
    "'{sha}'",
    "'{x}'",
    "'{sha} {sha}'",
    "'*'",
    "30s",
    "1.5h",
    "2 h",
    "0s",
    "99ms",
    "25h",
    "1.2.3s",
    "'30'",
    "push",
    "failure",
    "red",
    "environment",
    "write",
    "comment",
    "':8080'",
    "'localhost:1'",
    "'1.2.3.4:80'",
    "'[::1]:80'",
    "'host:80'",
    "':99999'",
    "'https://h'",
    "'https://h/'",
    "'http://h'",
    "'http://localhost:1/x'",
    "'http://[::1]:1'",
    "'https://u@h'",
    "'https://h?x'",
    "'https://h#x'",
    "'https://github.com'",
    "'https://h:port'",
    "'ftp://h'",
    "'https://h/a@b'",
    "'https://h?a=b@c'",
    "'me:secret@h'",
    "ghp_x0123456789",
    "acme/shop",
    "acme/..",
    "acme/shop/x",
    "'> approve'",
    "'# approve'",
    "/approve",
    "'**approve**'",
    "'- x'",
    "'...'",
    "\"a\\nb\"",
    "'HTTPS://h'",
    "'https://a_b.c:8443/x'",
    "'https://[::1]'",
    "'http://127.1.2.3:4'",
    "'HTTP://LOCALHOST'",
    "'https://h:99999'",
    "'[::ffff:1.2.3.4]:80'",
    "'::1:80'",
    "é",
    "'é/ü'",
    "~",
    "[]",
    "[x]",
    "[1]",
    "[true]",
    "[null]",
    "['']",
    "[push]",
    "[push, red]",
    "[environment, label]",
    "['a{b']",
    "['**/x', '!y']",
    "['{sha} on *']",
    "[{}]",
    "{}",
    "{x: 1}",
    "[{pattern: a, label: b}]",
    "[{pattern: a}]",
    "[{pattern: 1, label: true}]",
    "{url: 'http://h'}",
    "{url: 'http://h?a=b', timeout: null, expected_status: null}",
    "{type: http, url: 'http://h'}",
    "[{type: http, url: 'http://h'}]",
    "{type: http, url: 'http://h', expected_status: [200, 204], headers: {A: 1, B: c}}",
    "{type: http, url: 'http://h', json_pointer: null, expected_value: null, name: null}",
    "{type: alertmanager, url: 'http://h', matchers: ['a=\"b\"', 'c=~d|e', 'f!=g']}",
    "{type: prometheus, url: 'http://h/x', query: up, degraded_when: '> 0.05'}",
    "{type: prometheus, url: 'http://h', query: 'a\n+ b', degraded_when: ' <=1e3 '}",
];

/// The key of a location such as `/defaults/branch/0` or `defaults.branch[0]`.
fn key_of(place: &str) -> Option<String> {
    let mut parts = place.split(['/', '.', '[']).filter(|part| !part.is_empty());
    let (section, key) = (parts.next()?, parts.next()?);
    Some(format!("{section}.{key}"))
}

/// At every key, the schema accepts each value that the program accepts. It may accept more
/// where a schema cannot express a rule, or only in an unreadable form.
#[test]
fn the_schema_refuses_nothing_that_the_program_takes() {
    let mut only_the_program = Vec::new();
    for value in VALUES {
        let mut text = String::new();
        for (section, keys) in SECTIONS {
            text.push_str(&format!("{section}:\n"));
            // An App excludes a token file, whatever its value.
            for key in keys.iter().filter(|key| key.name != "app") {
                text.push_str(&format!("  {}: {value}\n", key.name));
            }
        }
        text.push_str("defaults:\n");
        for key in POLICY_KEYS {
            text.push_str(&format!("  {}: {value}\n", key.name));
        }
        text.push_str(SHOP);
        let by_program: BTreeSet<String> = match yaml(&text).load() {
            Ok(_) => BTreeSet::new(),
            Err(mistakes) => mistakes.0.iter().filter_map(|one| key_of(&one.key)).collect(),
        };
        let by_schema: BTreeSet<String> =
            wrong(&parsed(&text)).iter().filter_map(|(place, _)| key_of(place)).collect();
        let stricter: Vec<&String> = by_schema.difference(&by_program).collect();
        assert_eq!(stricter, [""; 0], "{value}: the program takes it there");
        let looser: Vec<&str> = by_program.difference(&by_schema).map(String::as_str).collect();
        if !looser.is_empty() {
            only_the_program.push(format!("{value}: {}", looser.join(", ")));
        }
    }
    assert_snapshot!(only_the_program.join("\n"), @r"
    -1: defaults.branch, defaults.deploy_workflow_ref
    99ms: controller.active_poll_interval, controller.poll_interval
    25h: controller.active_poll_interval, controller.poll_interval
    '[::1]:80': defaults.approval_command
    ':99999': server.listen
    '**approve**': defaults.approval_command
    'https://h:99999': github.api_url, server.public_url
    '[::ffff:1.2.3.4]:80': defaults.approval_command
    ");
}
