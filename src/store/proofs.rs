//! Proof values of how far an attempt is recorded. Only the ledger creates them.

use crate::domain::{Mark, NewAttempt, RepoId};

/// Proof that an attempt's intent is on disk. The mark comes next.
#[derive(Debug)]
#[must_use = "an intent that nothing follows must be withdrawn"]
pub struct RecordedIntent {
    pub(super) repo: RepoId,
    pub(super) attempt: NewAttempt,
}

/// Proof that GitHub accepted the attempt's mark and that this is recorded on disk.
#[derive(Debug)]
#[must_use = "an intent that nothing follows must be withdrawn"]
pub struct MarkedIntent {
    pub(super) repo: RepoId,
    pub(super) attempt: NewAttempt,
    pub(super) mark: Mark,
}

/// Proof that `sending` is recorded on disk. The dispatch consumes it.
#[derive(Debug)]
#[must_use = "it is the permission for one dispatch"]
pub struct Sending {
    pub(super) attempt: NewAttempt,
    pub(super) mark: Mark,
}

impl RecordedIntent {
    #[must_use]
    pub const fn attempt(&self) -> &NewAttempt {
        &self.attempt
    }
}

impl MarkedIntent {
    #[must_use]
    pub const fn attempt(&self) -> &NewAttempt {
        &self.attempt
    }

    #[must_use]
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }
}

impl Sending {
    #[must_use]
    pub const fn attempt(&self) -> &NewAttempt {
        &self.attempt
    }

    #[must_use]
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }
}
