//! Generates the JSON Schema (draft 7) of the file from the key table, for editors and Helm.
//!
//! The schema accepts every file that the program accepts, except keywords and durations with
//! surrounding whitespace. Only the program checks rules that depend on several values, on the
//! environment, or on compiled patterns.

mod shapes;

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::domain::CalendarKind;

use super::calendar::MOST_ENTRIES;
use super::check;
use super::environment::Variables;
use super::keys::{
    CALENDAR_KEYS, CALENDAR_REQUIRED, ConfigKey, DEFAULT_TOKEN_FILE, NAME_KEY, POLICY_KEYS,
    SECTIONS, SIGNAL_KEYS, SIGNAL_KINDS, SignalKeys, TYPE_ABOUT,
};
use super::mistake::{MOST_REPOSITORIES, Mistakes};
use super::read;

/// The published location, for editors.
pub const SCHEMA_URL: &str =
    "https://raw.githubusercontent.com/booty/release-governor/main/config/schema.json";

/// A minimal configuration: its effective values are the defaults. The second repository has a
/// minimal signal of each kind.
const LEAST: &[u8] = b"
repositories:
  - name: owner/name
  - name: owner/signals
    degraded:
      - {type: prometheus, url: 'http://prometheus', query: up}
      - {type: alertmanager, url: 'http://alertmanager', matchers: [a=b]}
      - {type: http, url: 'http://shop'}
    health_check: http://shop
";

/// The JSON Schema of the configuration file.
#[must_use]
pub fn schema() -> Value {
    let defaults = defaults().unwrap_or_default();
    let of = |pointer: &str| defaults.pointer(pointer).unwrap_or(&Value::Null);
    let mut properties: Map<String, Value> = SECTIONS
        .iter()
        .map(|(name, keys)| ((*name).to_owned(), section(name, keys, of(&format!("/{name}")))))
        .collect();
    properties.insert("defaults".to_owned(), policy(of("/repositories/0")));
    let repositories = json!({
        "description": "the governed repositories",
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_REPOSITORIES,
        "items": { "$ref": "#/definitions/repository" },
    });
    properties.insert("repositories".to_owned(), repositories);
    for (kind, about) in
        [(CalendarKind::Freeze, FREEZES_ABOUT), (CalendarKind::Window, WINDOWS_ABOUT)]
    {
        properties.insert(kind.key().to_owned(), calendar(about));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": SCHEMA_URL,
        "title": "Configuration of release-governor",
        "description": "What is in *italics* is a section of docs/reference.md.",
        "type": "object",
        "additionalProperties": false,
        "required": ["repositories"],
        "properties": properties,
        "definitions": {
            "repository": repository(),
            "calendar_entry": calendar_entry(),
            "signal": signal(of("/repositories/1/degraded")),
            "health_check": health_check(of("/repositories/1/health_check")),
        },
    })
}

/// The effective configuration of [`LEAST`]. `None` means that a built-in default is invalid,
/// which is a bug.
fn defaults() -> Option<Value> {
    let mut mistakes = Mistakes::default();
    let nothing = Variables::read(std::iter::empty(), &mut mistakes);
    let file = read::file(Path::new("defaults.yaml"), Ok(LEAST), "", &mut mistakes)?;
    let mut values = check::check(&file, &nothing, &mut mistakes)?.effective();
    // The effective configuration omits the default file if it does not exist on this machine.
    if let Some(github) = values.get_mut("github") {
        shapes::set(github, "token_file", DEFAULT_TOKEN_FILE);
    }
    Some(values)
}

/// The schema of each key: allowed values, description and default.
fn properties(keys: &[ConfigKey], defaults: &Value) -> Map<String, Value> {
    let described = keys.iter().map(|key| (key.name.to_owned(), described(key, defaults)));
    described.collect()
}

fn described(key: &ConfigKey, defaults: &Value) -> Value {
    let mut made = shapes::of(&key.shape);
    shapes::set(&mut made, "description", key.about);
    if let Some(default) = defaults.get(key.name) {
        shapes::set(&mut made, "default", default.clone());
    }
    made
}

fn section(name: &str, keys: &[ConfigKey], defaults: &Value) -> Value {
    let mut made = json!({
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": properties(keys, defaults),
    });
    if name == "github" {
        shapes::set(
            &mut made,
            "if",
            json!({ "required": ["app"], "properties": { "app": { "type": "object" } } }),
        );
        shapes::set(
            &mut made,
            "then",
            json!({ "properties": { "token_file": { "type": "null" } } }),
        );
    }
    made
}

fn policy(defaults: &Value) -> Value {
    json!({
        "description": "policy keys for all repositories",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": properties(POLICY_KEYS, defaults),
    })
}

/// The schema of a repository: the policy keys and `name`.
fn repository() -> Value {
    let same = |key: &ConfigKey| {
        let place = format!("#/properties/defaults/properties/{}", key.name);
        (key.name.to_owned(), json!({ "$ref": place }))
    };
    let mut properties: Map<String, Value> = POLICY_KEYS.iter().map(same).collect();
    properties.insert(NAME_KEY.name.to_owned(), described(&NAME_KEY, &Value::Null));
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": [NAME_KEY.name],
        "properties": properties,
    })
}

/// A signal of `degraded`: the keys of all kinds. The rules for each `type` reject the keys of
/// the others.
fn signal(defaults: &Value) -> Value {
    let mut properties =
        signal_properties(SIGNAL_KEYS, &[], defaults.get(0).unwrap_or(&Value::Null));
    for (kind, defaults) in SIGNAL_KINDS.iter().zip(defaults.as_array().into_iter().flatten()) {
        properties.extend(signal_properties(kind.keys, kind.required, defaults));
    }
    let kinds: Vec<&str> = SIGNAL_KINDS.iter().map(|kind| kind.name).collect();
    properties.insert("type".to_owned(), json!({ "description": TYPE_ABOUT, "enum": kinds }));
    let mut rules: Vec<Value> = SIGNAL_KINDS.iter().map(rule_of_kind).collect();
    rules.extend(rules_of_all());
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["type", "url"],
        "properties": properties,
        "allOf": rules,
    })
}

const FREEZES_ABOUT: &str =
    "when nothing ships: intervals of civil time; see *Freezes and windows*";
const WINDOWS_ABOUT: &str = "the only times at which the lanes that they name ship; see *Freezes \
                             and windows*";

fn calendar(about: &str) -> Value {
    json!({
        "description": about,
        "type": ["array", "null"],
        "maxItems": MOST_ENTRIES,
        "items": { "$ref": "#/definitions/calendar_entry" },
    })
}

/// An entry of `freezes` or `windows`, with either kind of times.
fn calendar_entry() -> Value {
    let mut properties = properties(CALENDAR_KEYS, &Value::Null);
    for key in ["reason", "owner"] {
        if let Some(property) = properties.get_mut(key) {
            shapes::or_null(property);
        }
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": CALENDAR_REQUIRED,
        "properties": properties,
        "if": { "required": ["weekly"] },
        "then": { "properties": { "from": false, "to": false } },
        "else": { "required": ["from", "to"] },
    })
}

fn health_check(defaults: &Value) -> Value {
    let mut properties = signal_properties(SIGNAL_KEYS, &[], defaults);
    for kind in SIGNAL_KINDS.iter().filter(|kind| kind.name == "http") {
        properties.extend(signal_properties(kind.keys, kind.required, defaults));
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["url"],
        "properties": properties,
        "allOf": rules_of_all(),
    })
}

/// In a signal, null is the same as omitting an optional key.
fn signal_properties(
    keys: &'static [ConfigKey],
    required: &[&str],
    defaults: &Value,
) -> Map<String, Value> {
    let mut made = properties(keys, defaults);
    for key in keys {
        let is_required = key.name == "url" || required.contains(&key.name);
        let has_default = !is_required && !["name", "stale_after"].contains(&key.name);
        let Some(property) = made.get_mut(key.name) else { continue };
        if let Some(words) = property.as_object_mut().filter(|_| !has_default) {
            words.remove("default");
        }
        if !is_required {
            shapes::or_null(property);
        }
    }
    made
}

/// The required keys of this kind, and the keys of other kinds that it rejects.
fn rule_of_kind(kind: &SignalKeys) -> Value {
    let others = SIGNAL_KINDS.iter().filter(|other| other.name != kind.name);
    let foreign = others.flat_map(|other| other.keys);
    let mut properties: Map<String, Value> =
        foreign.map(|key| (key.name.to_owned(), Value::Bool(false))).collect();
    properties.insert("url".to_owned(), shapes::text(&kind.url));
    json!({
        "if": { "required": ["type"], "properties": { "type": { "const": kind.name } } },
        "then": { "required": kind.required, "properties": properties },
    })
}

/// Rules for keys that require or exclude each other.
fn rules_of_all() -> Vec<Value> {
    let no_authorization = shapes::other_than("authorization");
    vec![
        json!({ "if": is_written("json_pointer"), "then": is_written("expected_value") }),
        json!({ "if": is_written("expected_value"), "then": is_written("json_pointer") }),
        json!({
            "if": is_written("bearer_token_file"),
            "then": { "properties": { "headers": { "propertyNames": no_authorization } } },
        }),
    ]
}

/// Matches if the key is present and not null.
fn is_written(key: &str) -> Value {
    json!({ "required": [key], "not": { "properties": { key: { "type": "null" } } } })
}
