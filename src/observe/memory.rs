//! What is kept of a repository between passes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CountedRun, ObserveError, Seldom};
use crate::domain::{Ancestry, BranchCommits, RunId, Sha};
use crate::github::ReadError;

/// What is kept of a repository between passes, and over a restart. All of it can be read again:
/// losing it costs requests and nothing else, and nothing is dispatched on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    pub(super) seldom: Option<Seldom>,
    pub(super) branch_commits: BranchCommits,
    /// The tip that `branch_commits` were read from.
    pub(super) commits_of: Option<Sha>,
    /// Passes since the unfiltered verification runs were read; none: there was no pass yet.
    pub(super) passes: u32,
    pub(super) counted: BTreeMap<RunId, CountedRun>,
    /// Verified shas that were looked for on the branch, and the tip that did not show them.
    pub(super) not_shown_by: BTreeMap<Sha, Sha>,
    /// Which commits contain which, as far as somebody asked.
    #[serde(skip_serializing_if = "Ancestry::is_empty")]
    pub ancestry: Ancestry,
    /// The commit of which it was asked last whether production contains it.
    pub last_asked_shipped: Option<Sha>,
    /// When the deploy runs of the last thirty days were swept.
    pub(super) swept_at: Option<Timestamp>,
}

impl Memory {
    /// What a start can go on from: the count of passes begins anew, so that a restart alone is
    /// no reason to read more.
    #[must_use]
    pub fn for_the_next_start(&self) -> Self {
        Self { passes: self.passes.min(1), ..self.clone() }
    }

    /// When the first verification run of `sha` that is still known began: about when it was
    /// merged.
    #[must_use]
    pub fn first_verified_at(&self, sha: &Sha) -> Option<Timestamp> {
        self.counted.values().filter_map(|run| run.began_for(sha)).min()
    }

    /// The newest commits of the branch.
    #[must_use]
    pub const fn commits(&self) -> &BranchCommits {
        &self.branch_commits
    }

    /// Notes a pass that found nothing new and so read nothing.
    pub const fn note_unchanged(&mut self) {
        self.passes = self.passes.saturating_add(1);
    }

    /// Notes that what a sweep of the deploy runs showed is in the ledger. Before that, a pass
    /// that fails must leave the next one to sweep again.
    pub fn note_sweep(&mut self, swept_at: Option<Timestamp>) {
        self.swept_at = swept_at.or(self.swept_at);
    }

    /// Forgets what changes seldom, so that the next look reads it.
    pub fn distrust(&mut self) {
        self.seldom = None;
        self.swept_at = None;
    }

    /// Forgets the repository's name where GitHub says that what is asked for by it has moved, so
    /// that the repository is looked up anew and by its id is known again, or is not. Whether there
    /// was a name to forget: without one, it was the repository itself that cannot be followed.
    pub fn forgets_its_name(&mut self, error: &ObserveError) -> bool {
        let moved = matches!(error, ObserveError::Read(ReadError::Moved { .. }));
        let forgets = moved && self.seldom.is_some();
        if forgets {
            self.distrust();
        }
        forgets
    }
}
