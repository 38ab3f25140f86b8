//! The verification runs that count, as they are kept. What they say of a commit is for
//! [`decide::candidates`](crate::decide::candidates).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Run, RunId, RunOrigin, RunProgress, Sha};

/// A verification run that counts, with what is known of its attempts, and with what decides
/// whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedRun {
    /// What decides whether it counts.
    pub origin: RunOrigin,
    /// The commit that it verified.
    pub sha: Sha,
    /// Its page.
    pub html_url: String,
    /// Its attempts that were seen, by number.
    pub attempts: BTreeMap<u32, Box<CountedAttempt>>,
}

/// The runs that count, by number. Boxed: a node of the map has room for eleven, and most
/// repositories have one.
pub type CountedRuns = BTreeMap<RunId, Box<CountedRun>>;

/// An attempt of a verification run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedAttempt {
    /// When it started.
    pub started_at: Timestamp,
    /// How far it is.
    pub progress: RunProgress,
    /// About when it ended; none while it is not finished.
    pub ended_at: Option<Timestamp>,
}

impl CountedRun {
    /// Keeps how far the newest attempt of a run that counts is, or was.
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

    /// When its newest attempt ended, if that was a success.
    pub(crate) fn passed_at(&self) -> Option<Timestamp> {
        self.newest().filter(|newest| newest.progress.succeeded()).and(self.ended_at())
    }

    /// Whether any attempt of it succeeded.
    pub(crate) fn has_passed(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.progress.succeeded())
    }

    /// Whether this attempt of it is known.
    pub(crate) fn has_attempt(&self, number: u32) -> bool {
        self.attempts.contains_key(&number)
    }

    /// When this run began, if it is one of `sha`.
    pub(crate) fn began_for(&self, sha: &Sha) -> Option<Timestamp> {
        let first = self.attempts.first_key_value().filter(|_| self.sha == *sha)?;
        Some(first.1.started_at)
    }
}
