//! Carries out a plan. Only this module changes anything on GitHub, and only it holds the
//! handle that can.

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

/// The handle that can write to GitHub. A process has at most one, and dry runs have none.
pub struct WriteHandle {
    writer: Writer,
    /// Whether this GitHub supports `return_run_details` (Enterprise Server up to 3.20 does
    /// not).
    run_details: std::sync::atomic::AtomicBool,
}

impl WriteHandle {
    /// Creates the handle from `writer`.
    #[must_use]
    pub const fn new(writer: Writer) -> Self {
        Self { writer, run_details: std::sync::atomic::AtomicBool::new(true) }
    }
}

/// The context in which a plan is carried out.
pub struct Work<'a> {
    pub hand: &'a WriteHandle,
    /// Reads back what was written, past all caches.
    pub reader: &'a Reader,
    pub ledger: &'a mut Ledger,
    pub policy: &'a Policy,
    pub repository: &'a Repository,
    /// Every identity that is or was ours.
    pub us: &'a BTreeSet<Login>,
    pub clock: &'a Clock,
    pub metrics: &'a Metrics,
    /// Returns a reason if the brake changed since the decisions were made. Statuses that
    /// report those decisions are then not written.
    pub overtaken: Forbidden,
    /// Returns a reason if nothing may be written at all: a dry run began, the repository left
    /// the configuration, or the process is ending.
    pub forbidden: Forbidden,
}

/// Why a plan was not carried out completely. What was done is recorded, and the rest is
/// planned again.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The state directory failed. Nothing more may be done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written could not be read back.
    #[error(transparent)]
    Read(#[from] crate::github::ReadError),
    /// GitHub asked us to wait.
    #[error("cannot {what} in {repository}: GitHub told us to wait until {until}")]
    ToldToWait {
        what: String,
        repository: String,
        /// When requests may be sent again.
        until: Timestamp,
    },
    /// The write rate is used up. The write is planned again.
    #[error("cannot {what} in {repository} yet: its turn comes at {until} or later")]
    Deferred {
        what: String,
        repository: String,
        /// When it may be written at the earliest.
        until: Timestamp,
    },
    /// A write failed for now.
    #[error("cannot {what} in {repository}: {why}")]
    Failed {
        what: String,
        repository: String,
        /// The message from GitHub or the network.
        why: String,
    },
}

impl Work<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The route for the writes of this pass.
    fn way(&self) -> writes::WriteRoute<'_> {
        let (writer, reader, forbidden) = (&self.hand.writer, self.reader, &self.forbidden);
        writes::WriteRoute { writer, reader, forbidden }
    }

    async fn record(&mut self, kinds: Vec<EntryKind>) -> Result<(), StoreError> {
        let now = self.now();
        self.ledger.record(now, kinds).await
    }

    /// Converts a failure that is not a refusal.
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

/// Carries out the planned writes. Deploys go through [`dispatch`] instead.
///
/// A failed write does not stop the others, unless GitHub asks to wait or the store fails. The
/// first error is returned at the end.
///
/// # Errors
/// The first thing that failed.
pub async fn apply(work: &mut Work<'_>, mut writes: Vec<PlannedWrite>) -> Result<(), ApplyError> {
    // HOLD statuses come last, so that writes about a deploy do not wait for them.
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
