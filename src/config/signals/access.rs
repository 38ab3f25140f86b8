//! The connection settings of a signal: headers, secrets, certificates, timeout and interval.

use std::path::PathBuf;
use std::time::Duration;

use figment::value::Value;
use http::{HeaderName, HeaderValue, header};

use super::{LONGEST_VALUE, SignalFields};
use crate::config::mistake::Mistakes;
use crate::config::values::{Setting, interval, line};
use crate::domain::{Hidden, SignalAccess};

/// Default timeout. A slower server is overloaded.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bounds how long a dispatch waits for the first reading.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(30);
pub(in crate::config) const MOST_HEADERS: usize = 20;

pub(super) fn access(fields: &SignalFields<'_, '_>, m: &mut Mistakes) -> Option<SignalAccess> {
    let headers = fields.or("headers", Vec::new(), m, headers);
    let bearer_token_file = fields.or("bearer_token_file", None, m, file);
    let ca_file = fields.or("ca_file", None, m, file);
    let timeout = fields.or("timeout", TIMEOUT, m, interval);
    let every = fields.or("interval", INTERVAL, m, interval);
    let stale_after = fields.or("stale_after", None, m, |entry, m| interval(entry, m).map(Some));
    let (headers, timeout, interval) = (headers?, timeout?, every?);
    if timeout > LONGEST_TIMEOUT {
        let shown = fields.entry("timeout");
        let of = shown.as_ref().unwrap_or(fields.of);
        of.refuse(m, "must be at most 60s: a dispatch may have to wait for it");
        return None;
    }
    let round = interval.saturating_add(timeout);
    // Tolerate two lost readings.
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

fn file(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Option<PathBuf>> {
    line(entry, m, LONGEST_VALUE, "a file's path").map(|path| Some(PathBuf::from(path)))
}

/// Headers that the configuration cannot set.
pub(in crate::config) const OUR_HEADERS: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
];

fn headers(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<(String, Hidden)>> {
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
        let field = Setting { value, key, origin: entry.origin };
        // A header value may be a secret, so no message contains it.
        let value = field.written();
        if let Some(value) = &value {
            m.keep_secret(value);
        }
        let good_name = HeaderName::from_bytes(name.as_bytes()).ok();
        let value = value.filter(|value| HeaderValue::from_str(value).is_ok());
        match (good_name.filter(|name| !OUR_HEADERS.contains(name)), value) {
            (Some(name), Some(value)) => headers.push((name.as_str().to_owned(), Hidden(value))),
            (None, _) => {
                field.refuse(m, "is a header that cannot be set");
                complete = false;
            }
            (_, None) => {
                field.refuse(
                    m,
                    "has a value that is not valid in a header: expected one line of text",
                );
                complete = false;
            }
        }
    }
    headers.sort();
    complete.then_some(headers)
}
