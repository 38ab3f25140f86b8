//! What a pass costs, and whether it waits for a slow answer.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;

use super::footprint::Trail;
use crate::clock::Clock;
use crate::store::Placed;

/// An answer that takes longer than this is slow: others go on meanwhile.
const SLOW: Duration = Duration::from_secs(3);

/// Counts the reads of a pass. It holds the pass's place among those that run at once, and gives
/// it to another pass while an answer is slow: one repository's trouble delays no other.
#[derive(Clone, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    reads: AtomicU32,
    charged: AtomicU32,
    repeated: AtomicU32,
    trail: Trail,
    places: Mutex<Vec<OwnedSemaphorePermit>>,
}

impl Meter {
    /// A meter of a pass that holds `places`.
    #[must_use]
    pub fn holding(places: Vec<OwnedSemaphorePermit>) -> Self {
        Self(Arc::new(Counts { places: Mutex::new(places), ..Counts::default() }))
    }

    /// Reads that were answered.
    #[must_use]
    pub fn reads(&self) -> u32 {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// Those of them that count towards GitHub's primary limit: all but 304.
    #[must_use]
    pub fn charged(&self) -> u32 {
        self.0.charged.load(Ordering::Relaxed)
    }

    /// Notes what became of something that was read and put into the store.
    pub fn keeps(&self, placed: Placed) {
        if placed == Placed::Again {
            self.0.repeated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What had to be read again since this was asked last, because the store had no room for it.
    pub(super) fn take_repeated(&self) -> u32 {
        self.0.repeated.swap(0, Ordering::Relaxed)
    }

    /// Ends the pass: its place is another's.
    pub fn let_go(&self) {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What the pass reads.
    pub(super) fn trail(&self) -> &Trail {
        &self.0.trail
    }

    pub(super) fn counts(&self, status: StatusCode) {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        if status != StatusCode::NOT_MODIFIED {
            self.0.charged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits for `answer`, and where it is slow, no longer in others' way.
    pub(super) async fn waiting<T>(&self, clock: &Clock, answer: impl Future<Output = T>) -> T {
        let mut answer = std::pin::pin!(answer);
        if let Ok(answer) = clock.timeout(SLOW, answer.as_mut()).await {
            return answer;
        }
        self.let_go();
        answer.await
    }
}
