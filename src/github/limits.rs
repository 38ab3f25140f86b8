//! What GitHub says to one credential of its limits: when it tells one call to wait, every call
//! waits.

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
/// The last part of the primary limit, a fiftieth, is kept for deploys in flight.
const KEPT_SHARE: u64 = 50;
/// How long before its end a token's end is said.
const END_IS_SAID: [SignedDuration; 6] = [
    SignedDuration::from_hours(14 * 24),
    SignedDuration::from_hours(7 * 24),
    SignedDuration::from_hours(3 * 24),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(1),
];

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
    /// Since when no answer came but failures of GitHub's own; none while it answers.
    pub unreached_since: Option<Timestamp>,
    /// When the token ends, where GitHub says so.
    pub token_expires_at: Option<Timestamp>,
}

/// The gate that all calls of one credential pass.
pub(super) struct Limits {
    /// The credential's name in logs and metrics.
    credential: Arc<str>,
    /// An App's tokens end every hour, and nobody need know when.
    renews_itself: bool,
    clock: Clock,
    metrics: Arc<Metrics>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    view: LimitsView,
    scopes: Option<Vec<String>>,
    /// The next wait for a secondary limit without a header.
    secondary_waits: u32,
    /// How soon the token ended when that was said last.
    said_end: Option<SignedDuration>,
}

impl Limits {
    pub(super) fn new(
        credential: Arc<str>,
        renews_itself: bool,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { credential, renews_itself, clock, metrics, known: Mutex::default() }
    }

    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    pub(super) fn view(&self) -> LimitsView {
        let now = self.clock.now();
        let mut view = self.lock().view.clone();
        view.told_to_wait_until = view.told_to_wait_until.filter(|until| *until > now);
        // What was counted before the reset says nothing of what is left after it.
        if view.reset.is_some_and(|reset| reset <= now) {
            view.remaining = view.limit;
        }
        view
    }

    /// Until when the gate is closed, if it is.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        self.lock().view.told_to_wait_until.filter(|until| *until > self.clock.now())
    }

    /// Until when the little that is left of the primary limit is for deploys in flight.
    pub(super) fn kept_for_those_in_flight(&self) -> Option<Timestamp> {
        let known = self.lock();
        let (remaining, limit) = (known.view.remaining?, known.view.limit?);
        let reset = known.view.reset.filter(|reset| *reset > self.clock.now())?;
        (remaining < limit / KEPT_SHARE).then_some(reset)
    }

    /// A classic token's scopes, where GitHub told them.
    pub(super) fn scopes(&self) -> Option<Vec<String>> {
        self.lock().scopes.clone()
    }

    /// There is no token that GitHub would take.
    pub(super) fn refused(&self) {
        let now = self.clock.now();
        let view = &mut self.lock().view;
        view.token_accepted_at = None;
        view.token_refused_at.get_or_insert(now);
    }

    /// No answer came.
    pub(super) fn lost(&self) {
        let now = self.clock.now();
        self.lock().view.unreached_since.get_or_insert(now);
    }

    /// Takes note of an answer's headers.
    pub(super) fn note(&self, status: StatusCode, headers: &HeaderMap) {
        let now = self.clock.now();
        let mut known = self.lock();
        if let Some(scopes) = text(headers, "x-oauth-scopes") {
            let scopes = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty());
            known.scopes = Some(scopes.map(str::to_owned).collect());
        }
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
        let end = text(headers, "github-authentication-token-expiration").and_then(expiry);
        // Only an answer in full tells that the token has no end, as the one before it may have had.
        if !self.renews_itself && (end.is_some() || status == StatusCode::OK) {
            view.token_expires_at = end;
        }
        if status == StatusCode::UNAUTHORIZED {
            view.token_accepted_at = None;
            view.token_refused_at = Some(now);
        } else if status.as_u16() < 500 && status != StatusCode::FORBIDDEN {
            view.token_accepted_at = Some(now);
            view.token_refused_at = None;
        }
        if status.is_server_error() {
            view.unreached_since.get_or_insert(now);
        } else {
            view.unreached_since = None;
        }
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            view.last_ok_at = Some(now);
        }
        self.metrics.api_limit(&self.credential, view.remaining, view.limit, view.reset);
        self.metrics.token_accepted(&self.credential, view.token_refused_at.is_none());
        self.metrics.token_expires(&self.credential, view.token_expires_at);
        self.say_end(&mut known, now);
    }

    /// Says that the token ends, ever more urgently, before it does.
    fn say_end(&self, known: &mut Known, now: Timestamp) {
        let Some(end) = known.view.token_expires_at else {
            known.said_end = None;
            return;
        };
        let left = end.duration_since(now);
        let due = END_IS_SAID.iter().copied().filter(|before| left <= *before).min();
        // A new token ends later: all is said anew.
        if due.is_none() || known.said_end.is_some_and(|said| due > Some(said)) {
            known.said_end = due;
            return;
        }
        if known.said_end != due {
            known.said_end = due;
            let credential = &self.credential;
            tracing::warn!(
                parent: None, %credential, expires = %end,
                "the GitHub token ends at {end:.0}: put a new one in its place; a token file is \
                 read again by itself"
            );
        }
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
        let Some(told) = told(status, headers, body, now) else {
            let is_good = status.is_success() || status == StatusCode::NOT_MODIFIED;
            // While the gate is closed, an answer is to a request from before it closed.
            if is_good && known.view.told_to_wait_until.is_none_or(|until| until <= now) {
                known.secondary_waits = 0;
            }
            return None;
        };
        let before = known.view.told_to_wait_until.filter(|before| *before > now);
        let wait = match (told, before) {
            (Told::For(wait), _) => wait,
            // Calls that were under way when the gate closed are no further warning.
            (Told::ForSomeTime, Some(before)) => {
                Duration::try_from(before.duration_since(now)).unwrap_or(Duration::ZERO)
            }
            (Told::ForSomeTime, None) => {
                let factor = 1u32.checked_shl(known.secondary_waits).unwrap_or(u32::MAX);
                known.secondary_waits = known.secondary_waits.saturating_add(1).min(8);
                SECONDARY_WAIT.saturating_mul(factor)
            }
        };
        let wait = SignedDuration::try_from(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT));
        let until = now.saturating_add(wait.unwrap_or(SignedDuration::ZERO)).unwrap_or(now);
        let until = before.map_or(until, |before| before.max(until));
        if before != Some(until) {
            known.view.told_to_wait_until = Some(until);
            self.metrics.told_to_wait(&self.credential, until);
            let credential = &self.credential;
            tracing::warn!(
                %credential, until = %until,
                "GitHub told us to wait: nothing is sent as {credential} until {until:.0}"
            );
        }
        Some(until)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That GitHub told us to wait.
enum Told {
    /// For so long.
    For(Duration),
    /// A secondary limit whose answer does not say for how long.
    ForSomeTime,
}

fn told(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<Told> {
    let too_many = status == StatusCode::TOO_MANY_REQUESTS;
    if !too_many && status != StatusCode::FORBIDDEN {
        return None;
    }
    let until = |moment: Timestamp| {
        Told::For(Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO))
    };
    if let Some(after) = text(headers, header::RETRY_AFTER.as_str()) {
        if let Ok(seconds) = after.trim().parse() {
            return Some(Told::For(Duration::from_secs(seconds)));
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
    (too_many || speaks_of_a_limit(body)).then_some(Told::ForSomeTime)
}

/// How long this answer tells to wait, if it does, where nothing is remembered of earlier ones.
pub(super) fn asked_wait(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<Duration> {
    told(status, headers, body, now).map(|told| match told {
        Told::For(wait) => wait.clamp(SHORTEST_WAIT, LONGEST_WAIT),
        Told::ForSomeTime => SECONDARY_WAIT,
    })
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

pub(super) fn http_date(text: &str) -> Option<Timestamp> {
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
        (Limits::new("token".into(), false, clock, Arc::new(Metrics::new())), time)
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
    fn an_outage_lasts_from_the_first_failure_to_the_next_answer() {
        let (limits, time) = limits();
        let none = HeaderMap::new();
        limits.note(StatusCode::NOT_MODIFIED, &none);
        assert_eq!(limits.view().unreached_since, None);
        limits.lost();
        time.advance(Duration::from_secs(5));
        limits.note(StatusCode::BAD_GATEWAY, &none);
        assert_eq!(limits.view().unreached_since, seconds_later(0));
        limits.note(StatusCode::NOT_FOUND, &none);
        assert_eq!(limits.view().unreached_since, None, "it answers");
    }

    #[test]
    fn headers_tell_the_limit_and_the_tokens_end() {
        let (limits, _) = limits();
        let reset = (noon().as_second() + 900).to_string();
        limits.note(
            StatusCode::OK,
            &headers(&[
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", "4999"),
                ("x-ratelimit-reset", &reset),
                ("x-oauth-scopes", "repo, read:org"),
                ("github-authentication-token-expiration", "2026-12-01 12:00:00 UTC"),
            ]),
        );
        let view = limits.view();
        assert_eq!((view.remaining, view.limit), (Some(4999), Some(5000)));
        assert_eq!(view.token_expires_at, Some("2026-12-01T12:00:00Z".parse().unwrap()));
        assert_eq!(view.token_accepted_at, seconds_later(0));
        assert_eq!(limits.scopes(), Some(vec!["repo".into(), "read:org".into()]));

        limits.note(StatusCode::UNAUTHORIZED, &HeaderMap::new());
        assert_eq!(limits.view().token_accepted_at, None);
        assert_eq!(limits.view().token_refused_at, seconds_later(0));
        assert_eq!(limits.view().last_ok_at, seconds_later(0));
    }

    #[test]
    fn what_is_left_at_last_is_for_deploys_in_flight() {
        let (limits, time) = limits();
        let reset = (noon().as_second() + 900).to_string();
        let left = |remaining: &str| {
            let said = [("x-ratelimit-limit", "5000"), ("x-ratelimit-reset", reset.as_str())];
            let mut said = headers(&said);
            said.insert("x-ratelimit-remaining", remaining.parse().unwrap());
            limits.note(StatusCode::OK, &said);
            limits.kept_for_those_in_flight()
        };
        assert_eq!(left("100"), None);
        assert_eq!(left("99"), seconds_later(900));
        time.advance(Duration::from_secs(900));
        assert_eq!(limits.kept_for_those_in_flight(), None);
        assert_eq!(limits.view().remaining, Some(5000), "a new hour has begun");
    }

    #[test]
    fn a_server_without_limits_keeps_nothing_back() {
        let (limits, _) = limits();
        limits.note(StatusCode::OK, &HeaderMap::new());
        assert_eq!(limits.kept_for_those_in_flight(), None);
        assert_eq!((limits.view().remaining, limits.view().limit), (None, None));
        assert!(!limits.metrics.encode().contains("api_limit_remaining{"));
    }

    #[test]
    fn that_a_token_ends_is_said_at_each_mark_once_and_anew_for_a_new_token() {
        let (limits, time) = limits();
        let ends = |at: &str| {
            let end = headers(&[("github-authentication-token-expiration", at)]);
            limits.note(StatusCode::OK, &end);
            limits.lock().said_end
        };
        let end = "2026-11-16 12:00:00 UTC";
        assert_eq!(ends(end), None);
        time.advance(Duration::from_secs(86_400));
        assert_eq!(ends(end), Some(END_IS_SAID[0]));
        time.advance(Duration::from_secs(12 * 86_400));
        assert_eq!(ends(end), Some(END_IS_SAID[2]));
        assert_eq!(ends("2027-11-16 12:00:00 UTC"), None);
    }

    #[test]
    fn a_token_without_an_end_takes_that_of_the_one_before_it_away() {
        let (limits, _) = limits();
        let end = [("github-authentication-token-expiration", "2026-11-02 12:00:00 UTC")];
        let shown = || limits.metrics.encode().contains("token_expiry_timestamp_seconds{");
        limits.note(StatusCode::OK, &headers(&end));
        limits.note(StatusCode::NOT_MODIFIED, &HeaderMap::new());
        assert!(shown() && limits.view().token_expires_at.is_some());
        limits.note(StatusCode::OK, &HeaderMap::new());
        assert!(!shown());
        assert_eq!((limits.view().token_expires_at, limits.lock().said_end), (None, None));
    }

    #[test]
    fn that_an_apps_token_ends_is_nobodys_business() {
        let (clock, _) = Clock::manual(noon(), 1);
        let limits = Limits::new("acme".into(), true, clock, Arc::new(Metrics::new()));
        let end = [("github-authentication-token-expiration", "2026-11-01 13:00:00 UTC")];
        limits.note(StatusCode::OK, &headers(&end));
        assert_eq!(limits.view().token_expires_at, None);
        assert!(!limits.metrics.encode().contains("token_expiry_timestamp_seconds{"));
    }
}
