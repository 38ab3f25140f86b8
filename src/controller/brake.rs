//! The brake: stops a repository's dispatches immediately, even in the middle of a pass.
//!
//! A pass decides on facts that can take minutes to read from a slow GitHub. The brake holds
//! what is true right now. A single mutex makes "the request is sent" and "the brake is
//! engaged" mutually exclusive, so whoever engages it knows whether a dispatch was sent before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::apply::{Brake, Forbidden};
use crate::clock::Clock;
use crate::domain::{
    Attempt, AttemptId, AttemptPhase, LaneCalendar, NewAttempt, Operator, Policy, ReleaseState,
    RunId, Sha,
};
use crate::messages;

/// The brake of one repository. Clones share the same brake.
#[derive(Clone, Debug, Default)]
pub(super) struct RepoBrake(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    now: Mutex<BrakeState>,
    /// Held while an operator's action is recorded, so that the ledger holds the actions in the
    /// order in which the brake applied them.
    words: tokio::sync::Mutex<()>,
    /// Whether actions were recorded that the open ledger has not read yet.
    has_unread_words: AtomicBool,
}

/// Everything that can stop a dispatch. Any one of these is enough.
#[derive(Debug, Default)]
struct BrakeState {
    has_left: bool,
    is_ending: bool,
    /// Whether the configuration in force sets `dry_run`.
    is_dry: bool,
    /// Why the configuration in force stops releases otherwise: `enabled: false` or `paused`.
    settings: Option<String>,
    /// The freezes and windows of the configuration in force.
    calendar: LaneCalendar,
    pause: Option<PauseInForce>,
    pauses: u64,
    /// The last dispatch whose request was sent, until the snapshot shows it.
    sent: Option<SentDispatch>,
    /// The newest attempt of this process, as long as none of its requests was sent. It may be
    /// waiting for the rate limiter although the ledger already shows it as `sending`.
    not_left: Option<AttemptId>,
}

#[derive(Clone, Debug)]
struct PauseInForce {
    number: u64,
    why: String,
    by: Operator,
    on_disk: OnDisk,
}

/// Whether a pause has reached the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDisk {
    BeingWritten,
    Yes,
    Failed,
}

/// A dispatch whose request was sent, and that has not ended as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentDispatch {
    pub sha: Sha,
    pub attempt: AttemptId,
    /// The workflow run, once known.
    pub run: Option<RunId>,
    pub url: Option<String>,
}

impl BrakeState {
    /// Why nothing may be written at all. A pause does not count: the outcome of a deploy is
    /// still written while releases are stopped.
    fn why_nothing_is_written(&self) -> Option<String> {
        if self.has_left {
            return Some("the repository left the configuration".to_owned());
        }
        if self.is_ending {
            return Some("the process is ending".to_owned());
        }
        self.is_dry.then(|| "the configuration says `dry_run: true`".to_owned())
    }

    /// Why no dispatch may be sent.
    fn why(&self) -> Option<String> {
        if let Some(why) = self.why_nothing_is_written() {
            return Some(why);
        }
        let by_operator = || {
            self.pause
                .as_ref()
                .map(|pause| format!("{} paused it: {}", pause.by.display(), pause.why))
        };
        self.settings.clone().or_else(by_operator)
    }

    /// The dispatches that were sent: the open attempts in `shown`, and the last one, which
    /// `shown` may not contain yet.
    fn all_sent(&self, shown: Option<&ReleaseState>) -> Vec<SentDispatch> {
        let last = self.sent.as_ref();
        let open = shown.into_iter().flat_map(|release| {
            let has_left = |attempt: &&Attempt| {
                let id = &attempt.begun.id;
                attempt.phase != AttemptPhase::Intent
                    && self.not_left.as_ref() != Some(id)
                    && last.is_none_or(|last| last.attempt != *id)
            };
            release
                .open_attempts()
                .filter(has_left)
                .map(|attempt| SentDispatch::of(attempt, release))
        });
        open.chain(last.cloned()).collect()
    }
}

impl SentDispatch {
    fn of(attempt: &Attempt, release: &ReleaseState) -> Self {
        let run = attempt.run.and_then(|run| release.runs.get(&run));
        Self {
            sha: attempt.begun.sha.clone(),
            attempt: attempt.begun.id.clone(),
            run: attempt.run,
            url: run.map(|run| run.html_url.clone()),
        }
    }
}

impl RepoBrake {
    fn lock(&self) -> MutexGuard<'_, BrakeState> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why no deploy may be started, if the brake is on.
    pub(super) fn why(&self) -> Option<String> {
        self.lock().why()
    }

    /// Returns a check for whether the brake changed since its state was `then`.
    pub(super) fn since(&self, then: Option<String>) -> Forbidden {
        let brake = self.clone();
        Arc::new(move || {
            let now = brake.why();
            let changed = now != then;
            changed.then(|| now.unwrap_or_else(|| "releases go on".to_owned()))
        })
    }

    /// Returns a check for whether writes are forbidden altogether.
    pub(super) fn forbids_writes(&self) -> Forbidden {
        let brake = self.clone();
        Arc::new(move || brake.lock().why_nothing_is_written())
    }

    pub(super) fn has_left(&self) -> bool {
        self.lock().has_left
    }

    /// Notes that the repository left the configuration. Returns whether it had left before.
    pub(super) fn leave(&self) -> bool {
        std::mem::replace(&mut self.lock().has_left, true)
    }

    /// Applies a policy. Returns whether the repository had left the configuration before.
    pub(super) fn govern_by(&self, policy: &Policy) -> bool {
        let mut now = self.lock();
        (now.is_dry, now.settings) = (policy.dry_run, stopped_by(policy));
        now.calendar = policy.calendar.clone();
        std::mem::replace(&mut now.has_left, false)
    }

    /// Notes that the process is shutting down.
    pub(super) fn end(&self) {
        self.lock().is_ending = true;
    }

    /// Engages the brake for an operator's pause. Returns the pause's number and the dispatches
    /// sent before it. `shown` is the snapshot taken before this call.
    pub(super) fn pause(
        &self,
        why: &str,
        by: &Operator,
        shown: Option<&ReleaseState>,
    ) -> (u64, Vec<SentDispatch>) {
        let mut now = self.lock();
        now.pauses = now.pauses.saturating_add(1);
        let (number, on_disk) = (now.pauses, OnDisk::BeingWritten);
        now.pause = Some(PauseInForce { number, why: why.to_owned(), by: by.clone(), on_disk });
        (number, now.all_sent(shown))
    }

    /// Notes whether the pause with this number was recorded. Ignored if a newer pause replaced
    /// it.
    pub(super) fn note_recorded(&self, number: u64, is_recorded: bool) {
        if let Some(pause) = self.lock().pause.as_mut().filter(|pause| pause.number == number) {
            pause.on_disk = if is_recorded { OnDisk::Yes } else { OnDisk::Failed };
        }
    }

    /// The reason and the operator of a pause that could not be recorded.
    pub(super) fn unrecorded_pause(&self) -> Option<(String, Operator)> {
        let now = self.lock();
        let pause = now.pause.as_ref().filter(|pause| pause.on_disk == OnDisk::Failed)?;
        Some((pause.why.clone(), pause.by.clone()))
    }

    /// Why an operator paused it.
    pub(super) fn pause_reason(&self) -> Option<String> {
        self.lock().pause.as_ref().map(|pause| pause.why.clone())
    }

    /// Ends an operator's pause. A pause that is still being recorded stays: it is newer than
    /// the action that this call follows.
    pub(super) fn resume(&self) {
        let mut now = self.lock();
        now.pause = now.pause.take().filter(|pause| pause.on_disk == OnDisk::BeingWritten);
    }

    /// Acquires the right to record an operator's action.
    pub(super) async fn words(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.words.lock().await
    }

    /// Notes that actions were recorded that the open ledger has not read yet.
    pub(super) fn set_unread_words(&self) {
        self.0.has_unread_words.store(true, Ordering::SeqCst);
    }

    /// Whether there are actions that the open ledger has not read. Clears the flag.
    pub(super) fn take_unread_words(&self) -> bool {
        self.0.has_unread_words.swap(false, Ordering::SeqCst)
    }

    /// Notes that the snapshot now shows every dispatch that was sent.
    pub(super) fn all_is_shown(&self) {
        self.lock().sent = None;
    }

    /// The brake for one dispatch. The URL is the repository's web page. The clock says which
    /// freezes have begun; without it, none stops this dispatch.
    pub(super) fn of_a_dispatch(
        &self,
        repository_url: &str,
        freezes: Option<&Clock>,
    ) -> DispatchBrake {
        let (brake, repository_url) = (self.clone(), repository_url.to_owned());
        DispatchBrake { brake, repository_url, freezes: freezes.cloned() }
    }
}

/// The configuration setting that stops releases, if any.
fn stopped_by(policy: &Policy) -> Option<String> {
    if !policy.enabled {
        return Some("the configuration says `enabled: false`".to_owned());
    }
    policy.paused.as_ref().map(|why| format!("the configuration says `paused`: {why}"))
}

/// The brake as seen by one dispatch.
pub(super) struct DispatchBrake {
    brake: RepoBrake,
    repository_url: String,
    /// None: freezes do not stop it.
    freezes: Option<Clock>,
}

impl DispatchBrake {
    fn why_at(&self, now: &BrakeState) -> Option<String> {
        let frozen = || {
            let at = self.freezes.as_ref()?.now();
            now.calendar.frozen_at(at).map(|frozen| messages::frozen(&frozen))
        };
        now.why().or_else(frozen)
    }
}

impl Brake for DispatchBrake {
    fn why(&self) -> Option<String> {
        self.why_at(&self.brake.lock())
    }

    fn note_begun(&self, attempt: &AttemptId) {
        self.brake.lock().not_left = Some(attempt.clone());
    }

    fn let_leave(&self, attempt: &NewAttempt) -> Result<(), String> {
        let mut now = self.brake.lock();
        if let Some(why) = self.why_at(&now) {
            return Err(why);
        }
        let (sha, attempt) = (attempt.sha.clone(), attempt.id.clone());
        now.not_left = None;
        now.sent = Some(SentDispatch { sha, attempt, run: None, url: None });
        Ok(())
    }

    fn note_run(&self, run: RunId) {
        if let Some(sent) = &mut self.brake.lock().sent {
            sent.run = Some(run);
            sent.url = Some(format!("{}/actions/runs/{run}", self.repository_url));
        }
    }

    fn note_not_started(&self) {
        let mut now = self.brake.lock();
        if let Some(sent) = now.sent.take() {
            now.not_left = Some(sent.attempt);
        }
    }
}
