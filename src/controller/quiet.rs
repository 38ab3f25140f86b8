//! A repository that nothing happens to: the pass that need not be made.
//!
//! A pass is a function of the policy, the ledger, what is kept between passes, GitHub's answers,
//! what signals say, and the time. One that read nothing but 304, recorded nothing, kept nothing new and had
//! nothing to do, while no clock ran in the ledger, comes to the same again until one of these
//! changes. Then it is enough to ask GitHub whether its answers have changed; what they said
//! need not be read again.

use std::sync::Arc;

use super::governed::Governed;
use super::pass::{Pace, PassReport};
use super::{PassError, Shared};
use crate::domain::Policy;
use crate::github::Footprint;
use crate::plan;
use crate::signals::Seen;
use crate::store::Ledger;

/// What a pass that came to nothing rested on.
pub(super) struct Quiet {
    policy: Arc<Policy>,
    ledger_length: u64,
    footprint: Footprint,
    seen: Seen,
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
        if let Some(report) = self.nothing_changed(shared).await {
            return Ok((report, Passed::Unchanged));
        }
        let before = Before {
            ledger_length: self.ledger.as_ref().map(Ledger::length),
            memory_changes: self.memory_changes,
            charged: self.reader.charged(),
            is_due: self.memory.is_due(self.rhythm, shared.clock.now()),
        };
        let report = self.pass(shared).await?;
        self.quiet = self.came_to_nothing(shared, &before, &report);
        Ok((report, Passed::Judged))
    }

    async fn nothing_changed(&mut self, shared: &Shared) -> Option<PassReport> {
        let quiet = self.quiet.take()?;
        let stands = Arc::ptr_eq(&quiet.policy, &self.policy)
            && self.ledger.as_ref().is_some_and(|ledger| ledger.length() == quiet.ledger_length)
            && !self.memory.is_due(self.rhythm, shared.clock.now());
        if !stands
            || !self.signals.seen(false).await.says_the_same_as(&quiet.seen)
            || !self.reader.still_shows(&quiet.footprint).await
        {
            return None;
        }
        self.memory.note_unchanged();
        self.quiet = Some(quiet);
        let decision = self.decision.clone();
        Some(PassReport { pace: Pace::Settled, decision, actions: Vec::new() })
    }

    fn came_to_nothing(
        &self,
        shared: &Shared,
        before: &Before,
        report: &PassReport,
    ) -> Option<Quiet> {
        let footprint = self.reader.footprint()?;
        let ledger = self.ledger.as_ref()?;
        let is_fixed_point = !before.is_due
            && self.reader.charged() == before.charged
            && before.ledger_length == Some(ledger.length())
            && before.memory_changes == self.memory_changes
            && report.actions.is_empty()
            && report.pace == Pace::Settled
            && !footprint.is_empty();
        let lasts =
            is_fixed_point && plan::stands_still(&self.policy, ledger.state(), shared.clock.now());
        lasts.then(|| Quiet {
            policy: Arc::clone(&self.policy),
            ledger_length: ledger.length(),
            footprint,
            seen: self.seen.clone(),
        })
    }
}
