//! Why a pass ended early, and when it makes sense to try again.

use jiff::Timestamp;

use crate::apply::ApplyError;
use crate::domain::Why;
use crate::github::ReadError;
use crate::observe::ObserveError;
use crate::store::StoreError;

/// An error that ended a pass early. What was done before it is recorded.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// Reading GitHub failed.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// Carrying out the plan failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fact that the decision needs is unreadable for now.
    #[error("no decision: {}", .0.0)]
    Undecided(Why),
    /// A broken invariant ended the pass: a bug in this program.
    #[error(
        "the pass ended in the middle. This is a defect of release-governor: please report it, \
         with the log. The ledger holds what was done"
    )]
    Defect,
}

/// Who can fix an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mending {
    /// It goes away by itself.
    ByItself,
    /// A person must act: refused, gone or misconfigured.
    ByAPerson,
}

/// Where the cause of an error lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// GitHub has no such resource, or does not show it to this credential.
    NotFound,
    /// The configuration names something that no longer exists, or not under that name.
    Configuration,
    /// GitHub, the network, the token or the disk.
    Dependency,
}

impl PassError {
    /// Where the cause lies.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Observe(ObserveError::Read(ReadError::NotFound { .. })) => Blame::NotFound,
            // The repository was renamed, or a configured workflow does not exist.
            Self::Observe(
                ObserveError::Mistaken(_) | ObserveError::Read(ReadError::Moved { .. }),
            ) => Blame::Configuration,
            Self::Observe(_)
            | Self::Apply(_)
            | Self::Store(_)
            | Self::Undecided(_)
            | Self::Defect => Blame::Dependency,
        }
    }

    /// Whether the error concerns the credential, and therefore all its repositories.
    #[must_use]
    pub const fn is_of_the_credential(&self) -> bool {
        matches!(self, Self::Observe(ObserveError::Read(ReadError::BadCredentials { .. })))
    }

    /// The error with its causes, on one line.
    #[must_use]
    pub fn in_words(&self) -> String {
        super::report::chain(self)
    }

    /// Who can fix the error.
    #[must_use]
    pub fn mending(&self) -> Mending {
        let by_itself = match self {
            Self::Observe(error) => error.is_transient(),
            Self::Apply(ApplyError::Read(error)) => error.is_transient(),
            Self::Apply(
                ApplyError::Store(_)
                | ApplyError::ToldToWait { .. }
                | ApplyError::Deferred { .. }
                | ApplyError::Failed { .. },
            )
            | Self::Store(_)
            | Self::Undecided(_)
            | Self::Defect => true,
        };
        if by_itself { Mending::ByItself } else { Mending::ByAPerson }
    }

    /// When GitHub asked us to try again, if it did.
    #[must_use]
    pub const fn told_to_wait(&self) -> Option<Timestamp> {
        match self {
            Self::Observe(ObserveError::Read(ReadError::ToldToWait { until, .. }))
            | Self::Apply(
                ApplyError::ToldToWait { until, .. }
                | ApplyError::Read(ReadError::ToldToWait { until, .. }),
            ) => Some(*until),
            Self::Observe(_)
            | Self::Apply(_)
            | Self::Store(_)
            | Self::Undecided(_)
            | Self::Defect => None,
        }
    }
}
