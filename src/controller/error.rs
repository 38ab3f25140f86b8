//! Why a pass ended early, and what that says about the next one.

use jiff::Timestamp;

use crate::apply::ApplyError;
use crate::domain::Why;
use crate::github::ReadError;
use crate::observe::ObserveError;
use crate::store::StoreError;

/// A pass that could not do all that it should. What it did is recorded.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// What was to be seen could not be.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// What was to be done could not be.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The state directory failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fact that the decision needs cannot be read for now.
    #[error("no decision: {}", .0.0)]
    Undecided(Why),
    /// A broken invariant ended the pass: a defect of this program.
    #[error(
        "the pass ended in the middle. This is a defect of release-governor: please report it, \
         with the log. The ledger holds what was done"
    )]
    Defect,
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mending {
    /// Time.
    ByItself,
    /// Somebody: refused, gone, misconfigured.
    ByAPerson,
}

/// What must be put right for the same to succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// GitHub has no such thing, or does not show it.
    NotFound,
    /// The configuration names what is not there any more, or not by that name.
    Configuration,
    /// GitHub, the network, the token or the disk.
    Dependency,
}

impl PassError {
    /// What must be put right.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Observe(ObserveError::Read(ReadError::NotFound { .. })) => Blame::NotFound,
            // A repository that was renamed, a workflow that is not there.
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

    /// Whether it is about the credential, and so about all its repositories alike.
    #[must_use]
    pub const fn is_of_the_credential(&self) -> bool {
        matches!(self, Self::Observe(ObserveError::Read(ReadError::BadCredentials { .. })))
    }

    /// What went wrong and all that caused it, in one line.
    #[must_use]
    pub fn in_words(&self) -> String {
        super::report::chain(self)
    }

    /// Who can mend it.
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

    /// Until when GitHub told us to wait, if it did.
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
