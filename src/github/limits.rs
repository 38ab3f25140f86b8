//! What GitHub says of its limits and of time: when it tells one call to wait, every call waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::telemetry::Metrics;

/// A secondary limit without a header: "wait for at least one minute", then ever longer.
/// Source: GitHub's documentation of rate limits.
const SECONDARY_WAIT: Duration = Duration::from_secs(60);
/// A primary limit resets within the hour; no word of a server's silences us for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 60 * 60);
/// A limit that resets "now" is not asked at once.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// The machine's clock may be this far off before it is said.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(30);

/// What is known of GitHub's limits and of the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsView {
    /// Until when nothing is sent, if GitHub told us to wait.
    pub told_to_wait_until: Option<Timestamp>,
    /// Requests left of the primary limit.
    pub remaining: Option<u64>,
    /// The primary limit.
    pub limit: Option<u64>,
    /// When the primary limit starts anew.
    pub reset: Option<Timestamp>,
    /// When GitHub last accepted the token; none after it did not.
    pub token_accepted_at: Option<Timestamp>,
    /// When GitHub refused the token; none once it accepted it again.
    pub token_refused_at: Option<Timestamp>,
    /// When GitHub last answered a request with success.
    pub last_ok_at: Option<Timestamp>,
    /// When the token ends, where GitHub says so.
    pub token_expires_at: Option<Timestamp>,
}

/// The gate that all calls pass.
pub(super) struct Limits {
    clock: Clock,
    metrics: Arc<Metrics>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    view: LimitsView,
    /// The next wait for a secondary limit without a header.
    secondary_waits: u32,
    /// The difference of the clocks that was said last.
    said_difference: SignedDuration,
}

impl Limits {
    pub(super) fn new(clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { clock, metrics, known: Mutex::default() }
    }

    pub(super) fn view(&self) -> LimitsView {
        let now = self.clock.now();
        let mut view = self.lock().view.clone();
        view.told_to_wait_until = view.told_to_wait_until.filter(|until| *until > now);
        view
    }

    /// Until when the gate is closed, if it is.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        self.view().told_to_wait_until
    }

    /// Takes note of an answer's headers.
    pub(super) fn note(&self, status: StatusCode, headers: &HeaderMap) {
        if let Some(date) = text(headers, header::DATE.as_str()).and_then(http_date) {
            self.clock.anchor_to(date);
        }
        let now = self.clock.now();
        let mut known = self.lock();
        let view = &mut known.view;
        if let Some(limit) = number(headers, "x-ratelimit-limit") {
            view.limit = Some(limit);
        }
        if let Some(remaining) = number(headers, "x-ratelimit-remaining") {
            view.remaining = Some(remaining);
        }
        if let Some(reset) = epoch(headers, "x-ratelimit-reset") {
            view.reset = Some(reset);
        }
        if let Some(end) = text(headers, "github-authentication-token-expiration").and_then(expiry)
        {
            view.token_expires_at = Some(end);
        }
        if status == StatusCode::UNAUTHORIZED {
            view.token_accepted_at = None;
            view.token_refused_at = Some(now);
        } else if status.as_u16() < 500 && status != StatusCode::FORBIDDEN {
            view.token_accepted_at = Some(now);
            view.token_refused_at = None;
        }
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            view.last_ok_at = Some(now);
        }
        self.metrics.api_limit(view.remaining, view.limit, view.reset);
        self.metrics.token_expires(view.token_expires_at);
        self.note_difference(&mut known);
    }

    /// Closes the gate when this answer says so; until when.
    pub(super) fn told_to_wait(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut known = self.lock();
        let Some(wait) = self.asked_wait(&mut known, status, headers, body) else {
            let is_good = status.is_success() || status == StatusCode::NOT_MODIFIED;
            // While the gate is closed, an answer is to a request from before it closed.
            if is_good && known.view.told_to_wait_until.is_none_or(|until| until <= now) {
                known.secondary_waits = 0;
            }
            return None;
        };
        let wait = SignedDuration::try_from(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT));
        let until = now.saturating_add(wait.unwrap_or(SignedDuration::ZERO)).unwrap_or(now);
        let before = known.view.told_to_wait_until.filter(|before| *before > now);
        let until = before.map_or(until, |before| before.max(until));
        if before != Some(until) {
            known.view.told_to_wait_until = Some(until);
            self.metrics.told_to_wait(until);
            tracing::warn!(
                until = %until,
                "GitHub told us to wait: nothing is sent until {until:.0}"
            );
        }
        Some(until)
    }

    fn asked_wait(
        &self,
        known: &mut Known,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Duration> {
        let too_many = status == StatusCode::TOO_MANY_REQUESTS;
        if !too_many && status != StatusCode::FORBIDDEN {
            return None;
        }
        let now = self.clock.now();
        let until = |moment: Timestamp| {
            Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO)
        };
        if let Some(after) = text(headers, header::RETRY_AFTER.as_str()) {
            if let Ok(seconds) = after.trim().parse() {
                return Some(Duration::from_secs(seconds));
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
        if !too_many && !speaks_of_a_limit(body) {
            return None;
        }
        // Calls that were under way when the gate closed are no further warning.
        if let Some(before) = known.view.told_to_wait_until.filter(|before| *before > now) {
            return Some(until(before));
        }
        let factor = 1u32.checked_shl(known.secondary_waits).unwrap_or(u32::MAX);
        known.secondary_waits = known.secondary_waits.saturating_add(1).min(8);
        Some(SECONDARY_WAIT.saturating_mul(factor))
    }

    fn note_difference(&self, known: &mut Known) {
        let difference = self.clock.difference();
        self.metrics.clock_difference(difference);
        let is_off = difference.abs() > CLOCK_TOLERANCE;
        let was_off = known.said_difference.abs() > CLOCK_TOLERANCE;
        let change = difference.saturating_sub(known.said_difference).abs();
        let seconds = difference.as_secs();
        if is_off && change > CLOCK_TOLERANCE {
            known.said_difference = difference;
            tracing::warn!(
                seconds,
                "this machine's clock is {seconds} s off GitHub's, which is the one that counts"
            );
        } else if was_off && !is_off {
            known.said_difference = SignedDuration::ZERO;
            tracing::info!(seconds, "this machine's clock agrees with GitHub's again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// GitHub's message where it sends no header: "You have exceeded a secondary rate limit", older
/// "abuse detection mechanism", and for the primary one "API rate limit exceeded".
fn speaks_of_a_limit(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    ["secondary rate limit", "abuse detection", "rate limit exceeded"]
        .iter()
        .any(|sign| text.contains(sign))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

fn epoch(headers: &HeaderMap, name: &str) -> Option<Timestamp> {
    Timestamp::from_second(number(headers, name)?.try_into().ok()?).ok()
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// `2026-12-01 12:00:00 UTC`, or with an offset in place of `UTC`.
fn expiry(text: &str) -> Option<Timestamp> {
    let text = text.trim().replace(" UTC", " +0000");
    Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", &text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualTime;

    fn noon() -> Timestamp {
        "2026-11-01T12:00:00Z".parse().unwrap()
    }

    fn limits() -> (Limits, ManualTime) {
        let (clock, time) = Clock::manual(noon(), 1);
        (Limits::new(clock, Arc::new(Metrics::new())), time)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn seconds_later(seconds: i64) -> Option<Timestamp> {
        Some(noon() + SignedDuration::from_secs(seconds))
    }

    #[test]
    fn a_primary_limit_closes_the_gate_until_its_reset() {
        let (limits, time) = limits();
        let reset = (noon().as_second() + 900).to_string();
        let headers = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)]);
        let until = limits.told_to_wait(StatusCode::FORBIDDEN, &headers, b"");
        assert_eq!(until, seconds_later(900));
        assert_eq!(limits.closed_until(), until);
        time.advance(Duration::from_secs(900));
        assert_eq!(limits.closed_until(), None);
    }

    #[test]
    fn a_secondary_limit_says_how_long() {
        let (limits, _) = limits();
        let headers = headers(&[("retry-after", "30"), ("x-ratelimit-remaining", "0")]);
        let until = limits.told_to_wait(StatusCode::FORBIDDEN, &headers, b"");
        assert_eq!(until, seconds_later(30));
    }

    #[test]
    fn a_secondary_limit_without_a_header_waits_a_minute_then_longer() {
        let (limits, time) = limits();
        let none = HeaderMap::new();
        let body = br#"{"message":"You have exceeded a secondary rate limit."}"#;
        let told = || limits.told_to_wait(StatusCode::FORBIDDEN, &none, body);
        assert_eq!(told(), seconds_later(60));
        assert_eq!(told(), seconds_later(60), "a call that was under way is no second warning");
        assert_eq!(limits.told_to_wait(StatusCode::OK, &none, b""), None, "nor an all-clear");
        time.advance(Duration::from_secs(60));
        assert_eq!(told(), seconds_later(60 + 120));
        time.advance(Duration::from_secs(120));
        assert_eq!(limits.told_to_wait(StatusCode::OK, &none, b""), None);
        assert_eq!(told(), seconds_later(180 + 60), "a success in between begins anew");
    }

    #[test]
    fn a_plain_403_is_no_limit_and_a_429_always_is() {
        let (limits, _) = limits();
        let none = HeaderMap::new();
        let body = br#"{"message":"Resource not accessible by integration"}"#;
        assert_eq!(limits.told_to_wait(StatusCode::FORBIDDEN, &none, body), None);
        assert!(limits.told_to_wait(StatusCode::TOO_MANY_REQUESTS, &none, b"").is_some());
    }

    #[test]
    fn no_word_of_a_server_silences_us_for_ever() {
        let (limits, _) = limits();
        let headers = headers(&[("retry-after", "99999999")]);
        let until = limits.told_to_wait(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        assert_eq!(until, seconds_later(7200));
    }

    #[test]
    fn headers_tell_time_limit_and_the_tokens_end() {
        let (limits, _) = limits();
        limits.note(
            StatusCode::OK,
            &headers(&[
                ("date", "Sun, 01 Nov 2026 12:05:00 GMT"),
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", "4999"),
                ("x-ratelimit-reset", "1793534400"),
                ("github-authentication-token-expiration", "2026-12-01 12:00:00 UTC"),
            ]),
        );
        assert_eq!(limits.clock.now(), noon() + SignedDuration::from_mins(5));
        let view = limits.view();
        assert_eq!((view.remaining, view.limit), (Some(4999), Some(5000)));
        assert_eq!(view.token_expires_at, Some("2026-12-01T12:00:00Z".parse().unwrap()));
        assert_eq!(view.token_accepted_at, seconds_later(300));
        assert_eq!(limits.metrics.encode().matches("clock_difference_seconds -300").count(), 1);

        limits.note(StatusCode::UNAUTHORIZED, &HeaderMap::new());
        assert_eq!(limits.view().token_accepted_at, None);
        assert_eq!(limits.view().token_refused_at, seconds_later(300));
        assert_eq!(limits.view().last_ok_at, seconds_later(300));
    }
}
