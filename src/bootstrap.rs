//! Builds a controller and its dependencies from a configuration.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, TokenConfig};
use crate::controller::{Controller, ControllerSettings, Intervals, Shared, WriteHandle};
use crate::github::{
    self, ApiRoute, AppSource, GithubSettings, HttpService, REQUEST_TIMEOUT, TokenSource,
};
use crate::store::{Store, StoreError, StoreOptions};
use crate::telemetry::Metrics;

use crate::request::CommandFailure;

/// How long to wait for the store. A command holds it briefly, and a controller that shuts down
/// holds it for a few seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The interval between two attempts to open the store.
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// The dependencies of a controller. Tests provide their own.
pub struct Dependencies {
    /// Carries requests to GitHub.
    pub service: HttpService,
    /// The source of time and randomness.
    pub clock: Clock,
    /// The store in the state directory.
    pub store: Store,
}

/// Creates dependencies that use the real network, with this clock and store.
///
/// # Errors
/// If certificates cannot be read, or a proxy cannot be used.
pub fn surroundings(
    config: &Config,
    clock: Clock,
    store: Store,
) -> Result<Dependencies, CommandFailure> {
    let route =
        ApiRoute { api_url: config.github.api_url.clone(), ca_file: config.github.ca_file.clone() };
    let service =
        github::network(&route).map_err(|error| CommandFailure::Dependency(error.to_string()))?;
    Ok(Dependencies { service, clock, store })
}

/// Creates the controller that `config` describes. Without `may_write`, it gets no handle that
/// can write to GitHub.
///
/// # Errors
/// If no token is configured, the token or key cannot be read, or no token may be sent to the API
/// URL.
pub fn controller(
    config: &Config,
    surroundings: Dependencies,
    may_write: bool,
) -> Result<Controller, CommandFailure> {
    let Dependencies { service, clock, store } = surroundings;
    let metrics = Arc::new(Metrics::new());
    let settings = GithubSettings {
        api_url: config.github.api_url.clone(),
        token: token(config)?,
        max_requests_per_minute: config.github.max_requests_per_minute,
        request_timeout: REQUEST_TIMEOUT,
    };
    let cache = store.cache();
    let connected = github::connect(&settings, service, clock.clone(), cache, Arc::clone(&metrics));
    let (readers, writer) = connected.map_err(|error| CommandFailure::Usage(error.to_string()))?;
    let hand = may_write.then(|| WriteHandle::new(writer));
    let shared = Shared::new(readers, hand, store, clock, metrics);
    Ok(Controller::new(shared, terms(config)))
}

/// The part of a configuration that passes use.
pub(crate) fn terms(config: &Config) -> ControllerSettings {
    ControllerSettings {
        policies: config.repositories.clone(),
        intervals: Intervals {
            settled: config.controller.poll_interval,
            active: config.controller.active_poll_interval,
        },
        max_concurrency: config.controller.max_concurrency,
        config_digest: config.digest.clone(),
        public_url: config.server.public_url.clone(),
    }
}

/// Checks that a token is configured, without reading it.
///
/// # Errors
/// If none is configured.
pub fn check_token(config: &Config) -> Result<(), CommandFailure> {
    token(config).map(drop)
}

fn token(config: &Config) -> Result<TokenSource, CommandFailure> {
    match &config.github.token {
        TokenConfig::File(path) => Ok(TokenSource::File(path.clone())),
        TokenConfig::Value(token) => Ok(TokenSource::Value(token.clone())),
        TokenConfig::App(app) => Ok(TokenSource::App(AppSource {
            app_id: app.app_id.clone(),
            private_key_file: app.private_key_file.clone(),
            installation_id: app.installation_id,
        })),
        TokenConfig::Missing => Err(CommandFailure::Usage(
            "no GitHub token: name its file as `github.token_file`, give it as GITHUB_TOKEN, or \
             configure `github.app`"
                .to_owned(),
        )),
    }
}

/// Opens the store. Waits up to 5 s while another process holds it.
///
/// # Errors
/// As [`Store::open`].
pub async fn open_store(dir: &Path, clock: &Clock) -> Result<Store, StoreError> {
    let began = clock.monotonic();
    loop {
        match open_now(dir).await {
            Err(StoreError::AlreadyOpen { .. })
                if clock.monotonic().saturating_sub(began) < PATIENCE =>
            {
                clock.sleep(BETWEEN_LOOKS).await;
            }
            opened => return opened,
        }
    }
}

/// Opens the store without waiting for another process to release it. Runs on a blocking thread,
/// because it reads files.
pub(crate) async fn open_now(dir: &Path) -> Result<Store, StoreError> {
    let dir = dir.to_path_buf();
    let opened = tokio::task::spawn_blocking(move || Store::open(&dir, StoreOptions::default()));
    opened.await.unwrap_or(Err(StoreError::Closed))
}

/// Whether a command that began at `began` has waited as long as it may.
pub(crate) fn out_of_patience(clock: &Clock, began: Duration) -> bool {
    clock.monotonic().saturating_sub(began) >= PATIENCE
}
