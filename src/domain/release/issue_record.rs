//! The state of a failure issue.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{IssueNumber, RunRef};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueRecord {
    pub number: Option<IssueNumber>,
    /// The run attempts that the issue reports.
    pub said: BTreeSet<RunRef>,
    /// Those run attempts that the issue reports as deleted.
    #[serde(default)]
    pub said_deleted: BTreeSet<RunRef>,
    /// The run attempt that may have been written to the issue, and when that was attempted.
    pub intent: Option<(RunRef, Timestamp)>,
    /// When a comment about the recovery may have been written.
    pub recovery_intent: Option<Timestamp>,
    /// Whether the issue reports the recovery from the last failure.
    pub recovered: bool,
    /// GitHub's last refusals to change the issue; `None` if it accepted the last change.
    #[serde(default)]
    pub refused: Option<IssueRefusal>,
}

/// GitHub's consecutive refusals to change an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueRefusal {
    /// When the last refusal was.
    pub at: Timestamp,
    /// The number of refusals.
    pub times: u32,
}
