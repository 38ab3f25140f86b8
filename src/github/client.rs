//! Sends the requests of one credential, with everything that each request needs: pace, gate,
//! token, and the interpretation of its answer. Reads are retried and cached; writes are
//! neither.

use std::sync::Arc;

use http::{Method, Request, StatusCode, header};
use octocrab::OctoBody;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::ask::ReadRequest;
use super::auth::{Auth, NoToken, Token, refused_words};
use super::bodies::Unread;
use super::endpoint::Endpoint;
use super::error::ReadError;
use super::etag::{self, ResponseCache, TaggedPage};
use super::limits::{AskedBy, Limits};
use super::meter::PassMeter;
use super::pace::{Lane, Pace, READ_COST, WritePace};
use super::pages::SlowLists;
use super::read_set::Tagged;
use super::refusal::Refusals;
use super::retry::Tries;
use super::send_gate::{Departure, SendGate};
use super::transport::{GithubAnswer, Lost};
use super::wire::Unusable;
use crate::clock::beside_others;
use crate::domain::plain_text::on_one_line;

/// GitHub's own limit of concurrent requests. Source: its documentation of secondary limits.
const MOST_AT_ONCE: usize = 100;
/// The maximum number of concurrent reads in the settled lane, so that slow ones do not delay
/// deploys in flight.
const MOST_SETTLED_AT_ONCE: usize = 75;
/// The maximum number of concurrent writes.
const MOST_WRITES_AT_ONCE: usize = 30;
/// The maximum number of concurrent writes that are not urgent, so that slow ones do not delay
/// a dispatch.
const MOST_OTHER_WRITES_AT_ONCE: usize = 20;

/// The options of a read.
pub(super) struct Manner<'a> {
    /// Bypass all caches, here and on the way.
    pub(super) fresh: bool,
    /// The priority in the queue for the pace.
    pub(super) lane: Lane,
    /// The meter that counts it.
    pub(super) meter: &'a PassMeter,
}

/// The client of one credential, shared by the reading and writing handles.
pub(super) struct Client {
    pub(super) line: Arc<Endpoint>,
    pub(super) auth: Auth,
    refusals: Refusals,
    pub(super) limits: Limits,
    pub(super) pace: Pace,
    pub(super) write_pace: WritePace,
    write_places: Semaphore,
    other_write_places: Semaphore,
    places: Semaphore,
    settled_places: Semaphore,
    pub(super) slow_lists: SlowLists,
    cache: Arc<dyn ResponseCache>,
}

/// Why a request got no usable answer.
pub(super) enum RequestFailure {
    /// GitHub told us to wait, before or in answer to this request.
    ToldToWait(jiff::Timestamp),
    /// It was called off at the last moment; nothing was sent.
    CalledOff(String),
    /// No answer was received.
    Lost(Lost),
}

impl Client {
    /// The client of the credential `name`.
    pub(super) fn new(
        name: &Arc<str>,
        auth: Auth,
        line: Arc<Endpoint>,
        max_requests_per_minute: u32,
        cache: Arc<dyn ResponseCache>,
    ) -> Self {
        let metrics = &line.metrics;
        let renews_itself = matches!(auth, Auth::Installation(_));
        let clock = line.clock.clone();
        Self {
            refusals: Refusals::new(Arc::clone(name), Arc::clone(metrics)),
            limits: Limits::new(Arc::clone(name), renews_itself, clock, Arc::clone(metrics)),
            auth,
            line,
            pace: Pace::new(max_requests_per_minute),
            write_pace: WritePace::default(),
            write_places: Semaphore::new(MOST_WRITES_AT_ONCE),
            other_write_places: Semaphore::new(MOST_OTHER_WRITES_AT_ONCE),
            places: Semaphore::new(MOST_AT_ONCE),
            settled_places: Semaphore::new(MOST_SETTLED_AT_ONCE),
            slow_lists: SlowLists::default(),
            cache,
        }
    }

    /// The token to send now, unless GitHub just refused that very token.
    pub(super) async fn token(&self) -> Result<Token, NoToken> {
        let token = self.auth.token(&self.line).await;
        if let Err(NoToken::Refused(_)) = &token {
            self.limits.refused();
        }
        let token = token?;
        self.limits.speak_with(&token.fingerprint);
        match self.refusals.standing(self.line.clock.monotonic(), &token.fingerprint) {
            Some(why) => Err(NoToken::Refused(why)),
            None => Ok(token),
        }
    }

    /// Waits for a slot among the concurrent writes.
    pub(super) async fn write_place(&self, urgent: bool) -> impl Sized + use<'_> {
        let other = if urgent { None } else { self.other_write_places.acquire().await.ok() };
        (other, self.write_places.acquire().await.ok())
    }

    /// Reads one page, with retries. Bypasses caches if `fresh` is set.
    pub(super) async fn get<T, P>(
        &self,
        ask: &ReadRequest,
        manner: &Manner<'_>,
        parse: P,
    ) -> Result<TaggedPage<T>, ReadError>
    where
        T: Serialize + DeserializeOwned,
        P: Fn(&[u8]) -> Result<T, Unusable>,
    {
        let clock = &self.line.clock;
        let mut tries = Tries::new();
        loop {
            let error = match self.get_once(ask, manner, &parse).await {
                Ok(page) => return Ok(page),
                Err(
                    error @ (ReadError::Server { .. }
                    | ReadError::Transport { .. }
                    | ReadError::EmptyList { .. }),
                ) => error,
                Err(error) => return Err(error),
            };
            let Some(wait) = tries.failed(clock) else { return Err(error) };
            tracing::debug!(operation = ask.operation, "{error}");
            clock.sleep(wait).await;
        }
    }

    async fn get_once<T, P>(
        &self,
        ask: &ReadRequest,
        manner: &Manner<'_>,
        parse: &P,
    ) -> Result<TaggedPage<T>, ReadError>
    where
        T: Serialize + DeserializeOwned,
        P: Fn(&[u8]) -> Result<T, Unusable>,
    {
        let recorder = manner.meter.recorder();
        recorder.reads();
        let token = self.token().await.map_err(|why| why.for_a_read(&ask.what))?;
        let url = self.line.url(&ask.path);
        let mut known: Option<(String, TaggedPage<T>)> = match &ask.kept {
            Some(kept) if !manner.fresh => {
                etag::load(self.cache.as_ref(), &token, &url, kept).await
            }
            Some(_) | None => None,
        };
        let kept = if manner.fresh { None } else { recorder.take_kept(&ask.path) };
        let (mut token, mut answer) = match kept {
            Some(answer) => (token, answer),
            None => {
                let tag = known.as_ref().map(|(tag, _)| tag.clone());
                self.ask(ask, manner, tag.as_deref(), token).await?
            }
        };
        if answer.status == StatusCode::NOT_MODIFIED {
            if let Some((tag, page)) = known.take() {
                recorder.has_read(ask, &token.fingerprint, &tag);
                return Ok(page);
            }
            // The request was not conditional: a faulty cache on the way answered it.
            let fresh = Manner { fresh: true, ..*manner };
            (token, answer) = self.ask(ask, &fresh, None, token).await?;
        }
        if !answer.status.is_success() {
            return Err(self.refused(ask, &answer));
        }
        let body = answer.body.as_ref().map_err(|why| match why {
            Unread::Cut(_) => transport(ask, why.to_string()),
            // A retry would get the same large body.
            Unread::TooLarge(_) => ask.malformed(&why.to_string()),
        })?;
        let next = self.line.next_page(&answer).map_err(|why| ask.malformed(&why))?;
        let tag = answer.header("etag");
        let page = beside_others(body.len(), || {
            let page = TaggedPage { value: parse(body)?, next };
            if let (Some(kept), Some(tag)) = (&ask.kept, tag) {
                manner.meter.keeps(etag::save(self.cache.as_ref(), &token, &url, kept, tag, &page));
            }
            Ok(page)
        });
        let page = page.map_err(|why| ask.unusable(why))?;
        if let (Some(_), Some(tag)) = (&ask.kept, tag) {
            recorder.has_read(ask, &token.fingerprint, tag);
        }
        Ok(page)
    }

    /// Whether GitHub still returns the answer with this ETag. A changed answer is kept for the
    /// read that requests it next. All other problems are left for that read to report.
    pub(super) async fn revalidate(&self, tagged: &Tagged, manner: &Manner<'_>) -> bool {
        let Ok(token) = self.token().await else { return false };
        if *token.fingerprint != *tagged.token {
            return false;
        }
        let (operation, path) = (tagged.operation, tagged.path.to_string());
        let ask = ReadRequest { operation, what: String::new(), path, kept: None };
        match self.ask(&ask, manner, Some(&tagged.etag), token).await {
            Ok((_, answer)) if answer.status == StatusCode::NOT_MODIFIED => true,
            Ok((_, answer)) if answer.status.is_success() => {
                manner.meter.recorder().keep(ask.path, answer);
                false
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Sends a read, and once more if GitHub refused the token and there is another one.
    async fn ask(
        &self,
        ask: &ReadRequest,
        manner: &Manner<'_>,
        tag: Option<&str>,
        token: Token,
    ) -> Result<(Token, GithubAnswer), ReadError> {
        let answer = self.ask_as(ask, manner, tag, &token).await?;
        if !refuses_the_token(&answer) {
            self.refusals.over();
            return Ok((token, answer));
        }
        let newer = self.another_token(&token, &answer).await;
        let Some(newer) = newer.map_err(|why| why.for_a_read(&ask.what))? else {
            return Ok((token, answer));
        };
        let answer = self.ask_as(ask, manner, None, &newer).await?;
        if refuses_the_token(&answer) {
            self.note_refusal(&newer, &answer);
        }
        Ok((newer, answer))
    }

    /// Another token to try after GitHub refused `token`. If there is none, the refusal is
    /// recorded.
    pub(super) async fn another_token(
        &self,
        token: &Token,
        answer: &GithubAnswer,
    ) -> Result<Option<Token>, NoToken> {
        let newer = self.auth.instead_of(&self.line, token).await?;
        match &newer {
            Some(newer) => self.limits.speak_with(&newer.fingerprint),
            None => self.note_refusal(token, answer),
        }
        Ok(newer)
    }

    fn note_refusal(&self, token: &Token, answer: &GithubAnswer) {
        let why = refused_words(&self.auth, &answer.words());
        self.refusals.refused(self.line.clock.monotonic(), &token.fingerprint, &why);
    }

    async fn ask_as(
        &self,
        ask: &ReadRequest,
        manner: &Manner<'_>,
        tag: Option<&str>,
        token: &Token,
    ) -> Result<GithubAnswer, ReadError> {
        let failed = |failed| match failed {
            RequestFailure::ToldToWait(until) => {
                ReadError::ToldToWait { what: ask.what.clone(), until }
            }
            RequestFailure::CalledOff(why) => transport(ask, why),
            RequestFailure::Lost(lost) => transport(ask, lost.why),
        };
        if manner.lane == Lane::Settled
            && let Some(until) = self.limits.kept_for_those_in_flight()
        {
            return Err(failed(RequestFailure::ToldToWait(until)));
        }
        self.pace.turn(&self.line.clock, manner.lane, READ_COST).await;
        let mut request = self.line.request(Method::GET, &ask.path, token.header.clone());
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        if manner.fresh {
            request = request.header(header::CACHE_CONTROL, "no-cache");
        }
        let request = request
            .body(OctoBody::empty())
            .map_err(|error| ask.malformed(&format!("this is not an address: {error}")))?;
        let sent = async {
            let _settled = match manner.lane {
                Lane::Settled => self.settled_places.acquire().await.ok(),
                Lane::Urgent | Lane::Active => None,
            };
            self.send(ask.operation, token, request).await
        };
        let sent = manner.meter.waiting(&self.line.clock, sent);
        let answer = Box::pin(sent).await.map_err(failed)?;
        manner.meter.counts(answer.status);
        Ok(answer)
    }

    /// Sends `request` once if the gate is open, and records its answer's limits.
    async fn send(
        &self,
        operation: &'static str,
        token: &Token,
        request: Request<OctoBody>,
    ) -> Result<GithubAnswer, RequestFailure> {
        self.send_through(operation, token, request, None).await
    }

    /// Like [`Self::send`], but a write passes through its send gate.
    pub(super) async fn send_through(
        &self,
        operation: &'static str,
        token: &Token,
        request: Request<OctoBody>,
        gate: Option<&SendGate>,
    ) -> Result<GithubAnswer, RequestFailure> {
        let is_write = request.method() != Method::GET;
        let asked = AskedBy { token: &token.fingerprint, is_write };
        let _place = self.places.acquire().await;
        if let Some(until) = self.limits.closed_until() {
            return Err(RequestFailure::ToldToWait(until));
        }
        let answer = self.line.send(operation, request, gate).await.map_err(|lost| {
            if let Some(Departure::CalledOff(why)) = gate.map(SendGate::close) {
                return RequestFailure::CalledOff(why);
            }
            self.limits.lost();
            RequestFailure::Lost(lost)
        })?;
        let (status, headers, body) = (answer.status, &answer.headers, answer.bytes());
        self.limits.note(asked, status, headers, body);
        match self.limits.told_to_wait(asked, status, headers, body) {
            Some(until) => Err(RequestFailure::ToldToWait(until)),
            None => Ok(answer),
        }
    }

    fn refused(&self, ask: &ReadRequest, answer: &GithubAnswer) -> ReadError {
        let what = ask.what.clone();
        let words = answer.words();
        let status = answer.status.as_u16();
        if refuses_the_token(answer) {
            return ReadError::BadCredentials { what, why: refused_words(&self.auth, &words) };
        }
        match status {
            404 => ReadError::NotFound { what, words },
            408 => ReadError::Transport { what, why: format!("GitHub said 408 \"{words}\"") },
            410 => ReadError::Gone410 { what, words },
            300..=399 => {
                let location = answer.header(header::LOCATION.as_str()).map(on_one_line);
                ReadError::Moved { what, location }
            }
            400..=499 => {
                ReadError::Refused { what, status, words, permission: answer.permission() }
            }
            500..=599 => ReadError::Server { what, status, words },
            _ => ask.malformed(&format!("a response with status {status}")),
        }
    }
}

/// Whether GitHub refuses the credential rather than the request: 401, or 403 for a suspended
/// installation.
pub(super) fn refuses_the_token(answer: &GithubAnswer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED
        || (answer.status == StatusCode::FORBIDDEN
            && answer.words().to_ascii_lowercase().contains("installation has been suspended"))
}

fn transport(ask: &ReadRequest, why: String) -> ReadError {
    ReadError::Transport { what: ask.what.clone(), why }
}
