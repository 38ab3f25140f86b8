//! What never changes, and is dear to ask for: a comparison of two commits, a blob at a sha. Of each
//! repository so much is kept; what may not be lost is not here, but in [`super::kept`].

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::WriteTransaction;

use crate::domain::RepoId;

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::lru::{CachePut, Limit, LruIndex};
use super::schema::{FACTS, FACTS_USED};

/// Facts of one repository that are kept: a range of a thousand commits that is held takes two for
/// each, what it brought and with which pull request, and every pass looks at all of them.
pub(super) const MOST: usize = 2_500;
const LIMIT: Limit = Limit { count: MOST, bytes: 24 << 20 };

/// A larger fact is asked for again rather than kept: it would drive out too many others. A range
/// that touches every file of the largest tree that GitHub shows (100,000 files, 7 MB of names) has
/// some 12 MB, and fits.
const LARGEST: usize = 16 << 20;

/// The order in which the facts of each repository were used.
#[derive(Default)]
pub(super) struct FactOrder {
    shelves: BTreeMap<RepoId, LruIndex>,
}

impl Engine {
    /// The fact, if it is kept, as it is stored.
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

    /// Keeps a fact, as it is to be stored, unless it is very large. Gives what became of it.
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
