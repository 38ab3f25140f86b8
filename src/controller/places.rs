//! How many passes run at once.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::github::{Lane, Meter};

/// Passes that run at once. A fourth of the places is for those in flight, whatever the settled
/// ones wait for.
#[derive(Clone)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    settled: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        let settled = count.saturating_sub(count / 4).max(1);
        Self {
            all: Arc::new(Semaphore::new(count.max(1))),
            settled: Arc::new(Semaphore::new(settled)),
        }
    }

    /// A place for a pass, which its meter holds; none when the program ends.
    pub(super) async fn take(&self, lane: Lane) -> Option<Meter> {
        let mut places = Vec::with_capacity(2);
        if lane == Lane::Settled {
            places.push(Arc::clone(&self.settled).acquire_owned().await.ok()?);
        }
        places.push(Arc::clone(&self.all).acquire_owned().await.ok()?);
        Some(Meter::holding(places))
    }
}
