//! One request, with all that every request needs: pace, gate, token, time limit, and what its
//! answer means. Reads are tried again and remembered here; writes are neither.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, StatusCode, header};
use octocrab::OctoBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::auth::{Auth, Token};
use super::error::{ConnectError, ReadError};
use super::etag::{self, Page, ResponseCache};
use super::limits::Limits;
use super::pace::{Pace, READ_COST, WritePace};
use super::retry::Tries;
use super::transport::{Answer, Lost, Transport};
use super::wire;
use super::{HttpService, Settings};
use crate::clock::Clock;
use crate::telemetry::Metrics;

/// GitHub's own limit of requests at once. Source: its documentation of secondary limits.
const MOST_AT_ONCE: usize = 100;
/// Of these, writes.
const MOST_WRITES_AT_ONCE: usize = 30;
/// As much of GitHub's words as a person reads.
const LONGEST_WORDS: usize = 400;

const USER_AGENT: &str = concat!("release-governor/", env!("CARGO_PKG_VERSION"));
/// Pinned: from 2026-03-10 on a dispatch is answered otherwise.
const API_VERSION: &str = "2022-11-28";

/// What a path's segment or a query's value keeps as it is: RFC 3986's unreserved characters.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text` as one segment of a path, or as a query's value.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A read: what for, and which.
pub(super) struct Ask {
    /// Its name in metrics and logs.
    pub(super) operation: &'static str,
    /// After "cannot": what was wanted, of what.
    pub(super) what: String,
    /// Path and query below the API's address.
    pub(super) path: String,
    /// What of the answer is remembered; none: nothing is.
    pub(super) kept: Option<String>,
}

impl Ask {
    pub(super) fn new(operation: &'static str, what: String, path: String) -> Self {
        Self { operation, what, path, kept: Some(String::new()) }
    }

    fn malformed(&self, why: &str) -> ReadError {
        ReadError::Malformed { what: self.what.clone(), why: format!("GET {}: {why}", self.path) }
    }
}

/// What both handles share.
pub(super) struct Client {
    transport: Transport,
    base: String,
    pub(super) auth: Auth,
    pub(super) limits: Limits,
    pub(super) pace: Pace,
    pub(super) write_pace: WritePace,
    pub(super) write_places: Semaphore,
    places: Semaphore,
    cache: Arc<dyn ResponseCache>,
    metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    time_limit: Duration,
}

/// How a request ended that gave no answer.
pub(super) enum Failed {
    /// The gate is closed; nothing was sent.
    ToldToWait(jiff::Timestamp),
    /// No answer came.
    Lost(Lost),
}

impl Client {
    pub(super) fn new(
        settings: Settings,
        service: HttpService,
        clock: Clock,
        cache: Arc<dyn ResponseCache>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ConnectError> {
        let base = checked_address(&settings.api_url)?;
        let auth = Auth::open(settings.token, clock.clone()).map_err(ConnectError::Token)?;
        Ok(Self {
            transport: Transport::new(service)?,
            base,
            auth,
            limits: Limits::new(clock.clone(), Arc::clone(&metrics)),
            pace: Pace::new(settings.max_requests_per_minute),
            write_pace: WritePace::default(),
            write_places: Semaphore::new(MOST_WRITES_AT_ONCE),
            places: Semaphore::new(MOST_AT_ONCE),
            cache,
            metrics,
            clock,
            time_limit: settings.request_timeout,
        })
    }

    /// Reads one page; past what is remembered where `fresh`.
    pub(super) async fn get<T, P>(
        &self,
        ask: &Ask,
        fresh: bool,
        parse: P,
    ) -> Result<Page<T>, ReadError>
    where
        T: Serialize + DeserializeOwned,
        P: Fn(&[u8]) -> Result<T, String>,
    {
        let mut tries = Tries::new();
        loop {
            let error = match self.get_once(ask, fresh, &parse).await {
                Ok(page) => return Ok(page),
                Err(error @ (ReadError::Server { .. } | ReadError::Transport { .. })) => error,
                Err(error) => return Err(error),
            };
            let Some(wait) = tries.failed(&self.clock) else { return Err(error) };
            tracing::debug!(operation = ask.operation, "{error}");
            self.clock.sleep(wait).await;
        }
    }

    async fn get_once<T, P>(&self, ask: &Ask, fresh: bool, parse: &P) -> Result<Page<T>, ReadError>
    where
        T: Serialize + DeserializeOwned,
        P: Fn(&[u8]) -> Result<T, String>,
    {
        let name = |token: &Token, kept: &String| etag::key(token, &self.url(&ask.path), kept);
        let mut known: Option<(String, Page<T>)> = match &ask.kept {
            Some(kept) if !fresh => {
                etag::load(self.cache.as_ref(), &name(&self.auth.token(), kept))
            }
            Some(_) | None => None,
        };
        let tag = known.as_ref().map(|(tag, _)| tag.clone());
        let (mut token, mut answer) = self.ask(ask, fresh, tag.as_deref()).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            if let Some((_, page)) = known.take() {
                return Ok(page);
            }
            // Nobody asked conditionally: something on the way remembers for us, badly.
            (token, answer) = self.ask(ask, true, None).await?;
        }
        if !answer.status.is_success() {
            return Err(self.refused(ask, &token, &answer));
        }
        let body = answer.body.as_ref().map_err(|why| transport(ask, why.clone()))?;
        let value = parse(body).map_err(|why| ask.malformed(&why))?;
        let next = self.next_page(&answer).map_err(|why| ask.malformed(&why))?;
        let page = Page { value, next };
        if let (Some(kept), Some(tag)) = (&ask.kept, answer.header("etag")) {
            etag::save(self.cache.as_ref(), &name(&token, kept), tag, &page);
        }
        Ok(page)
    }

    /// Asks, and once more where the token had changed meanwhile.
    async fn ask(
        &self,
        ask: &Ask,
        fresh: bool,
        tag: Option<&str>,
    ) -> Result<(Token, Answer), ReadError> {
        let token = self.auth.token();
        let answer = self.ask_as(ask, fresh, tag, &token).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let Some(newer) = self.auth.instead_of(&token)
        {
            let answer = self.ask_as(ask, fresh, tag, &newer).await?;
            return Ok((newer, answer));
        }
        Ok((token, answer))
    }

    async fn ask_as(
        &self,
        ask: &Ask,
        fresh: bool,
        tag: Option<&str>,
        token: &Token,
    ) -> Result<Answer, ReadError> {
        let wait = self.pace.reserve(self.clock.monotonic(), READ_COST);
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        let mut request = self.request(Method::GET, &ask.path, token);
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        if fresh {
            request = request.header(header::CACHE_CONTROL, "no-cache");
        }
        let request = request
            .body(OctoBody::empty())
            .map_err(|error| ask.malformed(&format!("this is no address: {error}")))?;
        self.send(ask.operation, request).await.map_err(|failed| match failed {
            Failed::ToldToWait(until) => ReadError::ToldToWait { what: ask.what.clone(), until },
            Failed::Lost(lost) => transport(ask, lost.why),
        })
    }

    /// The beginning of any request.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        token: &Token,
    ) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(self.url(path))
            .header(header::ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", API_VERSION)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::AUTHORIZATION, token.header.clone())
    }

    /// Sends `request` once, if the gate is open, and takes note of the answer.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        request: Request<OctoBody>,
    ) -> Result<Answer, Failed> {
        let _place = self.places.acquire().await;
        if let Some(until) = self.limits.closed_until() {
            return Err(Failed::ToldToWait(until));
        }
        let answer = match self.within_time(self.transport.send(request)).await {
            Ok(answer) => answer,
            Err(lost) => {
                let word = if lost.never_sent { "never_sent" } else { "lost" };
                self.metrics.github_request(operation, word);
                return Err(Failed::Lost(lost));
            }
        };
        self.metrics.github_request(operation, answer.status.as_str());
        self.limits.note(answer.status, &answer.headers);
        match self.limits.told_to_wait(answer.status, &answer.headers, answer.bytes()) {
            Some(until) => Err(Failed::ToldToWait(until)),
            None => Ok(answer),
        }
    }

    async fn within_time(
        &self,
        answer: impl Future<Output = Result<Answer, Lost>>,
    ) -> Result<Answer, Lost> {
        let too_late =
            |error: crate::clock::TimedOut| Lost { never_sent: false, why: error.to_string() };
        self.clock.timeout(self.time_limit, answer).await.map_err(too_late)?
    }

    fn refused(&self, ask: &Ask, token: &Token, answer: &Answer) -> ReadError {
        let what = ask.what.clone();
        let words = words(token, answer);
        let status = answer.status.as_u16();
        match status {
            401 => ReadError::BadCredentials { what, words },
            404 => ReadError::NotFound { what, words },
            408 => ReadError::Transport { what, why: format!("GitHub said 408 \"{words}\"") },
            410 => ReadError::Gone410 { what, words },
            300..=399 => {
                let location = answer.header(header::LOCATION.as_str()).map(str::to_owned);
                ReadError::Moved { what, location }
            }
            400..=499 => ReadError::Refused { what, status, words, permission: permission(answer) },
            500..=599 => ReadError::Server { what, status, words },
            _ => ask.malformed(&format!("an answer with status {status}")),
        }
    }

    /// Where a list goes on, as path and query below our own address: whatever host a link
    /// names, the token goes to none but ours.
    fn next_page(&self, answer: &Answer) -> Result<Option<String>, String> {
        let links = answer.headers.get_all(header::LINK).iter();
        let Some(link) = links.filter_map(next_link).next() else { return Ok(None) };
        match self.below(&link) {
            Some(path) => Ok(Some(path)),
            None => Err(format!("its next page is elsewhere: {link}")),
        }
    }

    /// The path and query of `url` below our address, if it lies there.
    fn below(&self, url: &str) -> Option<String> {
        let uri: http::Uri = url.parse().ok()?;
        let path_and_query = uri.path_and_query()?.as_str();
        let ours: http::Uri = self.base.parse().ok()?;
        let below = path_and_query.strip_prefix(ours.path().trim_end_matches('/'))?;
        below.starts_with('/').then(|| below.to_owned())
    }

    /// The path and query of `url` below our address, if it lies there on our very host.
    pub(super) fn below_on_our_host(&self, url: &str) -> Option<String> {
        let uri: http::Uri = url.parse().ok()?;
        let ours: http::Uri = self.base.parse().ok()?;
        let same_host = uri.authority().is_none_or(|host| Some(host) == ours.authority());
        let same_scheme = uri.scheme().is_none_or(|scheme| Some(scheme) == ours.scheme());
        if same_host && same_scheme { self.below(url) } else { None }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn transport(ask: &Ask, why: String) -> ReadError {
    ReadError::Transport { what: ask.what.clone(), why }
}

/// The URL in `Link: <…>; rel="next"`, one of several links.
fn next_link(links: &HeaderValue) -> Option<String> {
    // Split where links begin: a comma may be part of a URL.
    links.to_str().ok()?.split('<').find_map(|link| {
        let (url, parameters) = link.split_once('>')?;
        let is_next = parameters
            .split([';', ','])
            .any(|parameter| matches!(parameter.trim(), r#"rel="next""# | "rel=next"));
        is_next.then(|| url.to_owned())
    })
}

/// GitHub's own words in an answer, short, on one line, without the token.
pub(super) fn words(token: &Token, answer: &Answer) -> String {
    let body = answer.bytes();
    let words = match serde_json::from_slice::<wire::WireProblem>(body) {
        Ok(problem) => problem.words(),
        // A proxy's page is nothing to read in a log.
        Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let words = if words.trim().is_empty() {
        answer.status.canonical_reason().unwrap_or_default().to_owned()
    } else {
        words
    };
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    token.hidden_in(&line).chars().take(LONGEST_WORDS).collect()
}

/// What a refusal's headers say would have been needed.
pub(super) fn permission(answer: &Answer) -> Option<String> {
    if !matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
        return None;
    }
    ["x-accepted-github-permissions", "x-accepted-oauth-scopes"]
        .iter()
        .filter_map(|name| answer.header(name))
        .map(str::trim)
        .find(|needed| !needed.is_empty())
        .map(str::to_owned)
}

/// The address without a slash at its end, if a token may be sent to it.
fn checked_address(url: &str) -> Result<String, ConnectError> {
    let refuse = |why: String| ConnectError::Address { url: url.to_owned(), why };
    let uri: http::Uri = url.parse().map_err(|error| refuse(format!("{error}")))?;
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host == "localhost"
        || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if has_user || uri.query().is_some() || url.contains('#') {
        return Err(refuse("expected no user, query or fragment in it".into()));
    }
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(url.trim_end_matches('/').to_owned()),
        Some("http") if is_loopback => Ok(url.trim_end_matches('/').to_owned()),
        _ => Err(refuse("expected https://…, or http:// on this very machine".into())),
    }
}
