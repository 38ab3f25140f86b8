//! One LRU index for each repository, with its own limits: a busy repository evicts nothing of
//! another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lru::{CachePut, Limit, LruIndex};

/// Limits of the cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheLimits {
    /// Limits of each repository.
    pub(super) each: Limit,
    /// Maximum total size of all repositories, in bytes. Beyond it, the largest ones are
    /// evicted from: a repository below its equal share loses nothing.
    pub(super) all_bytes: usize,
}

/// The indexes of all repositories.
#[derive(Debug)]
pub(super) struct LruIndexes {
    limits: CacheLimits,
    shelves: BTreeMap<Arc<str>, LruIndex>,
    bytes: usize,
}

impl LruIndexes {
    pub(super) const fn new(limits: CacheLimits) -> Self {
        Self { limits, shelves: BTreeMap::new(), bytes: 0 }
    }

    /// Runs `work` on the index of one repository, and updates the total size.
    pub(super) fn at<T>(&mut self, whose: &str, work: impl FnOnce(&mut LruIndex) -> T) -> T {
        let each = self.limits.each;
        let shelf = self.shelves.entry(whose.into()).or_insert_with(|| LruIndex::new(each));
        let before = shelf.bytes();
        let done = work(shelf);
        self.bytes = self.bytes.saturating_add(shelf.bytes()).saturating_sub(before);
        done
    }

    /// Puts an item. Returns the keys that were evicted for it, and the result for the item
    /// itself.
    pub(super) fn put(
        &mut self,
        whose: &str,
        key: &str,
        bytes: usize,
    ) -> (CachePut, Vec<Arc<str>>) {
        let (placed, mut evicted) = self.at(whose, |shelf| (shelf.put(key, bytes), shelf.evict()));
        evicted.extend(self.evict_beyond_all());
        (placed, evicted)
    }

    /// Evicts items until all limits hold, for use after all stored keys were restored.
    pub(super) fn evict(&mut self) -> Vec<Arc<str>> {
        let mut evicted: Vec<_> = self.shelves.values_mut().flat_map(LruIndex::evict).collect();
        self.bytes = self.shelves.values().map(LruIndex::bytes).sum();
        evicted.extend(self.evict_beyond_all());
        evicted
    }

    /// The index of one repository, if it has one.
    pub(super) fn of(&self, whose: &str) -> Option<&LruIndex> {
        self.shelves.get(whose)
    }

    /// The keys that were used since the last call, with their counters, but only where an
    /// eviction may be near: a settled fleet has nothing to save at shutdown.
    pub(super) fn take_touched(&mut self) -> Vec<(Arc<str>, u64)> {
        let all_are_crowded = self.bytes > self.limits.all_bytes / 2;
        let shelves = self.shelves.values_mut();
        let crowded = shelves.filter(|shelf| all_are_crowded || shelf.is_crowded());
        crowded.flat_map(LruIndex::take_touched).collect()
    }

    fn evict_beyond_all(&mut self) -> Vec<Arc<str>> {
        let mut evicted = Vec::new();
        while self.bytes > self.limits.all_bytes {
            let largest = self.shelves.values_mut().max_by_key(|shelf| shelf.bytes());
            let Some(shelf) = largest else { break };
            let before = shelf.bytes();
            let Some(key) = shelf.evict_one() else { break };
            self.bytes = self.bytes.saturating_sub(before.saturating_sub(shelf.bytes()));
            evicted.push(key);
        }
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelves() -> LruIndexes {
        LruIndexes::new(CacheLimits { each: Limit { count: 3, bytes: 100 }, all_bytes: 150 })
    }

    #[test]
    fn a_busy_repository_drives_out_none_of_anothers() {
        let mut shelves = shelves();
        shelves.put("acme/shop", "candidate", 10);
        for number in 0..100 {
            shelves.put("acme/busy", &format!("page {number}"), 10);
        }
        assert!(shelves.of("acme/shop").unwrap().holds("candidate"));
        assert_eq!(shelves.bytes, 40);
    }

    #[test]
    fn beyond_what_all_may_have_those_with_the_most_give_room() {
        let mut shelves = shelves();
        shelves.put("acme/shop", "candidate", 30);
        shelves.put("acme/busy", "one", 50);
        shelves.put("acme/busy", "two", 50);
        let (_, evicted) = shelves.put("acme/other", "candidate", 30);
        assert_eq!(evicted, ["one".into()]);
        assert_eq!(shelves.bytes, 110);
    }

    #[test]
    fn what_was_used_is_told_where_something_may_have_to_go() {
        let mut shelves = shelves();
        shelves.put("acme/shop", "candidate", 10);
        shelves.at("acme/shop", |shelf| shelf.touch("candidate"));
        assert_eq!(shelves.take_touched(), []);
        shelves.put("acme/shop", "head", 10);
        assert_eq!(shelves.take_touched(), [("candidate".into(), 2)]);
    }

    #[test]
    fn what_was_taken_up_beyond_the_limits_goes() {
        let mut shelves = shelves();
        for (number, whose) in (1..).zip(["a", "a", "a", "a", "b"]) {
            shelves.at(whose, |shelf| shelf.restore(&format!("{number}"), 30, number));
        }
        assert_eq!(shelves.evict(), ["1".into()]);
        assert_eq!(shelves.bytes, 120);
    }
}
