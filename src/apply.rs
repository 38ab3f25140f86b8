//! Carries a plan out. The only room that changes anything at GitHub, and the only
//! holder of the handle that can.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::domain::{EntryKind, Login, PlannedWrite, Policy, Repository, StatusPurpose};
use crate::github::{Reader, WriteFailure, Writer};
use crate::store::{Ledger, StoreError};
use crate::telemetry::Metrics;

mod brake;
mod dispatch;
mod issues;
mod statuses;
mod writes;

pub use brake::Brake;
pub use dispatch::{AttemptContext, Dispatched};
pub use writes::Forbidden;

/// The hand on GitHub: there is one in a process, and dry runs get none.
pub struct WriteHandle {
    writer: Writer,
    /// Whether this GitHub knows `return_run_details` (Enterprise Server up to 3.20 does not).
    run_details: std::sync::atomic::AtomicBool,
}

impl WriteHandle {
    /// The hand that holds `writer`.
    #[must_use]
    pub const fn new(writer: Writer) -> Self {
        Self { writer, run_details: std::sync::atomic::AtomicBool::new(true) }
    }
}

/// Where a plan is carried out.
pub struct Work<'a> {
    /// The hand.
    pub hand: &'a WriteHandle,
    /// Reads what was written back, past all caches.
    pub reader: &'a Reader,
    /// The ledger of this repository.
    pub ledger: &'a mut Ledger,
    /// The policy.
    pub policy: &'a Policy,
    /// The repository.
    pub repository: &'a Repository,
    /// Every identity that is, or was, us.
    pub us: &'a BTreeSet<Login>,
    /// Time and chance.
    pub clock: &'a Clock,
    /// What is counted.
    pub metrics: &'a Metrics,
    /// Says, where the brake was put on or off since the decisions were taken, that they hold no
    /// more: what speaks of them is not written any more.
    pub overtaken: Forbidden,
    /// Why nothing at all is written any more, where it is not: a dry run began, the repository left
    /// the configuration, or the process ends.
    pub forbidden: Forbidden,
}

/// Why not everything was carried out. What was, is recorded; the rest is planned again.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The state directory failed: nothing more may be done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written could not be read back.
    #[error(transparent)]
    Read(#[from] crate::github::ReadError),
    /// GitHub told us to wait.
    #[error("cannot {what} in {repository}: GitHub told us to wait until {until}")]
    ToldToWait {
        /// What was to be done.
        what: String,
        /// Where.
        repository: String,
        /// Until when.
        until: Timestamp,
    },
    /// So much is to be written that this has its turn later. It is planned again.
    #[error("cannot {what} in {repository} yet: its turn comes at {until} or later")]
    Deferred {
        /// What was to be done.
        what: String,
        /// Where.
        repository: String,
        /// When its turn may come.
        until: Timestamp,
    },
    /// A write failed in a way that heals by itself.
    #[error("cannot {what} in {repository}: {why}")]
    Failed {
        /// What was to be done.
        what: String,
        /// Where.
        repository: String,
        /// GitHub's words, or the network's.
        why: String,
    },
}

impl Work<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How this pass writes.
    fn way(&self) -> writes::WriteRoute<'_> {
        let (writer, reader, forbidden) = (&self.hand.writer, self.reader, &self.forbidden);
        writes::WriteRoute { writer, reader, forbidden }
    }

    async fn record(&mut self, kinds: Vec<EntryKind>) -> Result<(), StoreError> {
        let now = self.now();
        self.ledger.record(now, kinds).await
    }

    /// What a failure that is no refusal comes to.
    fn failed(&self, what: &str, failure: &WriteFailure) -> ApplyError {
        let (what, repository) = (what.to_owned(), self.policy.repository.to_string());
        match failure {
            WriteFailure::ToldToWait { until } => {
                ApplyError::ToldToWait { what, repository, until: *until }
            }
            WriteFailure::Deferred { until } => {
                ApplyError::Deferred { what, repository, until: *until }
            }
            WriteFailure::Refused { .. }
            | WriteFailure::Moved { .. }
            | WriteFailure::BadCredentials { .. }
            | WriteFailure::CalledOff { .. }
            | WriteFailure::NeverSent { .. }
            | WriteFailure::Done { .. }
            | WriteFailure::Unknown { .. } => {
                ApplyError::Failed { what, repository, why: failure.to_string() }
            }
        }
    }
}

/// Writes what is planned; deploys go through [`dispatch`].
///
/// What can be done is done: one refused status keeps no issue from being opened. The first error
/// is told at the end.
///
/// # Errors
/// The first thing that failed.
pub async fn apply(work: &mut Work<'_>, mut writes: Vec<PlannedWrite>) -> Result<(), ApplyError> {
    // HOLD statuses come last: what belongs to a deploy must not wait behind them.
    writes.sort_by_key(|write| match write {
        PlannedWrite::Status { purpose: StatusPurpose::Dispatch, .. } => 0,
        PlannedWrite::Issue(_) => 1,
        PlannedWrite::Status { purpose: StatusPurpose::Decision, .. } => 2,
    });
    let mut first_error = None;
    for write in writes {
        if let Some(why) = (work.forbidden)() {
            tracing::debug!(repository = %work.policy.repository, "nothing more is written: {why}");
            break;
        }
        let result = match write {
            PlannedWrite::Status { sha, state, description, target_url, purpose } => {
                let text = statuses::NewStatus { state, description, target_url };
                statuses::set(work, &sha, text, purpose).await
            }
            PlannedWrite::Issue(issue) => issues::carry_out(work, issue).await,
        };
        match result {
            Ok(()) => {}
            Err(
                error @ (ApplyError::Store(_)
                | ApplyError::ToldToWait { .. }
                | ApplyError::Deferred { .. }),
            ) => {
                return Err(first_error.unwrap_or(error));
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

pub use dispatch::dispatch;
