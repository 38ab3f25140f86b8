//! How many passes run at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::github::{Lane, PassMeter};

/// Each credential has a fourth of the places for itself alone, but at least so many where there
/// are as many: with a quarter of a second for an answer, that is a credential's whole pace.
const FEWEST_OF_ITS_OWN: usize = 4;

/// Passes that run at once. Some places are of one credential each and the others are common, so
/// that no other credential's passes need what passes that wait for a token, for the pace or for
/// an answer hold meanwhile. Clones are the same.
#[derive(Clone)]
pub(super) struct PassPermits {
    of_its_own: usize,
    own: Arc<Mutex<BTreeMap<String, Pool>>>,
    common: Pool,
}

/// A pass that has a place, at most until this is dropped: its meter gives it up before where the
/// pass is slow.
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

/// Places of one kind. A fourth is for passes in flight, whatever the settled ones wait for.
#[derive(Clone)]
struct Pool {
    all: Arc<Semaphore>,
    settled: Arc<Semaphore>,
}

impl PassPermits {
    /// So many places for one credential; each further one adds its own.
    pub(super) fn new(count: usize) -> Self {
        let count = count.max(1);
        let of_its_own = (count / 4).max(FEWEST_OF_ITS_OWN).min(count);
        Self { of_its_own, own: Arc::default(), common: Pool::new(count - of_its_own) }
    }

    /// A place for a pass by this credential; none when the program ends.
    pub(super) async fn take(&self, lane: Lane, credential: &str) -> Option<PassPermit> {
        let own = self.own_of(credential);
        let permits = tokio::select! {
            biased;
            permits = own.take(lane) => permits?,
            permits = self.common.take(lane) => permits?,
        };
        Some(PassPermit(PassMeter::holding(permits)))
    }

    /// The credential speaks for no repository any more.
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
            // One task takes only so many at once.
            tokio::task::yield_now().await;
        }
        placed
    }

    /// What is there at once.
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
