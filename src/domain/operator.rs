//! Who speaks as an operator, and what they say.

use serde::{Deserialize, Serialize};

use super::{Approval, Sha};

/// Who spoke: the peer of the socket (or the user of the file), and the name they gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The system's word for who it was, such as `uid 1000`.
    pub peer: String,
    /// `--as NAME`.
    pub name: Option<String>,
}

impl Operator {
    /// How people are told who it was.
    #[must_use]
    pub fn display(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.peer),
            None => self.peer.clone(),
        }
    }
}

/// What an operator said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum OperatorAction {
    /// An operator approved a sha.
    Approved {
        /// The approval.
        approval: Approval,
    },
    /// An operator stopped the repository.
    Paused {
        /// Why.
        why: String,
        /// Who.
        by: Operator,
    },
    /// An operator let the repository go on.
    Resumed {
        /// Who.
        by: Operator,
    },
    /// An operator said what runs in production.
    ProductionSet {
        /// The sha.
        sha: Sha,
        /// Why.
        why: String,
        /// Who.
        by: Operator,
    },
    /// An operator's `trigger`, as earlier versions recorded it: now it stands in its attempt.
    Triggered {
        /// The sha.
        sha: Sha,
        /// Who.
        by: Operator,
    },
}

impl OperatorAction {
    /// The commit that it is about.
    pub(super) const fn sha(&self) -> Option<&Sha> {
        match self {
            Self::Approved { approval } => Some(&approval.sha),
            Self::ProductionSet { sha, .. } | Self::Triggered { sha, .. } => Some(sha),
            Self::Paused { .. } | Self::Resumed { .. } => None,
        }
    }
}
