//! Records what a pass read, so that a later pass can check with conditional requests whether
//! any of it changed, without reading it again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ask::ReadRequest;
use super::transport::GithubAnswer;

/// Larger answers are not kept: what is kept here does not count towards the limit for bodies.
const LARGEST_KEPT: usize = 2 * 1024 * 1024;

/// Everything that a pass read, if each answer had an ETag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSet {
    pub(super) read: Box<[Tagged]>,
}

impl ReadSet {
    /// How many requests it takes to revalidate.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read.is_empty()
    }
}

/// An answer that was read, identified by its ETag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tagged {
    pub(super) operation: &'static str,
    pub(super) path: Box<str>,
    /// The fingerprint of the token that got the answer: ETags depend on the token.
    pub(super) token: Box<str>,
    pub(super) etag: Box<str>,
}

/// Records what a pass reads, and passes on changed answers that revalidation has already
/// received.
#[derive(Default)]
pub(super) struct ReadRecorder(Mutex<RecordedReads>);

#[derive(Default)]
struct RecordedReads {
    /// `None` while not recording.
    read: Option<Vec<Tagged>>,
    /// The number of reads that were started. A read without an entry in `read` cannot be
    /// revalidated.
    begun: usize,
    /// Answers that revalidation has already received, by path.
    ahead: Vec<(String, GithubAnswer)>,
}

impl ReadRecorder {
    /// Starts recording.
    pub(super) fn begin(&self) {
        let mut taken = self.taken();
        *taken = RecordedReads { read: Some(Vec::new()), ..RecordedReads::default() };
    }

    /// What was read since [`Self::begin`]. `None` if a read cannot be revalidated.
    pub(super) fn end(&self) -> Option<ReadSet> {
        let taken = std::mem::take(&mut *self.taken());
        let read = taken.read.filter(|read| read.len() == taken.begun)?;
        Some(ReadSet { read: read.into() })
    }

    /// Records that a read has started.
    pub(super) fn reads(&self) {
        self.taken().begun += 1;
    }

    /// Records that a read got an answer with an ETag.
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

    /// Keeps an answer for the read that requests it next.
    pub(super) fn keep(&self, path: String, mut answer: GithubAnswer) {
        if answer.bytes().len() > LARGEST_KEPT {
            return;
        }
        // Release the memory permit: other bodies must not wait until this pass continues.
        answer.room = None;
        self.taken().ahead.push((path, answer));
    }

    /// Takes the answer that was kept for this path.
    pub(super) fn take_kept(&self, path: &str) -> Option<GithubAnswer> {
        let mut taken = self.taken();
        let place = taken.ahead.iter().position(|(kept, _)| kept == path)?;
        Some(taken.ahead.swap_remove(place).1)
    }

    fn taken(&self) -> MutexGuard<'_, RecordedReads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
