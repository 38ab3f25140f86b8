//! What people read at GitHub: commit statuses, issues and comments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IssueNumber, Login, RunId, StatusId, StatusRecord};

/// The state of a commit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitStatusState {
    /// A red cross that says broken.
    Error,
    /// A red cross.
    Failure,
    /// A yellow dot.
    Pending,
    /// A green tick.
    Success,
}

impl CommitStatusState {
    /// GitHub's word.
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
    /// Its number.
    pub id: StatusId,
    /// Its context, in the writer's own case.
    pub context: String,
    /// Its state.
    pub state: CommitStatusState,
    /// Its text; empty where there is none.
    pub description: String,
    /// Where it links to.
    pub target_url: Option<String>,
    /// Who wrote it; none for a deleted user.
    pub creator: Option<Login>,
    /// When GitHub took it.
    pub created_at: Timestamp,
}

/// An issue (never a pull request).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Its number.
    pub number: IssueNumber,
    /// Whether it is open.
    pub open: bool,
    /// Who opened it.
    pub author: Option<Login>,
    /// Its text.
    pub body: String,
    /// Its page.
    pub html_url: String,
}

/// A comment on an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueComment {
    /// Who wrote it.
    pub author: Option<Login>,
    /// Its text.
    pub body: String,
}

impl CommitStatus {
    /// The run that it links to.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        let (_, rest) = self.target_url.as_ref()?.split_once("/actions/runs/")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok().map(RunId::from)
    }

    /// As the ledger holds it, where it was read under `context`.
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
