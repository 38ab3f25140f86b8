//! Parses the keys that are specific to each type of signal: the request, and which response
//! means degraded.

use figment::value::Value;
use http::Uri;

use super::{LONGEST_VALUE, SignalFields};
use crate::config::mistake::Mistakes;
use crate::config::values::{Setting, items, line, text, texts, whole, word};
use crate::domain::{ExpectedValue, SignalKind, Threshold, WhenUnreachable};

/// Servers and intermediate proxies accept request lines of 8 kB (nginx, Apache).
pub(in crate::config) const LONGEST_QUERY: usize = 4_000;
pub(in crate::config) const LONGEST_URL: usize = 2_000;

/// The values of `when_unreachable`.
pub(in crate::config) const UNREACHABLE: [(&str, WhenUnreachable); 2] =
    [("unknown", WhenUnreachable::Unknown), ("degraded", WhenUnreachable::Degraded)];

pub(super) fn prometheus(fields: &SignalFields<'_, '_>, m: &mut Mistakes) -> Option<SignalKind> {
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

pub(super) fn alertmanager(fields: &SignalFields<'_, '_>, m: &mut Mistakes) -> Option<SignalKind> {
    let url = fields.required("url", m, |entry, m| base_url(entry, m, "/api/v2"));
    let matchers = fields.required("matchers", m, matchers);
    let (url, matchers) = (url?, matchers?);
    Some(SignalKind::Alertmanager { url, matchers })
}

fn matchers(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<String>> {
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
        entry.wrong(m, "at least one matcher: without one, every alert counts");
        return None;
    }
    complete.then_some(matchers)
}

/// Whether Alertmanager accepts the text as a matcher: a label name, an operator, and a value.
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

pub(super) fn http(
    fields: &SignalFields<'_, '_>,
    is_check: bool,
    m: &mut Mistakes,
) -> Option<SignalKind> {
    let url = fields.required("url", m, |entry, m| address(entry, m, true));
    let expected_status = fields.or("expected_status", vec![200], m, statuses);
    let value = expected_value(fields, m);
    // If nothing answers after a deploy, the deploy did not go well.
    let default = if is_check { WhenUnreachable::Degraded } else { WhenUnreachable::Unknown };
    let when_unreachable =
        fields.or("when_unreachable", default, m, |entry, m| word(entry, m, &UNREACHABLE));
    Some(SignalKind::Http {
        url: url?,
        expected_status: expected_status?,
        expected_value: value?,
        when_unreachable: when_unreachable?,
    })
}

fn statuses(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<u16>> {
    let is_list = matches!(entry.value, Value::Array(..)) || entry.variable().is_some();
    let read = |item: &Setting<'_>, m: &mut Mistakes| {
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

/// `json_pointer` and `expected_value`, which must be set together.
fn expected_value(
    fields: &SignalFields<'_, '_>,
    m: &mut Mistakes,
) -> Option<Option<ExpectedValue>> {
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

/// Base URL of a server, without the API path `ours`, which the governor appends.
fn base_url(entry: &Setting<'_>, m: &mut Mistakes, ours: &str) -> Option<String> {
    let url = address(entry, m, false)?;
    let base = url.trim_end_matches('/');
    if base.contains(ours) {
        entry.wrong(m, format_args!("the server's address without {ours}, which is added to it"));
        return None;
    }
    Some(base.to_owned())
}

fn address(entry: &Setting<'_>, m: &mut Mistakes, may_ask: bool) -> Option<String> {
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
