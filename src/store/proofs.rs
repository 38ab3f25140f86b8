//! What only the ledger gives: proofs of how far an attempt is recorded.

use crate::domain::{Mark, NewAttempt, RepoId};

/// Proof that an attempt's intent is on disk. The mark comes next.
#[derive(Debug)]
#[must_use = "an intent that nothing follows must be withdrawn"]
pub struct RecordedIntent {
    pub(super) repo: RepoId,
    pub(super) attempt: NewAttempt,
}

/// Proof that GitHub holds the attempt's mark, and the disk says so.
#[derive(Debug)]
#[must_use = "an intent that nothing follows must be withdrawn"]
pub struct MarkedIntent {
    pub(super) repo: RepoId,
    pub(super) attempt: NewAttempt,
    pub(super) mark: Mark,
}

/// Proof that the disk says that the dispatch leaves now. The dispatch consumes it.
#[derive(Debug)]
#[must_use = "it is the permission for one dispatch"]
pub struct Sending {
    pub(super) attempt: NewAttempt,
    pub(super) mark: Mark,
}

impl RecordedIntent {
    /// The attempt.
    #[must_use]
    pub const fn attempt(&self) -> &NewAttempt {
        &self.attempt
    }
}

impl MarkedIntent {
    /// The attempt.
    #[must_use]
    pub const fn attempt(&self) -> &NewAttempt {
        &self.attempt
    }

    /// Its mark.
    #[must_use]
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }
}

impl Sending {
    /// The attempt.
    #[must_use]
    pub const fn attempt(&self) -> &NewAttempt {
        &self.attempt
    }

    /// Its mark.
    #[must_use]
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }
}
