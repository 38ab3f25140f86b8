//! The configuration of a command, or the state directory alone if the configuration is refused.

use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::config::Config;

use super::running_config::{GovernedRepositories, running_config};
use crate::request::CommandFailure;

/// The configuration of a command. To reach a running controller, its state directory suffices,
/// so this works even if the configuration file is refused.
#[derive(Clone, Debug)]
pub struct Setup {
    state_dir: PathBuf,
    config: Result<Box<Config>, CommandFailure>,
}

impl Setup {
    /// A valid configuration.
    #[must_use]
    pub fn checked(config: Config) -> Self {
        Self { state_dir: config.state_dir.clone(), config: Ok(Box::new(config)) }
    }

    /// A refused configuration, and the state directory, which is known nevertheless.
    #[must_use]
    pub const fn refused(state_dir: PathBuf, why: CommandFailure) -> Self {
        Self { state_dir, config: Err(why) }
    }

    /// The directory of the store and of a running controller's socket.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// # Errors
    /// The reason the configuration is refused.
    pub fn config(&self) -> Result<&Config, CommandFailure> {
        self.config.as_deref().map_err(Clone::clone)
    }

    /// The governed repositories, from the configuration. If it is refused, from the running
    /// controller.
    ///
    /// # Errors
    /// The reason the configuration is refused, if no controller runs.
    pub async fn governed(&self, clock: &Clock) -> Result<GovernedRepositories, CommandFailure> {
        match self.config() {
            Ok(config) => Ok(GovernedRepositories::by(config)),
            Err(refusal) => {
                running_config(&self.state_dir, clock).await.map(|own| own.governed).ok_or(refusal)
            }
        }
    }

    /// The note to show if a running controller uses a different configuration from this command,
    /// or if this command's configuration is refused. `None` if they are the same or no controller
    /// runs.
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
