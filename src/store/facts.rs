//! A bounded cache, for each repository, of facts that never change and are expensive to
//! request: the comparison of two commits, a blob at a sha. Values that must not be lost are in
//! [`super::remembered`] instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::WriteTransaction;

use crate::domain::RepoId;

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::lru::{CachePut, Limit, LruIndex};
use super::schema::{FACTS, FACTS_USED};

/// Maximum number of facts of one repository. A held range of a thousand commits needs two for
/// each: its changes and its pull request. Every pass reads all of them.
pub(super) const MOST: usize = 2_500;
const LIMIT: Limit = Limit { count: MOST, bytes: 24 << 20 };

/// A larger fact is not cached: it would evict too many others. A range that touches every file
/// of the largest tree that GitHub shows (100,000 files, 7 MB of names) has about 12 MB, and
/// fits.
const LARGEST: usize = 16 << 20;

/// The order in which the facts of each repository were last used.
#[derive(Default)]
pub(super) struct FactOrder {
    shelves: BTreeMap<RepoId, LruIndex>,
}

impl Engine {
    /// The fact in its stored form, if it is cached.
    pub(super) fn fact(&mut self, repo: RepoId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.read(|read| {
            let facts = read.open_table(FACTS)?;
            Ok(facts.get((repo.get(), key))?.map(|bytes| bytes.value().to_vec()))
        })?;
        if let Some(shelf) = self.facts.shelves.get_mut(&repo) {
            shelf.touch(key);
        }
        Ok(bytes)
    }

    /// Caches a fact, given in its stored form, unless it is very large. Returns whether the
    /// key was evicted before.
    pub(super) fn put_fact(
        &mut self,
        repo: RepoId,
        key: &str,
        bytes: &[u8],
    ) -> Result<CachePut, StoreError> {
        let mut shelf = match self.facts.shelves.remove(&repo) {
            Some(shelf) => shelf,
            None => self.load_shelf(repo)?,
        };
        let placed = if bytes.len() > LARGEST {
            shelf.drive_out(key)
        } else {
            let placed = shelf.put(key, bytes.len());
            let (used, evicted) = (shelf.used(key), shelf.evict());
            let touched = shelf.take_touched();
            self.write_behind(|write| {
                let fact = StoredFact { repo: repo.get(), key, bytes, used };
                fact.store(write, &touched, &evicted)
            })?;
            placed
        };
        self.facts.shelves.insert(repo, shelf);
        Ok(placed)
    }

    fn load_shelf(&mut self, repo: RepoId) -> Result<LruIndex, StoreError> {
        let repo = repo.get();
        self.read(|read| {
            let facts = read.open_table(FACTS)?;
            let used = read.open_table(FACTS_USED)?;
            let mut shelf = LruIndex::new(LIMIT);
            for row in facts.range((repo, "")..)? {
                let (key, bytes) = row?;
                let (of, name) = key.value();
                if of != repo {
                    break;
                }
                let used = used.get((repo, name))?.map_or(0, |used| used.value());
                shelf.restore(name, bytes.value().len(), used);
            }
            Ok(shelf)
        })
    }
}

struct StoredFact<'a> {
    repo: u64,
    key: &'a str,
    bytes: &'a [u8],
    used: u64,
}

impl StoredFact<'_> {
    fn store(
        &self,
        write: &WriteTransaction,
        touched: &[(Arc<str>, u64)],
        evicted: &[Arc<str>],
    ) -> Result<(), Fault> {
        let mut facts = write.open_table(FACTS)?;
        let mut order = write.open_table(FACTS_USED)?;
        facts.insert((self.repo, self.key), self.bytes)?;
        order.insert((self.repo, self.key), self.used)?;
        for (key, used) in touched {
            order.insert((self.repo, &**key), *used)?;
        }
        for key in evicted {
            facts.remove((self.repo, &**key))?;
            order.remove((self.repo, &**key))?;
        }
        Ok(())
    }
}
