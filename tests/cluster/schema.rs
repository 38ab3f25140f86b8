//! The chart knows every key of the configuration: its schema includes the program's, and a
//! typo fails `helm upgrade` with the name of the key.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use release_governor::config;
use serde_json::{Value, json};

use crate::readme::held_to;
use crate::rendered::{CHART, template, values_file};
use crate::tools::{HELMS, Helm, refusal, text};

/// The errors that the configuration schema reports, if any.
pub(crate) fn wrong(configuration: &Value) -> Option<String> {
    let validator = jsonschema::draft7::new(&config::schema()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(configuration)
        .map(|error| format!("the schema says: at {}: {error}", error.instance_path()))
        .collect();
    (!errors.is_empty()).then(|| errors.join("\n"))
}

/// The schema of the file, adapted for the chart's `config` value.
fn for_chart() -> Value {
    let mut schema = config::schema();
    // An embedded schema has none of these. With an existing `ConfigMap` there are no
    // repositories; otherwise `_validate.tpl` requires them.
    for key in ["$schema", "$id", "title", "required"] {
        schema.as_object_mut().unwrap().remove(key).unwrap();
    }
    let properties = &mut schema["properties"];
    // The chart's templates access these, which fails if they are null.
    for section in ["github", "server", "state", "defaults"] {
        properties[section]["type"] = json!("object");
    }
    // The chart fills these in: they are optional here, and have other defaults.
    let app = &mut properties["github"]["properties"]["app"];
    app.as_object_mut().unwrap().remove("required").unwrap();
    for (section, key) in [("github", "token_file"), ("server", "listen"), ("state", "dir")] {
        let property = &mut properties[section]["properties"][key];
        property.as_object_mut().unwrap().remove("default").unwrap();
    }
    let refused = json!({ "$comment": "Refused in words: templates/_validate.tpl." });
    properties["github"]["patternProperties"] = json!({ "^(token)$": refused });
    let moved = schema.to_string().replace("\"#/", "\"#/properties/config/");
    serde_json::from_str(&moved).unwrap()
}

#[test]
fn the_charts_schema_holds_that_of_the_configuration_file() {
    let file = format!("{CHART}/values.schema.json");
    let found = fs::read_to_string(crate::tools::root().join(&file)).unwrap();
    let (before, rest) = found.split_once("    \"config\": {\n").unwrap();
    let (_, after) = rest.split_once("\n    },\n").unwrap();
    let config = serde_json::to_string_pretty(&for_chart()).unwrap().replace('\n', "\n    ");
    held_to(&file, &format!("{before}    \"config\": {config},\n{after}"));
}

/// An invalid value, and the key that the error must name.
const TYPOS: [(&str, &str); 16] = [
    ("config.contoller.max_concurrency=4", "contoller"),
    ("config.github.api_uri=https://ghe.example.com/api/v3", "api_uri"),
    ("config.github.app.appid=1", "appid"),
    ("config.server.listn=0.0.0.0:8080", "listn"),
    ("config.state.history_dys=30", "history_dys"),
    ("config.defaults.cooldwon_minutes=5", "cooldwon_minutes"),
    ("config.repositories[0].brnach=main", "brnach"),
    ("config.repositories[0].name=shop", "name"),
    ("config.repositories[0].failure_types[0].patern=x", "patern"),
    ("config.defaults.degraded.typ=http", "typ"),
    ("config.defaults.health_check.ulr=http://shop", "ulr"),
    ("config.defaults.hold_state=red", "hold_state"),
    ("config.defaults.dry_run=yes", "dry_run"),
    ("config.defaults.approval_mode={label,issue}", "approval_mode"),
    ("config.defaults.max_deploys_per_hour=0", "max_deploys_per_hour"),
    ("config.controller.poll_interval=60", "poll_interval"),
];

#[test]
fn a_typo_in_the_configuration_fails_with_the_keys_name() {
    for (set, key) in TYPOS {
        for helm in HELMS {
            let said = refusal(&mut template(helm, "token", "gov", &["--set", set]));
            assert!(said.contains("schema") && said.contains(key), "{helm:?} {set}: {said}");
        }
    }
}

/// Valid but unusual values.
const GOOD: &str = "
config:
  controller:
  github: {app: null, token_file: null, ca_file: null}
  server: {}
  defaults: {degraded: {type: http, url: 'http://shop/healthz', expected_status: [200, 204]}}
  repositories:
    - {name: acme/shop, branch: 2024, degraded: null, paused: null, cooldown_minutes: 1.5}
    - {name: acme/api, approval_mode: [label, comment], health_check: 'http://api/healthz'}
";

#[test]
fn what_is_good_passes_also_where_the_chart_fills_in_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    fs::write(&file, GOOD).unwrap();
    for helm in HELMS {
        text(&mut template(helm, "token", "gov", &["-f", file.to_str().unwrap()]));
        // The chart already sets the App's id and its key file.
        let set = ["--set", "config.github.app.installation_id=42"];
        text(&mut template(helm, "app", "gov", &set));
    }
}

/// A value that may be a secret is rejected without being shown.
#[test]
fn what_the_schema_says_shows_no_secret() {
    for set in [
        "config.github.token_file=ghp_hunter2",
        "config.github.api_url=https://me:hunter2@ghe.example.com",
        "config.server.public_url=https://me:hunter2@governor.example.com",
        "config.defaults.health_check=https://me:hunter2@shop.example.com",
        "config.defaults.health_check.headers.Content-Length=hunter2",
    ] {
        for helm in HELMS {
            let said = refusal(&mut template(helm, "token", "gov", &["--set", set]));
            assert!(said.contains("schema") && !said.contains("hunter2"), "{helm:?} {set}: {said}");
        }
    }
}

/// A fake cluster with what `helm upgrade` needs when releases are stored in memory: a version.
fn cluster() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut asked, mut part) = (Vec::new(), [0; 4096]);
            while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => asked.extend_from_slice(&part[..count]),
                }
            }
            let asked = String::from_utf8_lossy(&asked).into_owned();
            let path = asked.split(' ').nth(1).unwrap_or_default();
            let body = match path.split('?').next().unwrap_or_default() {
                "/version" => json!({"major": "1", "minor": "30", "gitVersion": "v1.30.0"}),
                "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
                "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
                _ => {
                    json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": []})
                }
            }
            .to_string();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let length = body.len();
            let _ = write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{body}");
        }
    });
    address
}

/// `helm upgrade` of an installed release, stored in memory.
fn upgrade(helm: Helm, cluster: SocketAddr, release: &str, set: &str) -> std::process::Command {
    let (server, file) = (format!("http://{cluster}"), values_file("token"));
    let arguments = ["upgrade", "gov", CHART, "--kube-apiserver", &server, "-f", &file];
    let mut command = helm.command(&arguments);
    command.args(["--set", set]).env("HELM_DRIVER", "memory");
    command.env("HELM_MEMORY_DRIVER_DATA", release).env("NO_PROXY", "127.0.0.1");
    command
}

#[test]
fn helm_upgrade_with_a_typo_changes_nothing_and_names_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let release = directory.path().join("release.yaml");
    let installed = "- {name: gov, namespace: default, version: 1, info: {status: deployed}, \
                     chart: {metadata: {name: release-governor, version: 0.0.9}}}\n";
    fs::write(&release, installed).unwrap();
    let (release, cluster) = (release.to_str().unwrap(), cluster());
    for helm in HELMS {
        let good = "config.defaults.cooldown_minutes=5";
        let said = text(&mut upgrade(helm, cluster, release, good));
        assert!(said.contains("has been upgraded"), "{helm:?}: {said}");
        let typo = "config.defaults.cooldwon_minutes=5";
        let said = refusal(&mut upgrade(helm, cluster, release, typo));
        assert!(said.contains("UPGRADE FAILED"), "{helm:?}: {said}");
        assert!(said.contains("cooldwon_minutes"), "{helm:?}: {said}");
    }
}
