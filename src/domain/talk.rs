//! What people read at GitHub: commit statuses, issues and comments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IssueNumber, Login, RunId, StatusId, StatusRecord};

/// The state of a commit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitStatusState {
    /// Shown as a red cross, with the meaning that something is broken.
    Error,
    /// Shown as a red cross.
    Failure,
    /// Shown as a yellow dot.
    Pending,
    /// Shown as a green check mark.
    Success,
}

impl CommitStatusState {
    /// The value used by GitHub's API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Pending => "pending",
            Self::Success => "success",
        }
    }
}

/// A commit status under our context, whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitStatus {
    pub id: StatusId,
    /// The context, in the case that its writer used.
    pub context: String,
    pub state: CommitStatusState,
    /// Empty if there is no description.
    pub description: String,
    pub target_url: Option<String>,
    /// `None` for a deleted user.
    pub creator: Option<Login>,
    pub created_at: Timestamp,
}

/// An issue (never a pull request).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    pub number: IssueNumber,
    pub open: bool,
    pub author: Option<Login>,
    pub body: String,
    pub html_url: String,
}

/// A comment on an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueComment {
    pub author: Option<Login>,
    pub body: String,
}

impl CommitStatus {
    /// The run that the status links to.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        let (_, rest) = self.target_url.as_ref()?.split_once("/actions/runs/")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok().map(RunId::from)
    }

    /// Converts the status, which was read under `context`, to the form that the ledger stores.
    #[must_use]
    pub fn record(&self, context: &str) -> StatusRecord {
        StatusRecord {
            context: Some(context.to_owned()),
            id: self.id,
            at: self.created_at,
            state: self.state,
            description: self.description.clone(),
            target_url: self.target_url.clone(),
        }
    }
}
