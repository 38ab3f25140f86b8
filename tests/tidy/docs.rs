//! The documents cover every reason, key and metric.

use std::collections::BTreeMap;
use std::fs;

use release_governor::config::{self, CALENDAR_KEYS, POLICY_KEYS, SECTIONS};
use release_governor::domain::Reason;
use serde_json::Value;

use crate::reading::{root, sources, words};

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

/// The names that do not occur as words in the text.
fn unnamed<'a>(text: &str, names: &[&'a str]) -> Vec<&'a str> {
    names.iter().filter(|name| words(text, name).next().is_none()).copied().collect()
}

/// The metric names that the telemetry registers, as written there.
fn metrics() -> Vec<String> {
    let makers = ["register(", "counters(", "durations(", "whole(", "fractions("];
    let mut names = Vec::new();
    for file in sources().iter().filter(|file| file.path.starts_with("telemetry")) {
        let text = &file.text;
        for maker in makers {
            for (at, _) in text.match_indices(maker) {
                let argument = text[at + maker.len()..].trim_start().strip_prefix('"');
                names.extend(argument.and_then(|name| name.split('"').next()).map(str::to_owned));
            }
        }
    }
    names
}

/// Whether the text names the metric as Prometheus shows it: a counter's name ends in `_total`.
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
    let policy: Vec<&str> = POLICY_KEYS.iter().map(|key| key.name).collect();
    assert_eq!(unnamed(&text, &policy), [""; 0], "policy keys");
    let keys =
        SECTIONS.iter().flat_map(|(section, keys)| keys.iter().map(move |key| (section, key)));
    let keys: Vec<String> = keys.map(|(section, key)| format!("{section}.{}", key.name)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(unnamed(&text, &keys), [""; 0], "keys of the sections");
    let calendar: Vec<&str> = CALENDAR_KEYS.iter().map(|key| key.name).collect();
    assert_eq!(unnamed(&text, &calendar), [""; 0], "keys of freezes and windows");
    let metrics = metrics();
    assert!(metrics.len() > 20, "{metrics:?}");
    let missing: Vec<&String> =
        metrics.iter().filter(|metric| !metric_is_named(&text, metric)).collect();
    assert!(missing.is_empty(), "metrics: {missing:?}");
}

/// A page that names something that no longer exists is as misleading as one that omits
/// something.
#[test]
fn the_reference_names_no_reason_key_or_metric_that_is_not_there() {
    let page = fs::read_to_string(root().join("docs/reference.md")).unwrap();
    let first_cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let metrics = metrics();
    let sections: Vec<String> = SECTIONS
        .iter()
        .flat_map(|(section, keys)| keys.iter().map(move |key| format!("{section}.{}", key.name)))
        .collect();
    let known = |name: &str| {
        Reason::from_code(name).is_some()
            || POLICY_KEYS.iter().any(|key| key.name == name)
            || CALENDAR_KEYS.iter().any(|key| key.name == name)
            || sections.iter().any(|key| key == name)
            || metrics.iter().any(|metric| metric_is_named(name, metric))
            || name.starts_with('/')
            // These are written elsewhere, and checked there.
            || name.starts_with("process_")
    };
    let unknown: Vec<&str> = first_cells.filter(|name| !known(name)).collect();
    assert_eq!(unknown, [""; 0]);
}

/// The meaning of each key in the key table, under the name that the reference uses.
fn meanings() -> BTreeMap<String, String> {
    let schema = config::schema();
    let mut found = BTreeMap::new();
    let mut note = |name: String, property: &Value| {
        if let Some(meaning) = property["description"].as_str() {
            found.insert(name, meaning.to_owned());
        }
    };
    for (section, _) in SECTIONS {
        for (key, property) in schema["properties"][section]["properties"].as_object().unwrap() {
            note(format!("`{section}.{key}`"), property);
        }
    }
    for (key, property) in schema["properties"]["defaults"]["properties"].as_object().unwrap() {
        note(format!("`{key}`"), property);
    }
    let definitions = &schema["definitions"];
    note("`name`".to_owned(), &definitions["repository"]["properties"]["name"]);
    let of_all = &definitions["health_check"]["properties"];
    for key in
        ["name", "headers", "bearer_token_file", "ca_file", "timeout", "interval", "stale_after"]
    {
        note(format!("**{key}**"), &of_all[key]);
    }
    found
}

/// The key table is the single source for the meaning of a key: schema and page must repeat it.
#[test]
fn the_reference_says_of_each_key_what_the_table_of_keys_says() {
    let path = root().join("docs/reference.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("\n## Configuration\n").unwrap();
    let (section, after) = rest.split_once("\n## Metrics\n").unwrap();
    let mut meanings = meanings();
    let mut row = |line: &str| {
        let (name, _) = line.strip_prefix("| ")?.split_once(" |")?;
        let (cells, _) = line.strip_suffix(" |")?.rsplit_once(" | ")?;
        Some(format!("{cells} | {} |", meanings.remove(name)?))
    };
    let told: Vec<String> =
        section.split('\n').map(|line| row(line).unwrap_or_else(|| line.to_owned())).collect();
    assert!(meanings.is_empty(), "docs/reference.md has no row of {:?}", meanings.keys());
    let made = format!("{before}\n## Configuration\n{}\n## Metrics\n{after}", told.join("\n"));
    if std::env::var_os("RELEASE_GOVERNOR_REWRITE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let is_so = fs::read_to_string(&path).unwrap() == made;
    assert!(
        is_so,
        "docs/reference.md is out of date: RELEASE_GOVERNOR_REWRITE=1 cargo test --test tidy makes \
         it anew"
    );
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
