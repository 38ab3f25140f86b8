//! A repository that nothing happens to: the pass that need not be made.
//!
//! A pass is a function of the policy, the ledger, what is kept between passes, GitHub's answers,
//! what signals say, and the time. One that read nothing but 304, recorded nothing, kept nothing
//! new and had nothing to do, comes to the same again until one of these changes; the plan says
//! when time alone may change it. Until then it is enough to ask GitHub whether its answers have
//! changed; what they said need not be read again.

use std::sync::Arc;

use jiff::Timestamp;

use super::governed::Governed;
use super::pass::{PassPace, PassReport};
use super::{PassError, Shared};
use crate::domain::{Plan, Policy};
use crate::github::ReadSet;
use crate::signals::SeenSignals;
use crate::store::Ledger;

/// What a pass that came to nothing rested on.
pub(super) struct UnchangedPass {
    policy: Arc<Policy>,
    ledger_length: u64,
    read_set: ReadSet,
    seen: SeenSignals,
    changes_at: Option<Timestamp>,
}

/// How a pass was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// All was read, decided and planned.
    Judged,
    /// Nothing had changed.
    Unchanged,
}

/// How things stood before a pass.
struct Before {
    ledger_length: Option<u64>,
    memory_changes: u64,
    /// Reads that GitHub had counted towards its limit: those that were not answered by 304.
    charged: u32,
    /// The pass reads more than a settled one does, so that it is no example of one.
    is_due: bool,
}

impl Governed {
    /// A pass, or where nothing can have changed since one that came to nothing, the questions
    /// that make sure of that. The flag says which it was.
    ///
    /// # Errors
    /// What the pass could not see or do.
    pub(super) async fn pass_or_quiet(
        &mut self,
        shared: &Shared,
    ) -> Result<(PassReport, Passed), PassError> {
        self.reader.take_down();
        self.take_in_words().await?;
        let now = shared.clock.now();
        let unchanged = self.unchanged.take().filter(|unchanged| self.stands(unchanged, now));
        let is_due = self.memory.is_due(self.rhythm, now);
        let unchanged = match unchanged {
            Some(unchanged) if !is_due => {
                if self.nothing_changed(&unchanged).await {
                    self.memory.note_unchanged();
                    self.unchanged = Some(unchanged);
                    let (decision, plan) = (self.decision.clone(), Plan::default());
                    let report = PassReport { pace: PassPace::Settled, decision, plan };
                    return Ok((report, Passed::Unchanged));
                }
                None
            }
            other => other,
        };
        let before = Before {
            ledger_length: self.ledger.as_ref().map(Ledger::length),
            memory_changes: self.memory_changes,
            charged: self.reader.charged(),
            is_due,
        };
        let report = self.pass(shared).await?;
        self.unchanged = self.came_to_nothing(&before, &report, unchanged);
        Ok((report, Passed::Judged))
    }

    /// Whether it was judged by the policy and the ledger that are there now, and time has changed
    /// nothing of it.
    fn stands(&self, unchanged: &UnchangedPass, now: Timestamp) -> bool {
        let length = self.ledger.as_ref().map(Ledger::length);
        Arc::ptr_eq(&unchanged.policy, &self.policy)
            && length == Some(unchanged.ledger_length)
            && unchanged.changes_at.is_none_or(|at| now < at)
    }

    /// Whether signals and GitHub still say what they said.
    async fn nothing_changed(&self, unchanged: &UnchangedPass) -> bool {
        self.signals.seen(false).await.says_the_same_as(&unchanged.seen)
            && self.reader.revalidate(&unchanged.read_set).await
    }

    /// What this pass rested on, where the next one comes to the same.
    ///
    /// One that read more than a settled pass does is no example of one. But where all of it was
    /// answered by 304, what an earlier pass rested on stands as it did.
    fn came_to_nothing(
        &self,
        before: &Before,
        report: &PassReport,
        earlier: Option<UnchangedPass>,
    ) -> Option<UnchangedPass> {
        let ledger = self.ledger.as_ref()?;
        let (read_set, nothing_new_is_kept) = if before.is_due {
            (earlier?.read_set, true)
        } else {
            (self.reader.read_set()?, before.memory_changes == self.memory_changes)
        };
        let is_fixed_point = nothing_new_is_kept
            && self.reader.charged() == before.charged
            && before.ledger_length == Some(ledger.length())
            && report.plan.is_empty()
            && report.pace == PassPace::Settled
            && !read_set.is_empty();
        is_fixed_point.then(|| UnchangedPass {
            policy: Arc::clone(&self.policy),
            ledger_length: ledger.length(),
            read_set,
            seen: self.seen.clone(),
            changes_at: report.plan.changes_at,
        })
    }
}
