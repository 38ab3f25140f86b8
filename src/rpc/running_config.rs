//! The configuration that a running controller uses.

use std::net::SocketAddr;
use std::path::Path;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::{Config, ConfigInForce};
use crate::domain::RepoName;

use super::address::socket_path;

/// The URL path at which a controller reports the configuration that it uses.
pub(super) const ADDRESS: &str = "/v1/config";
/// The maximum size of an answer, in bytes. It consists of a digest, some mistakes, and about 100
/// bytes for each governed repository.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// The controller answers immediately, whatever its passes are doing.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// The configuration that a running controller uses.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunningConfig {
    /// The digest of the file content that is in force.
    file_digest: String,
    /// The mistakes for which the controller refused the current content of its file.
    refused: Vec<String>,
    pub(super) governed: GovernedRepositories,
}

impl RunningConfig {
    pub(super) fn of(in_force: &ConfigInForce) -> Self {
        let config = in_force.config();
        Self {
            file_digest: config.file_digest.clone(),
            refused: in_force.refused().map(|refused| refused.mistakes).unwrap_or_default(),
            governed: GovernedRepositories::by(&config),
        }
    }

    /// The note for a command whose configuration file has this digest. `None` if both are the
    /// same.
    pub(super) fn note(&self, file_digest: &str) -> Option<String> {
        if self.file_digest == file_digest {
            return None;
        }
        let why = if self.refused.is_empty() {
            "it looks at its file every few seconds, if this is the one".to_owned()
        } else {
            format!("it refused its file: {}", self.refused.join("; "))
        };
        Some(format!("the controller uses a different configuration from this command: {why}"))
    }
}

/// The configuration of the controller with this state directory. `None` if none answers.
pub(super) async fn running_config(state_dir: &Path, clock: &Clock) -> Option<RunningConfig> {
    clock.timeout(PATIENCE, asked(state_dir)).await.ok()?
}

async fn asked(state_dir: &Path) -> Option<RunningConfig> {
    let stream = UnixStream::connect(socket_path(state_dir).ok()?).await.ok()?;
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

/// The governed repositories, and where they are governed and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GovernedRepositories {
    /// The GitHub API through which they are governed.
    pub api_url: String,
    /// The address that serves probes, metrics and pages.
    pub listen: SocketAddr,
    /// In configuration order.
    pub repositories: Vec<RepoName>,
}

impl GovernedRepositories {
    #[must_use]
    pub fn by(config: &Config) -> Self {
        Self {
            api_url: config.github.api_url.clone(),
            listen: config.server.listen,
            repositories: config.repositories.iter().map(|p| p.repository.clone()).collect(),
        }
    }
}
