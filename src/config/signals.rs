//! Parses the keys of a signal, for `degraded` and `health_check`.

mod access;
mod kinds;

use std::collections::BTreeSet;

use figment::value::{Dict, Value};
use http::Uri;

use crate::domain::{Policy, Signal, SignalKind};

use super::keys::{SIGNAL_KEYS, SIGNAL_KINDS, has, names};
use super::mistake::{Mistakes, meant};
use super::read;
use super::values::{Setting, items, line, one_of, word};

pub(super) use self::access::{MOST_HEADERS, OUR_HEADERS};
pub(super) use self::kinds::{LONGEST_QUERY, LONGEST_URL, UNREACHABLE};

/// Maximum length of a name, which is also the value of a metric label.
pub(super) const LONGEST_NAME: usize = 60;
pub(super) const LONGEST_VALUE: usize = 4_000;
/// Maximum number of signals of a repository.
pub(super) const MOST_SIGNALS: usize = 20;

/// `degraded`: null, one signal, or a list of signals.
pub(super) fn degraded(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<Signal>> {
    let entry = &structured(entry);
    if entry.is_null() {
        return Some(Vec::new());
    }
    if matches!(entry.value, Value::Dict(..)) {
        return signal(entry, m, None).map(|signal| vec![signal]);
    }
    if !matches!(entry.value, Value::Array(..)) {
        let kinds = one_of(&kind_names());
        entry.wrong(m, format_args!("null, a signal with `type: {kinds}`, or a list of them"));
        return None;
    }
    let items = items(entry, m, "signals")?;
    if items.len() > MOST_SIGNALS {
        entry.refuse(m, format!("has {} signals; {MOST_SIGNALS} are the most", items.len()));
        return None;
    }
    let read: Vec<Option<Signal>> = items.iter().map(|item| signal(item, m, None)).collect();
    read.into_iter().collect()
}

/// `health_check`: null, a URL, or an `http` signal without its `type`.
pub(super) fn health_check(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Option<Signal>> {
    let entry = &structured(entry);
    if entry.is_null() {
        return Some(None);
    }
    if entry.value.as_str().is_some() {
        let url = entry.value.clone();
        let value = Value::from(Dict::from([("url".to_owned(), url)]));
        let whole = Setting { value, key: entry.key.clone(), origin: entry.origin };
        return signal(&whole, m, Some("http")).map(Some);
    }
    signal(entry, m, Some("http")).map(Some)
}

/// A warning for each file that a signal refers to and that does not exist.
pub(super) fn missing_files(policies: &[Policy]) -> Vec<String> {
    let mut missing = BTreeSet::new();
    for signal in policies.iter().flat_map(|one| one.degraded.iter().chain(&one.health_check)) {
        let files = [
            ("bearer_token_file", &signal.access.bearer_token_file),
            ("ca_file", &signal.access.ca_file),
        ];
        for (key, file) in files {
            if let Some(file) = file.as_ref().filter(|file| !file.is_file()) {
                let (name, file) = (&signal.name, file.display());
                missing.insert(format!("signal {name}: {key}: {file} does not exist"));
            }
        }
    }
    missing.into_iter().collect()
}

/// Parses a signal in an environment variable, which uses the one-line form of YAML.
fn structured<'a>(entry: &Setting<'a>) -> Setting<'a> {
    let written = entry.variable().map(str::trim).filter(|text| text.starts_with(['[', '{']));
    let value = written.and_then(|text| read::yaml(text).ok());
    let value = value.unwrap_or_else(|| entry.value.clone());
    Setting { value, key: entry.key.clone(), origin: entry.origin }
}

fn kind_names() -> Vec<&'static str> {
    SIGNAL_KINDS.iter().map(|kind| kind.name).collect()
}

/// The keys of one signal, as written.
struct SignalFields<'e, 'a> {
    of: &'e Setting<'a>,
    written: &'e Dict,
}

impl<'a> SignalFields<'_, 'a> {
    fn entry(&self, key: &str) -> Option<Setting<'a>> {
        let value = self.written.get(key)?.clone();
        let entry =
            Setting { value, key: format!("{}.{key}", self.of.key), origin: self.of.origin };
        (!entry.is_null()).then_some(entry)
    }

    /// The parsed value of `key`, or `default` if it is absent. `None` if the value is invalid.
    fn or<T>(
        &self,
        key: &str,
        default: T,
        m: &mut Mistakes,
        read: impl FnOnce(&Setting<'a>, &mut Mistakes) -> Option<T>,
    ) -> Option<T> {
        self.entry(key).map_or(Some(default), |entry| read(&entry, m))
    }

    /// The parsed value of `key`, which is required.
    fn required<T>(
        &self,
        key: &str,
        m: &mut Mistakes,
        read: impl FnOnce(&Setting<'a>, &mut Mistakes) -> Option<T>,
    ) -> Option<T> {
        if let Some(entry) = self.entry(key) {
            return read(&entry, m);
        }
        self.of.refuse(m, format!("lacks the key `{key}`"));
        None
    }
}

fn signal(entry: &Setting<'_>, m: &mut Mistakes, given: Option<&str>) -> Option<Signal> {
    let Value::Dict(_, written) = &entry.value else {
        let expected = match given {
            Some(_) => "an address, or a mapping with a `url`",
            None => "a mapping with `type` and `url`",
        };
        entry.wrong(m, expected);
        return None;
    };
    let fields = SignalFields { of: entry, written };
    let names = kind_names();
    let kinds: Vec<(&str, &str)> = names.iter().map(|name| (*name, *name)).collect();
    let kind = match given {
        Some(given) => given,
        None => fields.required("type", m, |entry, m| word(entry, m, &kinds))?,
    };
    let is_known = known_keys(&fields, kind, given.is_some(), m);
    let access = access::access(&fields, m);
    let parts = match kind {
        "prometheus" => kinds::prometheus(&fields, m),
        "alertmanager" => kinds::alertmanager(&fields, m),
        _ => kinds::http(&fields, given.is_some(), m),
    };
    let name = fields.or("name", None, m, |entry, m| {
        line(entry, m, LONGEST_NAME, "a name of at most 60 characters").map(Some)
    });
    let (access, kind, name) = (access?, parts?, name?);
    let name = name.unwrap_or_else(|| default_name(&kind));
    is_known.then_some(Signal { name, kind, access })
}

/// For example `prometheus at prometheus.monitoring:9090`.
fn default_name(kind: &SignalKind) -> String {
    let uri = kind.url().parse::<Uri>().unwrap_or_default();
    let place = uri.authority().map_or("", |authority| authority.as_str());
    format!("{} at {place}", kind.as_str()).chars().take(LONGEST_NAME).collect()
}

fn known_keys(fields: &SignalFields<'_, '_>, kind: &str, is_given: bool, m: &mut Mistakes) -> bool {
    let own = SIGNAL_KINDS.iter().find(|one| one.name == kind).map_or(&[][..], |one| one.keys);
    let type_key: &[&str] = if is_given { &[] } else { &["type"] };
    let known = [type_key.to_vec(), names(SIGNAL_KEYS), names(own)].concat();
    let mut all_known = true;
    for key in fields.written.keys().filter(|key| !known.contains(&key.as_str())) {
        all_known = false;
        let of = SIGNAL_KINDS.iter().find(|one| has(one.keys, key));
        let hint = match (of, meant(key, known.iter().copied())) {
            (Some(of), _) => format!("it belongs to `type: {}`", of.name),
            (None, Some(near)) => format!("did you mean {near}?"),
            (None, None) => format!("known are {}", known.join(", ")),
        };
        let (value, key) = (Value::from(""), format!("{}.{key}", fields.of.key));
        let unknown = Setting { value, key, origin: fields.of.origin };
        unknown.refuse(m, format!("is not a known key: {hint}"));
    }
    all_known
}
