//! Where the configuration is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{self, Config};
use crate::request::CommandFailure;
use crate::rpc::Setup;

/// What says where the state is; `--state-dir` is the same by another name.
const STATE_DIR: &str = "RELEASE_GOVERNOR_STATE__DIR";

/// What says where the configuration is, where `--config` does not.
pub(in crate::cli) const CONFIG_VARIABLE: &str = "RELEASE_GOVERNOR_CONFIG";
/// Where it is where nothing says so.
pub(in crate::cli) const CONFIG_FILE: &str = "config/release-governor.yaml";

/// The configuration's file, and what goes over it.
#[derive(Clone, Debug, Args)]
pub struct ConfigSource {
    /// The configuration file: YAML, TOML or JSON, by extension.
    #[arg(
        long = "config",
        global = true,
        value_name = "FILE",
        env = CONFIG_VARIABLE,
        default_value = CONFIG_FILE
    )]
    file: PathBuf,

    /// The directory of the state and of the running controller's socket; default: `state.dir`.
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl ConfigSource {
    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The environment as text, with `--state-dir` over it. What is no text is shown as well as it
    /// can be, so that a variable of ours is refused and not overlooked.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |value: OsString| value.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        let is_overridden = |name: &str| self.state_dir.is_some() && name == STATE_DIR;
        let given = self.state_dir.clone().map(|dir| (STATE_DIR.to_owned(), text(dir.into())));
        variables.filter(|(name, _)| !is_overridden(name)).chain(given).collect()
    }

    /// The configuration.
    ///
    /// # Errors
    /// All of its mistakes.
    pub fn load(&self) -> Result<Config, CommandFailure> {
        let loaded = config::load(&self.file, self.environment().into_iter());
        loaded.map_err(|mistakes| CommandFailure::Usage(mistakes.to_string()))
    }

    /// What a command goes by that a running controller may carry out.
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
