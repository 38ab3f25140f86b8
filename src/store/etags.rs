//! The cache for conditional requests: what GitHub answered, so that a restart costs no limit.
//!
//! The answers are in the file; in memory is what is there, and what is still to be written. A
//! crash may lose the newest answers, which costs a request each and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::schema::{ANSWERS, ANSWERS_USED};
use super::shelf::{Limit, Shelf};
use super::writer::Hand;

/// Answers that are kept: some 40 for each of 500 repositories.
const LIMIT: Limit = Limit { count: 20_000, bytes: 64 << 20 };
/// A larger answer is asked for again rather than kept: it would drive out too many others.
const LARGEST: usize = 4 << 20;
/// Answers that are written in one transaction.
const BATCH: usize = 128;

/// Answers of GitHub's by key. Writing is immediate; the file follows.
pub struct AnswerCache {
    held: Mutex<Held>,
    hand: OnceLock<Weak<Hand>>,
}

struct Held {
    shelf: Shelf,
    /// Answers that the file does not have yet, and those that it is to have no more.
    waiting: BTreeMap<Arc<str>, Option<Arc<[u8]>>>,
}

impl AnswerCache {
    pub(super) fn new() -> Self {
        let held = Held { shelf: Shelf::new(LIMIT), waiting: BTreeMap::new() };
        Self { held: Mutex::new(held), hand: OnceLock::new() }
    }

    /// Where changes are announced from now on.
    pub(super) fn announce_to(&self, hand: &Arc<Hand>) {
        self.hand.set(Arc::downgrade(hand)).ok();
    }

    /// The answer that was put there.
    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        if let Some(waiting) = self.look(key)? {
            return Some(waiting.to_vec());
        }
        let (hand, key) = (self.hand.get()?.upgrade()?, key.to_owned());
        // What cannot be read is asked for again.
        hand.run(move |engine| engine.answer(&key)).await.ok()?
    }

    /// None where there is no such answer; the answer itself where the file lacks it.
    #[expect(clippy::option_option, reason = "there may be one, and it may be here")]
    fn look(&self, key: &str) -> Option<Option<Arc<[u8]>>> {
        let mut held = self.held();
        match held.waiting.get(key).cloned() {
            Some(None) => None,
            here => {
                held.shelf.holds(key).then(|| held.shelf.touch(key))?;
                Some(here.flatten())
            }
        }
    }

    /// Keeps an answer, in place of an earlier one, until others are used more. One that is very
    /// large is not kept, and nor is what it replaces.
    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        let mut held = self.held();
        let shared: Arc<str> = key.into();
        if bytes.len() > LARGEST {
            held.shelf.remove(key);
            held.waiting.insert(shared, None);
        } else {
            held.shelf.put(key, bytes.len());
            held.waiting.insert(shared, Some(bytes.into()));
        }
        held.evict();
        let waiting = held.waiting.len();
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
        }
        held.evict();
        Ok(())
    }

    /// What the file lacks, up to a batch of it. When closing, also what was used since.
    pub(super) fn take_changes(&self, closing: bool) -> Changes {
        let mut held = self.held();
        let mut changes = Changes::default();
        while changes.answers.len() < BATCH
            && let Some((key, answer)) = held.waiting.pop_first()
        {
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

impl Held {
    fn evict(&mut self) {
        for evicted in self.shelf.evict() {
            self.waiting.insert(evicted, None);
        }
    }
}

impl Engine {
    fn answer(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|read| {
            let answers = read.open_table(ANSWERS)?;
            Ok(answers.get(key)?.map(|bytes| bytes.value().to_vec()))
        })
    }
}

type Answer = (Arc<[u8]>, u64);

/// What the file lacks.
#[derive(Default)]
pub(super) struct Changes {
    /// By key: the bytes and the counter of their last use; none where it is not kept any more.
    answers: Vec<(Arc<str>, Option<Answer>)>,
    used: Vec<(Arc<str>, u64)>,
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
