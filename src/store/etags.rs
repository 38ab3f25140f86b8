//! The cache for conditional requests: what GitHub answered, so that a restart costs no limit.
//!
//! All of it is in memory, and the file is a copy, written behind. A crash may lose the newest
//! answers, which costs a request each and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::error::Fault;
use super::schema::{ANSWERS, ANSWERS_USED};
use super::shelf::{Limit, Shelf};
use super::writer::Hand;

/// Answers that are kept: some 40 for each of 500 repositories.
const LIMIT: Limit = Limit { count: 20_000, bytes: 64 << 20 };
/// A larger answer is asked for again rather than kept: it would drive out too many others.
const LARGEST: usize = 4 << 20;
/// Answers that are written in one transaction.
const BATCH: usize = 128;

/// Answers of GitHub's by key. Reading and writing are immediate; the file follows.
pub struct AnswerCache {
    held: Mutex<Held>,
    hand: OnceLock<Weak<Hand>>,
}

struct Held {
    shelf: Shelf,
    answers: BTreeMap<String, Arc<[u8]>>,
    /// Keys whose answer, or whose absence, the file does not have.
    changed: BTreeSet<String>,
}

impl AnswerCache {
    pub(super) fn new() -> Self {
        let held =
            Held { shelf: Shelf::new(LIMIT), answers: BTreeMap::new(), changed: BTreeSet::new() };
        Self { held: Mutex::new(held), hand: OnceLock::new() }
    }

    /// Where changes are announced from now on.
    pub(super) fn announce_to(&self, hand: &Arc<Hand>) {
        self.hand.set(Arc::downgrade(hand)).ok();
    }

    /// The answer that was put there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut held = self.held();
        let answer = Arc::clone(held.answers.get(key)?);
        held.shelf.touch(key);
        drop(held);
        Some(answer.to_vec())
    }

    /// Keeps an answer, in place of an earlier one, until others are used more. One that is very
    /// large is not kept, and nor is what it replaces.
    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        let mut held = self.held();
        if held.answers.get(key).is_some_and(|before| **before == *bytes) {
            held.shelf.touch(key);
            return;
        }
        if bytes.len() > LARGEST {
            held.shelf.remove(key);
            held.answers.remove(key);
        } else {
            held.shelf.put(key, bytes.len());
            held.answers.insert(key.to_owned(), bytes.into());
        }
        held.changed.insert(key.to_owned());
        for evicted in held.shelf.evict() {
            held.answers.remove(&evicted);
            held.changed.insert(evicted);
        }
        let waiting = held.changed.len();
        drop(held);
        // The one who puts the first asks for it to be written; the others go along.
        if (waiting == 1 || waiting.is_multiple_of(BATCH))
            && let Some(hand) = self.hand.get().and_then(Weak::upgrade)
        {
            hand.nudge(waiting >= BATCH);
        }
    }

    /// Takes up what the file has.
    pub(super) fn load(&self, read: &ReadTransaction) -> Result<(), Fault> {
        let answers = read.open_table(ANSWERS)?;
        let used = read.open_table(ANSWERS_USED)?;
        let mut held = self.held();
        for row in answers.iter()? {
            let (key, bytes) = row?;
            let used = used.get(key.value())?.map_or(0, |used| used.value());
            held.shelf.restore(key.value(), bytes.value().len(), used);
            held.answers.insert(key.value().to_owned(), bytes.value().into());
        }
        for evicted in held.shelf.evict() {
            held.answers.remove(&evicted);
            held.changed.insert(evicted);
        }
        Ok(())
    }

    /// What the file lacks, up to a batch of it. When closing, also what was used since.
    pub(super) fn take_changes(&self, closing: bool) -> Changes {
        let mut held = self.held();
        let mut changes = Changes::default();
        while changes.answers.len() < BATCH
            && let Some(key) = held.changed.pop_first()
        {
            let answer = held.answers.get(&key).map(Arc::clone);
            let answer = answer.map(|bytes| (bytes, held.shelf.used(&key)));
            changes.answers.push((key, answer));
        }
        if closing && changes.answers.is_empty() {
            changes.used = held.shelf.take_touched();
        }
        changes
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer = (Arc<[u8]>, u64);

/// What the file lacks.
#[derive(Default)]
pub(super) struct Changes {
    /// By key: the bytes and the counter of their last use; none where it is not kept any more.
    answers: Vec<(String, Option<Answer>)>,
    used: Vec<(String, u64)>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.used.is_empty()
    }

    pub(super) fn store(&self, write: &WriteTransaction) -> Result<(), Fault> {
        let mut answers = write.open_table(ANSWERS)?;
        let mut order = write.open_table(ANSWERS_USED)?;
        for (key, answer) in &self.answers {
            match answer {
                Some((bytes, used)) => {
                    answers.insert(key.as_str(), &**bytes)?;
                    order.insert(key.as_str(), *used)?;
                }
                None => {
                    answers.remove(key.as_str())?;
                    order.remove(key.as_str())?;
                }
            }
        }
        for (key, used) in &self.used {
            order.insert(key.as_str(), *used)?;
        }
        Ok(())
    }
}
