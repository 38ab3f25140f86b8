//! Compares two configurations and finds the changes that need a restart.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::domain::{CalendarKind, Policy, RepoName};

use super::effective::policy as effective_policy;
use super::mistake::{Mistake, redact};
use super::{Config, ConfigErrors, DEFAULT_TOKEN_FILE, TokenConfig};

/// Maximum number of characters shown of a value.
const SHOWN_CHARACTERS: usize = 80;
/// Maximum number of added or removed list items shown.
const SHOWN_ITEMS: usize = 5;
/// Maximum number of repositories named in one line.
const SHOWN_NAMES: usize = 3;
/// Maximum number of lines in a diff; more are not useful to a reader.
const MOST_LINES: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    /// A newly governed repository.
    Added(RepoName),
    /// A repository that is no longer governed.
    Removed(RepoName),
    /// A key of a section, such as `controller.poll_interval`, and a description of its change.
    Setting(String, String),
    /// A policy key of a repository that is in both configurations, and a description of its
    /// change.
    Policy(RepoName, String, String),
}

/// The differences between `old` and `new`, without secrets.
#[must_use]
pub fn changes(old: &Config, new: &Config) -> Vec<ConfigChange> {
    let secrets = secrets(old, new);
    let (before, after) = (by_name(old), by_name(new));
    let mut changes = Vec::new();
    let added = after.keys().filter(|name| !before.contains_key(*name));
    changes.extend(added.map(|name| ConfigChange::Added((*name).clone())));
    let removed = before.keys().filter(|name| !after.contains_key(*name));
    changes.extend(removed.map(|name| ConfigChange::Removed((*name).clone())));
    for (key, was, is) in pairs(&sections(old), &sections(new)) {
        let what = told(&was, &is, &secrets);
        changes.extend(what.map(|what| ConfigChange::Setting(key, what)));
    }
    for (name, policy) in after {
        let Some(was) = before.get(name).filter(|was| **was != policy) else { continue };
        for (key, was, is) in pairs(&effective_policy(was), &effective_policy(policy)) {
            let what = told(&was, &is, &secrets);
            changes.extend(what.map(|what| ConfigChange::Policy(name.clone(), key, what)));
        }
    }
    changes
}

fn by_name(config: &Config) -> BTreeMap<&RepoName, &Policy> {
    config.repositories.iter().map(|policy| (&policy.repository, &**policy)).collect()
}

/// One line for each change. Repositories with the same change of a key share a line.
#[must_use]
pub fn lines(changes: &[ConfigChange]) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&RepoName>)> = Vec::new();
    let mut places = BTreeMap::new();
    for change in changes {
        match change {
            ConfigChange::Added(name) => {
                lines.push((format!("{name} is now governed"), vec![]))
            }
            ConfigChange::Removed(name) => lines.push((
                format!(
                    "{name} was removed from the configuration: it is no longer governed; its history is kept"
                ),
                vec![],
            )),
            ConfigChange::Setting(key, what) => lines.push((format!("{key}: {what}"), vec![])),
            ConfigChange::Policy(name, key, what) => {
                let place = *places.entry((key, what)).or_insert_with(|| {
                    lines.push((format!("{key}: {what}"), vec![]));
                    lines.len() - 1
                });
                if let Some((_, names)) = lines.get_mut(place) {
                    names.push(name);
                }
            }
        }
    }
    let count = lines.len();
    let mut shown: Vec<String> = lines.into_iter().map(line).take(MOST_LINES).collect();
    if count > shown.len() {
        shown.push(format!("and {} more changes", count - shown.len()));
    }
    shown
}

fn line((what, names): (String, Vec<&RepoName>)) -> String {
    let first: Vec<String> = names.iter().take(SHOWN_NAMES).map(ToString::to_string).collect();
    match names.len().saturating_sub(first.len()) {
        0 if first.is_empty() => what,
        0 => format!("{}: {what}", first.join(", ")),
        more => format!("{} and {more} more: {what}", first.join(", ")),
    }
}

/// Checks that a running process can switch from `old` to `new`. `path` is the configuration
/// file.
///
/// # Errors
/// Each key whose change needs a restart, with the new value and the one in force.
pub fn needs_restart(path: &Path, old: &Config, new: &Config) -> Result<(), ConfigErrors> {
    let (was, is) = (sections(old), sections(new));
    let mut keys: Vec<&str> = ["github.api_url", "github.ca_file", "server.listen", "state.dir"]
        .into_iter()
        .filter(|key| was.get(*key) != is.get(*key))
        .collect();
    keys.extend(credential_changed(old, new));
    let secrets = secrets(old, new);
    let mistakes: Vec<Mistake> = keys
        .into_iter()
        .map(|key| Mistake {
            file: path.display().to_string(),
            line: None,
            key: key.to_owned(),
            value: Some(shown(is.get(key).unwrap_or(&Value::Null), &secrets)),
            expected: format!(
                "{} for as long as this process runs: a change of this key needs a restart",
                shown(was.get(key).unwrap_or(&Value::Null), &secrets)
            ),
        })
        .collect();
    if mistakes.is_empty() { Ok(()) } else { Err(ConfigErrors(mistakes)) }
}

/// An error about one key of a file that is otherwise valid.
#[must_use]
pub fn refusal(path: &Path, key: &str, why: String) -> ConfigErrors {
    let (file, key) = (path.display().to_string(), key.to_owned());
    ConfigErrors(vec![Mistake { file, line: None, key, value: None, expected: why }])
}

/// The key that changes the kind of credential or the App, if any.
fn credential_changed(old: &Config, new: &Config) -> Option<&'static str> {
    match (&old.github.token, &new.github.token) {
        (TokenConfig::File(_), TokenConfig::File(_))
        | (TokenConfig::Value(_), TokenConfig::Value(_))
        | (TokenConfig::Missing, TokenConfig::Missing) => None,
        // The file at the chart's default path did not exist when the configuration was read.
        (TokenConfig::File(path), TokenConfig::Missing)
            if path.as_path() == Path::new(DEFAULT_TOKEN_FILE) =>
        {
            None
        }
        (TokenConfig::App(was), TokenConfig::App(is)) => (was != is).then_some("github.app"),
        (TokenConfig::App(_), _) | (_, TokenConfig::App(_)) => Some("github.app"),
        (TokenConfig::File(_), TokenConfig::Value(_) | TokenConfig::Missing)
        | (TokenConfig::Value(_), TokenConfig::File(_) | TokenConfig::Missing)
        | (TokenConfig::Missing, TokenConfig::File(_) | TokenConfig::Value(_)) => {
            Some("github.token_file")
        }
    }
}

/// The keys of all sections, each under its full name.
fn sections(config: &Config) -> Value {
    let mut flat = serde_json::Map::new();
    if let Value::Object(sections) = config.effective() {
        for (section, keys) in sections {
            if let Value::Object(keys) = keys {
                flat.extend(
                    keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)),
                );
            } else if let Value::Array(entries) = keys
                && [CalendarKind::Freeze, CalendarKind::Window]
                    .map(CalendarKind::key)
                    .contains(&section.as_str())
            {
                let named = |entry: Value| {
                    let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
                    (format!("{section}.{name}"), entry.clone())
                };
                flat.extend(entries.into_iter().map(named));
            }
        }
    }
    Value::Object(flat)
}

/// The union of the keys of two mappings, with the value from each.
fn pairs(was: &Value, is: &Value) -> Vec<(String, Value, Value)> {
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect()
    };
    let mut all = keys(was);
    all.extend(keys(is));
    all.sort_unstable();
    all.dedup();
    let value = |map: &Value, key: &str| map.get(key).cloned().unwrap_or(Value::Null);
    all.into_iter().map(|key| (key.clone(), value(was, &key), value(is, &key))).collect()
}

/// Describes the change of a value; `None` if it is unchanged.
fn told(was: &Value, is: &Value, secrets: &[String]) -> Option<String> {
    if was == is {
        return None;
    }
    let (Value::Array(old), Value::Array(new)) = (was, is) else {
        return Some(format!("{} → {}", shown(was, secrets), shown(is, secrets)));
    };
    let mut parts = Vec::new();
    for (word, list, other) in [("added", new, old), ("removed", old, new)] {
        let items: Vec<String> = list
            .iter()
            .filter(|item| !other.contains(item))
            .map(|item| shown(item, secrets))
            .collect();
        if !items.is_empty() {
            let first: Vec<&str> = items.iter().take(SHOWN_ITEMS).map(String::as_str).collect();
            let more = items.len() - first.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            parts.push(format!("{word} {}{more}", first.join(", ")));
        }
    }
    // Order matters in lists of patterns: the last match wins.
    Some(if parts.is_empty() { "in another order".to_owned() } else { parts.join(", ") })
}

/// A value for display: secrets redacted, special characters escaped, and shortened.
fn shown(value: &Value, secrets: &[String]) -> String {
    let text = match value {
        Value::String(text) => format!("`{text}`"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    let is_quote = |letter: char| matches!(letter, '"' | '\'' | '\\');
    let plain: String = redact(text, secrets)
        .chars()
        .map(|letter| match is_quote(letter) {
            true => letter.to_string(),
            false => letter.escape_debug().to_string(),
        })
        .collect();
    let excerpt: String = plain.chars().take(SHOWN_CHARACTERS).collect();
    if excerpt.len() < plain.len() { format!("{excerpt}…") } else { excerpt }
}

/// Secrets to redact, in case they were also written where they do not belong.
fn secrets(old: &Config, new: &Config) -> Vec<String> {
    use secrecy::ExposeSecret as _;
    let secret = |config: &Config| match &config.github.token {
        TokenConfig::Value(secret) => Some(secret.expose_secret().to_owned()),
        TokenConfig::File(_) | TokenConfig::App(_) | TokenConfig::Missing => None,
    };
    [old, new].into_iter().filter_map(secret).filter(|secret| !secret.is_empty()).collect()
}
