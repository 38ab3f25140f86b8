//! The options that locate the configuration file and the state directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{self, Config};
use crate::request::CommandFailure;
use crate::rpc::Setup;

/// The environment variable for `state.dir`. `--state-dir` overrides it.
const STATE_DIR: &str = "RELEASE_GOVERNOR_STATE__DIR";

/// The environment variable for the configuration file's path. `--config` overrides it.
pub(in crate::cli) const CONFIG_VARIABLE: &str = "RELEASE_GOVERNOR_CONFIG";
/// The default path of the configuration file.
pub(in crate::cli) const CONFIG_FILE: &str = "config/release-governor.yaml";

/// The configuration file and the options that override it.
#[derive(Clone, Debug, Args)]
pub struct ConfigSource {
    /// Path of the configuration file: YAML, TOML or JSON, by extension.
    #[arg(
        long = "config",
        global = true,
        value_name = "FILE",
        env = CONFIG_VARIABLE,
        default_value = CONFIG_FILE
    )]
    file: PathBuf,

    /// Directory of the ledger and of the running controller's socket; overrides `state.dir`.
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl ConfigSource {
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The environment variables, with `--state-dir` applied on top. Invalid UTF-8 is converted
    /// lossily, so that an invalid variable of ours is rejected rather than ignored.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |value: OsString| value.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        let is_overridden = |name: &str| self.state_dir.is_some() && name == STATE_DIR;
        let given = self.state_dir.clone().map(|dir| (STATE_DIR.to_owned(), text(dir.into())));
        variables.filter(|(name, _)| !is_overridden(name)).chain(given).collect()
    }

    /// Loads and validates the configuration.
    ///
    /// # Errors
    /// [`CommandFailure::Usage`] with all mistakes in the configuration.
    pub fn load(&self) -> Result<Config, CommandFailure> {
        let loaded = config::load(&self.file, self.environment().into_iter());
        loaded.map_err(|mistakes| CommandFailure::Usage(mistakes.to_string()))
    }

    /// The setup for a command that a running controller may execute. If the configuration is
    /// invalid, it holds the state directory, which suffices to reach a running controller.
    #[must_use]
    pub fn setup(&self) -> Setup {
        match self.load() {
            Ok(config) => Setup::checked(config),
            Err(refusal) => {
                let environment = self.environment().into_iter();
                Setup::refused(config::state_dir(&self.file, environment), refusal)
            }
        }
    }
}
