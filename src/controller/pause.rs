//! `pause`: engages the brake first, then records the action. It does not wait for a pass.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::brake::SentDispatch;
use super::registry::RepoHandle;
use super::{Controller, NotDone, RecordedWord, Shared};
use crate::domain::{Operator, OperatorAction, RepoName};
use crate::github::Reader;
use crate::store::{StoreError, WordTime};

/// How long `pause` waits for GitHub's time if no controller is running. Nothing ships in the
/// meantime.
const TIME_WITHIN: Duration = Duration::from_secs(10);

/// The result of a `pause`.
#[derive(Clone, Debug)]
pub struct PauseAnswer {
    pub spoken: RecordedWord,
    /// The dispatches that were sent before the pause. They continue.
    pub left: Vec<SentDispatch>,
    /// Whether the recorded time is GitHub's time.
    pub time_is_known: bool,
}

impl Controller {
    /// Stops a repository's releases. When this returns, no dispatch is sent any more, even if
    /// a pass is running or GitHub has never answered.
    ///
    /// # Errors
    /// [`NotDone`]. Nothing was recorded. With [`NotDone::NotOnDisk`], the brake is on all the
    /// same.
    pub async fn pause(
        &self,
        name: &RepoName,
        why: String,
        by: Operator,
    ) -> Result<PauseAnswer, NotDone> {
        let handle = self.handle(name)?;
        // Taken before the brake: what it shows as sending was sent, unless the brake knows
        // otherwise.
        let shown = handle.shown().release;
        let (number, left) = handle.brake.pause(&why, &by, shown.as_deref());
        if !self.registry.is_running() {
            let reader = self.shared.readers.of(name);
            let asked = self.shared.know_the_time(&reader, name);
            // If this fails, the answer says that the time is unknown.
            let _ = self.shared.clock.timeout(TIME_WITHIN, asked).await;
        }
        let time = self.shared.word_time();
        let recorded = {
            let _order = handle.brake.words().await;
            let words = vec![OperatorAction::Paused { why, by }];
            let recorded = self.append(&handle, time, words).await;
            handle.brake.note_recorded(number, recorded.is_ok());
            recorded
        };
        handle.wake.notify_one();
        let at = match recorded {
            Ok(at) => at,
            Err(error) if self.registry.is_running() => {
                return Err(NotDone::NotOnDisk { repository: name.clone(), error, left });
            }
            Err(error) => return Err(error.into()),
        };
        let time_is_known = matches!(time, WordTime::Known(_));
        Ok(PauseAnswer { spoken: RecordedWord { at, sha: None }, left, time_is_known })
    }

    /// Records operators' actions without access to the open ledger, whose owner reads them
    /// later. The caller holds the right to record actions.
    pub(super) async fn append(
        &self,
        handle: &Arc<RepoHandle>,
        time: WordTime,
        words: Vec<OperatorAction>,
    ) -> Result<Timestamp, StoreError> {
        let (name, store) = (&handle.name, &self.shared.store);
        let at = store.append_words_by_name(name, time, words.clone()).await?;
        handle.brake.set_unread_words();
        for word in &words {
            tracing::info!(repository = %name, "{name}: {}", crate::messages::operator(word));
        }
        // Shows the action right away. If this fails, it is shown after the next pass.
        if let Ok(Some(repo)) = store.repo_id(name).await
            && let Ok(ledger) = store.ledger(repo).await
        {
            handle.show_release(ledger.shared_state());
        }
        Ok(at)
    }
}

impl Shared {
    /// The time to record for an action that is recorded now.
    pub(super) fn word_time(&self) -> WordTime {
        let now = self.clock.now();
        if self.clock.is_anchored() {
            WordTime::Known(now)
        } else {
            WordTime::Unknown { local: now }
        }
    }

    /// Ensures that GitHub's time is known, if necessary by a request: any answer carries it.
    ///
    /// # Errors
    /// [`NotDone::TimeUnknown`].
    pub(super) async fn know_the_time(
        &self,
        reader: &Reader,
        name: &RepoName,
    ) -> Result<(), NotDone> {
        if self.clock.is_anchored() {
            return Ok(());
        }
        let answer = reader.repository(name).await;
        if self.clock.is_anchored() {
            return Ok(());
        }
        let why = match answer {
            Ok(_) => "GitHub's answer has no date".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(NotDone::TimeUnknown { repository: name.clone(), why })
    }
}
