//! What is known of a failure issue.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{IssueNumber, RunRef};

/// A failure issue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueRecord {
    /// Its number, once known.
    pub number: Option<IssueNumber>,
    /// The run attempts that it speaks of.
    pub said: BTreeSet<RunRef>,
    /// Those of them that it says were deleted.
    #[serde(default)]
    pub said_deleted: BTreeSet<RunRef>,
    /// What may have been written, and since when.
    pub intent: Option<(RunRef, Timestamp)>,
    /// When the recovery may have been said.
    pub recovery_intent: Option<Timestamp>,
    /// Whether the recovery after the last failure was said.
    pub recovered: bool,
    /// GitHub's last refusal to change it; none where it took the last change.
    #[serde(default)]
    pub refused: Option<IssueRefusal>,
}

/// GitHub's refusals to change an issue, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueRefusal {
    /// When the last one was.
    pub at: Timestamp,
    /// How many there were.
    pub times: u32,
}
