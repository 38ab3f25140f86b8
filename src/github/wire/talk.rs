//! Commit statuses, issues and their comments.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::User;
use crate::domain::{CommitStatus, CommitStatusState, Issue, IssueComment, IssueNumber, StatusId};

#[derive(Deserialize)]
pub(in crate::github) struct WireStatus {
    id: StatusId,
    pub(in crate::github) context: String,
    state: CommitStatusState,
    description: Option<String>,
    target_url: Option<String>,
    creator: Option<User>,
    created_at: Timestamp,
}

impl WireStatus {
    pub(in crate::github) fn domain(self) -> CommitStatus {
        CommitStatus {
            id: self.id,
            context: self.context,
            state: self.state,
            description: self.description.unwrap_or_default(),
            target_url: self.target_url.filter(|url| !url.is_empty()),
            creator: self.creator.map(|user| user.login),
            created_at: self.created_at,
        }
    }
}

#[derive(Deserialize)]
pub(in crate::github) struct WireIssue {
    number: IssueNumber,
    state: String,
    user: Option<User>,
    body: Option<String>,
    html_url: String,
    pull_request: Option<IgnoredAny>,
}

impl WireIssue {
    /// `None` for a pull request, which GitHub lists among the issues.
    pub(in crate::github) fn domain(self) -> Option<Issue> {
        self.pull_request.is_none().then(|| Issue {
            number: self.number,
            open: self.state != "closed",
            author: self.user.map(|user| user.login),
            body: self.body.unwrap_or_default(),
            html_url: self.html_url,
        })
    }
}

#[derive(Deserialize)]
pub(in crate::github) struct WireComment {
    user: Option<User>,
    body: Option<String>,
}

impl WireComment {
    pub(in crate::github) fn domain(self) -> IssueComment {
        IssueComment {
            author: self.user.map(|user| user.login),
            body: self.body.unwrap_or_default(),
        }
    }
}
