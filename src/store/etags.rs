//! The cache for conditional requests: GitHub's answers, kept so that a restart does not use up
//! the rate limit.
//!
//! Answers are stored in the file. Memory holds only the index and the answers not yet written.
//! A crash may lose the newest answers, which costs one request each and nothing else. The size
//! is bounded for each repository, so the cache grows with the fleet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::lru::{CachePut, Limit};
use super::lru_indexes::{CacheLimits, LruIndexes};
use super::packed::{pack, unpack};
use super::schema::{ANSWERS, ANSWERS_USED};
use super::writer::EngineHandle;

/// Limits of the cache. A settled repository has about 15 answers of a few kB each. One with a
/// range of a thousand commits that need approval has three for each of their pull requests. In
/// total, the limits leave room for the ledgers in a file of 1 GiB.
const LIMITS: CacheLimits =
    CacheLimits { each: Limit { count: 4_096, bytes: 16 << 20 }, all_bytes: 640 << 20 };
/// A larger answer is not cached: it would evict too many others.
const LARGEST: usize = 4 << 20;
/// The same limit before compression.
const LARGEST_UNPACKED: usize = 16 << 20;
/// Maximum number of answers written in one transaction.
const BATCH: usize = 128;

/// GitHub's answers by key. Writes take effect immediately and reach the file later.
pub struct AnswerCache {
    held: Mutex<CachedAnswers>,
    hand: OnceLock<Weak<EngineHandle>>,
}

struct CachedAnswers {
    shelves: LruIndexes,
    /// Answers still to be written to the file; `None` stands for one to be deleted.
    waiting: BTreeMap<Arc<str>, Option<Arc<[u8]>>>,
}

impl AnswerCache {
    pub(super) fn new() -> Self {
        let held = CachedAnswers { shelves: LruIndexes::new(LIMITS), waiting: BTreeMap::new() };
        Self { held: Mutex::new(held), hand: OnceLock::new() }
    }

    /// Sets the engine that is told about changes.
    pub(super) fn announce_to(&self, hand: &Arc<EngineHandle>) {
        self.hand.set(Arc::downgrade(hand)).ok();
    }

    /// The cached answer.
    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let bytes = match self.look(key)? {
            Some(waiting) => waiting.to_vec(),
            None => {
                let (hand, key) = (self.hand.get()?.upgrade()?, key.to_owned());
                // An unreadable answer is requested again.
                hand.run(move |engine| engine.answer(&key)).await.ok()??
            }
        };
        unpack(bytes)
    }

    /// `None` if there is no such answer, `Some(None)` if it is only in the file.
    #[expect(clippy::option_option, reason = "there may be one, and it may be here")]
    fn look(&self, key: &str) -> Option<Option<Arc<[u8]>>> {
        let mut held = self.held();
        match held.waiting.get(key).cloned() {
            Some(None) => None,
            here => {
                let whose = repository_of(key);
                held.shelves.of(whose).filter(|shelf| shelf.holds(key))?;
                held.shelves.at(whose, |shelf| shelf.touch(key));
                Some(here.flatten())
            }
        }
    }

    /// Caches an answer, replacing an earlier one. Answers that are used less are evicted
    /// first. A very large answer is not cached, and neither is the one it replaces.
    pub fn put(&self, key: &str, bytes: Vec<u8>) -> CachePut {
        let bytes = if bytes.len() > LARGEST_UNPACKED { bytes } else { pack(bytes) };
        let mut held = self.held();
        let (shared, whose): (Arc<str>, _) = (key.into(), repository_of(key));
        let placed = if bytes.len() > LARGEST {
            held.waiting.insert(shared, None);
            held.shelves.at(whose, |shelf| shelf.drive_out(key))
        } else {
            let (placed, evicted) = held.shelves.put(whose, key, bytes.len());
            held.waiting.insert(shared, Some(bytes.into()));
            held.drop_from_the_file(evicted);
            placed
        };
        let waiting = held.waiting.len();
        drop(held);
        // The first change requests a write; later ones are included in it.
        if (waiting == 1 || waiting.is_multiple_of(BATCH))
            && let Some(hand) = self.hand.get().and_then(Weak::upgrade)
        {
            hand.nudge(waiting >= BATCH);
        }
        placed
    }

    /// Loads the index of the answers in the file.
    pub(super) fn load(&self, read: &ReadTransaction) -> Result<(), Fault> {
        let answers = read.open_table(ANSWERS)?;
        let used = read.open_table(ANSWERS_USED)?;
        let mut held = self.held();
        for row in answers.iter()? {
            let (key, bytes) = row?;
            let (key, bytes) = (key.value(), bytes.value().len());
            let used = used.get(key)?.map_or(0, |used| used.value());
            held.shelves.at(repository_of(key), |shelf| shelf.restore(key, bytes, used));
        }
        let evicted = held.shelves.evict();
        held.drop_from_the_file(evicted);
        Ok(())
    }

    /// Takes up to one batch of unsaved changes. When closing, also the order of use.
    pub(super) fn take_changes(&self, closing: bool) -> UnsavedAnswers {
        let mut held = self.held();
        let mut changes = UnsavedAnswers::default();
        while changes.answers.len() < BATCH
            && let Some((key, answer)) = held.waiting.pop_first()
        {
            let used = held.shelves.of(repository_of(&key)).map_or(0, |shelf| shelf.used(&key));
            let answer = answer.map(|bytes| (bytes, used));
            changes.answers.push((key, answer));
        }
        if closing && changes.answers.is_empty() {
            changes.used = held.shelves.take_touched();
        }
        changes
    }

    fn held(&self) -> MutexGuard<'_, CachedAnswers> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedAnswers {
    fn drop_from_the_file(&mut self, keys: Vec<Arc<str>>) {
        self.waiting.extend(keys.into_iter().map(|key| (key, None)));
    }
}

/// The repository of an answer, from the URL in its key: `OWNER/NAME`, or its numeric id where
/// GitHub uses that in URLs, as in pagination links. Empty if the URL names no repository, such
/// as one of a team.
fn repository_of(key: &str) -> &str {
    let part = |marker: &str, segments: usize| {
        let (_, rest) = key.split_once(marker)?;
        let mut ends = rest.match_indices(['/', '?', ' ']).map(|(place, _)| place);
        rest.get(..ends.nth(segments.saturating_sub(1)).unwrap_or(rest.len()))
    };
    part("/repos/", 2).or_else(|| part("/repositories/", 1)).unwrap_or_default()
}

impl Engine {
    fn answer(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|read| {
            let answers = read.open_table(ANSWERS)?;
            Ok(answers.get(key)?.map(|bytes| bytes.value().to_vec()))
        })
    }
}

type StoredAnswer = (Arc<[u8]>, u64);

/// Changes that are not yet in the file.
#[derive(Default)]
pub(super) struct UnsavedAnswers {
    /// By key: the bytes and the counter of the last use, or `None` to delete the answer.
    answers: Vec<(Arc<str>, Option<StoredAnswer>)>,
    used: Vec<(Arc<str>, u64)>,
}

impl UnsavedAnswers {
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.used.is_empty()
    }

    pub(super) fn store(&self, write: &WriteTransaction) -> Result<(), Fault> {
        let mut answers = write.open_table(ANSWERS)?;
        let mut order = write.open_table(ANSWERS_USED)?;
        for (key, answer) in &self.answers {
            match answer {
                Some((bytes, used)) => {
                    answers.insert(&**key, &**bytes)?;
                    order.insert(&**key, *used)?;
                }
                None => {
                    answers.remove(&**key)?;
                    order.remove(&**key)?;
                }
            }
        }
        for (key, used) in &self.used {
            order.insert(&**key, *used)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_the_repository_that_its_url_names() {
        let of = |path: &str| {
            repository_of(&format!("2 GET https://ghe.acme.com/api/v3{path} ")).to_owned()
        };
        assert_eq!(of("/repos/acme/shop"), "acme/shop");
        assert_eq!(of("/repos/acme/shop/actions/runs?per_page=100"), "acme/shop");
        assert_eq!(of("/repos/acme/shop?x=/repos/acme/other"), "acme/shop");
        assert_eq!(of("/repositories/42/actions/runs?page=2"), "42");
        assert_eq!(of("/orgs/acme/teams/sre/memberships/ada"), "");
        assert_eq!(repository_of("a key"), "");
    }
}
