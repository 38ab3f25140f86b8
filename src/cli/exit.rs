//! The exit codes.

use std::process::ExitCode;

use crate::domain::Outcome;
use crate::request::CommandFailure;

/// The result of a command, as its exit code reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// The decision is not ALLOW (`simulate`, `trigger`).
    NotAllowed,
    /// The command line or the configuration is wrong.
    Usage,
    /// GitHub or another dependency failed.
    Dependency,
    /// No such repository or commit.
    NotFound,
}

impl Exit {
    /// The numeric exit code.
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

    /// The exit of a command that reports a decision.
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
