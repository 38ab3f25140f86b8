//! Commit statuses, issues and their comments.

use super::AllOrFirst;
use crate::domain::{
    CommitStatus, CommitStatusState, Flag, FlagKind, Issue, IssueComment, IssueNumber, Login,
    RepoName, Sha,
};
use crate::github::ask::{ReadRequest, encoded};
use crate::github::error::ReadError;
use crate::github::{Reader, wire};

/// 10,000 statuses. GitHub accepts 1,000 per commit and context (its documentation); a commit
/// has tens of contexts, few of which are that busy.
const STATUS_PAGES: u32 = 100;
/// 10,000 issues by one author.
const ISSUE_PAGES: u32 = 100;
/// 5,000 comments. GitHub accepts 2,500 on an issue.
const COMMENT_PAGES: u32 = 50;

impl Reader {
    /// The statuses of a commit under `context` (case-insensitive), newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn statuses(
        &self,
        name: &RepoName,
        sha: &Sha,
        context: &str,
        pages: AllOrFirst,
    ) -> Result<Vec<CommitStatus>, ReadError> {
        let what = format!("list the statuses of {} in {name}", sha.short());
        let path = format!("/repos/{name}/commits/{sha}/statuses?per_page=100");
        // Only this context is kept: others may fill most of a page, and they are not needed
        // here.
        let kept = Some(context.to_lowercase());
        let ask = ReadRequest { kept, ..ReadRequest::new("list_statuses", what, path) };
        let parse = |body: &[u8]| {
            let page: wire::BoundedPage<wire::WireStatus> = wire::parse(body)?;
            let ours = page
                .into_iter()
                .filter(|listed| listed.context.to_lowercase() == context.to_lowercase());
            Ok(ours.map(wire::WireStatus::domain).collect())
        };
        let mut found = self.pages(ask, pages, STATUS_PAGES, parse).await?;
        found.sort_by_key(|status: &CommitStatus| std::cmp::Reverse(status.id));
        // A status that is created meanwhile shifts the pages, so one may appear twice.
        found.dedup_by_key(|status| status.id);
        Ok(found)
    }

    /// The statuses of a commit that raise its risk, under any of these contexts
    /// (case-insensitive).
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn flags(
        &self,
        name: &RepoName,
        sha: &Sha,
        contexts: &[String],
    ) -> Result<Vec<Flag>, ReadError> {
        let what = format!("list the statuses of {} in {name}", sha.short());
        let path = format!("/repos/{name}/commits/{sha}/statuses?per_page=100");
        let wanted: Vec<String> = contexts.iter().map(|context| context.to_lowercase()).collect();
        let kept = Some(format!("flags {}", wanted.join("\n")));
        let ask = ReadRequest { kept, ..ReadRequest::new("list_statuses", what, path) };
        let parse = |body: &[u8]| {
            let page: wire::BoundedPage<wire::WireStatus> = wire::parse(body)?;
            let named = page.into_iter().filter(|one| wanted.contains(&one.context.to_lowercase()));
            Ok(named.map(wire::WireStatus::domain).collect())
        };
        let statuses: Vec<CommitStatus> = self.all_pages(ask, STATUS_PAGES, parse).await?;
        Ok(wanted.iter().filter_map(|context| raised_by(context, &statuses)).collect())
    }

    /// The issues by `creator`, or by anybody: open and closed, newest first, without pull
    /// requests.
    ///
    /// # Errors
    /// [`ReadError`]; `Gone410` if issues are disabled.
    pub async fn issues_by(
        &self,
        name: &RepoName,
        creator: Option<&Login>,
        pages: AllOrFirst,
    ) -> Result<Vec<Issue>, ReadError> {
        let (by, creator) = creator.map_or_else(
            || ("anybody".to_owned(), String::new()),
            |login| (login.to_string(), format!("creator={}&", encoded(login.as_str()))),
        );
        let what = format!("list the issues of {name} by {by}");
        let path = format!("/repos/{name}/issues?{creator}state=all&per_page=100");
        let ask = ReadRequest::new("list_issues", what, path);
        let parse = |body: &[u8]| {
            let page: wire::BoundedPage<wire::WireIssue> = wire::parse(body)?;
            Ok(page.into_iter().filter_map(wire::WireIssue::domain).collect())
        };
        self.pages(ask, pages, ISSUE_PAGES, parse).await
    }

    /// The comments of an issue, oldest first.
    ///
    /// # Errors
    /// [`ReadError`]; `Gone410` if issues are disabled.
    pub async fn issue_comments(
        &self,
        name: &RepoName,
        issue: IssueNumber,
    ) -> Result<Vec<IssueComment>, ReadError> {
        let what = format!("list the comments of issue {issue} in {name}");
        let path = format!("/repos/{name}/issues/{issue}/comments?per_page=100");
        let ask = ReadRequest::new("list_issue_comments", what, path);
        let parse = |body: &[u8]| {
            let page: wire::BoundedPage<wire::WireComment> = wire::parse(body)?;
            Ok(page.into_iter().map(wire::WireComment::domain).collect())
        };
        self.all_pages(ask, COMMENT_PAGES, parse).await
    }
}

/// How the statuses under one context raise the risk. A single failure counts for good;
/// otherwise the newest status counts if it is pending.
fn raised_by(context: &str, statuses: &[CommitStatus]) -> Option<Flag> {
    let of_context = || statuses.iter().filter(|one| one.context.to_lowercase() == context);
    let objects = |one: &CommitStatus| match one.state {
        CommitStatusState::Error | CommitStatusState::Failure => true,
        CommitStatusState::Pending | CommitStatusState::Success => false,
    };
    let newest = of_context().max_by_key(|one| one.id)?;
    let kind = if of_context().any(objects) {
        FlagKind::Objected
    } else if newest.state == CommitStatusState::Pending {
        FlagKind::Pending
    } else {
        return None;
    };
    Some(Flag { context: newest.context.clone(), kind })
}
