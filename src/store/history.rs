//! Reads ledgers from the newest entry on, and prunes them from the oldest on.

use jiff::Timestamp;
use redb::WriteTransaction;

use crate::domain::{Entry, RepoId, RepoName};

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::ledger::stored_in;
use super::release;
use super::schema::{LEDGER, NAMES, RELEASE};

/// Maximum number of entries returned by one call.
const PAGE: usize = 1_000;
/// Maximum number of entries deleted in one transaction.
const PRUNED_AT_ONCE: usize = 500;

impl Engine {
    /// The repository that was last governed under this name.
    pub(super) fn repo_id(&mut self, name: &str) -> Result<Option<RepoId>, StoreError> {
        self.read(|read| {
            let names = read.open_table(NAMES)?;
            Ok(names.get(name)?.map(|id| RepoId::from(id.value())))
        })
    }

    /// All current and former names of repositories.
    pub(super) fn names(&mut self) -> Result<Vec<(RepoName, RepoId)>, StoreError> {
        self.read(|read| {
            let mut names = Vec::new();
            for row in read.open_table(NAMES)?.range::<&str>(..)? {
                let (name, id) = row?;
                // Only valid names were ever written here.
                if let Ok(name) = name.value().parse() {
                    names.push((name, RepoId::from(id.value())));
                }
            }
            Ok(names)
        })
    }

    /// All repositories that have a ledger.
    pub(super) fn repos(&mut self) -> Result<Vec<RepoId>, StoreError> {
        self.read(|read| {
            let ledger = read.open_table(LEDGER)?;
            let mut repos = Vec::new();
            let mut from = Some(0);
            while let Some(start) = from
                && let Some(row) = ledger.range((start, 0)..)?.next()
            {
                let repo = row?.0.value().0;
                repos.push(RepoId::from(repo));
                from = repo.checked_add(1);
            }
            Ok(repos)
        })
    }

    /// A page of a ledger, newest first.
    pub(super) fn history(
        &mut self,
        repo: RepoId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StoreError> {
        let end = before.unwrap_or(u64::MAX);
        self.read(|read| {
            let ledger = read.open_table(LEDGER)?;
            let mut entries = Vec::new();
            for row in ledger.range((repo.get(), 0)..(repo.get(), end))?.rev().take(limit.min(PAGE))
            {
                let (key, bytes) = row?;
                let seq = key.value().1;
                entries.push((seq, entry(repo, seq, bytes.value())?));
            }
            Ok(entries)
        })
    }

    /// Deletes one batch of entries from before a time. Returns their number.
    pub(super) fn prune(&mut self, repo: RepoId, before: Timestamp) -> Result<u64, StoreError> {
        let old = self.old_entries(repo, before)?;
        if old.is_empty() {
            return Ok(0);
        }
        self.write(|write| {
            take_snapshot(write, repo)?;
            let mut ledger = write.open_table(LEDGER)?;
            for seq in &old {
                ledger.remove((repo.get(), *seq))?;
            }
            Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
        })
    }

    /// The oldest entries of a ledger, if they are from before a time. Never includes the
    /// newest entry.
    fn old_entries(&mut self, repo: RepoId, before: Timestamp) -> Result<Vec<u64>, StoreError> {
        self.read(|read| {
            let ledger = read.open_table(LEDGER)?;
            let mut old = Vec::new();
            let mut rows = ledger.range((repo.get(), 0)..=(repo.get(), u64::MAX))?;
            rows.next_back();
            for row in rows.take(PRUNED_AT_ONCE) {
                let (key, bytes) = row?;
                let seq = key.value().1;
                if entry(repo, seq, bytes.value())?.at >= before {
                    break;
                }
                old.push(seq);
            }
            Ok(old)
        })
    }
}

/// Writes the current release state, so that the entries it is computed from can be deleted.
fn take_snapshot(write: &WriteTransaction, repo: RepoId) -> Result<(), Fault> {
    let mut states = write.open_table(RELEASE)?;
    let stored = stored_in(&states, &write.open_table(LEDGER)?, repo)?;
    let (now, from) = stored.fold(repo)?;
    if now.seq != from {
        let bytes =
            release::encode_snapshot(&now).map_err(|what| StoreError::Broken { repo, what })?;
        states.insert(repo.get(), bytes.as_slice())?;
    }
    Ok(())
}

fn entry(repo: RepoId, seq: u64, bytes: &[u8]) -> Result<Entry, StoreError> {
    release::decode(bytes)
        .map_err(|why| StoreError::Broken { repo, what: format!("its entry {seq}: {why}") })
}
