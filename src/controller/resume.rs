//! `resume`: one thing at a time goes on.

use std::sync::Arc;

use jiff::Timestamp;

use super::governed::Governed;
use super::registry::RepoHandle;
use super::standing::Decisions;
use super::{Controller, NotDone, RecordedWord, Shared};
use crate::domain::{Cause, Operator, OperatorAction, Reason, ReleaseState, RepoName};
use crate::messages::plain;

/// Characters of a configured reason that an error shows.
const SHOWN_REASON: usize = 200;

/// What a `resume` did.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// The word.
    pub spoken: RecordedWord,
    /// What it let go on.
    pub of: ResumedFrom,
}

/// What a `resume` lets go on: one thing at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumedFrom {
    /// An operator's pause. What took production back holds on, where it does.
    Pause {
        /// The rollback that still holds.
        rollback: Option<Box<Cause>>,
    },
    /// Something else than an operator's pause: a rollback, or a dispatch that GitHub refused.
    Hold {
        /// Whether a rollback held, or may have.
        rollback: bool,
    },
}

impl Controller {
    /// Lets a repository's releases go on: after a pause, or, where there is none, after a
    /// rollback. Never both at once.
    ///
    /// # Errors
    /// [`NotDone`], also where nothing is stopped; nothing was recorded.
    pub async fn resume(&self, name: &RepoName, by: Operator) -> Result<Resumed, NotDone> {
        let handle = self.handle(name)?;
        self.shared.know_the_time(&self.shared.readers.of(name), name).await?;
        if let Some(at) = self.end_pause(&handle, &by).await? {
            let rollback = self.rollback_after(&handle).await;
            handle.wake.notify_one();
            let of = ResumedFrom::Pause { rollback: rollback.map(Box::new) };
            return Ok(Resumed { spoken: RecordedWord { at, sha: None }, of });
        }
        let mut held = handle.hold().await?;
        let governed = &mut held.governed;
        governed.known_ledger(&self.shared).await?;
        if governed.release().is_none_or(|release| !release.recovered) {
            // What a lost ledger left at GitHub may pause it: that is read before it is undone.
            governed.survey(&self.shared, None).await?;
        }
        let release = governed.known_release()?;
        let (is_paused, is_refused) = (governed.is_paused()?, release.rejection.is_some());
        let (at, of) = if is_paused {
            let at = governed.say_resumed(&self.shared, by, is_paused).await?;
            // The pause has ended also where GitHub does not say what else holds.
            let rollback = match governed.standing_rollback(&self.shared).await {
                Ok(found) => found,
                Err(_) => governed.decisions.rollback(),
            };
            (at, ResumedFrom::Pause { rollback: rollback.map(Box::new) })
        } else {
            let no_rollback = matches!(governed.standing_rollback(&self.shared).await, Ok(None));
            if no_rollback && !is_refused {
                return Err(not_stopped(name, governed.policy.paused.as_deref()));
            }
            let at = governed.say_resumed(&self.shared, by, is_paused).await?;
            (at, ResumedFrom::Hold { rollback: !no_rollback })
        };
        self.wake(name);
        Ok(Resumed { spoken: RecordedWord { at, sha: None }, of })
    }

    /// Ends an operator's pause without waiting for a pass; none where the ledger does not tell
    /// for certain that there is one.
    async fn end_pause(
        &self,
        handle: &Arc<RepoHandle>,
        by: &Operator,
    ) -> Result<Option<Timestamp>, NotDone> {
        let _order = handle.brake.words().await;
        let Some(repo) = self.shared.store.repo_id(&handle.name).await? else { return Ok(None) };
        let ledger = self.shared.store.ledger(repo).await?;
        let unrecorded = handle.brake.unrecorded_pause();
        let is_paused = ledger.state().pause.is_some() || unrecorded.is_some();
        if !ledger.state().recovered || !is_paused {
            return Ok(None);
        }
        let words = ending(ledger.state(), unrecorded, by.clone());
        let at = self.append(handle, self.shared.word_time(), words).await?;
        handle.brake.resume();
        Ok(Some(at))
    }

    /// The rollback that still holds after a pause: as GitHub shows it now, or, where a pass is
    /// under way or GitHub does not answer, as the last pass saw it.
    async fn rollback_after(&self, handle: &RepoHandle) -> Option<Cause> {
        if let Some(mut held) = handle.held_now() {
            held.governed.unchanged = None;
            if let Ok(found) = held.governed.standing_rollback(&self.shared).await {
                return found;
            }
        }
        handle.shown().decisions.rollback()
    }
}

/// The words that end a pause and nothing else: a `resume` where the ledger knows of no pause
/// would lift the hold of a rollback.
fn ending(
    release: &ReleaseState,
    unrecorded: Option<(String, Operator)>,
    by: Operator,
) -> Vec<OperatorAction> {
    let unrecorded = unrecorded.filter(|_| release.pause.is_none());
    let pause = unrecorded.map(|(why, by)| OperatorAction::Paused { why, by });
    pause.into_iter().chain([OperatorAction::Resumed { by }]).collect()
}

impl Governed {
    fn is_paused(&self) -> Result<bool, NotDone> {
        let release = self.known_release()?;
        Ok(release.pause.is_some() || self.brake.unrecorded_pause().is_some())
    }

    /// Records a `resume`, unless somebody paused since it was known whether it is paused.
    async fn say_resumed(
        &mut self,
        shared: &Shared,
        by: Operator,
        was_paused: bool,
    ) -> Result<Timestamp, NotDone> {
        let brake = self.brake.clone();
        let _order = brake.words().await;
        self.opened()?.catch_up().await?;
        if self.is_paused()? && !was_paused {
            return Err(NotDone::PausedMeanwhile(self.policy.repository.clone()));
        }
        let words = ending(self.known_release()?, brake.unrecorded_pause(), by);
        let at = self.append(shared, words).await?;
        brake.resume();
        Ok(at)
    }
}

impl Decisions {
    /// The rollback that held the candidate.
    fn rollback(&self) -> Option<Cause> {
        let decision = self.by_sha.get(self.candidate.as_ref()?)?;
        let mut causes = std::iter::once(&decision.cause).chain(&decision.also);
        causes.find(|cause| cause.reason() == Reason::RolledBack).cloned()
    }
}

fn not_stopped(name: &RepoName, paused_by_config: Option<&str>) -> NotDone {
    match paused_by_config {
        Some(why) => {
            NotDone::PausedByConfig { repository: name.clone(), why: plain(why, SHOWN_REASON) }
        }
        None => NotDone::NotStopped(name.clone()),
    }
}
