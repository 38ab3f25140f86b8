//! What never changes, and is dear to ask for: a comparison of two commits, a blob at a sha.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::WriteTransaction;
use serde_json::Value;

use crate::domain::RepoId;

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::release;
use super::schema::{FACTS, FACTS_USED};
use super::shelf::{Limit, Shelf};

/// Facts of one repository that are kept: a range of a thousand commits that is held takes two for
/// each, what it brought and with which pull request, and every pass looks at all of them.
pub(super) const MOST: usize = 2_500;
const LIMIT: Limit = Limit { count: MOST, bytes: 8 << 20 };

/// A larger fact is asked for again rather than kept: it would drive out too many others.
const LARGEST: usize = 1 << 20;

/// The order in which the facts of each repository were used.
#[derive(Default)]
pub(super) struct Facts {
    shelves: BTreeMap<RepoId, Shelf>,
}

impl Engine {
    /// The fact, if it is kept. One that cannot be read any more is asked for again.
    pub(super) fn fact(&mut self, repo: RepoId, key: &str) -> Result<Option<Value>, StoreError> {
        let bytes = self.read(|read| {
            let facts = read.open_table(FACTS)?;
            Ok(facts.get((repo.get(), key))?.map(|bytes| bytes.value().to_vec()))
        })?;
        if let Some(shelf) = self.facts.shelves.get_mut(&repo) {
            shelf.touch(key);
        }
        Ok(bytes.and_then(|bytes| release::decode(&bytes).ok()))
    }

    /// Keeps a fact, unless it is very large.
    pub(super) fn put_fact(
        &mut self,
        repo: RepoId,
        key: &str,
        value: &Value,
    ) -> Result<(), StoreError> {
        let bytes = release::encode(value).map_err(|what| StoreError::Broken { repo, what })?;
        if bytes.len() > LARGEST {
            return Ok(());
        }
        let mut shelf = match self.facts.shelves.remove(&repo) {
            Some(shelf) => shelf,
            None => self.load_shelf(repo)?,
        };
        let used = shelf.put(key, bytes.len());
        let evicted = shelf.evict();
        let touched = shelf.take_touched();
        self.write_behind(|write| {
            let fact = Fact { repo: repo.get(), key, bytes: &bytes, used };
            fact.store(write, &touched, &evicted)
        })?;
        self.facts.shelves.insert(repo, shelf);
        Ok(())
    }

    fn load_shelf(&mut self, repo: RepoId) -> Result<Shelf, StoreError> {
        let repo = repo.get();
        self.read(|read| {
            let facts = read.open_table(FACTS)?;
            let used = read.open_table(FACTS_USED)?;
            let mut shelf = Shelf::new(LIMIT);
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

struct Fact<'a> {
    repo: u64,
    key: &'a str,
    bytes: &'a [u8],
    used: u64,
}

impl Fact<'_> {
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
