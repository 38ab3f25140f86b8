//! Dispatches a commit exactly once: intent, mark, POST, answer (design, section 5).
//!
//! The caller does step 0: it reads everything past every cache and decides again. The
//! [`Clearance`] is the proof. From there, the proof values of the ledger enforce the order: a
//! mark needs a recorded intent, and the POST consumes a recorded `sending`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;

use super::brake::Brake;
use super::statuses::{NewStatus, has_left, refusal, taken_entries, write};
use super::{ApplyError, Work, writes};
use crate::clock::{Clock, ClockReading};
use crate::domain::{
    Attempt, AttemptId, AttemptOutcome, EntryKind, NewAttempt, Operator, RejectionKey, RunId, Sha,
};
use crate::github::{AllOrFirst, WriteFailure};
use crate::messages;
use crate::plan::{Clearance, newly_counted, others_turn};
use crate::store::{MarkedIntent, RecordedIntent, Sending};

/// The result of a dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispatched {
    /// GitHub accepted it, and may have named the run.
    Started {
        attempt: AttemptId,
        /// The run, if GitHub named it.
        run: Option<RunId>,
    },
    /// The answer was lost, so the run is looked for.
    Unknown {
        attempt: AttemptId,
        /// What happened instead of an answer.
        why: String,
    },
    /// Nothing started.
    NotStarted {
        /// The reason, as text for people.
        why: String,
    },
}

/// What is recorded with an attempt in addition to its clearance.
pub struct AttemptContext {
    /// A digest that must change before a rejected dispatch is retried.
    pub rejection_key: RejectionKey,
    /// When the sha was merged, if known.
    pub merged_at: Option<Timestamp>,
    /// The tip of the deploy ref at which the deploy files were judged.
    pub judged_tip: Option<Sha>,
    /// Whether an operator asked for a rollback.
    pub rollback: bool,
    /// The operator whose `trigger` asked for it.
    pub by: Option<Operator>,
    /// Can stop the dispatch until its request is sent.
    pub brake: Arc<dyn Brake>,
}

/// Why a step did not lead to the next one.
pub(super) enum Stopped {
    /// The attempt was withdrawn. Nothing started.
    Withdrawn(String),
    /// An error for the caller. Nothing started.
    Error(ApplyError),
}

/// Dispatches what was cleared.
///
/// # Errors
/// The store failed, and nothing was sent that the ledger does not hold; or a write failed for
/// now, for example because GitHub asked us to wait, and nothing started.
pub async fn dispatch(
    work: &mut Work<'_>,
    clearance: &Clearance,
    occasion: AttemptContext,
) -> Result<Dispatched, ApplyError> {
    let stopped = |stopped| match stopped {
        Stopped::Withdrawn(why) => Ok(Dispatched::NotStarted { why }),
        Stopped::Error(error) => Err(error),
    };
    let intent = intend(work, clearance, &occasion).await?;
    occasion.brake.note_begun(&intent.attempt().id);
    // Other processes of ours count from the mark's time, so the clock is read before it is
    // written.
    let marked_at = work.clock.reading();
    let marked = match mark(work, clearance, intent, &occasion.brake).await {
        Ok(marked) => marked,
        Err(why) => return stopped(why),
    };
    let now = work.now();
    let sending = work.ledger.record_sending(now, marked).await?;
    let last_look = LastLook {
        brake: occasion.brake,
        clock: work.clock.clone(),
        marked_at,
        dispatch_confirm: work.policy.dispatch_confirm,
        attempt: sending.attempt().clone(),
    };
    send(work, clearance, sending, &Arc::new(last_look)).await
}

/// The checks right before the request is sent.
struct LastLook {
    brake: Arc<dyn Brake>,
    clock: Clock,
    marked_at: ClockReading,
    dispatch_confirm: Duration,
    attempt: NewAttempt,
}

impl LastLook {
    /// Whether the dispatch may be sent: the brake is off, and the process or the machine was
    /// not suspended for so long that others may consider the attempt given up.
    fn may_leave(&self) -> Result<(), String> {
        let (age, most) = (self.clock.longest_since(self.marked_at), self.dispatch_confirm / 3);
        if age <= most {
            return self.brake.let_leave(&self.attempt);
        }
        Err(format!(
            "{} s passed since its mark, more than a third of dispatch_confirm_seconds ({} s)",
            age.as_secs(),
            self.dispatch_confirm.as_secs()
        ))
    }
}

/// Step 1: records the intent and syncs it.
async fn intend(
    work: &mut Work<'_>,
    clearance: &Clearance,
    occasion: &AttemptContext,
) -> Result<RecordedIntent, ApplyError> {
    let decision = &clearance.decision;
    let counted: Vec<EntryKind> = newly_counted(work.ledger.state(), decision).collect();
    work.record(counted).await?;
    let number = work.ledger.state().attempts_of(&decision.sha).saturating_add(1);
    let attempt = NewAttempt {
        id: AttemptId::from_chance(work.clock.chance()),
        sha: decision.sha.clone(),
        number: u32::try_from(number).unwrap_or(u32::MAX),
        risk: decision.risk.class,
        reason: decision.reason(),
        newest_run_seen: clearance.newest_run_seen,
        workflow: clearance.target.workflow,
        deploy_ref: clearance.target.deploy_ref.clone(),
        rejection_key: occasion.rejection_key.clone(),
        merged_at: occasion.merged_at,
        rollback: occasion.rollback,
        triggered_by: occasion.by.clone(),
        judged_tip: occasion.judged_tip.clone(),
    };
    let now = work.now();
    Ok(work.ledger.record_intent(now, attempt).await?)
}

/// Step 2: writes the mark on the commit, where it survives the loss of the disk, and checks
/// whether another process of ours was first.
async fn mark(
    work: &mut Work<'_>,
    clearance: &Clearance,
    intent: RecordedIntent,
    brake: &Arc<dyn Brake>,
) -> Result<MarkedIntent, Stopped> {
    let attempt = intent.attempt().clone();
    let sha = &attempt.sha;
    let text = messages::dispatching(sha, attempt.risk, &attempt.id);
    let status = NewStatus {
        state: text.state,
        description: text.description,
        target_url: Some(clearance.mark_target.clone()),
    };
    let asked = Arc::clone(brake);
    let may_leave = Arc::new(move || asked.why().map_or(Ok(()), Err));
    let taken = match write(work, sha, &status, true, may_leave).await {
        Ok(taken) => taken,
        Err(WriteFailure::CalledOff { why }) => return Err(withdraw(work, &attempt, why).await?),
        Err(failure) => return Err(unmarked(work, &attempt, &failure).await?),
    };
    let entries = taken_entries(work, sha, &status, &taken);
    work.record(entries).await?;
    let now = work.now();
    let marked = work.ledger.record_mark(now, intent, taken.mark.clone()).await?;
    let mut us = work.us.clone();
    us.extend(taken.creator.clone());
    let context = &work.policy.status_context;
    let read = work
        .reader
        .past_caches()
        .statuses(&work.repository.name, sha, context, AllOrFirst::All)
        .await;
    let statuses = match read {
        Ok(statuses) => statuses,
        Err(error) => {
            let why = format!("the statuses could not be read back: {error}");
            return Err(withdraw(work, &attempt, why).await?);
        }
    };
    let state = work.ledger.state();
    match others_turn(clearance, &statuses, &taken.mark, &us, state) {
        None => match brake.why() {
            None => Ok(marked),
            Some(why) => Err(withdraw(work, &attempt, why).await?),
        },
        Some(other) => Err(give_way(work, &attempt, other).await?),
    }
}

/// Another process of ours was first. Its attempt is recorded here as well, and its run is
/// looked for.
async fn give_way(
    work: &mut Work<'_>,
    attempt: &NewAttempt,
    other: Attempt,
) -> Result<Stopped, Stopped> {
    let why = format!("another process of ours is dispatching it (attempt {})", other.begun.id);
    let id = attempt.id.clone();
    let outcome = AttemptOutcome::Withdrawn(why.clone());
    let closed = EntryKind::AttemptClosed { id, outcome };
    work.record(vec![EntryKind::AttemptAdopted { attempt: other }, closed]).await?;
    Ok(Stopped::Withdrawn(why))
}

/// The mark was refused, or it is unknown whether it was written. Nothing started.
async fn unmarked(
    work: &mut Work<'_>,
    attempt: &NewAttempt,
    failure: &WriteFailure,
) -> Result<Stopped, Stopped> {
    let refused = refusal(work, &attempt.sha, failure);
    let what = format!("mark {} as dispatching", attempt.sha.short());
    let why = format!("the pending status could not be written: {failure}");
    let id = attempt.id.clone();
    let outcome = AttemptOutcome::Withdrawn(why.clone());
    let closed = EntryKind::AttemptClosed { id, outcome };
    let is_refusal = refused.is_some();
    work.record(refused.into_iter().chain([closed]).collect()).await?;
    if is_refusal {
        return Ok(Stopped::Withdrawn(why));
    }
    Ok(Stopped::Error(work.failed(&what, failure)))
}

async fn withdraw(
    work: &mut Work<'_>,
    attempt: &NewAttempt,
    why: String,
) -> Result<Stopped, Stopped> {
    let id = attempt.id.clone();
    let outcome = AttemptOutcome::Withdrawn(why.clone());
    work.record(vec![EntryKind::AttemptClosed { id, outcome }]).await?;
    Ok(Stopped::Withdrawn(why))
}

/// Steps 3 and 4: sends one POST, and handles its answer.
async fn send(
    work: &mut Work<'_>,
    clearance: &Clearance,
    sending: Sending,
    last_look: &Arc<LastLook>,
) -> Result<Dispatched, ApplyError> {
    let attempt = sending.attempt().clone();
    let id = attempt.id.clone();
    let answer = post(work, clearance, sending, last_look).await;
    match &answer {
        Ok(Some(run)) => last_look.brake.note_run(*run),
        // It started a run, or may have.
        Ok(None) | Err(WriteFailure::Done { .. } | WriteFailure::Unknown { .. }) => {}
        Err(_) => last_look.brake.note_not_started(),
    }
    match answer {
        Ok(Some(run)) => {
            let found = EntryKind::AttemptRun { id: id.clone(), run, late: false };
            work.record(vec![found]).await?;
            Ok(Dispatched::Started { attempt: id, run: Some(run) })
        }
        // GitHub accepted the dispatch, whatever happened to the rest of its answer: never "not
        // started".
        Ok(None) | Err(WriteFailure::Done { .. }) => {
            work.record(vec![EntryKind::AttemptAccepted { id: id.clone() }]).await?;
            Ok(Dispatched::Started { attempt: id, run: None })
        }
        Err(WriteFailure::Unknown { why }) => {
            note_lost_answer(work, &attempt, &why);
            Ok(Dispatched::Unknown { attempt: id, why })
        }
        Err(WriteFailure::CalledOff { why }) => call_off(work, &attempt, why).await,
        Err(failure) if is_rejection(work, &failure) => {
            reject(work, clearance, &attempt, &failure).await
        }
        // Nothing started, and the failure is not about this dispatch, so it is attempted
        // again.
        Err(
            failure @ (WriteFailure::ToldToWait { .. }
            | WriteFailure::Deferred { .. }
            | WriteFailure::BadCredentials { .. }
            | WriteFailure::Refused { .. }
            | WriteFailure::Moved { .. }
            | WriteFailure::NeverSent { .. }),
        ) => {
            let outcome = AttemptOutcome::NotSent(failure.to_string());
            work.record(vec![EntryKind::AttemptClosed { id, outcome }]).await?;
            Err(work.failed(&format!("dispatch {}", attempt.sha.short()), &failure))
        }
    }
}

fn note_lost_answer(work: &Work<'_>, attempt: &NewAttempt, why: &str) {
    work.metrics.ambiguous_dispatch(&work.policy.repository);
    tracing::warn!(
        repository = %work.policy.repository,
        sha = %attempt.sha,
        attempt = %attempt.id,
        "the response to the dispatch of {} was lost ({why}); looking for its run",
        attempt.sha.short(),
    );
}

/// The request was not sent. The dispatch is attempted again if it is still allowed.
async fn call_off(
    work: &mut Work<'_>,
    attempt: &NewAttempt,
    why: String,
) -> Result<Dispatched, ApplyError> {
    tracing::warn!(
        repository = %work.policy.repository, sha = %attempt.sha, attempt = %attempt.id,
        "the dispatch of {} was not sent: {why}", attempt.sha.short(),
    );
    let outcome = AttemptOutcome::Withdrawn(why.clone());
    work.record(vec![EntryKind::AttemptClosed { id: attempt.id.clone(), outcome }]).await?;
    Ok(Dispatched::NotStarted { why })
}

/// GitHub definitely rejected this dispatch.
async fn reject(
    work: &mut Work<'_>,
    clearance: &Clearance,
    attempt: &NewAttempt,
    failure: &WriteFailure,
) -> Result<Dispatched, ApplyError> {
    let why = format!(
        "cannot start {} in {} for {}: {failure}",
        clearance.workflow_file,
        work.policy.repository,
        attempt.sha.short()
    );
    tracing::warn!(repository = %work.policy.repository, sha = %attempt.sha, "{why}");
    let outcome = AttemptOutcome::Rejected(failure.to_string());
    work.record(vec![EntryKind::AttemptClosed { id: attempt.id.clone(), outcome }]).await?;
    Ok(Dispatched::NotStarted { why })
}

/// Whether GitHub rejected this very dispatch. A redirect to this repository under a new name
/// does not count: the dispatch is attempted again under that name.
fn is_rejection(work: &Work<'_>, failure: &WriteFailure) -> bool {
    matches!(failure, WriteFailure::Refused { .. }) || has_left(work, failure)
}

/// Sends the POST. If GitHub refuses `return_run_details`, nothing was started, so the request
/// is sent once more without it, and no later request includes it.
async fn post(
    work: &Work<'_>,
    clearance: &Clearance,
    sending: Sending,
    last_look: &Arc<LastLook>,
) -> Result<Option<RunId>, WriteFailure> {
    let details = work.hand.run_details.load(Ordering::Relaxed);
    let once = |details| {
        let last_look = Arc::clone(last_look);
        writes::create_dispatch(
            work.way(),
            &work.repository.name,
            clearance.target.workflow,
            &clearance.target.deploy_ref,
            &sending.attempt().sha,
            details,
            Arc::new(move || last_look.may_leave()),
        )
    };
    let answer = once(details).await;
    if !details || !answer.as_ref().is_err_and(is_about_run_details) {
        return answer;
    }
    work.hand.run_details.store(false, Ordering::Relaxed);
    once(false).await
}

/// Whether GitHub refused the parameter itself: with 400, or with 422 as an unknown key. A
/// workflow input may have the same name, which is a different error.
fn is_about_run_details(failure: &WriteFailure) -> bool {
    let WriteFailure::Refused { status, words, .. } = failure else { return false };
    let names_it = words.contains("return_run_details");
    let is_of_an_input = || words.to_ascii_lowercase().contains("input");
    names_it && (*status == 400 || *status == 422 && !is_of_an_input())
}
