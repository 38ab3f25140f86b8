use super::*;
use crate::clock::ManualTime;

const READ: AskedBy<'static> = AskedBy { token: "one", is_write: false };
const WRITE: AskedBy<'static> = AskedBy { token: "one", is_write: true };

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
    let until = limits.told_to_wait(READ, StatusCode::FORBIDDEN, &headers, b"");
    assert_eq!(until, seconds_later(900));
    assert_eq!(limits.closed_until(), until);
    time.advance(Duration::from_secs(900));
    assert_eq!(limits.closed_until(), None);
}

#[test]
fn a_secondary_limit_says_how_long() {
    let (limits, _) = limits();
    let headers = headers(&[("retry-after", "30"), ("x-ratelimit-remaining", "0")]);
    let until = limits.told_to_wait(READ, StatusCode::FORBIDDEN, &headers, b"");
    assert_eq!(until, seconds_later(30));
}

#[test]
fn a_secondary_limit_without_a_header_waits_a_minute_then_longer() {
    let (limits, time) = limits();
    let none = HeaderMap::new();
    let body = br#"{"message":"You have exceeded a secondary rate limit."}"#;
    let told = || limits.told_to_wait(READ, StatusCode::FORBIDDEN, &none, body);
    assert_eq!(told(), seconds_later(60));
    assert_eq!(told(), seconds_later(60), "a call that was under way is no second warning");
    assert_eq!(limits.told_to_wait(READ, StatusCode::OK, &none, b""), None, "nor an all-clear");
    time.advance(Duration::from_secs(60));
    assert_eq!(told(), seconds_later(60 + 120));
    time.advance(Duration::from_secs(120));
    assert_eq!(limits.told_to_wait(READ, StatusCode::OK, &none, b""), None);
    assert_eq!(told(), seconds_later(180 + 60), "a success in between begins anew");
}

#[test]
fn a_plain_403_is_no_limit_and_a_429_always_is() {
    let (limits, _) = limits();
    let none = HeaderMap::new();
    let body = br#"{"message":"Resource not accessible by integration"}"#;
    assert_eq!(limits.told_to_wait(READ, StatusCode::FORBIDDEN, &none, body), None);
    assert!(limits.told_to_wait(READ, StatusCode::TOO_MANY_REQUESTS, &none, b"").is_some());
}

#[test]
fn no_word_of_a_server_silences_us_for_ever() {
    let (limits, _) = limits();
    let headers = headers(&[("retry-after", "99999999")]);
    let until = limits.told_to_wait(READ, StatusCode::TOO_MANY_REQUESTS, &headers, b"");
    assert_eq!(until, seconds_later(7200));
}

#[test]
fn an_outage_lasts_from_the_first_failure_to_the_next_answer() {
    let (limits, time) = limits();
    let none = HeaderMap::new();
    limits.note(READ, StatusCode::NOT_MODIFIED, &none, b"");
    assert_eq!(limits.view().unreached_since, None);
    limits.lost();
    time.advance(Duration::from_secs(5));
    limits.note(READ, StatusCode::BAD_GATEWAY, &none, b"");
    assert_eq!(limits.view().unreached_since, seconds_later(0));
    limits.note(READ, StatusCode::NOT_FOUND, &none, b"");
    assert_eq!(limits.view().unreached_since, None, "it answers");
}

#[test]
fn headers_tell_the_limit_and_the_tokens_end() {
    let (limits, _) = limits();
    let reset = (noon().as_second() + 900).to_string();
    limits.note(
        READ,
        StatusCode::OK,
        &headers(&[
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4999"),
            ("x-ratelimit-reset", &reset),
            ("x-oauth-scopes", "repo, read:org"),
            ("github-authentication-token-expiration", "2026-12-01 12:00:00 UTC"),
        ]),
        b"",
    );
    let view = limits.view();
    assert_eq!((view.remaining, view.limit), (Some(4999), Some(5000)));
    assert_eq!(view.token_expires_at, Some("2026-12-01T12:00:00Z".parse().unwrap()));
    assert_eq!(view.token_accepted_at, seconds_later(0));
    assert_eq!(limits.scopes(), Some(vec!["repo".into(), "read:org".into()]));

    limits.note(READ, StatusCode::UNAUTHORIZED, &HeaderMap::new(), b"");
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
        limits.note(READ, StatusCode::OK, &said, b"");
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
    limits.note(READ, StatusCode::OK, &HeaderMap::new(), b"");
    assert_eq!(limits.kept_for_those_in_flight(), None);
    assert_eq!((limits.view().remaining, limits.view().limit), (None, None));
    assert!(!limits.metrics.encode().contains("api_limit_remaining{"));
}

#[test]
fn that_a_token_ends_is_said_at_each_mark_once_and_anew_for_a_new_token() {
    let (limits, time) = limits();
    let ends = |at: &str| {
        let end = headers(&[("github-authentication-token-expiration", at)]);
        limits.note(READ, StatusCode::OK, &end, b"");
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
    limits.note(READ, StatusCode::OK, &headers(&end), b"");
    limits.note(READ, StatusCode::NOT_MODIFIED, &HeaderMap::new(), b"");
    assert!(shown() && limits.view().token_expires_at.is_some());
    limits.note(READ, StatusCode::OK, &HeaderMap::new(), b"");
    assert!(!shown());
    assert_eq!((limits.view().token_expires_at, limits.lock().said_end), (None, None));
}

#[test]
fn that_an_apps_token_ends_is_nobodys_business() {
    let (clock, _) = Clock::manual(noon(), 1);
    let limits = Limits::new("acme".into(), true, clock, Arc::new(Metrics::new()));
    let end = [("github-authentication-token-expiration", "2026-11-01 13:00:00 UTC")];
    limits.note(READ, StatusCode::OK, &headers(&end), b"");
    assert_eq!(limits.view().token_expires_at, None);
    assert!(!limits.metrics.encode().contains("token_expiry_timestamp_seconds{"));
}

#[test]
fn only_a_write_that_succeeds_shortens_the_waits_that_writes_raised() {
    let (limits, time) = limits();
    let none = HeaderMap::new();
    let body = br#"{"message":"You have exceeded a secondary rate limit."}"#;
    let mut waits = Vec::new();
    let mut told = |asked| {
        let began = limits.clock.now();
        let until = limits.told_to_wait(asked, StatusCode::FORBIDDEN, &none, body).unwrap();
        let wait = until.duration_since(began);
        waits.push(wait.as_secs());
        time.advance(Duration::try_from(wait).unwrap());
    };
    let good = |asked| limits.told_to_wait(asked, StatusCode::OK, &none, b"");
    for asked in [WRITE, WRITE, WRITE] {
        told(asked);
        assert_eq!(good(READ), None);
    }
    told(READ);
    good(READ);
    told(READ);
    good(WRITE);
    told(WRITE);
    assert_eq!(waits, [60, 120, 240, 60, 60, 60]);
}

#[test]
fn a_gate_is_one_tokens_and_another_token_passes() {
    let (limits, _) = limits();
    limits.speak_with("one");
    let reset = (noon().as_second() + 900).to_string();
    let said = [
        ("x-ratelimit-limit", "5000"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", reset.as_str()),
    ];
    limits.note(READ, StatusCode::FORBIDDEN, &headers(&said), b"");
    limits.told_to_wait(READ, StatusCode::FORBIDDEN, &headers(&said), b"");
    assert_eq!(limits.closed_until(), seconds_later(900));
    assert_eq!(limits.view().used_up_since, seconds_later(0));
    limits.speak_with("two");
    assert_eq!((limits.closed_until(), limits.kept_for_those_in_flight()), (None, None));
    let late = limits.told_to_wait(READ, StatusCode::FORBIDDEN, &headers(&said), b"");
    assert_eq!(late, seconds_later(900), "the call by the old token is refused");
    limits.note(READ, StatusCode::UNAUTHORIZED, &headers(&said), b"");
    assert_eq!((limits.closed_until(), limits.kept_for_those_in_flight()), (None, None));
    assert_eq!(limits.view().token_refused_at, None, "it is not the token that is sent");
}

#[test]
fn the_limit_of_anonymous_callers_is_not_ours() {
    let (limits, _) = limits();
    let reset = (noon().as_second() + 900).to_string();
    let of = |limit: &str, remaining: &str| {
        headers(&[
            ("x-ratelimit-limit", limit),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", reset.as_str()),
        ])
    };
    limits.note(READ, StatusCode::UNAUTHORIZED, &of("60", "0"), b"");
    assert_eq!(limits.kept_for_those_in_flight(), None);
    assert_eq!(limits.view().limit, None);
    limits.note(READ, StatusCode::OK, &of("5000", "4000"), b"");
    limits.note(READ, StatusCode::UNAUTHORIZED, &of("60", "0"), b"");
    limits.note(READ, StatusCode::FORBIDDEN, &of("60", "0"), b"");
    assert_eq!((limits.view().limit, limits.view().remaining), (Some(5000), Some(4000)));
}

#[test]
fn a_403_whose_documentation_is_of_rate_limits_is_a_limit() {
    let (limits, _) = limits();
    let none = HeaderMap::new();
    let told =
        |body: &str| limits.told_to_wait(READ, StatusCode::FORBIDDEN, &none, body.as_bytes());
    let of = |url: &str| format!(r#"{{"message":"Forbidden","documentation_url":"{url}"}}"#);
    assert_eq!(told(&of("https://docs.github.com/rest/actions/workflows")), None);
    assert_eq!(told(r#"{"message":"see rate-limits.md"}"#), None);
    let url = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api";
    assert_eq!(told(&of(url)), seconds_later(60));
}

#[test]
fn a_version_that_github_does_not_know_is_no_acceptance() {
    let (limits, time) = limits();
    let none = HeaderMap::new();
    let body = br#"{"message":"The 'X-GitHub-Api-Version' header is invalid."}"#;
    limits.note(READ, StatusCode::BAD_REQUEST, &none, body);
    time.advance(Duration::from_secs(1));
    limits.note(READ, StatusCode::BAD_REQUEST, &none, body);
    assert_eq!(limits.view().version_refused_since, seconds_later(0));
    assert_eq!(limits.view().token_accepted_at, None);
    limits.note(READ, StatusCode::BAD_REQUEST, &none, br#"{"message":"Problems parsing"}"#);
    assert_eq!(limits.view().version_refused_since, seconds_later(0));
    limits.note(READ, StatusCode::NOT_MODIFIED, &none, b"");
    assert_eq!(limits.view().version_refused_since, None);
}

#[test]
fn a_gate_that_closes_again_and_again_is_closed_since_the_first_time() {
    let (limits, time) = limits();
    let none = HeaderMap::new();
    let told = || limits.told_to_wait(READ, StatusCode::TOO_MANY_REQUESTS, &none, b"");
    told();
    time.advance(Duration::from_secs(60));
    assert_eq!(limits.view().told_to_wait_since, None, "it is open");
    told();
    assert_eq!(limits.view().told_to_wait_since, seconds_later(0));
    time.advance(Duration::from_secs(120));
    limits.note(READ, StatusCode::OK, &none, b"");
    told();
    assert_eq!(limits.view().told_to_wait_since, seconds_later(180));
}
