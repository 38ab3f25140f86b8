//! `resume`: ends one cause of a stop at a time.

use std::sync::Arc;

use jiff::Timestamp;

use super::governed::Governed;
use super::registry::RepoHandle;
use super::standing::Decisions;
use super::{Controller, NotDone, RecordedWord, Shared};
use crate::domain::{Cause, Operator, OperatorAction, Reason, ReleaseState, RepoName};
use crate::messages::plain;

/// How many characters of a configured reason an error shows.
const SHOWN_REASON: usize = 200;

/// The result of a `resume`.
#[derive(Clone, Debug)]
pub struct Resumed {
    pub spoken: RecordedWord,
    /// What was resumed.
    pub of: ResumedFrom,
}

/// What a `resume` ended. It ends one thing at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumedFrom {
    /// An operator's pause. A rollback may still hold.
    Pause {
        /// The rollback that still holds, if any.
        rollback: Option<Box<Cause>>,
    },
    /// A rollback, or a dispatch that GitHub refused.
    Hold {
        /// Whether a rollback held, or may have held.
        rollback: bool,
    },
}

impl Controller {
    /// Resumes a repository's releases: ends an operator's pause, or, if there is none, a
    /// rollback's hold or a refused dispatch. It never ends a pause and a rollback's hold at
    /// once.
    ///
    /// # Errors
    /// [`NotDone`], also if nothing is stopped. Nothing was recorded.
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
            // What a lost ledger left on GitHub may include a pause, so it is read before it is
            // undone.
            governed.survey(&self.shared, None).await?;
        }
        let release = governed.known_release()?;
        let (is_paused, is_refused) = (governed.is_paused()?, release.rejection.is_some());
        let (at, of) = if is_paused {
            let at = governed.say_resumed(&self.shared, by, is_paused).await?;
            // The pause has ended even if GitHub does not answer what else holds.
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

    /// Ends an operator's pause without waiting for a pass. Returns `None` if it is not certain
    /// from the ledger that there is one.
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

    /// The rollback that still holds after a pause: from GitHub, or from the last pass if a
    /// pass is running or GitHub does not answer.
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

/// The actions that end a pause and nothing else. If the ledger knows no pause, a `resume`
/// alone would lift a rollback's hold, so an unrecorded pause is recorded first.
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

    /// Records a `resume`, unless another operator paused since `was_paused` was read.
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
