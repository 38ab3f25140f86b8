//! The box's clock, which tests control.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// GitHub's clock: manual, or following another clock.
#[derive(Clone)]
pub struct GhClock(Arc<Inner>);

struct Inner {
    base: Box<dyn Fn() -> Timestamp + Send + Sync>,
    offset: Mutex<SignedDuration>,
}

impl GhClock {
    /// A clock that starts at `start` and moves only by [`GhClock::advance`].
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::over(Box::new(move || start))
    }

    /// A clock that follows another one, plus whatever it was advanced by.
    #[must_use]
    pub fn following(other: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self::over(Box::new(move || other()))
    }

    fn over(base: Box<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        GhClock(Arc::new(Inner { base, offset: Mutex::new(SignedDuration::ZERO) }))
    }

    /// The current time at GitHub.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let offset = *self.0.offset.lock().unwrap_or_else(PoisonError::into_inner);
        let base = (self.0.base)();
        base.checked_add(offset).unwrap_or(base)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let mut offset = self.0.offset.lock().unwrap_or_else(PoisonError::into_inner);
        *offset = offset.saturating_add(by);
    }
}
