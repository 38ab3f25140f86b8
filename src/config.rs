//! Loads and validates the configuration, and reports all of its mistakes at once.
//!
//! Precedence, lowest first: built-in defaults, the file's `defaults`, the repository's entry
//! in the file, the environment. Each value is validated in the layer where it is written, even
//! if a later layer overrides it. A mistake therefore never lies dormant until somebody removes
//! the override.

mod calendar;
mod check;
mod credentials;
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

use crate::domain::{CalendarEntry, Login, Policy};

pub use self::diff::{ConfigChange, changes, lines, needs_restart, refusal};
pub use self::effective::policy as effective_policy;
pub use self::in_force::{ConfigInForce, RefusedChange};
pub use self::keys::{
    APP_KEYS, CALENDAR_KEYS, ConfigKey, DEFAULT_TOKEN_FILE, ENVIRONMENT_PREFIX, POLICY_KEYS,
    SECTIONS,
};
pub use self::mistake::{ConfigErrors, Mistake};
pub use self::schema::{SCHEMA_URL, schema};
pub use self::state_dir::state_dir;
pub use self::watch::{FilePoll, How, ReadEnvironment, Watched};
pub use self::what_if::{policy_of, text_of};

/// The validated configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub github: GithubConfig,
    pub controller: ControllerConfig,
    pub server: ServerConfig,
    /// `state.dir`: the directory of the ledger and the command socket.
    pub state_dir: PathBuf,
    /// `state.history_days`: the retention of the ledger, in days.
    pub history_days: u32,
    /// One policy for each governed repository, in the order of the file. Copies of the
    /// configuration share the policies, because a fleet has thousands.
    pub repositories: Vec<Arc<Policy>>,
    /// The freezes, then the windows, in the order of the file. Each policy has those that name its
    /// lane.
    pub calendar: Vec<Arc<CalendarEntry>>,
    /// Changes whenever an effective value changes, but not when only comments do.
    pub digest: String,
    /// Digest of the file's bytes. Any change of the file changes it.
    pub file_digest: String,
    /// Values that are allowed but questionable; logged at startup.
    pub warnings: Vec<String>,
}

/// The `github` section.
#[derive(Clone, Debug)]
pub struct GithubConfig {
    /// Base URL of the API, without a trailing slash.
    pub api_url: String,
    pub token: TokenConfig,
    /// Certificate authorities (PEM) that are trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Request rate limit for each credential, in points; 0 for a server without limits.
    pub max_requests_per_minute: u32,
    /// Former accounts of this governor.
    pub identities: Vec<Login>,
}

/// The source of the GitHub credential.
#[derive(Clone, Debug)]
pub enum TokenConfig {
    /// A token file, read again when it changes.
    File(PathBuf),
    /// The value of `GITHUB_TOKEN`.
    Value(SecretString),
    /// A GitHub App, which obtains installation tokens.
    App(AppConfig),
    /// No credential. Commands that do not need GitHub still work.
    Missing,
}

/// The `github.app` mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppConfig {
    /// The App's numeric id or its client id.
    pub app_id: String,
    /// The private key file, read again when it changes.
    pub private_key_file: PathBuf,
    /// The installation id. `None` means that each repository owner's installation is used.
    pub installation_id: Option<u64>,
}

/// The `controller` section.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// Time between two passes of a settled repository.
    pub poll_interval: Duration,
    /// Time between two passes while something is in flight.
    pub active_poll_interval: Duration,
    /// Maximum number of concurrent passes.
    pub max_concurrency: usize,
}

/// The `server` section.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Listen address of the pages, the API and the metrics.
    pub listen: SocketAddr,
    /// External base URL of the pages, without a trailing slash.
    pub public_url: Option<String>,
}

/// Reads and validates the file at `path`, with overrides from `environment`.
///
/// # Errors
/// All mistakes of the file and the environment.
pub fn load(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigErrors> {
    let bytes = read::bytes(path, ". Give its path with --config FILE");
    checked(path, bytes.as_deref().map_err(Clone::clone), environment)
}

/// Validates the bytes that were read from the file at `path`.
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
