//! The keys of a signal: of `degraded` and of `health_check`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use figment::value::{Dict, Value};
use http::{HeaderName, HeaderValue, Uri, header};

use crate::domain::{
    ExpectedValue, Hidden, Policy, Signal, SignalAccess, SignalKind, Threshold, WhenUnreachable,
};

use super::mistake::{Mistakes, meant};
use super::read;
use super::values::{Entry, interval, items, line, one_of, text, texts, whole, word};

/// The keys of every signal.
const COMMON: &[&str] = &[
    "name",
    "url",
    "headers",
    "bearer_token_file",
    "ca_file",
    "timeout",
    "interval",
    "stale_after",
];

/// The kinds, and the keys that belong to one of them alone.
const KINDS: &[(&str, &[&str])] = &[
    ("prometheus", &["query", "degraded_when"]),
    ("alertmanager", &["matchers"]),
    ("http", &["expected_status", "json_pointer", "expected_value", "when_unreachable"]),
];

/// Longer ones make a poor label.
const LONGEST_NAME: usize = 60;
/// Servers and proxies on the way take request lines of 8 kB (nginx, Apache).
const LONGEST_QUERY: usize = 4_000;
const LONGEST_URL: usize = 2_000;
const LONGEST_VALUE: usize = 4_000;
/// More say nothing that fewer could not.
const MOST_SIGNALS: usize = 20;
const MOST_HEADERS: usize = 20;

/// Who answers slower is asked too much.
const TIMEOUT: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_secs(30);

/// `degraded`: null, one signal, or a list of them.
pub(super) fn degraded(entry: &Entry<'_>, m: &mut Mistakes) -> Option<Vec<Signal>> {
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

/// `health_check`: null, an address, or an `http` signal without its `type`.
pub(super) fn health_check(entry: &Entry<'_>, m: &mut Mistakes) -> Option<Option<Signal>> {
    let entry = &structured(entry);
    if entry.is_null() {
        return Some(None);
    }
    if entry.value.as_str().is_some() {
        let url = entry.value.clone();
        let value = Value::from(Dict::from([("url".to_owned(), url)]));
        let whole = Entry { value, key: entry.key.clone(), origin: entry.origin };
        return signal(&whole, m, Some("http")).map(Some);
    }
    signal(entry, m, Some("http")).map(Some)
}

/// Files that signals name and that are not there, a warning each.
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
                missing.insert(format!("signal {name}: {key}: {file} is not there"));
            }
        }
    }
    missing.into_iter().collect()
}

/// A variable holds its signals in YAML's one-line form.
fn structured<'a>(entry: &Entry<'a>) -> Entry<'a> {
    let written = entry.variable().map(str::trim).filter(|text| text.starts_with(['[', '{']));
    let value = written.and_then(|text| read::yaml(text).ok());
    let value = value.unwrap_or_else(|| entry.value.clone());
    Entry { value, key: entry.key.clone(), origin: entry.origin }
}

fn kind_names() -> Vec<&'static str> {
    KINDS.iter().map(|(kind, _)| *kind).collect()
}

/// The keys of one signal, as they are written.
struct Fields<'e, 'a> {
    of: &'e Entry<'a>,
    written: &'e Dict,
}

impl<'a> Fields<'_, 'a> {
    fn entry(&self, key: &str) -> Option<Entry<'a>> {
        let value = self.written.get(key)?.clone();
        let entry = Entry { value, key: format!("{}.{key}", self.of.key), origin: self.of.origin };
        (!entry.is_null()).then_some(entry)
    }

    /// What `read` reads of `key`, or `default` where it is not written; none where it is wrong.
    fn or<T>(
        &self,
        key: &str,
        default: T,
        m: &mut Mistakes,
        read: impl FnOnce(&Entry<'a>, &mut Mistakes) -> Option<T>,
    ) -> Option<T> {
        self.entry(key).map_or(Some(default), |entry| read(&entry, m))
    }

    /// What `read` reads of `key`, which has to be there.
    fn required<T>(
        &self,
        key: &str,
        m: &mut Mistakes,
        read: impl FnOnce(&Entry<'a>, &mut Mistakes) -> Option<T>,
    ) -> Option<T> {
        if let Some(entry) = self.entry(key) {
            return read(&entry, m);
        }
        self.of.refuse(m, format!("lacks the key `{key}`"));
        None
    }
}

fn signal(entry: &Entry<'_>, m: &mut Mistakes, given: Option<&str>) -> Option<Signal> {
    let Value::Dict(_, written) = &entry.value else {
        let expected = match given {
            Some(_) => "an address, or a mapping with a `url`",
            None => "a mapping with `type` and `url`",
        };
        entry.wrong(m, expected);
        return None;
    };
    let fields = Fields { of: entry, written };
    let names = kind_names();
    let kinds: Vec<(&str, &str)> = names.iter().map(|name| (*name, *name)).collect();
    let kind = match given {
        Some(given) => given,
        None => fields.required("type", m, |entry, m| word(entry, m, &kinds))?,
    };
    let is_known = known_keys(&fields, kind, given.is_some(), m);
    let access = access(&fields, m);
    let parts = match kind {
        "prometheus" => prometheus(&fields, m),
        "alertmanager" => alertmanager(&fields, m),
        _ => http(&fields, given.is_some(), m),
    };
    let name = fields.or("name", None, m, |entry, m| {
        line(entry, m, LONGEST_NAME, "a name of at most 60 characters").map(Some)
    });
    let (access, kind, name) = (access?, parts?, name?);
    let name = name.unwrap_or_else(|| default_name(&kind));
    is_known.then_some(Signal { name, kind, access })
}

/// `prometheus at prometheus.monitoring:9090`.
fn default_name(kind: &SignalKind) -> String {
    let uri = kind.url().parse::<Uri>().unwrap_or_default();
    let place = uri.authority().map_or("", |authority| authority.as_str());
    format!("{} at {place}", kind.as_str()).chars().take(LONGEST_NAME).collect()
}

fn known_keys(fields: &Fields<'_, '_>, kind: &str, is_given: bool, m: &mut Mistakes) -> bool {
    let own = KINDS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| keys);
    let type_key: &[&str] = if is_given { &[] } else { &["type"] };
    let known: Vec<&str> = [type_key, COMMON, own].concat();
    let mut all_known = true;
    for key in fields.written.keys().filter(|key| !known.contains(&key.as_str())) {
        all_known = false;
        let of = KINDS.iter().find(|(_, keys)| keys.contains(&key.as_str()));
        let hint = match (of, meant(key, known.iter().copied())) {
            (Some((of, _)), _) => format!("it belongs to `type: {of}`"),
            (None, Some(near)) => format!("did you mean {near}?"),
            (None, None) => format!("known are {}", known.join(", ")),
        };
        let (value, key) = (Value::from(""), format!("{}.{key}", fields.of.key));
        let unknown = Entry { value, key, origin: fields.of.origin };
        unknown.refuse(m, format!("is no key here: {hint}"));
    }
    all_known
}

fn prometheus(fields: &Fields<'_, '_>, m: &mut Mistakes) -> Option<SignalKind> {
    let url = fields.required("url", m, |entry, m| base_url(entry, m, "/api/v1"));
    let query = fields.required("query", m, |entry, m| {
        let expected = "a query in PromQL, of at most 4000 characters";
        let query = text(entry, m, expected)?;
        if query.trim().is_empty() || query.chars().count() > LONGEST_QUERY {
            entry.wrong(m, expected);
            return None;
        }
        Some(query.trim().to_owned())
    });
    let degraded_when = fields.or("degraded_when", None, m, |entry, m| {
        let expected = "a comparison with a number, as in \"> 0.05\"";
        let threshold = Threshold::parse(&text(entry, m, expected)?);
        if threshold.is_none() {
            entry.wrong(m, expected);
        }
        threshold.map(Some)
    });
    let (url, query, degraded_when) = (url?, query?, degraded_when?);
    Some(SignalKind::Prometheus { url, query, degraded_when })
}

fn alertmanager(fields: &Fields<'_, '_>, m: &mut Mistakes) -> Option<SignalKind> {
    let url = fields.required("url", m, |entry, m| base_url(entry, m, "/api/v2"));
    let matchers = fields.required("matchers", m, matchers);
    let (url, matchers) = (url?, matchers?);
    Some(SignalKind::Alertmanager { url, matchers })
}

fn matchers(entry: &Entry<'_>, m: &mut Mistakes) -> Option<Vec<String>> {
    let expected = "matchers, as in 'service=\"shop\"'";
    let matchers = texts(entry, m, expected)?;
    let mut complete = true;
    for (item, matcher) in items(entry, m, expected)?.iter().zip(&matchers) {
        if !is_matcher(matcher) {
            item.wrong(m, "a label, one of = != =~ !~, and a value, as in service=\"shop\"");
            complete = false;
        }
    }
    if matchers.is_empty() {
        entry.wrong(m, "at least one matcher: without one, any alert of anybody counts");
        return None;
    }
    complete.then_some(matchers)
}

/// Whether Alertmanager takes it for a matcher: a label's name, an operator, a value.
fn is_matcher(text: &str) -> bool {
    let Some(at) = text.find(['=', '!']) else { return false };
    let (label, rest) = text.split_at(at);
    let label = label.trim_end();
    let is_label = label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = ["=~", "!~", "!=", "="].iter().find_map(|sign| rest.strip_prefix(sign));
    let Some(value) = value.map(str::trim) else { return false };
    let is_whole = match value.strip_prefix('"') {
        Some(inside) => inside.strip_suffix('"').is_some_and(|inside| !inside.ends_with('\\')),
        None => !value.contains('"'),
    };
    is_label && is_whole && !value.is_empty()
}

fn http(fields: &Fields<'_, '_>, is_check: bool, m: &mut Mistakes) -> Option<SignalKind> {
    let url = fields.required("url", m, |entry, m| address(entry, m, true));
    let expected_status = fields.or("expected_status", vec![200], m, statuses);
    let value = expected_value(fields, m);
    // A deploy after which nothing answers has not gone well.
    let default = if is_check { WhenUnreachable::Degraded } else { WhenUnreachable::Unknown };
    let words = [("unknown", WhenUnreachable::Unknown), ("degraded", WhenUnreachable::Degraded)];
    let when_unreachable =
        fields.or("when_unreachable", default, m, |entry, m| word(entry, m, &words));
    Some(SignalKind::Http {
        url: url?,
        expected_status: expected_status?,
        expected_value: value?,
        when_unreachable: when_unreachable?,
    })
}

fn statuses(entry: &Entry<'_>, m: &mut Mistakes) -> Option<Vec<u16>> {
    let is_list = matches!(entry.value, Value::Array(..)) || entry.variable().is_some();
    let read = |item: &Entry<'_>, m: &mut Mistakes| {
        whole(item, m, 100..=599).and_then(|code| u16::try_from(code).ok())
    };
    if !is_list {
        return read(entry, m).map(|code| vec![code]);
    }
    let items = items(entry, m, "status codes, as in [200, 204]")?;
    let codes: Vec<Option<u16>> = items.iter().map(|item| read(item, m)).collect();
    if codes.is_empty() {
        entry.wrong(m, "at least one status code");
        return None;
    }
    codes.into_iter().collect()
}

/// `json_pointer` and `expected_value`, which belong together.
fn expected_value(fields: &Fields<'_, '_>, m: &mut Mistakes) -> Option<Option<ExpectedValue>> {
    let pointer = fields.or("json_pointer", None, m, |entry, m| {
        let expected = "a JSON pointer (RFC 6901), as in /status";
        let pointer = line(entry, m, LONGEST_VALUE, expected)?;
        if !pointer.starts_with('/') {
            entry.wrong(m, expected);
            return None;
        }
        Some(Some(pointer))
    })?;
    let value = fields.or("expected_value", None, m, |entry, m| {
        let expected = "a text, a number, true or false";
        let value = entry.written();
        if value.is_none() {
            entry.wrong(m, expected);
        }
        value.map(Some)
    })?;
    match (pointer, value) {
        (Some(pointer), Some(value)) => Some(Some(ExpectedValue { pointer, value })),
        (None, None) => Some(None),
        (Some(_), None) => {
            fields.of.refuse(m, "lacks the key `expected_value`, which json_pointer asks for");
            None
        }
        (None, Some(_)) => {
            fields.of.refuse(m, "lacks the key `json_pointer`, which says where expected_value is");
            None
        }
    }
}

fn access(fields: &Fields<'_, '_>, m: &mut Mistakes) -> Option<SignalAccess> {
    let headers = fields.or("headers", Vec::new(), m, headers);
    let bearer_token_file = fields.or("bearer_token_file", None, m, file);
    let ca_file = fields.or("ca_file", None, m, file);
    let timeout = fields.or("timeout", TIMEOUT, m, interval);
    let every = fields.or("interval", INTERVAL, m, interval);
    let stale_after = fields.or("stale_after", None, m, |entry, m| interval(entry, m).map(Some));
    let (headers, timeout, interval) = (headers?, timeout?, every?);
    let round = interval.saturating_add(timeout);
    // Two lost readings are no reason to doubt.
    let stale_after = stale_after?.unwrap_or_else(|| round.saturating_mul(3));
    if stale_after <= round {
        let shown = fields.entry("stale_after");
        let of = shown.as_ref().unwrap_or(fields.of);
        of.refuse(m, "must be longer than interval and timeout together, or a good reading ends before the next");
        return None;
    }
    let bearer_token_file = bearer_token_file?;
    let is_told_twice = headers.iter().any(|(name, _)| name == header::AUTHORIZATION.as_str());
    if is_told_twice && bearer_token_file.is_some() {
        fields.of.refuse(m, "has both bearer_token_file and a header Authorization: choose one");
        return None;
    }
    Some(SignalAccess {
        headers,
        bearer_token_file,
        ca_file: ca_file?,
        timeout,
        interval,
        stale_after,
    })
}

fn file(entry: &Entry<'_>, m: &mut Mistakes) -> Option<Option<PathBuf>> {
    line(entry, m, LONGEST_VALUE, "a file's path").map(|path| Some(PathBuf::from(path)))
}

/// Headers that are not the writer's to set.
const OURS: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
];

fn headers(entry: &Entry<'_>, m: &mut Mistakes) -> Option<Vec<(String, Hidden)>> {
    let Value::Dict(_, written) = &entry.value else {
        entry.refuse(m, "expected a mapping of names to values, as in {X-Scope-OrgID: shop}");
        return None;
    };
    if written.len() > MOST_HEADERS {
        entry.refuse(m, format!("has more than {MOST_HEADERS} headers"));
        return None;
    }
    let mut headers = Vec::with_capacity(written.len());
    let mut complete = true;
    for (name, value) in written {
        let (key, value) = (format!("{}.{name}", entry.key), value.clone());
        let field = Entry { value, key, origin: entry.origin };
        // A value may be a secret: no message holds it.
        let value = field.written();
        if let Some(value) = &value {
            m.keep_secret(value);
        }
        let good_name = HeaderName::from_bytes(name.as_bytes()).ok();
        let value = value.filter(|value| HeaderValue::from_str(value).is_ok());
        match (good_name.filter(|name| !OURS.contains(name)), value) {
            (Some(name), Some(value)) => headers.push((name.as_str().to_owned(), Hidden(value))),
            (None, _) => {
                field.refuse(m, "is no header that may be set");
                complete = false;
            }
            (_, None) => {
                field.refuse(m, "has a value that no header may have: expected a line of text");
                complete = false;
            }
        }
    }
    headers.sort();
    complete.then_some(headers)
}

/// The address of a server's API, without what we add to it.
fn base_url(entry: &Entry<'_>, m: &mut Mistakes, ours: &str) -> Option<String> {
    let url = address(entry, m, false)?;
    let base = url.trim_end_matches('/');
    if base.contains(ours) {
        entry.wrong(m, format_args!("the server's address without {ours}, which is added to it"));
        return None;
    }
    Some(base.to_owned())
}

fn address(entry: &Entry<'_>, m: &mut Mistakes, may_ask: bool) -> Option<String> {
    let expected = if may_ask {
        "an address, as in https://shop.example.com/healthz, without user or password"
    } else {
        "an address, as in http://prometheus.monitoring:9090, without user, password or query"
    };
    let url = line(entry, m, LONGEST_URL, expected)?;
    let uri = url.parse::<Uri>().ok();
    let is_good = uri.is_some_and(|uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && !authority.contains('@')
            && (may_ask || uri.query().is_none())
    });
    if !is_good || url.contains(['#', ' ']) {
        entry.wrong(m, expected);
        return None;
    }
    Some(url)
}
