//! The only handle that can change anything at GitHub. No write is ever retried.

use std::sync::Arc;

use http::{Method, StatusCode, header};
use jiff::SignedDuration;
use serde_json::Value;

use super::auth::{NoToken, Token, refused_words};
use super::client::{Client, RequestFailure, refuses_the_token};
use super::clients::GithubClients;
use super::error::WriteFailure;
use super::pace::{Lane, WRITE_COST};
use super::send_gate::{MayLeave, SendGate};
use super::transport::GithubAnswer;
use crate::domain::plain_text::on_one_line;
use crate::domain::secrets::hide;
use crate::domain::{RepoId, RepoName};

/// Writes to GitHub. There is only one, and it cannot be cloned.
pub struct Writer {
    clients: Arc<GithubClients>,
}

/// The HTTP method of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMethod {
    /// Creates something.
    Post,
    /// Changes something.
    Patch,
}

/// A write request.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    pub method: WriteMethod,
    /// The repository to write to. The credential responsible for it is used.
    pub repository: RepoName,
    /// The path below the repository's API URL, with a leading slash.
    pub path: String,
    pub body: Value,
    /// Whether it takes precedence: a dispatch, and the statuses that belong to it.
    pub urgent: bool,
    /// The name in metrics and logs, for example `create_dispatch`.
    pub operation: &'static str,
}

/// The answer to a successful write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteAnswer {
    /// The HTTP status, 2xx.
    pub status: u16,
    /// GitHub's answer; null if it is empty.
    pub body: Value,
}

impl Writer {
    pub(super) const fn new(clients: Arc<GithubClients>) -> Self {
        Self { clients }
    }

    /// Sends `write` once, when it is its turn, unless `may_leave` forbids it. That check runs
    /// after every wait, including the wait for a connection, right before the request is sent.
    ///
    /// # Errors
    /// [`WriteFailure`], which distinguishes certain from unknown outcomes. If `may_leave`
    /// forbids the write, the error is [`WriteFailure::CalledOff`].
    pub async fn send_if(
        &self,
        write: WriteRequest,
        may_leave: MayLeave,
    ) -> Result<WriteAnswer, WriteFailure> {
        let client = self.clients.of(&write.repository);
        // Whether the gate is closed depends on the token, which may expire while other writes
        // go first.
        token(&client).await?;
        wait_for_its_turn(&client, write.urgent).await?;
        let _place = client.write_place(write.urgent).await;
        let token = token(&client).await?;
        let method = match write.method {
            WriteMethod::Post => Method::POST,
            WriteMethod::Patch => Method::PATCH,
        };
        let path = format!("/repos/{}{}", write.repository, write.path);
        // The body may contain text from strangers, and anybody may read what is written.
        let body = hide(&write.body.to_string()).into_owned();
        let (gate, body) = SendGate::before(body, may_leave);
        let request = client
            .line
            .request(method, &path, token.header.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| WriteFailure::NeverSent { why: error.to_string() })?;
        let sent = client.send_through(write.operation, &token, request, Some(&gate)).await;
        let answer = sent.map_err(|failed| match failed {
            RequestFailure::ToldToWait(until) => WriteFailure::ToldToWait { until },
            RequestFailure::CalledOff(why) => WriteFailure::CalledOff { why },
            RequestFailure::Lost(lost) if lost.never_sent => {
                WriteFailure::NeverSent { why: lost.why }
            }
            RequestFailure::Lost(lost) => WriteFailure::Unknown { why: lost.why },
        })?;
        let status = answer.status.as_u16();
        match status {
            200..=299 => done(&answer),
            408 | 500..=599 => {
                let why = format!("GitHub said {status} \"{}\"", answer.words());
                Err(WriteFailure::Unknown { why })
            }
            300..=399 => Err(moved(&write.repository, &answer)),
            400..=499 => Err(refused(&client, &token, &answer).await),
            _ => Err(WriteFailure::Unknown { why: format!("a response with status {status}") }),
        }
    }
}

/// Interprets a 3xx. For a former repository name, GitHub's location contains the repository's
/// id.
fn moved(repository: &RepoName, answer: &GithubAnswer) -> WriteFailure {
    let location = answer.header(header::LOCATION.as_str()).map(on_one_line);
    let (_, id) = location.as_deref().and_then(|at| at.split_once("/repositories/")).unzip();
    let id = id.and_then(|rest| rest.split('/').next()).and_then(|id| id.parse::<u64>().ok());
    WriteFailure::Moved {
        status: answer.status.as_u16(),
        what: repository.to_string(),
        location,
        repository: id.map(RepoId::from),
    }
}

/// Interprets a 4xx other than 408. If GitHub does not accept the credential, or not yet, that
/// says nothing about the request.
async fn refused(client: &Client, token: &Token, answer: &GithubAnswer) -> WriteFailure {
    let words = answer.words();
    if refuses_the_token(answer) {
        // Prepares another token for the next write.
        let _ = client.another_token(token, answer).await;
        return WriteFailure::BadCredentials { why: refused_words(&client.auth, &words) };
    }
    let clock = &client.line.clock;
    let is_new_for = token.is_new_for(clock.monotonic());
    if let (StatusCode::FORBIDDEN, Some(left)) = (answer.status, is_new_for) {
        let left = SignedDuration::try_from(left).unwrap_or(SignedDuration::ZERO);
        let until = clock.now().saturating_add(left).unwrap_or(clock.now());
        return WriteFailure::ToldToWait { until };
    }
    let (status, permission) = (answer.status.as_u16(), answer.permission());
    WriteFailure::Refused { status, words, permission }
}

async fn token(client: &Client) -> Result<Token, WriteFailure> {
    client.token().await.map_err(|why| match why {
        NoToken::ToldToWait(until) => WriteFailure::ToldToWait { until },
        NoToken::Refused(why) | NoToken::ForNow(why) => WriteFailure::NeverSent { why },
    })
}

async fn wait_for_its_turn(client: &Client, urgent: bool) -> Result<(), WriteFailure> {
    if let Some(until) = client.limits.closed_until() {
        return Err(WriteFailure::ToldToWait { until });
    }
    if !client.pace.is_set() {
        return Ok(());
    }
    let clock = &client.line.clock;
    client.write_pace.turn(clock, urgent).await.map_err(|wait| {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let now = clock.now();
        let until = now.saturating_add(wait).unwrap_or(now);
        if urgent { WriteFailure::ToldToWait { until } } else { WriteFailure::Deferred { until } }
    })?;
    // Writes that are not urgent, such as HOLD statuses, use the settled lane, so that they do
    // not delay the reads of active repositories.
    let lane = if urgent { Lane::Urgent } else { Lane::Settled };
    client.pace.turn(clock, lane, WRITE_COST).await;
    client.write_pace.leave(clock).await;
    Ok(())
}

fn done(answer: &GithubAnswer) -> Result<WriteAnswer, WriteFailure> {
    let status = answer.status.as_u16();
    // A 204 has no content, so nothing of it can be lost.
    if status == 204 {
        return Ok(WriteAnswer { status, body: Value::Null });
    }
    let lost = |why: &str| WriteFailure::Done { why: format!("GitHub said {status}, but {why}") };
    let bytes = answer.body.as_ref().map_err(|why| lost(&why.to_string()))?;
    if bytes.trim_ascii().is_empty() {
        return Ok(WriteAnswer { status, body: Value::Null });
    }
    match serde_json::from_slice(bytes) {
        Ok(body) => Ok(WriteAnswer { status, body }),
        Err(error) => {
            Err(lost(&format!("its response is malformed: {}", on_one_line(&error.to_string()))))
        }
    }
}
