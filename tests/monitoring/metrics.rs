//! The content of `/metrics` after a day on which everything happened.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::alerts;
use crate::busy_day::{BusyDay, busy_day};
use crate::dashboard::Dashboard;
use crate::tools::{Prometheus, promtool, wait_until};

/// The metrics in docs/reference.md.
pub(crate) fn metrics_of_the_reference() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let page = std::fs::read_to_string(page).unwrap();
    let names = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let of_ours =
        |name: &&str| name.starts_with("release_governor_") || name.starts_with("process_");
    let names: BTreeSet<String> = names.filter(of_ours).map(str::to_owned).collect();
    assert!(names.len() > 30, "{names:?}");
    names
}

/// One test for all queries of the day, because the tools take longer to start than to answer.
#[test]
fn after_a_busy_day_metrics_alerts_and_dashboard_have_all_their_answers() {
    let day = busy_day(&alerts::file());
    every_metric_is_there_and_promtool_finds_nothing_to_say(&day.metrics());
    assert_eq!(unanswered(&day.prometheus), [""; 0], "{}", day.metrics());
    the_rules_work_and_what_is_to_fire_fires(&day);
    a_repository_that_leaves_takes_its_series_along(&day);
}

fn every_metric_is_there_and_promtool_finds_nothing_to_say(text: &str) {
    let told: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect();
    let reference = metrics_of_the_reference();
    for metric in &reference {
        let count = format!("{metric}_count");
        assert!(told.contains(metric.as_str()) || told.contains(count.as_str()), "no {metric}");
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        assert!(reference.contains(name), "docs/reference.md lacks {name}");
    }
    let said = promtool(&["check", "metrics"], text);
    assert!(said.good && said.text.is_empty(), "{}", said.text);
}

/// The dashboard's queries that return nothing.
pub(crate) fn unanswered(prometheus: &Prometheus) -> Vec<String> {
    let questions = Dashboard::read().questions();
    assert!(questions.len() > 60, "{}", questions.len());
    let mut unanswered = Vec::new();
    for question in questions {
        let answered =
            || prometheus.query(&question.query).iter().any(|sample| !sample.value.is_nan());
        // Wait only for the first unanswered query, not for each.
        let answered = if unanswered.is_empty() { wait_until(answered) } else { answered() };
        if !answered {
            unanswered.push(format!("{}: {}", question.asked_by, question.query));
        }
    }
    unanswered
}

fn the_rules_work_and_what_is_to_fire_fires(day: &BusyDay) {
    let answer = |path: &str| -> Value {
        let (code, body) = day.prometheus.get(path).unwrap();
        assert_eq!(code, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["data"].take()
    };
    let rules = answer("/api/v1/rules");
    let rules = rules["groups"].as_array().unwrap().iter().flat_map(|group| {
        group["rules"].as_array().unwrap().iter().map(|rule| {
            (rule["name"].as_str().unwrap().to_owned(), rule["health"].as_str().unwrap().to_owned())
        })
    });
    let rules: Vec<(String, String)> = rules.collect();
    assert_eq!(rules.len(), alerts::alerts().len());
    let of_state = |state: &str| -> BTreeSet<String> {
        let alerts = answer("/api/v1/alerts");
        let alerts = alerts["alerts"].as_array().unwrap().iter();
        let alerts = alerts.filter(|alert| alert["state"] == state);
        alerts.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    };
    // These are pending for some minutes before they fire.
    let pends = ["ReleaseGovernorConfigRejected", "ReleaseGovernorTokenExpiring"];
    let fires = [
        "ReleaseGovernorAmbiguousDispatch",
        "ReleaseGovernorForgedStatus",
        "ReleaseGovernorRolledBack",
        "ReleaseGovernorStrayRun",
    ];
    let as_expected = || {
        let (firing, pending) = (of_state("firing"), of_state("pending"));
        fires.iter().eq(firing.iter()) && pends.iter().eq(pending.iter())
    };
    assert!(
        wait_until(as_expected),
        "firing: {:?}, pending: {:?}",
        of_state("firing"),
        of_state("pending")
    );
    assert!(rules.iter().all(|(_, health)| health == "ok"), "{rules:?}");
    let alerts = answer("/api/v1/alerts");
    let alerts = alerts["alerts"].as_array().unwrap().iter();
    for alert in alerts {
        for text in alert["annotations"].as_object().unwrap().values() {
            let text = text.as_str().unwrap();
            assert!(!text.contains("<no value>") && !text.contains("{{"), "{text}");
        }
    }
}

fn a_repository_that_leaves_takes_its_series_along(day: &BusyDay) {
    day.town.configure("repositories: [{name: acme/api}, {name: acme/mail}]\n");
    let gone = || !day.metrics().contains("acme/shop");
    assert!(wait_until(gone), "{}", day.metrics());
    assert!(day.metrics().contains("repository=\"acme/api\""));
}
