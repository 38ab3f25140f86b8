//! Limits how many passes run at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::github::{Lane, PassMeter};

/// Each credential reserves a quarter of the slots, but at least this many if there are that
/// many: at a quarter of a second per answer, four passes use a credential's whole request
/// rate.
const FEWEST_OF_ITS_OWN: usize = 4;

/// Limits the number of concurrent passes. Each credential has reserved slots, and the rest are
/// shared. A pass that waits for a token, the rate limiter or an answer therefore never takes a
/// slot that another credential needs. Clones share the same slots.
#[derive(Clone)]
pub(super) struct PassPermits {
    of_its_own: usize,
    own: Arc<Mutex<BTreeMap<String, Pool>>>,
    common: Pool,
}

/// A slot held by a pass. It is released on drop at the latest; the meter releases it earlier
/// if the pass is slow.
pub(super) struct PassPermit(PassMeter);

impl PassPermit {
    pub(super) const fn meter(&self) -> &PassMeter {
        &self.0
    }
}

impl Drop for PassPermit {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

/// A pool of slots. A quarter of them is kept free of settled passes, for active ones.
#[derive(Clone)]
struct Pool {
    all: Arc<Semaphore>,
    settled: Arc<Semaphore>,
}

impl PassPermits {
    /// Creates this many slots for a single credential. Each further credential adds its own.
    pub(super) fn new(count: usize) -> Self {
        let count = count.max(1);
        let of_its_own = (count / 4).max(FEWEST_OF_ITS_OWN).min(count);
        Self { of_its_own, own: Arc::default(), common: Pool::new(count - of_its_own) }
    }

    /// Takes a slot for a pass with this credential. Returns `None` when the program ends.
    pub(super) async fn take(&self, lane: Lane, credential: &str) -> Option<PassPermit> {
        let own = self.own_of(credential);
        let permits = tokio::select! {
            biased;
            permits = own.take(lane) => permits?,
            permits = self.common.take(lane) => permits?,
        };
        Some(PassPermit(PassMeter::holding(permits)))
    }

    /// Removes a credential that is no longer used by any repository.
    pub(super) fn forget(&self, credential: &str) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).remove(credential);
    }

    fn own_of(&self, credential: &str) -> Pool {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = own.get(credential) {
            return pool.clone();
        }
        own.entry(credential.to_owned()).or_insert(Pool::new(self.of_its_own)).clone()
    }
}

impl Pool {
    fn new(count: usize) -> Self {
        let settled = count - count / 4;
        Self { all: Arc::new(Semaphore::new(count)), settled: Arc::new(Semaphore::new(settled)) }
    }

    async fn take(&self, lane: Lane) -> Option<Vec<OwnedSemaphorePermit>> {
        let mut permits = Vec::with_capacity(2);
        if lane == Lane::Settled {
            permits.push(Arc::clone(&self.settled).acquire_owned().await.ok()?);
        }
        permits.push(Arc::clone(&self.all).acquire_owned().await.ok()?);
        Some(permits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn taken(places: &PassPermits, lane: Lane, credential: &str) -> Vec<PassPermit> {
        let mut placed = Vec::new();
        while let Some(Some(one)) = now(places.take(lane, credential)).await {
            placed.push(one);
            // Tokio's budget limits how much one task can take without yielding.
            tokio::task::yield_now().await;
        }
        placed
    }

    /// The future's value, if it is ready at once.
    async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::select! { biased; value = future => Some(value), () = std::future::ready(()) => None }
    }

    #[tokio::test]
    async fn one_credential_has_all_places_and_a_fourth_of_them_for_passes_in_flight() {
        for count in [1, 2, 3, 4, 5, 16, 100] {
            let places = PassPermits::new(count);
            let settled = taken(&places, Lane::Settled, "acme").await;
            let active = taken(&places, Lane::Active, "acme").await;
            assert_eq!(settled.len() + active.len(), count, "of {count}");
            assert!(
                active.len() * 4 <= count && !settled.is_empty(),
                "{} of {count}",
                active.len()
            );
            drop((settled, active));
            assert_eq!(taken(&places, Lane::Active, "acme").await.len(), count, "of {count}");
        }
    }

    #[tokio::test]
    async fn whoever_holds_all_that_it_can_leaves_each_other_credential_its_own() {
        let places = PassPermits::new(16);
        let held = taken(&places, Lane::Active, "acme").await;
        assert_eq!(held.len(), 16);
        assert_eq!(taken(&places, Lane::Settled, "globex").await.len(), 3);
        assert_eq!(taken(&places, Lane::Active, "initech").await.len(), 4);
    }

    #[tokio::test]
    async fn a_place_that_is_given_back_is_taken_by_whoever_waits_longest() {
        let places = PassPermits::new(1);
        let placed = places.take(Lane::Active, "acme").await.unwrap();
        let mut first = std::pin::pin!(places.take(Lane::Active, "acme"));
        let mut second = std::pin::pin!(places.take(Lane::Active, "acme"));
        assert!(now(first.as_mut()).await.is_none() && now(second.as_mut()).await.is_none());
        drop(placed);
        assert!(now(second.as_mut()).await.is_none(), "it came later");
        assert!(now(first.as_mut()).await.is_some());
    }
}
