//! What stops a dispatch at the last moment.

use crate::domain::{AttemptId, NewAttempt, RunId};

/// What stops a dispatch as long as its request has not left: somebody paused the repository, took
/// it out of the configuration, or ends the process.
pub trait Brake: Send + Sync {
    /// Why nothing may leave now, where the brake is on.
    fn why(&self) -> Option<String>;

    /// The attempt's dispatch begins: until [`Brake::let_leave`] allows it, its request has not left,
    /// whatever phase the ledger shows.
    fn note_begun(&self, attempt: &AttemptId);

    /// Asked right before the attempt's request leaves, however long that waited. From `Ok` on it
    /// counts as left: the brake cannot go on in between.
    ///
    /// # Errors
    /// Why it may not leave.
    fn let_leave(&self, attempt: &NewAttempt) -> Result<(), String>;

    /// The run that the request started.
    fn note_run(&self, run: RunId);

    /// The request started nothing, for certain.
    fn note_not_started(&self);
}
