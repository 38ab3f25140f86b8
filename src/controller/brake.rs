//! The brake: what stops a repository's dispatches at once, also in the middle of a pass.
//!
//! A pass decides on what it read, which takes minutes on a slow GitHub. The brake says what holds
//! now. One mutex makes "the request leaves" and "the brake goes on" exclude one another, so
//! whoever puts it on knows whether a dispatch had left before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::apply::{Brake, Forbidden};
use crate::domain::{
    Attempt, AttemptId, AttemptPhase, NewAttempt, Operator, Policy, ReleaseState, RunId, Sha,
};

/// One repository's brake. Clones are the same brake.
#[derive(Clone, Debug, Default)]
pub(super) struct RepoBrake(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    now: Mutex<BrakeState>,
    /// Held while a word is recorded: the ledger has the words in the order in which the brake
    /// followed them.
    words: tokio::sync::Mutex<()>,
    /// Whether words were recorded that the ledger in hand does not know.
    has_unread_words: AtomicBool,
}

/// Whatever may stop a dispatch. Each of these alone does.
#[derive(Debug, Default)]
struct BrakeState {
    has_left: bool,
    is_ending: bool,
    /// Whether the configuration in force says `dry_run`.
    is_dry: bool,
    /// What else the configuration in force says.
    settings: Option<String>,
    pause: Option<PauseInForce>,
    pauses: u64,
    /// The dispatch whose request left last, until the snapshot shows it.
    sent: Option<SentDispatch>,
    /// The attempt of this process that began last, as long as nothing of it has left: it may wait
    /// for its turn under the pace, and the ledger says `sending` already.
    not_left: Option<AttemptId>,
}

#[derive(Clone, Debug)]
struct PauseInForce {
    number: u64,
    why: String,
    by: Operator,
    on_disk: OnDisk,
}

/// Whether a pause is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDisk {
    BeingWritten,
    Yes,
    Failed,
}

/// A dispatch whose request has left, and that has not ended as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentDispatch {
    /// The commit.
    pub sha: Sha,
    /// The attempt.
    pub attempt: AttemptId,
    /// Its run, once it is known.
    pub run: Option<RunId>,
    /// The run's page.
    pub url: Option<String>,
}

impl BrakeState {
    /// Why nothing at all may be written any more: what became of a deploy is said also where
    /// releases are stopped.
    fn why_nothing_is_written(&self) -> Option<String> {
        if self.has_left {
            return Some("the repository left the configuration".to_owned());
        }
        if self.is_ending {
            return Some("the process is ending".to_owned());
        }
        self.is_dry.then(|| "the configuration says `dry_run: true`".to_owned())
    }

    /// Why nothing may leave.
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

    /// What has left: the attempts of `shown` that are not over, and the dispatch that it may not
    /// show yet.
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

    /// Why nothing may be started any more, where the brake is on.
    pub(super) fn why(&self) -> Option<String> {
        self.lock().why()
    }

    /// Says whether it was put on or off since it stood at `then`.
    pub(super) fn since(&self, then: Option<String>) -> Forbidden {
        let brake = self.clone();
        Arc::new(move || {
            let now = brake.why();
            let changed = now != then;
            changed.then(|| now.unwrap_or_else(|| "releases go on".to_owned()))
        })
    }

    /// Says why nothing at all may be written any more.
    pub(super) fn forbids_writes(&self) -> Forbidden {
        let brake = self.clone();
        Arc::new(move || brake.lock().why_nothing_is_written())
    }

    /// Whether the repository left the configuration.
    pub(super) fn has_left(&self) -> bool {
        self.lock().has_left
    }

    /// The repository leaves the configuration. Gives whether it had left before.
    pub(super) fn leave(&self) -> bool {
        std::mem::replace(&mut self.lock().has_left, true)
    }

    /// The repository is governed by this policy from now on. Gives whether it had left before.
    pub(super) fn govern_by(&self, policy: &Policy) -> bool {
        let mut now = self.lock();
        (now.is_dry, now.settings) = (policy.dry_run, stopped_by(policy));
        std::mem::replace(&mut now.has_left, false)
    }

    /// The process is ending.
    pub(super) fn end(&self) {
        self.lock().is_ending = true;
    }

    /// An operator pauses the repository. Gives the pause's number, and what had left before, by
    /// `shown`, the snapshot from before this call, and by what it does not show yet.
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

    /// Notes whether the pause of this number was recorded. A newer one speaks for itself.
    pub(super) fn note_recorded(&self, number: u64, is_recorded: bool) {
        if let Some(pause) = self.lock().pause.as_mut().filter(|pause| pause.number == number) {
            pause.on_disk = if is_recorded { OnDisk::Yes } else { OnDisk::Failed };
        }
    }

    /// Why and by whom it is paused, where that could not be recorded.
    pub(super) fn unrecorded_pause(&self) -> Option<(String, Operator)> {
        let now = self.lock();
        let pause = now.pause.as_ref().filter(|pause| pause.on_disk == OnDisk::Failed)?;
        Some((pause.why.clone(), pause.by.clone()))
    }

    /// Why an operator paused it.
    pub(super) fn pause_reason(&self) -> Option<String> {
        self.lock().pause.as_ref().map(|pause| pause.why.clone())
    }

    /// Ends an operator's pause, unless its word is still to come: that one is later than the word
    /// that this follows.
    pub(super) fn resume(&self) {
        let mut now = self.lock();
        now.pause = now.pause.take().filter(|pause| pause.on_disk == OnDisk::BeingWritten);
    }

    /// The right to record an operator's word.
    pub(super) async fn words(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.words.lock().await
    }

    /// Words were recorded that the ledger in hand does not know.
    pub(super) fn set_unread_words(&self) {
        self.0.has_unread_words.store(true, Ordering::SeqCst);
    }

    /// Whether there are such words. They count as read from here on.
    pub(super) fn take_unread_words(&self) -> bool {
        self.0.has_unread_words.swap(false, Ordering::SeqCst)
    }

    /// The snapshot shows all that has left.
    pub(super) fn all_is_shown(&self) {
        self.lock().sent = None;
    }

    /// For one dispatch in the repository of this address.
    pub(super) fn of_a_dispatch(&self, repository_url: &str) -> DispatchBrake {
        DispatchBrake { brake: self.clone(), repository_url: repository_url.to_owned() }
    }
}

/// What of a policy stops everything.
fn stopped_by(policy: &Policy) -> Option<String> {
    if !policy.enabled {
        return Some("the configuration says `enabled: false`".to_owned());
    }
    policy.paused.as_ref().map(|why| format!("the configuration says `paused`: {why}"))
}

/// The brake as one dispatch meets it.
pub(super) struct DispatchBrake {
    brake: RepoBrake,
    repository_url: String,
}

impl Brake for DispatchBrake {
    fn why(&self) -> Option<String> {
        self.brake.why()
    }

    fn note_begun(&self, attempt: &AttemptId) {
        self.brake.lock().not_left = Some(attempt.clone());
    }

    fn let_leave(&self, attempt: &NewAttempt) -> Result<(), String> {
        let mut now = self.brake.lock();
        if let Some(why) = now.why() {
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
