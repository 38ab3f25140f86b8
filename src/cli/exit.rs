//! How the process ends.

use std::process::ExitCode;

use crate::domain::Outcome;
use crate::request::CommandFailure;

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Decided otherwise than ALLOW (`simulate`, `trigger`).
    NotAllowed,
    /// The command line or the configuration is wrong.
    Usage,
    /// GitHub or another dependency failed.
    Dependency,
    /// No such repository or sha.
    NotFound,
}

impl Exit {
    /// The code that scripts see.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotAllowed => 1,
            Self::Usage => 2,
            Self::Dependency => 3,
            Self::NotFound => 4,
        }
    }

    /// How a command ends that asked for a decision.
    #[must_use]
    pub const fn of_decision(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Done,
            Outcome::Hold | Outcome::Wait | Outcome::None => Self::NotAllowed,
        }
    }
}

impl From<&CommandFailure> for Exit {
    fn from(failure: &CommandFailure) -> Self {
        match failure {
            CommandFailure::Usage(_) => Self::Usage,
            CommandFailure::Dependency(_) => Self::Dependency,
            CommandFailure::NotFound(_) => Self::NotFound,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
