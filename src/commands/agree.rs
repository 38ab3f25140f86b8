//! Whether a command and the running controller go by the same configuration.

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Config;

use super::Reload;
use super::socket::socket_path;

/// Where a controller says what it goes by.
pub(super) const ADDRESS: &str = "/v1/config";
/// A digest and some mistakes.
const LARGEST_ANSWER: usize = 64 * 1024;
/// It is a note: nobody waits for it.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// What a controller goes by.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GoesBy {
    /// Of the file's bytes that it took last.
    file_digest: String,
    /// What is wrong with what the file holds now, by its judgement.
    refused: Vec<String>,
}

impl GoesBy {
    pub(super) fn of(reload: &Reload) -> Self {
        Self {
            file_digest: reload.in_force().file_digest.clone(),
            refused: reload.refused().map(|refused| refused.mistakes).unwrap_or_default(),
        }
    }

    /// What is to be said to somebody whose file has this digest.
    fn note(&self, file_digest: &str) -> Option<String> {
        if self.file_digest == file_digest {
            return None;
        }
        let why = if self.refused.is_empty() {
            "it looks at its file every few seconds, if this is the one".to_owned()
        } else {
            format!("it refused its file: {}", self.refused.join("; "))
        };
        Some(format!("the controller goes by another configuration than this command: {why}"))
    }
}

/// What is to be said where a running controller goes by another configuration than `config`;
/// none where it does not, or where none runs.
pub async fn disagreement(config: &Config, clock: &Clock) -> Option<String> {
    let told = clock.timeout(PATIENCE, told(config)).await.ok()??;
    told.note(&config.file_digest)
}

async fn told(config: &Config) -> Option<GoesBy> {
    let stream = UnixStream::connect(socket_path(&config.state_dir).ok()?).await.ok()?;
    let request = Request::get(ADDRESS).header(header::HOST, "controller");
    let request = request.body(Empty::<Bytes>::new()).ok()?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.ok()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let response = sender.send_request(request).await.ok()?;
    if response.status() != StatusCode::OK {
        return None;
    }
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await.ok()?;
    serde_json::from_slice(&body.to_bytes()).ok()
}
