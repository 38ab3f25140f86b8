//! The check that can stop a dispatch at the last moment.

use crate::domain::{AttemptId, NewAttempt, RunId};

/// Stops a dispatch until its request is sent: somebody paused the repository or removed it
/// from the configuration, or the process is ending.
pub trait Brake: Send + Sync {
    /// Why nothing may be sent now, if the brake is on.
    fn why(&self) -> Option<String>;

    /// The dispatch of the attempt begins. Until [`Brake::let_leave`] allows it, its request
    /// has not been sent, whatever phase the ledger shows.
    fn note_begun(&self, attempt: &AttemptId);

    /// Called right before the attempt's request is sent, however long that took. Once this
    /// returns `Ok`, the request counts as sent; the brake cannot engage in between.
    ///
    /// # Errors
    /// Why it may not be sent.
    fn let_leave(&self, attempt: &NewAttempt) -> Result<(), String>;

    /// The request started this run.
    fn note_run(&self, run: RunId);

    /// The request certainly started nothing.
    fn note_not_started(&self);
}
