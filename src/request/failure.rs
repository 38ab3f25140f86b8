//! The failure of a command.

use serde::{Deserialize, Serialize};

use crate::controller::{Blame, NotDone, PassError};
use crate::store::StoreError;

/// The failure of a command, classified by who can fix it. The message says what failed, on what,
/// why, and what to do now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "failure", content = "message", rename_all = "snake_case")]
pub enum CommandFailure {
    /// The command or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// GitHub, the store, the controller or the system failed.
    #[error("{0}")]
    Dependency(String),
    /// There is no such repository or sha.
    #[error("{0}")]
    NotFound(String),
}

impl From<NotDone> for CommandFailure {
    fn from(error: NotDone) -> Self {
        let text = error.to_string();
        match error {
            NotDone::NotGoverned(_)
            | NotDone::NoSuchCommit { .. }
            | NotDone::NeverInProduction { .. }
            | NotDone::NotStopped(_)
            | NotDone::PausedByConfig { .. } => Self::NotFound(text),
            NotDone::NotOnDisk { .. }
            | NotDone::PausedMeanwhile(_)
            | NotDone::TimeUnknown { .. } => Self::Dependency(text),
            NotDone::Ambiguous { .. } | NotDone::StartsNothing { .. } => Self::Usage(text),
            NotDone::Pass(error) => error.into(),
        }
    }
}

impl From<PassError> for CommandFailure {
    fn from(error: PassError) -> Self {
        let text = error.in_words();
        match error.blame() {
            Blame::NotFound => Self::NotFound(text),
            Blame::Configuration => Self::Usage(text),
            Blame::Dependency => Self::Dependency(text),
        }
    }
}

impl From<StoreError> for CommandFailure {
    fn from(error: StoreError) -> Self {
        Self::Dependency(error.to_string())
    }
}
