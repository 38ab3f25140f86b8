//! Metrics of freezes and windows.

use jiff::Timestamp;

use super::Metrics;
use crate::domain::RepoName;

impl Metrics {
    /// Sets when a freeze or a window of a repository begins or ends next. If none does, the series
    /// is removed.
    pub fn next_boundary(&self, repository: &RepoName, at: Option<Timestamp>) {
        let boundaries = &self.repositories.next_boundary;
        match at {
            Some(at) => {
                boundaries.of(repository, "").set(at.as_second());
            }
            None => boundaries.forget(repository),
        }
    }

    /// Sets whether a repository is frozen and no end is in sight.
    pub fn frozen_without_end(&self, repository: &RepoName, is_endless: bool) {
        self.repositories.frozen_without_end.of(repository, "").set(i64::from(is_endless));
    }
}
