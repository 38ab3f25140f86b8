//! The documents name every reason, key and metric.

use std::fs;

use release_governor::config::{POLICY_KEYS, SECTIONS};
use release_governor::domain::Reason;

use crate::reading::{root, words};

/// The text of `README.md` and of every page in `docs`.
fn documents() -> String {
    let mut text = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    let pages = fs::read_dir(root().join("docs")).unwrap();
    for page in pages {
        let path = page.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

/// The names that the text does not hold as words.
fn unnamed<'a>(text: &str, names: &[&'a str]) -> Vec<&'a str> {
    names.iter().filter(|name| words(text, name).next().is_none()).copied().collect()
}

/// The names that the telemetry registers, as they are written there.
fn metrics() -> Vec<String> {
    let makers = ["register(", "counters(", "durations(", "whole(", "fractions("];
    let mut names = Vec::new();
    for file in [
        "src/telemetry/families.rs",
        "src/telemetry/families/github.rs",
        "src/telemetry/metrics.rs",
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for maker in makers {
            for (at, _) in text.match_indices(maker) {
                let argument = text[at + maker.len()..].trim_start().strip_prefix('"');
                names.extend(argument.and_then(|name| name.split('"').next()).map(str::to_owned));
            }
        }
    }
    names
}

/// A metric as Prometheus sees it: a counter's name ends in `_total`.
fn metric_is_named(text: &str, metric: &str) -> bool {
    let plain = format!("release_governor_{metric}");
    let total = format!("{plain}_total");
    words(text, &plain).next().is_some() || words(text, &total).next().is_some()
}

#[test]
fn docs_name_every_reason_key_and_metric() {
    let text = documents();
    let reasons: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(unnamed(&text, &reasons), [""; 0], "reasons");
    assert_eq!(unnamed(&text, POLICY_KEYS), [""; 0], "policy keys");
    let keys =
        SECTIONS.iter().flat_map(|(section, keys)| keys.iter().map(move |key| (section, key)));
    let keys: Vec<String> = keys.map(|(section, key)| format!("{section}.{key}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(unnamed(&text, &keys), [""; 0], "keys of the sections");
    let metrics = metrics();
    assert!(metrics.len() > 20, "{metrics:?}");
    let missing: Vec<&String> =
        metrics.iter().filter(|metric| !metric_is_named(&text, metric)).collect();
    assert!(missing.is_empty(), "metrics: {missing:?}");
}

/// A page that names what is no more misleads as much as one that keeps silent.
#[test]
fn the_reference_names_no_reason_key_or_metric_that_is_not_there() {
    let page = fs::read_to_string(root().join("docs/reference.md")).unwrap();
    let first_cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let metrics = metrics();
    let sections: Vec<String> = SECTIONS
        .iter()
        .flat_map(|(section, keys)| keys.iter().map(move |key| format!("{section}.{key}")))
        .collect();
    let known = |name: &str| {
        Reason::from_code(name).is_some()
            || POLICY_KEYS.contains(&name)
            || name == "name"
            || sections.iter().any(|key| key == name)
            || metrics.iter().any(|metric| metric_is_named(name, metric))
            || name.starts_with('/')
            // Theirs are written at another place, and held against it there.
            || name.starts_with("process_")
    };
    let unknown: Vec<&str> = first_cells.filter(|name| !known(name)).collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn the_reference_names_every_address_of_the_api() {
    let page = fs::read_to_string(root().join("docs/reference.md")).unwrap();
    for path in release_governor::http::api_paths() {
        let shown = path.replace("{owner}/{name}", "OWNER/NAME").replace("{sha}", "SHA");
        assert!(page.contains(&format!("| `{shown}` |")), "{shown}");
    }
}

#[test]
fn a_name_that_is_only_a_part_of_another_is_missing() {
    assert_eq!(unnamed("deployed_by", &["deployed"]), ["deployed"]);
    assert_eq!(unnamed("`deployed`: x", &["deployed"]), [""; 0]);
    assert!(!metric_is_named("release_governor_passes_totally", "passes"));
}
