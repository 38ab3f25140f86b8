//! `pause`: the brake first, then the word. It waits for no pass.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::brake::SentDispatch;
use super::registry::RepoHandle;
use super::{Controller, NotDone, RecordedWord, Shared};
use crate::domain::{Operator, OperatorAction, RepoName};
use crate::github::Reader;
use crate::store::{StoreError, WordTime};

/// How long a `pause` without a running controller waits for GitHub's time: nothing ships
/// meanwhile.
const TIME_WITHIN: Duration = Duration::from_secs(10);

/// What a `pause` did.
#[derive(Clone, Debug)]
pub struct PauseAnswer {
    /// The word.
    pub spoken: RecordedWord,
    /// What had left before it, and goes on.
    pub left: Vec<SentDispatch>,
    /// Whether `spoken.at` is GitHub's time.
    pub time_is_known: bool,
}

impl Controller {
    /// Stops a repository's releases. When this returns nothing leaves any more, also where a pass
    /// is under way, or GitHub never answered.
    ///
    /// # Errors
    /// [`NotDone`]; nothing was recorded.
    pub async fn pause(
        &self,
        name: &RepoName,
        why: String,
        by: Operator,
    ) -> Result<PauseAnswer, NotDone> {
        let handle = self.handle(name)?;
        // Taken first: what it shows as sending has left, or the brake knows that it has not.
        let shown = handle.shown().release;
        let (number, left) = handle.brake.pause(&why, &by, shown.as_deref());
        if !self.registry.is_running() {
            let reader = self.shared.readers.of(name);
            let asked = self.shared.know_the_time(&reader, name);
            // Where it is not known, the answer says so.
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

    /// Records words, whoever has the ledger in hand: that one reads them later. The caller holds
    /// the right to record words.
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
        // Whoever looks meanwhile sees the word; where this fails, after the next pass.
        if let Ok(Some(repo)) = store.repo_id(name).await
            && let Ok(ledger) = store.ledger(repo).await
        {
            handle.show_release(ledger.shared_state());
        }
        Ok(at)
    }
}

impl Shared {
    /// The time of a word that is recorded now.
    pub(super) fn word_time(&self) -> WordTime {
        let now = self.clock.now();
        if self.clock.is_anchored() {
            WordTime::Known(now)
        } else {
            WordTime::Unknown { local: now }
        }
    }

    /// Has GitHub say what time it is, where it has not yet: any answer of it does.
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
