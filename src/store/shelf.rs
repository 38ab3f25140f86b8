//! What is used least goes first: the order and the sizes of things that are kept elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How much may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Things.
    pub(super) count: usize,
    /// Their bytes in all.
    pub(super) bytes: usize,
}

/// Keys in the order of their last use.
#[derive(Debug)]
pub(super) struct Shelf {
    limit: Limit,
    order: BTreeMap<u64, Arc<str>>,
    kept: BTreeMap<Arc<str>, Kept>,
    touched: BTreeSet<Arc<str>>,
    bytes: usize,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    used: u64,
    bytes: usize,
}

impl Shelf {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            order: BTreeMap::new(),
            kept: BTreeMap::new(),
            touched: BTreeSet::new(),
            bytes: 0,
            next: 1,
        }
    }

    /// Takes up a key as it was stored, used at `used` by its counter.
    pub(super) fn restore(&mut self, key: &str, bytes: usize, used: u64) {
        let used = if self.order.contains_key(&used) { self.next } else { used };
        self.place(key, bytes, used);
    }

    /// Puts a key on top. Gives its counter.
    pub(super) fn put(&mut self, key: &str, bytes: usize) -> u64 {
        let used = self.next;
        self.place(key, bytes, used);
        used
    }

    /// Takes a key down.
    pub(super) fn remove(&mut self, key: &str) {
        if let Some(kept) = self.kept.remove(key) {
            self.order.remove(&kept.used);
            self.bytes = self.bytes.saturating_sub(kept.bytes);
        }
        self.touched.remove(key);
    }

    /// Says that a key was used.
    pub(super) fn touch(&mut self, key: &str) {
        if let Some((key, kept)) = self.kept.get_key_value(key) {
            let (key, bytes) = (Arc::clone(key), kept.bytes);
            self.put(&key, bytes);
            self.touched.insert(key);
        }
    }

    /// Whether it is kept.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.kept.contains_key(key)
    }

    /// A key's counter; 0 where it is not kept.
    pub(super) fn used(&self, key: &str) -> u64 {
        self.kept.get(key).map_or(0, |kept| kept.used)
    }

    /// The keys that were used since this was asked last, with their counters.
    pub(super) fn take_touched(&mut self) -> Vec<(Arc<str>, u64)> {
        let touched = std::mem::take(&mut self.touched);
        touched
            .into_iter()
            .filter_map(|key| self.kept.get(&key).map(|kept| kept.used).map(|used| (key, used)))
            .collect()
    }

    /// Drops what is beyond the limit, least used first, and names it.
    pub(super) fn evict(&mut self) -> Vec<Arc<str>> {
        let mut evicted = Vec::new();
        while self.kept.len() > self.limit.count || self.bytes > self.limit.bytes {
            let Some((_, key)) = self.order.pop_first() else { break };
            if let Some(kept) = self.kept.remove(&key) {
                self.bytes = self.bytes.saturating_sub(kept.bytes);
            }
            self.touched.remove(&key);
            evicted.push(key);
        }
        evicted
    }

    fn place(&mut self, key: &str, bytes: usize, used: u64) {
        let shared = self.kept.get_key_value(key).map(|(key, _)| Arc::clone(key));
        let key = shared.unwrap_or_else(|| key.into());
        if let Some(before) = self.kept.insert(Arc::clone(&key), Kept { used, bytes }) {
            self.order.remove(&before.used);
            self.bytes = self.bytes.saturating_sub(before.bytes);
        }
        self.order.insert(used, key);
        self.bytes = self.bytes.saturating_add(bytes);
        self.next = self.next.max(used.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_least_goes_first() {
        let mut shelf = Shelf::new(Limit { count: 2, bytes: 100 });
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
        let mut shelf = Shelf::new(Limit { count: 2, bytes: 100 });
        shelf.put("a", 101);
        assert_eq!(shelf.evict(), ["a".into()]);
        assert_eq!(shelf.bytes, 0);
    }
}
