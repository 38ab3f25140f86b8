//! What a command goes by: the configuration, or what is left of one that is refused.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::RepoName;

use super::CommandFailure;
use super::drift::running_config;

/// What a command goes by. A controller that runs can be asked whatever its file says by now:
/// that takes its state directory and nothing else.
#[derive(Clone, Debug)]
pub struct Setup {
    state_dir: PathBuf,
    config: Result<Box<Config>, CommandFailure>,
}

impl Setup {
    /// A configuration that is good.
    #[must_use]
    pub fn checked(config: Config) -> Self {
        Self { state_dir: config.state_dir.clone(), config: Ok(Box::new(config)) }
    }

    /// A configuration that is refused, and where the state is all the same.
    #[must_use]
    pub const fn refused(state_dir: PathBuf, why: CommandFailure) -> Self {
        Self { state_dir, config: Err(why) }
    }

    /// Where the state, and the socket of a running controller, are.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The configuration.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn config(&self) -> Result<&Config, CommandFailure> {
        self.config.as_deref().map_err(Clone::clone)
    }

    /// What is governed, by the configuration, or by the running controller where that is refused.
    ///
    /// # Errors
    /// Why the configuration is refused, where no controller runs.
    pub async fn governed(&self, clock: &Clock) -> Result<GovernedRepositories, CommandFailure> {
        match self.config() {
            Ok(config) => Ok(GovernedRepositories::by(config)),
            Err(refusal) => {
                running_config(&self.state_dir, clock).await.map(|own| own.governed).ok_or(refusal)
            }
        }
    }
}

/// What a configuration says of the repositories, and where its pages are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GovernedRepositories {
    /// The API that they are governed through.
    pub api_url: String,
    /// Where probes, metrics and pages are served.
    pub listen: SocketAddr,
    /// In the configuration's order.
    pub repositories: Vec<RepoName>,
}

impl GovernedRepositories {
    /// What `config` says.
    #[must_use]
    pub fn by(config: &Config) -> Self {
        Self {
            api_url: config.github.api_url.clone(),
            listen: config.server.listen,
            repositories: config.repositories.iter().map(|p| p.repository.clone()).collect(),
        }
    }
}
