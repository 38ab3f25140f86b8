//! Why a pass ends without a decision.

use crate::github::ReadError;

/// Why a pass ends without a decision.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// GitHub gave no answer that can be used.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The state directory failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// What GitHub shows is not what the config means; a person must look.
    #[error("{0}")]
    Mistaken(String),
    /// What GitHub says must be said once more before it is believed.
    #[error("{0}")]
    NotCertain(String),
}

impl ObserveError {
    /// Whether it heals by itself.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Read(error) => error.is_transient(),
            Self::Store(_) | Self::NotCertain(_) => true,
            Self::Mistaken(_) => false,
        }
    }
}
