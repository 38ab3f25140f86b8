//! The alerts: how Prometheus evaluates them, and their documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::tools::promtool;

const RUNBOOK: &str = "https://github.com/booty/release-governor/blob/main/docs/runbook.md#";

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alert {
    pub(crate) alert: String,
    pub(crate) expr: String,
    #[serde(rename = "for", default)]
    _for: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Stories {
    tests: Vec<Story>,
}

#[derive(Deserialize)]
struct Story {
    name: String,
    promql_expr_test: Vec<Look>,
}

#[derive(Deserialize)]
struct Look {
    expr: String,
    exp_samples: Vec<Fired>,
}

#[derive(Deserialize)]
struct Fired {
    labels: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

pub(crate) fn file() -> PathBuf {
    root().join("charts/release-governor/files/alerts.yaml")
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn alerts() -> Vec<Alert> {
    let rules: Rules = read(&file());
    let alerts: Vec<Alert> = rules.groups.into_iter().flat_map(|group| group.rules).collect();
    assert!(alerts.len() >= 15, "{}", alerts.len());
    alerts
}

fn story_files() -> Vec<PathBuf> {
    let found = std::fs::read_dir(root().join("tests/monitoring/rules")).unwrap();
    found.map(|entry| entry.unwrap().path()).collect()
}

fn stories() -> Vec<Story> {
    story_files().iter().flat_map(|path| read::<Stories>(path).tests).collect()
}

/// The label names in `ALERTS{alertname="…", repository="…"}`.
fn label_names(series: &str) -> BTreeSet<&str> {
    let inside = series.split_once('{').unwrap().1;
    inside.split("\", ").map(|pair| pair.split('=').next().unwrap().trim()).collect()
}

/// The text between each `before` and the next `after`.
fn between<'a>(text: &'a str, before: &'a str, after: &'a [char]) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).map(move |rest| rest.split(after).next().unwrap())
}

#[test]
fn promtool_finds_nothing_to_say_about_the_rules() {
    let file = file();
    let path = file.to_str().unwrap();
    let said = promtool(&["check", "rules", "--lint=all", "--lint-fatal", path], "");
    assert!(said.good, "{}", said.text);
    let count = format!("SUCCESS: {} rules found", alerts().len());
    assert!(said.text.contains(&count), "{}", said.text);
}

#[test]
fn promtool_sees_each_alert_fire_and_clear() {
    let mut arguments = vec!["test".to_owned(), "rules".to_owned()];
    arguments.extend(story_files().iter().map(|path| path.display().to_string()));
    let said = promtool(&arguments, "");
    assert!(said.good, "{}", said.text);
    assert_eq!(said.text.matches("SUCCESS").count(), story_files().len(), "{}", said.text);
}

#[test]
fn each_alert_has_a_story_in_which_it_fires_and_clears_and_one_in_which_it_must_not() {
    let stories = stories();
    let of = |alert: &str, kind: &str| -> &Story {
        let name = format!("{alert} {kind}");
        let mut found = stories.iter().filter(|story| story.name.starts_with(&name));
        let story = found.next().unwrap_or_else(|| panic!("there is no story {name:?}"));
        assert!(found.next().is_none(), "{name} twice");
        let asks = format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}");
        assert!(story.promql_expr_test.iter().all(|look| look.expr == asks), "{name}: {asks}");
        story
    };
    for Alert { alert, .. } in alerts() {
        let fires = &of(&alert, "fires and clears").promql_expr_test;
        let fired = fires.iter().position(|look| !look.exp_samples.is_empty());
        let fired = fired.unwrap_or_else(|| panic!("{alert} never fires"));
        assert!(fired > 0, "{alert}: nothing is looked at before it fires");
        assert!(fires.last().unwrap().exp_samples.is_empty(), "{alert} never clears");
        let near = &of(&alert, "near miss").promql_expr_test;
        assert!(!near.is_empty() && near.iter().all(|look| look.exp_samples.is_empty()), "{alert}");
    }
    assert_eq!(stories.len(), 2 * alerts().len(), "a story of an alert that is no more");
}

#[test]
fn each_alert_says_what_it_is_about_and_names_only_labels_that_it_has() {
    let stories = stories();
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = &alert.alert;
        assert!(names.insert(name.clone()), "{name} twice");
        assert!(name.starts_with("ReleaseGovernor"), "{name}");
        assert!(["critical", "warning"].contains(&alert.labels["severity"].as_str()), "{name}");
        let told: Vec<&str> = alert.annotations.keys().map(String::as_str).collect();
        assert_eq!(told, ["description", "runbook_url", "summary"], "{name}");
        let summary = &alert.annotations["summary"];
        assert!(!summary.ends_with('.') && summary.len() < 100, "{name}: {summary}");
        assert!(alert.annotations["description"].ends_with('.'), "{name}");

        let story = stories.iter().find(|story| story.name.starts_with(&format!("{name} fires")));
        let fired =
            story.unwrap().promql_expr_test.iter().find_map(|look| look.exp_samples.first());
        let has = label_names(&fired.unwrap().labels);
        for text in alert.annotations.values() {
            for label in between(text, "$labels.", &[' ', '}', '|']) {
                assert!(has.contains(label), "{name} has no label {label}: {has:?}");
            }
        }
    }
}

#[test]
fn each_alert_has_a_page_in_the_runbook_and_each_page_an_alert() {
    let runbook = std::fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let headings: BTreeSet<&str> =
        runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.alert.as_str()).collect();
    assert_eq!(headings, names);
    let rows: BTreeSet<String> = runbook
        .lines()
        .filter(|line| line.starts_with("| [") && line.ends_with(" |"))
        .map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(" | "))
        .collect();
    for Alert { alert, labels, annotations, .. } in &alerts {
        // GitHub's anchor of a one-word heading.
        let anchor = alert.to_lowercase();
        assert_eq!(annotations["runbook_url"], format!("{RUNBOOK}{anchor}"), "{alert}");
        let row = format!("| [{alert}](#{anchor}) | {}", labels["severity"]);
        assert!(rows.contains(&row), "the table lacks {row:?}");
        let page = runbook.split(&format!("\n## {alert}\n")).nth(1).unwrap();
        let page = page.split("\n## ").next().unwrap();
        for part in ["**Means:**", "**Look at:**", "**Do:**"] {
            // Its table has instructions for each reason.
            let by_reason = part == "**Do:**" && page.contains("| what to do |");
            assert!(page.contains(part) || by_reason, "{alert} lacks {part}");
        }
        let may_wait =
            ["**Ignore it** ", "**Never ignore it.**"].iter().any(|it| page.contains(it));
        assert!(may_wait, "{alert} does not tell whether it may be ignored");
    }
    for anchor in between(&runbook, "](#", &[')']) {
        assert!(names.iter().any(|name| name.to_lowercase() == anchor), "#{anchor}");
    }
}

#[test]
fn what_is_alerted_on_is_exported() {
    let reference = std::fs::read_to_string(root().join("docs/reference.md")).unwrap();
    for alert in alerts() {
        for rest in between(&alert.expr, "release_governor_", &['{', '[', ' ', ')', '\n', '(']) {
            let row = format!("| `release_governor_{rest}` |");
            assert!(reference.contains(&row), "{}: {row}", alert.alert);
        }
    }
}
