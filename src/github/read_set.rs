//! What a pass read, so that a later one may ask GitHub whether any of it changed, without
//! reading it again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ask::ReadRequest;
use super::transport::GithubAnswer;

/// A larger answer is asked for again: what is kept here counts as room for answers no more.
const LARGEST_KEPT: usize = 2 * 1024 * 1024;

/// All that a pass read, where GitHub gave each answer a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSet {
    pub(super) read: Box<[Tagged]>,
}

impl ReadSet {
    /// How many requests it takes to follow it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read.len()
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read.is_empty()
    }
}

/// An answer that was read, by its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tagged {
    pub(super) operation: &'static str,
    pub(super) path: Box<str>,
    /// Whose answer it is: tags depend on the token.
    pub(super) token: Box<str>,
    pub(super) etag: Box<str>,
}

/// Takes down what a pass reads, and hands answers on that were found to be new.
#[derive(Default)]
pub(super) struct ReadRecorder(Mutex<RecordedReads>);

#[derive(Default)]
struct RecordedReads {
    /// None while nobody asked for it to be taken down.
    read: Option<Vec<Tagged>>,
    /// Reads that were begun. Those that have no tag in `read` cannot be asked about.
    begun: usize,
    /// Answers that were asked for already, by path.
    ahead: Vec<(String, GithubAnswer)>,
}

impl ReadRecorder {
    /// Takes down what is read from now on.
    pub(super) fn begin(&self) {
        let mut taken = self.taken();
        *taken = RecordedReads { read: Some(Vec::new()), ..RecordedReads::default() };
    }

    /// What was read since [`Self::begin`]; none where that cannot be followed.
    pub(super) fn end(&self) -> Option<ReadSet> {
        let taken = std::mem::take(&mut *self.taken());
        let read = taken.read.filter(|read| read.len() == taken.begun)?;
        Some(ReadSet { read: read.into() })
    }

    /// A read begins.
    pub(super) fn reads(&self) {
        self.taken().begun += 1;
    }

    /// A read ended with an answer that bears a tag.
    pub(super) fn has_read(&self, ask: &ReadRequest, token: &str, etag: &str) {
        if let Some(read) = &mut self.taken().read {
            read.push(Tagged {
                operation: ask.operation,
                path: ask.path.as_str().into(),
                token: token.into(),
                etag: etag.into(),
            });
        }
    }

    /// Keeps an answer for the read that will ask for it in a moment.
    pub(super) fn keep(&self, path: String, mut answer: GithubAnswer) {
        if answer.bytes().len() > LARGEST_KEPT {
            return;
        }
        // Nobody else is to wait until this pass reads on.
        answer.room = None;
        self.taken().ahead.push((path, answer));
    }

    /// The answer that was kept for this path.
    pub(super) fn take_kept(&self, path: &str) -> Option<GithubAnswer> {
        let mut taken = self.taken();
        let place = taken.ahead.iter().position(|(kept, _)| kept == path)?;
        Some(taken.ahead.swap_remove(place).1)
    }

    fn taken(&self) -> MutexGuard<'_, RecordedReads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
