//! The GitHub endpoint that all credentials share: base URL, timeouts, and GitHub's time.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use jiff::{SignedDuration, Timestamp};
use octocrab::OctoBody;

use super::bodies::largest;
use super::error::ConnectError;
use super::limits::http_date;
use super::secrets::Secrets;
use super::send_gate::{Departure, SendGate};
use super::transport::{GithubAnswer, HttpService, Lost, Transport};
use crate::clock::{Clock, beside_others};
use crate::telemetry::Metrics;

/// How far the machine's clock may be off before a warning.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(30);

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("release-governor/", env!("CARGO_PKG_VERSION")));
/// The GitHub API version that every request names. It is pinned because a dispatch is answered
/// differently from 2026-03-10 on.
pub const API_VERSION: &str = "2022-11-28";

/// The connection to one GitHub API.
pub(super) struct Endpoint {
    transport: Transport,
    base: String,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    time_limit: Duration,
    secrets: Secrets,
    /// The clock difference at the last warning.
    said_difference: Mutex<SignedDuration>,
}

impl Endpoint {
    pub(super) fn new(
        api_url: &str,
        time_limit: Duration,
        service: HttpService,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ConnectError> {
        let base = checked_address(api_url)?;
        let transport = Transport::new(service)?;
        let (secrets, said_difference) = (Secrets::default(), Mutex::default());
        Ok(Self { transport, base, clock, metrics, time_limit, secrets, said_difference })
    }

    /// Builds the common part of every request.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        authorization: HeaderValue,
    ) -> http::request::Builder {
        self.secrets.note(&authorization);
        Request::builder()
            .method(method)
            .uri(self.url(path))
            .header(header::ACCEPT, HeaderValue::from_static("application/vnd.github+json"))
            .header(
                HeaderName::from_static("x-github-api-version"),
                HeaderValue::from_static(API_VERSION),
            )
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::AUTHORIZATION, authorization)
    }

    /// Sends `request` once and synchronizes with GitHub's time. Credentials are removed from
    /// the answer in case the server echoes them. A write has a gate: if it is lost before it
    /// passes the gate, it was never sent.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        request: Request<OctoBody>,
        gate: Option<&SendGate>,
    ) -> Result<GithubAnswer, Lost> {
        let asked = self.clock.monotonic();
        let sent = self.transport.send(request, largest(operation));
        let mut answer = match self.within_time(sent).await {
            Ok(answer) => answer,
            Err(mut lost) => {
                lost.never_sent |= gate.is_some_and(|gate| gate.close() != Departure::Left);
                let word = if lost.never_sent { "never_sent" } else { "lost" };
                self.metrics.github_request(operation, word);
                return Err(lost);
            }
        };
        self.metrics.github_request(operation, answer.status.as_str());
        self.note_time(&answer.headers, asked);
        self.secrets.hide_in_headers(&mut answer.headers);
        answer.body =
            answer.body.map(|body| beside_others(body.len(), || self.secrets.hide_in_body(body)));
        Ok(answer)
    }

    async fn within_time(
        &self,
        answer: impl Future<Output = Result<GithubAnswer, Lost>>,
    ) -> Result<GithubAnswer, Lost> {
        let too_late =
            |error: crate::clock::TimedOut| Lost { never_sent: false, why: error.to_string() };
        self.clock.timeout(self.time_limit, answer).await.map_err(too_late)?
    }

    fn note_time(&self, headers: &HeaderMap, asked: Duration) {
        let date = headers.get(header::DATE).and_then(|date| http_date(date.to_str().ok()?));
        let Some(date) = date else { return };
        self.anchor_to(date, asked);
    }

    fn anchor_to(&self, date: Timestamp, asked: Duration) {
        self.clock.anchor_to(date, asked);
        let difference = self.clock.difference();
        self.metrics.clock_difference(difference);
        let mut said = self.said_difference.lock().unwrap_or_else(PoisonError::into_inner);
        let is_off = difference.abs() > CLOCK_TOLERANCE;
        let was_off = said.abs() > CLOCK_TOLERANCE;
        let change = difference.saturating_sub(*said).abs();
        let seconds = difference.as_secs();
        if is_off && change > CLOCK_TOLERANCE {
            *said = difference;
            tracing::warn!(
                seconds,
                "this machine's clock differs from GitHub's by {seconds} s; GitHub's time is used"
            );
        } else if was_off && !is_off {
            *said = SignedDuration::ZERO;
            tracing::info!(seconds, "this machine's clock agrees with GitHub's again");
        }
    }

    /// The next page of a list, as path and query below our own base URL. The host in the link
    /// is ignored, so the token is never sent elsewhere.
    pub(super) fn next_page(&self, answer: &GithubAnswer) -> Result<Option<String>, String> {
        let links = answer.headers.get_all(header::LINK).iter();
        let Some(link) = links.filter_map(next_link).next() else { return Ok(None) };
        match self.below(&link) {
            Some(path) => Ok(Some(path)),
            None => Err(format!("its next page is elsewhere: {link}")),
        }
    }

    /// Path and query of `url` below our base path, if it is below it.
    fn below(&self, url: &str) -> Option<String> {
        let uri: http::Uri = url.parse().ok()?;
        let path_and_query = uri.path_and_query()?.as_str();
        let ours: http::Uri = self.base.parse().ok()?;
        let below = path_and_query.strip_prefix(ours.path().trim_end_matches('/'))?;
        below.starts_with('/').then(|| below.to_owned())
    }

    /// Path and query of `url` below our base URL, if it is on the same host. All loopback
    /// names with the same port count as the same host.
    pub(super) fn below_on_our_host(&self, url: &str) -> Option<String> {
        let uri: http::Uri = url.parse().ok()?;
        let ours: http::Uri = self.base.parse().ok()?;
        let both_here = is_loopback(&uri) && is_loopback(&ours) && uri.port() == ours.port();
        let is_ours = |host| Some(host) == ours.authority() || both_here && !has_user(&uri);
        let same_host = uri.authority().is_none_or(is_ours);
        let same_scheme = uri.scheme().is_none_or(|scheme| Some(scheme) == ours.scheme());
        if same_host && same_scheme { self.below(url) } else { None }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// The URL in `Link: <…>; rel="next"`, which may be one of several links.
fn next_link(links: &HeaderValue) -> Option<String> {
    // Split at the start of each link, because a URL may contain commas.
    links.to_str().ok()?.split('<').find_map(|link| {
        let (url, parameters) = link.split_once('>')?;
        let is_next = parameters
            .split([';', ','])
            .any(|parameter| matches!(parameter.trim(), r#"rel="next""# | "rel=next"));
        is_next.then(|| url.to_owned())
    })
}

/// The base URL without a trailing slash, if it is safe to send a token to it.
fn checked_address(url: &str) -> Result<String, ConnectError> {
    let refuse = |why: String| ConnectError::Address { url: url.to_owned(), why };
    let uri: http::Uri = url.parse().map_err(|error| refuse(format!("{error}")))?;
    let host = uri.host().unwrap_or_default();
    if has_user(&uri) || uri.query().is_some() || url.contains('#') {
        return Err(refuse("expected no user, query or fragment in it".into()));
    }
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(url.trim_end_matches('/').to_owned()),
        Some("http") if is_loopback(&uri) => Ok(url.trim_end_matches('/').to_owned()),
        _ => Err(refuse("expected https://…, or http:// on this very machine".into())),
    }
}

/// Whether the host is this machine.
fn is_loopback(uri: &http::Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn has_user(uri: &http::Uri) -> bool {
    uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::tests::line;

    #[tokio::test]
    async fn a_clock_that_is_off_is_measured() {
        let (line, _) = line();
        line.anchor_to("2026-11-01T12:05:00Z".parse().unwrap(), Duration::ZERO);
        assert_eq!(line.clock.now(), "2026-11-01T12:05:00Z".parse().unwrap());
        assert!(line.metrics.encode().contains("clock_difference_seconds -300"));
    }
}
