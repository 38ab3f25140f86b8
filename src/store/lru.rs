//! An LRU index: tracks the order of use and the sizes of items that are stored elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Limits of an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Maximum number of items.
    pub(super) count: usize,
    /// Maximum total size of the items, in bytes.
    pub(super) bytes: usize,
}

/// The result of putting an item into a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachePut {
    /// The item is new, or replaces an earlier one.
    Anew,
    /// The item had been evicted earlier, so it had to be requested again.
    Again,
}

/// The keys of one repository, in the order of their last use.
#[derive(Debug)]
pub(super) struct LruIndex {
    limit: Limit,
    kept: BTreeMap<Arc<str>, LruEntry>,
    /// Keys that were evicted and not put back since.
    driven_out: BTreeSet<Arc<str>>,
    bytes: usize,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct LruEntry {
    used: u64,
    bytes: usize,
    /// Whether it was used since the order of use was last saved.
    touched: bool,
}

impl LruIndex {
    pub(super) const fn new(limit: Limit) -> Self {
        Self { limit, kept: BTreeMap::new(), driven_out: BTreeSet::new(), bytes: 0, next: 1 }
    }

    /// Restores a stored key whose last use had the counter `used`.
    pub(super) fn restore(&mut self, key: &str, bytes: usize, used: u64) {
        self.place(key, LruEntry { used, bytes, touched: false });
    }

    /// Puts a key as the most recently used one.
    pub(super) fn put(&mut self, key: &str, bytes: usize) -> CachePut {
        self.place(key, LruEntry { used: self.next, bytes, touched: false });
        if self.driven_out.remove(key) { CachePut::Again } else { CachePut::Anew }
    }

    /// Removes a key and remembers it as evicted.
    pub(super) fn drive_out(&mut self, key: &str) -> CachePut {
        let known = self.driven_out.contains(key);
        let key = match self.kept.remove_entry(key) {
            Some((key, kept)) => {
                self.bytes = self.bytes.saturating_sub(kept.bytes);
                key
            }
            None => key.into(),
        };
        self.remember_driven_out(key);
        if known { CachePut::Again } else { CachePut::Anew }
    }

    /// Marks a key as the most recently used one.
    pub(super) fn touch(&mut self, key: &str) {
        if let Some(kept) = self.kept.get_mut(key) {
            (kept.used, kept.touched) = (self.next, true);
            self.next = self.next.saturating_add(1);
        }
    }

    pub(super) fn holds(&self, key: &str) -> bool {
        self.kept.contains_key(key)
    }

    /// The counter of a key's last use; 0 if it is not present.
    pub(super) fn used(&self, key: &str) -> u64 {
        self.kept.get(key).map_or(0, |kept| kept.used)
    }

    /// Whether more than half of either limit is used.
    pub(super) fn is_crowded(&self) -> bool {
        self.kept.len() > self.limit.count / 2 || self.bytes > self.limit.bytes / 2
    }

    /// The total size of all items.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The keys that were used since the last call, with their counters.
    pub(super) fn take_touched(&mut self) -> Vec<(Arc<str>, u64)> {
        let touched = self.kept.iter_mut().filter_map(|(key, kept)| {
            std::mem::take(&mut kept.touched).then(|| (Arc::clone(key), kept.used))
        });
        touched.collect()
    }

    /// Evicts the least recently used items until the limits hold. Returns their keys.
    pub(super) fn evict(&mut self) -> Vec<Arc<str>> {
        let mut evicted = Vec::new();
        while self.kept.len() > self.limit.count || self.bytes > self.limit.bytes {
            let Some(key) = self.evict_one() else { break };
            evicted.push(key);
        }
        evicted
    }

    /// Evicts the least recently used item. Returns its key.
    pub(super) fn evict_one(&mut self) -> Option<Arc<str>> {
        let least = self.kept.iter().min_by_key(|(_, kept)| kept.used);
        let key = least.map(|(key, _)| Arc::clone(key))?;
        self.drive_out(&key);
        Some(key)
    }

    fn place(&mut self, key: &str, new: LruEntry) {
        match self.kept.get_mut(key) {
            Some(kept) => {
                self.bytes = self.bytes.saturating_sub(kept.bytes);
                *kept = new;
            }
            None => {
                self.kept.insert(key.into(), new);
            }
        }
        self.bytes = self.bytes.saturating_add(new.bytes);
        self.next = self.next.max(new.used.saturating_add(1));
    }

    /// Bounded: if keys are dropped here, their repeated requests are not counted.
    fn remember_driven_out(&mut self, key: Arc<str>) {
        self.driven_out.insert(key);
        if self.driven_out.len() > self.limit.count {
            self.driven_out.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_least_goes_first() {
        let mut shelf = LruIndex::new(Limit { count: 2, bytes: 100 });
        shelf.put("a", 10);
        shelf.put("b", 10);
        shelf.touch("a");
        shelf.put("c", 10);
        assert_eq!(shelf.evict(), ["b".into()]);
        shelf.put("d", 95);
        assert_eq!(shelf.evict(), ["a".into(), "c".into()]);
    }

    #[test]
    fn a_thing_that_is_larger_than_all_that_may_be_kept_is_not_kept() {
        let mut shelf = LruIndex::new(Limit { count: 2, bytes: 100 });
        shelf.put("a", 101);
        assert_eq!(shelf.evict(), ["a".into()]);
        assert_eq!(shelf.bytes(), 0);
    }

    #[test]
    fn what_was_driven_out_and_comes_again_is_told_from_what_is_new() {
        let mut shelf = LruIndex::new(Limit { count: 2, bytes: 100 });
        for key in ["a", "b", "a", "c"] {
            assert_eq!(shelf.put(key, 10), CachePut::Anew, "{key}");
        }
        assert_eq!(shelf.evict(), ["b".into()]);
        assert_eq!(shelf.put("b", 10), CachePut::Again);
        assert_eq!(shelf.put("b", 10), CachePut::Anew);
        assert_eq!(shelf.drive_out("large"), CachePut::Anew);
        assert_eq!(shelf.drive_out("large"), CachePut::Again);
    }

    #[test]
    fn what_was_used_is_said_once() {
        let mut shelf = LruIndex::new(Limit { count: 2, bytes: 100 });
        shelf.put("a", 10);
        shelf.put("b", 10);
        shelf.touch("a");
        assert_eq!(shelf.take_touched(), [("a".into(), 3)]);
        assert_eq!(shelf.take_touched(), []);
    }
}
