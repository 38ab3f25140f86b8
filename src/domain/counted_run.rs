//! The verification runs that count, in the form in which they are kept.
//! [`decide::candidates`](crate::decide::candidates) derives what they mean for a commit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Run, RunId, RunOrigin, RunProgress, Sha};

/// A verification run that counts, with its known attempts and with the facts that make it
/// count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedRun {
    /// The facts that decide whether the run counts.
    pub origin: RunOrigin,
    /// The commit that it verified.
    pub sha: Sha,
    pub html_url: String,
    /// The attempts that were seen, by attempt number.
    pub attempts: BTreeMap<u32, Box<CountedAttempt>>,
}

/// The runs that count, by id. The values are boxed because a map node reserves room for eleven
/// entries and most repositories have one.
pub type CountedRuns = BTreeMap<RunId, Box<CountedRun>>;

/// An attempt of a verification run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedAttempt {
    pub started_at: Timestamp,
    pub progress: RunProgress,
    /// Approximately when it ended; `None` while it is not finished.
    pub ended_at: Option<Timestamp>,
}

impl CountedRun {
    /// Records the progress of the run's newest attempt.
    pub(crate) fn keep_in(runs: &mut CountedRuns, run: &Run, progress: RunProgress) {
        let counted = runs.entry(run.at.id).or_insert_with(|| {
            Box::new(Self {
                origin: run.into(),
                sha: run.head_sha.clone(),
                html_url: run.html_url.clone(),
                attempts: BTreeMap::new(),
            })
        });
        let ended_at = progress.finished().then_some(run.updated_at);
        let attempt = CountedAttempt { started_at: run.started_at, progress, ended_at };
        counted.attempts.insert(run.at.attempt, Box::new(attempt));
    }

    /// Whether a merge queue started it.
    pub(crate) fn is_queued(&self) -> bool {
        self.origin.event.is_merge_group()
    }

    fn newest(&self) -> Option<&CountedAttempt> {
        self.attempts.last_key_value().map(|(_, newest)| &**newest)
    }

    /// Whether its newest attempt is finished.
    pub(crate) fn is_finished(&self) -> bool {
        self.newest().is_some_and(|newest| newest.progress.finished())
    }

    /// When its newest attempt ended, if it did.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        self.newest().and_then(|newest| newest.ended_at)
    }

    /// When its newest attempt ended, if it succeeded.
    pub(crate) fn passed_at(&self) -> Option<Timestamp> {
        self.newest().filter(|newest| newest.progress.succeeded()).and(self.ended_at())
    }

    /// Whether any of its attempts succeeded.
    pub(crate) fn has_passed(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.progress.succeeded())
    }

    /// Whether the attempt with this number is known.
    pub(crate) fn has_attempt(&self, number: u32) -> bool {
        self.attempts.contains_key(&number)
    }

    /// When the first known attempt started, if this run is for `sha`.
    pub(crate) fn began_for(&self, sha: &Sha) -> Option<Timestamp> {
        let first = self.attempts.first_key_value().filter(|_| self.sha == *sha)?;
        Some(first.1.started_at)
    }
}
