//! The configuration in force, and what became of its file.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use super::Config;

/// The configuration in force, and the change of its file that was refused. Clones are the same one.
#[derive(Clone, Debug)]
pub struct ConfigInForce(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: RwLock<Arc<Config>>,
    refused: RwLock<Option<RefusedChange>>,
}

/// A change of the file that was refused and is still in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedChange {
    /// When it was refused.
    pub at: Timestamp,
    /// What is wrong with it: at least one line, and a bounded number.
    pub mistakes: Vec<String>,
}

impl ConfigInForce {
    /// `config` is in force, and nothing was refused.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let config = RwLock::new(Arc::new(config));
        Self(Arc::new(Inner { config, refused: RwLock::default() }))
    }

    /// The configuration in force now.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.0.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The change that was refused, if the file still holds it.
    #[must_use]
    pub fn refused(&self) -> Option<RefusedChange> {
        self.0.refused.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts `config` in force. Returns the refused change that it ends.
    pub fn take(&self, config: Arc<Config>) -> Option<RefusedChange> {
        *self.0.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        self.0.refused.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes a change that was refused.
    pub fn refuse(&self, change: RefusedChange) {
        *self.0.refused.write().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }
}
