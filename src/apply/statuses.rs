//! Writes commit statuses. One is accepted, refused with a backoff, or retried in the next
//! pass.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::writes::{self, AcceptedStatus};
use super::{ApplyError, Work};
use crate::domain::{CommitStatusState, EntryKind, Sha, StatusPurpose, StatusRecord};
use crate::github::{MayLeave, WriteFailure};
use crate::store::StoreError;

/// A refused status is retried after this time, doubling up to [`LONGEST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewStatus {
    pub(super) state: CommitStatusState,
    pub(super) description: String,
    pub(super) target_url: Option<String>,
}

/// Writes a status, and records whether GitHub accepted or refused it.
pub(super) async fn set(
    work: &mut Work<'_>,
    sha: &Sha,
    status: NewStatus,
    purpose: StatusPurpose,
) -> Result<(), ApplyError> {
    // The outcome of a dispatch stays true; a decision may not.
    let (urgent, speaks_of_decision) = match purpose {
        StatusPurpose::Dispatch => (true, false),
        StatusPurpose::Decision => (false, true),
    };
    let overtaken = Arc::clone(&work.overtaken);
    let may_leave = Arc::new(move || match overtaken() {
        Some(why) if speaks_of_decision => Err(why),
        Some(_) | None => Ok(()),
    });
    match write(work, sha, &status, urgent, may_leave).await {
        Ok(taken) => Ok(work.record(taken_entries(work, sha, &status, &taken)).await?),
        Err(WriteFailure::CalledOff { why }) => {
            tracing::debug!(
                repository = %work.policy.repository, sha = %sha,
                "the status of {} is not written: {why}", sha.short()
            );
            Ok(())
        }
        Err(failure) => {
            if let Some(refusal) = refusal(work, sha, &failure) {
                tracing::warn!(
                    repository = %work.policy.repository,
                    sha = %sha,
                    "GitHub refused the status of {}: {failure}",
                    sha.short(),
                );
                return Ok(work.record(vec![refusal]).await?);
            }
            Err(work.failed(&format!("set the status of {}", sha.short()), &failure))
        }
    }
}

/// Writes a status, unless `may_leave`, which is called right before sending, forbids it.
pub(super) async fn write(
    work: &Work<'_>,
    sha: &Sha,
    status: &NewStatus,
    urgent: bool,
    may_leave: MayLeave,
) -> Result<AcceptedStatus, WriteFailure> {
    let (repository, context) = (&work.repository.name, &work.policy.status_context);
    writes::set_status(work.way(), repository, sha, context, status, urgent, may_leave).await
}

/// The ledger entries about a status that GitHub accepted.
pub(super) fn taken_entries(
    work: &Work<'_>,
    sha: &Sha,
    status: &NewStatus,
    taken: &AcceptedStatus,
) -> Vec<EntryKind> {
    let record = StatusRecord {
        context: Some(work.policy.status_context.clone()),
        id: taken.mark.id,
        at: taken.mark.at,
        state: status.state,
        description: status.description.clone(),
        target_url: status.target_url.clone(),
    };
    let identity = taken
        .creator
        .clone()
        .filter(|login| !work.ledger.state().identities.contains(login))
        .map(|login| EntryKind::Identity { login });
    let written = EntryKind::StatusWritten { sha: sha.clone(), status: record };
    identity.into_iter().chain([written]).collect()
}

/// The ledger entry about a refusal. `None` if the failure is not a refusal.
pub(super) fn refusal(work: &Work<'_>, sha: &Sha, failure: &WriteFailure) -> Option<EntryKind> {
    let refused = matches!(failure, WriteFailure::Refused { .. }) || has_left(work, failure);
    if !refused {
        return None;
    }
    let times = work.ledger.state().status_refusals.get(sha).map_or(0, |refusal| refusal.times);
    let retry_at = after(work.now(), backoff(times));
    Some(EntryKind::StatusRefused { sha: sha.clone(), words: failure.to_string(), retry_at })
}

/// Whether the repository's name now leads to another repository.
pub(super) fn has_left(work: &Work<'_>, failure: &WriteFailure) -> bool {
    let WriteFailure::Moved { repository, .. } = failure else { return false };
    *repository != Some(work.repository.id)
}

fn backoff(times: u32) -> Duration {
    let factor = 2_u32.saturating_pow(times.min(16));
    FIRST_BACKOFF.saturating_mul(factor).min(LONGEST_BACKOFF)
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(now)
}

/// A store failure takes precedence over everything else.
impl From<StoreError> for super::dispatch::Stopped {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}
