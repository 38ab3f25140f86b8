//! What a command goes by: the configuration, or what is left of one that is refused.

use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::config::Config;

use super::running_config::{GovernedRepositories, running_config};
use crate::request::CommandFailure;

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

    /// What is to be said where a running controller goes by another configuration than the command,
    /// also because the command's is refused; none where it does not, or where none runs.
    pub async fn drift(&self, clock: &Clock) -> Option<String> {
        let running = running_config(self.state_dir(), clock).await?;
        match self.config() {
            Ok(config) => running.note(&config.file_digest),
            Err(refusal) => Some(format!(
                "this configuration is refused, and the running controller goes by its last good one:\n\
                 {refusal}"
            )),
        }
    }
}
