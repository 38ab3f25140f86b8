//! Metrics of freezes and windows.

use jiff::Timestamp;

use super::Metrics;
use super::series::{ByRepository, Maker, Whole};
use crate::domain::RepoName;

pub(super) struct CalendarMetrics {
    next_boundary: Whole<ByRepository>,
    frozen_without_end: Whole<ByRepository>,
}

impl CalendarMetrics {
    pub(super) fn new(make: &mut Maker) -> Self {
        Self {
            next_boundary: make.whole(
                "next_boundary_timestamp_seconds",
                "When a freeze or a window of the repository begins or ends next",
            ),
            frozen_without_end: make.whole(
                "frozen_without_end",
                "1 while a freeze or closed windows hold the repository and no end is in sight",
            ),
        }
    }

    pub(super) fn forget(&self, repository: &RepoName) {
        self.next_boundary.forget(repository);
        self.frozen_without_end.forget(repository);
    }
}

impl Metrics {
    /// Sets when a freeze or a window of a repository begins or ends next. If none does, the series
    /// is removed.
    pub fn next_boundary(&self, repository: &RepoName, at: Option<Timestamp>) {
        let boundaries = &self.repositories.calendar.next_boundary;
        match at {
            Some(at) => {
                boundaries.of(repository, "").set(at.as_second());
            }
            None => boundaries.forget(repository),
        }
    }

    /// Sets whether a repository is frozen and no end is in sight.
    pub fn frozen_without_end(&self, repository: &RepoName, is_endless: bool) {
        let endless = &self.repositories.calendar.frozen_without_end;
        endless.of(repository, "").set(i64::from(is_endless));
    }
}
