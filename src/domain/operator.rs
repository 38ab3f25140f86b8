//! Operators and their actions.

use serde::{Deserialize, Serialize};

use super::{Approval, Sha};

/// Who acted: the peer of the socket (or the owner of the file), and the name that they gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The system's name for the peer, such as `uid 1000`.
    pub peer: String,
    /// The value of `--as NAME`.
    pub name: Option<String>,
}

impl Operator {
    /// The operator's name as shown to people.
    #[must_use]
    pub fn display(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.peer),
            None => self.peer.clone(),
        }
    }
}

/// An operator's action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum OperatorAction {
    Approved {
        approval: Approval,
    },
    Paused {
        /// The operator's reason.
        why: String,
        by: Operator,
    },
    Resumed {
        by: Operator,
    },
    /// An operator recorded which commit is in production.
    ProductionSet {
        sha: Sha,
        /// The operator's reason.
        why: String,
        by: Operator,
    },
    /// An operator's `trigger`, as recorded by earlier versions. Now it is part of its attempt.
    Triggered {
        sha: Sha,
        by: Operator,
    },
}

impl OperatorAction {
    /// The commit that the action is about, if it is about one.
    pub(super) const fn sha(&self) -> Option<&Sha> {
        match self {
            Self::Approved { approval } => Some(&approval.sha),
            Self::ProductionSet { sha, .. } | Self::Triggered { sha, .. } => Some(sha),
            Self::Paused { .. } | Self::Resumed { .. } => None,
        }
    }
}
