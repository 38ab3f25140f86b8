//! How a repository stands, in a word: the same for tables and pages.

use super::RepositoryStatus;
use crate::domain::{Outcome, Reason};

/// Groups of repositories, in the order in which somebody must do something about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusGroup {
    /// The last pass failed, or found no commit to judge.
    Error,
    /// The candidate may not ship.
    Hold,
    /// It waits for something that comes by itself.
    Wait,
    /// It would ship, were this no dry run.
    Dry,
    /// It ships.
    Allow,
    /// What is wanted is in production, or nothing is wanted.
    Quiet,
    /// Not governed: `enabled` is false in the configuration.
    Disabled,
}

impl StatusGroup {
    /// All of them, in their order.
    pub const ALL: [Self; 7] =
        [Self::Error, Self::Hold, Self::Wait, Self::Dry, Self::Allow, Self::Quiet, Self::Disabled];

    /// The group of a repository.
    #[must_use]
    pub fn of(row: &RepositoryStatus) -> Self {
        if !row.enabled {
            return Self::Disabled;
        }
        if row.error.is_some() {
            return Self::Error;
        }
        match row.decision {
            Some(Outcome::Hold) => Self::Hold,
            Some(Outcome::Wait) => Self::Wait,
            Some(Outcome::Allow) if row.dry_run => Self::Dry,
            Some(Outcome::Allow) if row.reason == Some(Reason::Deployed) => Self::Quiet,
            Some(Outcome::Allow) => Self::Allow,
            Some(Outcome::None) | None => Self::Quiet,
        }
    }
}
