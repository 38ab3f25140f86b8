//! The time that rules are evaluated at, and when their answers may change.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

/// The time that rules are evaluated at. A rule can only ask whether a time is still to come, or
/// what a calendar says, so no rule can depend on the time without recording when its answer
/// changes.
#[derive(Debug)]
pub struct RuleClock {
    now: Timestamp,
    changes_at: Cell<Option<Timestamp>>,
}

impl RuleClock {
    /// A clock that shows `now` and has not been consulted yet.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { now, changes_at: Cell::new(None) }
    }

    /// Whether `then` is still to come. If so, records that the answer may change at `then`.
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

    /// What something that knows its own times says of this one, and when that may change.
    pub(super) fn ask<A>(&self, about: impl FnOnce(Timestamp) -> (A, Option<Timestamp>)) -> A {
        let (answer, changes_at) = about(self.now);
        self.changes_at.set(earliest([self.changes_at.get(), changes_at]));
        answer
    }

    /// The earliest time at which an answer given so far may change if nothing else does.
    #[must_use]
    pub const fn changes_at(&self) -> Option<Timestamp> {
        self.changes_at.get()
    }
}

/// The earliest of the given times; `None` if there is none.
pub(crate) fn earliest(times: impl IntoIterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
    times.into_iter().flatten().min()
}
