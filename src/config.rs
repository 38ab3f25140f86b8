//! The checked configuration, or all of its mistakes at once.
//!
//! Precedence: defaults < the file's `defaults` < the file's repository < the environment. Each
//! value of each layer is checked where it is written, also where a later layer overrides it,
//! so that a mistake never sleeps until somebody removes the override.

mod check;
mod defaults;
mod diff;
mod effective;
mod environment;
mod in_force;
mod keys;
mod mistake;
mod policy;
mod read;
mod run_events;
mod schema;
mod settings;
mod shape;
mod signals;
mod spots;
mod state_dir;
mod values;
mod watch;
mod what_if;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::domain::{Login, Policy};

pub use self::diff::{ConfigChange, changes, lines, needs_restart, refusal};
pub use self::effective::policy as effective_policy;
pub use self::in_force::{ConfigInForce, RefusedChange};
pub use self::keys::{
    APP_KEYS, ConfigKey, DEFAULT_TOKEN_FILE, ENVIRONMENT_PREFIX, POLICY_KEYS, SECTIONS,
};
pub use self::mistake::{ConfigErrors, Mistake};
pub use self::schema::{SCHEMA_URL, schema};
pub use self::state_dir::state_dir;
pub use self::watch::{FilePoll, How, ReadEnvironment, Watched};
pub use self::what_if::{policy_of, text_of};

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// How GitHub is reached.
    pub github: GithubConfig,
    /// How often, and how many repositories at once.
    pub controller: ControllerConfig,
    /// Where people and Prometheus read.
    pub server: ServerConfig,
    /// `state.dir`: where the ledger and the socket are.
    pub state_dir: PathBuf,
    /// `state.history_days`: how long the ledger is kept.
    pub history_days: u32,
    /// One policy for each governed repository, in the file's order. Copies of the configuration
    /// share them: a fleet has thousands.
    pub repositories: Vec<Arc<Policy>>,
    /// Changes whenever an effective value does, and not when only comments do.
    pub digest: String,
    /// Of the file's bytes: changes with every one of them.
    pub file_digest: String,
    /// What is allowed, but worth a word at the start.
    pub warnings: Vec<String>,
}

/// The section `github`.
#[derive(Clone, Debug)]
pub struct GithubConfig {
    /// The API's address, without a slash at its end.
    pub api_url: String,
    /// Where the token is.
    pub token: TokenConfig,
    /// Certificates of authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The pace; 0 for a server without limits.
    pub max_requests_per_minute: u32,
    /// Accounts that we used to be.
    pub identities: Vec<Login>,
}

/// Where the token is.
#[derive(Clone, Debug)]
pub enum TokenConfig {
    /// In this file, which is read again when it changes.
    File(PathBuf),
    /// In `GITHUB_TOKEN`.
    Value(SecretString),
    /// GitHub gives it to this App.
    App(AppConfig),
    /// Nowhere. The commands that do without GitHub work all the same.
    Missing,
}

/// The mapping `github.app`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppConfig {
    /// Its number, or its client id.
    pub app_id: String,
    /// The file of its private key, which is read again when it changes.
    pub private_key_file: PathBuf,
    /// Its installation; none: that of each repository's owner.
    pub installation_id: Option<u64>,
}

/// The section `controller`.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// Between two passes of a settled repository.
    pub poll_interval: Duration,
    /// Between two passes while something is in flight.
    pub active_poll_interval: Duration,
    /// Passes at once.
    pub max_concurrency: usize,
}

/// The section `server`.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where the pages, the API and the metrics are served.
    pub listen: SocketAddr,
    /// Where people reach the pages, without a slash at its end.
    pub public_url: Option<String>,
}

/// Reads and checks the file at `path` under `environment`.
///
/// # Errors
/// All mistakes of the file and of the environment at once.
pub fn load(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigErrors> {
    let bytes = read::bytes(path, ". Give its path with --config FILE");
    checked(path, bytes.as_deref().map_err(Clone::clone), environment)
}

/// Checks what was read of the file at `path`.
fn checked(
    path: &Path,
    bytes: Result<&[u8], String>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigErrors> {
    let mut mistakes = mistake::Mistakes::default();
    let environment = environment::Variables::read(environment, &mut mistakes);
    let file_digest = bytes.as_deref().map(watch::digest).unwrap_or_default();
    let config = read::file(path, bytes, "`repositories`", &mut mistakes)
        .and_then(|file| check::check(&file, &environment, &mut mistakes));
    match config {
        Some(config) if mistakes.is_empty() => Ok(Config { file_digest, ..config }),
        _ => Err(mistakes.into_errors()),
    }
}
