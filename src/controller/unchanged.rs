//! Skips a pass over a repository in which nothing changed.
//!
//! A pass is a function of the policy, the ledger, what is kept between passes, GitHub's
//! answers, the signals and the time. If a pass got only 304 answers, recorded nothing, kept
//! nothing new and had nothing to do, the next one has the same result until one of these
//! changes. The plan says when time alone may change it. Until then, it is enough to ask GitHub
//! whether its answers changed; their content need not be read again.

use std::sync::Arc;

use jiff::Timestamp;

use super::governed::Governed;
use super::pass::{PassPace, PassReport};
use super::{PassError, Shared};
use crate::domain::{Plan, Policy};
use crate::github::ReadSet;
use crate::signals::SeenSignals;
use crate::store::Ledger;

/// The inputs of a pass that had nothing to do.
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
    /// Everything was read, decided and planned.
    Judged,
    Unchanged,
}

/// The state before a pass.
struct Before {
    ledger_length: Option<u64>,
    memory_changes: u64,
    /// Requests that counted towards GitHub's limit: those not answered with 304.
    charged: u32,
    /// Whether the pass reads more than a settled one, so that it cannot serve as a baseline.
    is_due: bool,
}

impl Governed {
    /// Runs a pass, or only revalidates if nothing can have changed since a pass that had
    /// nothing to do. The flag says which.
    ///
    /// # Errors
    /// What could not be read or done.
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
                    let plan = Plan { changes_at: unchanged.changes_at, ..Plan::default() };
                    self.unchanged = Some(unchanged);
                    let decision = self.decision.clone();
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

    /// Whether the policy and the ledger are still the same and no timer has expired.
    fn stands(&self, unchanged: &UnchangedPass, now: Timestamp) -> bool {
        let length = self.ledger.as_ref().map(Ledger::length);
        Arc::ptr_eq(&unchanged.policy, &self.policy)
            && length == Some(unchanged.ledger_length)
            && unchanged.changes_at.is_none_or(|at| now < at)
    }

    /// Whether the signals and GitHub's answers are still the same.
    async fn nothing_changed(&self, unchanged: &UnchangedPass) -> bool {
        self.signals.seen(false).await.says_the_same_as(&unchanged.seen)
            && self.reader.revalidate(&unchanged.read_set).await
    }

    /// The inputs of this pass, if the next one would have the same result.
    ///
    /// A pass that read more than a settled one cannot serve as a baseline. But if all its
    /// answers were 304, the inputs of an earlier pass are still valid.
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
