//! The time at which rules are asked, and when their answers may be others.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

/// The time at which rules are asked. They see it only by asking whether something is still to
/// come, so that none can look at the clock and keep to itself when its answer changes.
#[derive(Debug)]
pub struct RuleClock {
    now: Timestamp,
    changes_at: Cell<Option<Timestamp>>,
}

impl RuleClock {
    /// A clock that stands at `now`, which nobody has looked at yet.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { now, changes_at: Cell::new(None) }
    }

    /// Whether `then` is still to come. If so, the answer may be another from then on.
    pub fn is_before(&self, then: Timestamp) -> bool {
        let is_before = self.now < then;
        if is_before {
            self.changes_at.set(earliest([self.changes_at.get(), Some(then)]));
        }
        is_before
    }

    /// Whether less than `span` has passed since `then`.
    pub fn is_within(&self, span: SignedDuration, then: Timestamp) -> bool {
        self.is_before(then.saturating_add(span).unwrap_or(Timestamp::MAX))
    }

    /// The first instant at which an answer that was given may be another, if nothing but time
    /// passes.
    #[must_use]
    pub const fn changes_at(&self) -> Option<Timestamp> {
        self.changes_at.get()
    }
}

/// The earliest of several times at which something changes.
pub(crate) fn earliest(times: impl IntoIterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
    times.into_iter().flatten().min()
}
