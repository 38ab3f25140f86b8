//! The tools accept the examples in docs/operations.md.

use std::path::Path;

use serde_json::json;

use crate::alerts;
use crate::tools::{Alertmanager, promtool};

/// The example in docs/operations.md that begins with this comment.
fn example(file: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    let begins = format!("```yaml\n# {file}\n");
    let rest = page.split_once(&begins).unwrap_or_else(|| panic!("no example of {file}")).1;
    rest.split("```").next().unwrap().to_owned()
}

#[test]
fn prometheus_takes_the_documented_configuration_and_the_rules_with_it() {
    let rules = "/etc/prometheus/rules/release-governor.yaml";
    let config = example("prometheus.yml");
    assert!(config.contains(rules), "{config}");
    let config = config.replace(rules, &json!(alerts::file()).to_string());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prometheus.yml");
    std::fs::write(&path, config).unwrap();
    let said = promtool(&["check", "config", path.to_str().unwrap()], "");
    let count = format!("{} rules found", alerts::alerts().len());
    assert!(said.good && said.text.contains(&count), "{}", said.text);
}

#[test]
fn alertmanager_takes_the_documented_inhibition_of_alerts_that_there_are() {
    let inhibition = example("alertmanager.yml");
    let names: Vec<String> = alerts::alerts().into_iter().map(|alert| alert.alert).collect();
    let named = inhibition.split("ReleaseGovernor").skip(1);
    for rest in named {
        let name = format!("ReleaseGovernor{}", rest.split(']').next().unwrap());
        assert!(names.contains(&name), "{name}");
    }
    let alertmanager = Alertmanager::start(&format!(
        "route: {{receiver: nobody}}\nreceivers: [{{name: nobody}}]\n{inhibition}"
    ));
    let labels = |name: &str| json!({"alertname": name, "job": "rg", "namespace": "a"});
    alertmanager.fire(&labels("ReleaseGovernorNotReconciling"), None);
    assert!(crate::tools::wait_until(|| alertmanager.active().len() == 1));
    alertmanager.fire(&labels("ReleaseGovernorTokenRefused"), None);
    let only_the_cause = || {
        let active = alertmanager.active();
        let name = |alert: &serde_json::Value| alert["labels"]["alertname"].clone();
        active.iter().map(name).eq([json!("ReleaseGovernorTokenRefused")])
    };
    assert!(crate::tools::wait_until(only_the_cause), "{:?}", alertmanager.active());
}
