//! Errors of reading that end a pass.

use crate::github::ReadError;

/// Why a pass ends without a decision.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// GitHub gave no usable answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// What GitHub shows contradicts the configuration. A person must fix it.
    #[error("{0}")]
    Mistaken(String),
    /// GitHub's answer must be confirmed by a second one.
    #[error("{0}")]
    NotCertain(String),
}

impl ObserveError {
    /// Whether the error may go away by itself.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Read(error) => error.is_transient(),
            Self::Store(_) | Self::NotCertain(_) => true,
            Self::Mistaken(_) => false,
        }
    }
}
