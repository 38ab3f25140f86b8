//! The one handle that can change anything at GitHub. Nothing here is ever sent twice.

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

/// Writes to GitHub. There is one, and it cannot be cloned.
pub struct Writer {
    clients: Arc<GithubClients>,
}

/// How a write is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMethod {
    /// It makes something.
    Post,
    /// It changes something.
    Patch,
}

/// A write.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// How it is sent.
    pub method: WriteMethod,
    /// Where: by its owner's credential.
    pub repository: RepoName,
    /// The path below the repository's address, beginning with a slash.
    pub path: String,
    /// What is sent.
    pub body: Value,
    /// Whether it goes before others: a dispatch, and the statuses that belong to it.
    pub urgent: bool,
    /// Its name in metrics and logs, as in `create_dispatch`.
    pub operation: &'static str,
}

/// GitHub did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteAnswer {
    /// The HTTP status, 2xx.
    pub status: u16,
    /// What GitHub says of it; null where it says nothing.
    pub body: Value,
}

impl Writer {
    pub(super) const fn new(clients: Arc<GithubClients>) -> Self {
        Self { clients }
    }

    /// Sends `write` once, when it is its turn, unless `may_leave` forbids it: it is asked after every
    /// wait, also that for a connection, right before the request leaves.
    ///
    /// # Errors
    /// [`WriteFailure`], which tells the certain from the unknown; what forbade it is
    /// [`WriteFailure::CalledOff`].
    pub async fn send_if(
        &self,
        write: WriteRequest,
        may_leave: MayLeave,
    ) -> Result<WriteAnswer, WriteFailure> {
        let client = self.clients.of(&write.repository);
        // Whether its gate is closed depends on the token, which may end while others write first.
        token(&client).await?;
        wait_for_its_turn(&client, write.urgent).await?;
        let _place = client.write_place(write.urgent).await;
        let token = token(&client).await?;
        let method = match write.method {
            WriteMethod::Post => Method::POST,
            WriteMethod::Patch => Method::PATCH,
        };
        let path = format!("/repos/{}{}", write.repository, write.path);
        // Strangers' words are among what is written, and everybody may read it.
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

/// What a 3xx means: GitHub answers for a name that was given up with the number that it led to.
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

/// What a 4xx but 408 means: that the credential is not accepted, or not yet, says nothing of what
/// was asked for.
async fn refused(client: &Client, token: &Token, answer: &GithubAnswer) -> WriteFailure {
    let words = answer.words();
    if refuses_the_token(answer) {
        // The next write is worth another token.
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
    // What holds a repository is said when nobody needs the pace for finding what may ship.
    let lane = if urgent { Lane::Urgent } else { Lane::Settled };
    client.pace.turn(clock, lane, WRITE_COST).await;
    client.write_pace.leave(clock).await;
    Ok(())
}

fn done(answer: &GithubAnswer) -> Result<WriteAnswer, WriteFailure> {
    let status = answer.status.as_u16();
    // There is nothing to say in a 204, so nothing of it can be lost.
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
