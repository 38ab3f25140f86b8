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
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mending {
    /// Time.
    ByItself,
    /// Somebody: refused, gone, misconfigured.
    ByAPerson,
}

impl PassError {
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
                ApplyError::Store(_) | ApplyError::ToldToWait { .. } | ApplyError::Failed { .. },
            )
            | Self::Store(_)
            | Self::Undecided(_) => true,
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
            Self::Observe(_) | Self::Apply(_) | Self::Store(_) | Self::Undecided(_) => None,
        }
    }
}
