//! One owner for each ledger: two names may lead to the same repository, for example after a
//! rename.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::PassError;
use super::brake::RepoBrake;
use crate::domain::{RepoId, RepoName};
use crate::observe::ObserveError;

/// The ledgers that are in use, and by whom.
#[derive(Default)]
pub(super) struct LedgerLeases {
    held: Mutex<BTreeMap<RepoId, (RepoName, RepoBrake)>>,
    /// Notified when a ledger becomes free, and when a leaving handle comes back.
    pub(super) moved: Notify,
}

/// The right to use a ledger, until dropped.
pub(super) struct LedgerLease {
    leases: Arc<LedgerLeases>,
    repo: RepoId,
}

impl LedgerLeases {
    /// Acquires the ledger of `repo` for the handle of `name`. If a handle that is leaving
    /// holds it, waits until that handle has recorded everything it sent.
    ///
    /// # Errors
    /// If a handle that stays holds it.
    pub(super) async fn claim(
        self: &Arc<Self>,
        repo: RepoId,
        name: &RepoName,
        brake: &RepoBrake,
    ) -> Result<LedgerLease, PassError> {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            if let Some(claim) = self.try_claim(repo, name, brake)? {
                return Ok(claim);
            }
            moved.await;
        }
    }

    fn try_claim(
        self: &Arc<Self>,
        repo: RepoId,
        name: &RepoName,
        brake: &RepoBrake,
    ) -> Result<Option<LedgerLease>, PassError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get(&repo) {
            None => {
                held.insert(repo, (name.clone(), brake.clone()));
                Ok(Some(LedgerLease { leases: Arc::clone(self), repo }))
            }
            Some((_, other)) if other.has_left() => Ok(None),
            Some((other, _)) => Err(PassError::Observe(ObserveError::Mistaken(format!(
                "{name} and {other} are one repository at GitHub, or were: the configuration may \
                 name only one of them. Take the old name out"
            )))),
        }
    }
}

impl Drop for LedgerLease {
    fn drop(&mut self) {
        let mut held = self.leases.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&self.repo);
        drop(held);
        self.leases.moved.notify_waiters();
    }
}
