//! Parses what an answer says about rate limits, in its headers or in its message.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use super::{LONGEST_WAIT, SECONDARY_WAIT, SHORTEST_WAIT};
use crate::github::wire;

/// Whether GitHub does not support the requested version of its API, or no longer does. Source:
/// GitHub's documentation, "API Versions": "If you specify an API version that is no longer
/// supported, you will receive a 400 error"; a server that never knew the version may answer
/// 415 or 410.
pub(super) fn refuses_the_version(status: StatusCode, body: &[u8]) -> bool {
    let may_be = [StatusCode::BAD_REQUEST, StatusCode::UNSUPPORTED_MEDIA_TYPE, StatusCode::GONE];
    if !may_be.contains(&status) {
        return false;
    }
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    ["x-github-api-version", "api version"].iter().any(|sign| text.contains(sign))
}

pub(super) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT));
    now.saturating_add(wait.unwrap_or(SignedDuration::ZERO)).unwrap_or(now)
}

/// An instruction to wait.
pub(super) enum WaitInstruction {
    /// For this long.
    For(Duration),
    /// A secondary limit that does not say for how long.
    ForSomeTime,
}

impl WaitInstruction {
    /// The minimum wait.
    pub(super) const fn least(&self) -> Duration {
        match self {
            Self::For(wait) => *wait,
            Self::ForSomeTime => SECONDARY_WAIT,
        }
    }
}

pub(super) fn told(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<WaitInstruction> {
    let too_many = status == StatusCode::TOO_MANY_REQUESTS;
    if !too_many && status != StatusCode::FORBIDDEN {
        return None;
    }
    let until = |moment: Timestamp| {
        WaitInstruction::For(
            Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO),
        )
    };
    if let Some(after) = text(headers, header::RETRY_AFTER.as_str()) {
        if let Ok(seconds) = after.trim().parse() {
            return Some(WaitInstruction::For(Duration::from_secs(seconds)));
        }
        if let Some(moment) = http_date(after) {
            return Some(until(moment));
        }
    }
    if number(headers, "x-ratelimit-remaining") == Some(0)
        && let Some(reset) = epoch(headers, "x-ratelimit-reset")
    {
        return Some(until(reset));
    }
    (too_many || speaks_of_a_limit(body)).then_some(WaitInstruction::ForSomeTime)
}

/// How long this answer tells us to wait, if it does, regardless of earlier answers.
pub(in crate::github) fn asked_wait(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<Duration> {
    told(status, headers, body, now).map(|told| told.least().clamp(SHORTEST_WAIT, LONGEST_WAIT))
}

/// Detects GitHub's message where it sends no header: "You have exceeded a secondary rate
/// limit", formerly "abuse detection mechanism", and for the primary limit "API rate limit
/// exceeded"; or a documentation URL such as `…/rest#secondary-rate-limits`.
fn speaks_of_a_limit(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let says = |sign: &str| text.contains(sign);
    ["secondary rate limit", "abuse detection", "rate limit exceeded"].into_iter().any(says)
        || wire::problem(body).documentation_url.is_some_and(|url| {
            let url = url.to_ascii_lowercase();
            url.contains("rate-limit") || url.contains("abuse-rate")
        })
}

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

pub(super) fn epoch(headers: &HeaderMap, name: &str) -> Option<Timestamp> {
    Timestamp::from_second(number(headers, name)?.try_into().ok()?).ok()
}

pub(in crate::github) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// Parses `2026-12-01 12:00:00 UTC`, or the same with an offset instead of `UTC`.
pub(super) fn expiry(text: &str) -> Option<Timestamp> {
    let text = text.trim().replace(" UTC", " +0000");
    Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", &text).ok()
}
