//! `resume`: one thing at a time goes on.

use super::governed::Governed;
use super::{Controller, NotDone, Spoken};
use crate::domain::{Cause, Operator, OperatorWord, Reason, RepoName};

/// What a `resume` did.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// The word.
    pub spoken: Spoken,
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
        let station = self.station(name)?;
        let mut held = station.hold().await?;
        let governed = &mut held.governed;
        governed.known_ledger(&self.shared).await?;
        if governed.release().is_none_or(|release| !release.recovered) {
            // What a lost ledger left at GitHub may pause it: that is read before it is undone.
            governed.survey(&self.shared, None).await?;
        }
        let release = governed.known_release()?;
        let (is_paused, is_refused) = (release.pause.is_some(), release.rejection.is_some());
        let word = OperatorWord::Resumed { by };
        let (at, of) = if is_paused {
            let at = governed.say(&self.shared, word).await?;
            // The pause has ended also where GitHub does not say what else holds.
            let rollback = match governed.standing_rollback(&self.shared).await {
                Ok(found) => found,
                Err(_) => governed.rollback_of_the_last_pass(),
            };
            (at, ResumedFrom::Pause { rollback: rollback.map(Box::new) })
        } else {
            let no_rollback = matches!(governed.standing_rollback(&self.shared).await, Ok(None));
            if no_rollback && !is_refused && governed.policy.paused.is_none() {
                return Err(NotDone::NotStopped(name.clone()));
            }
            (governed.say(&self.shared, word).await?, ResumedFrom::Hold { rollback: !no_rollback })
        };
        self.wake(name);
        Ok(Resumed { spoken: Spoken { at, sha: None }, of })
    }
}

impl Governed {
    /// The rollback that held the candidate when it was decided about last.
    fn rollback_of_the_last_pass(&self) -> Option<Cause> {
        let decisions = &self.decisions;
        let decision = decisions.by_sha.get(decisions.candidate.as_ref()?)?;
        let mut causes = std::iter::once(&decision.cause).chain(&decision.also);
        causes.find(|cause| cause.reason() == Reason::RolledBack).cloned()
    }
}
