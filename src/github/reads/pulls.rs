//! Pull requests: which one brought a commit, their history, and users' permissions.

use super::{BranchCommits, RepoName, Sha};
use crate::domain::{
    ApprovalCommand, Branch, FileChange, ListedCommit, Login, MergedPull, PullEvent, PullNumber,
    RangeFiles, RepositoryRole, Team,
};
use crate::github::ask::{ReadRequest, encoded};
use crate::github::error::ReadError;
use crate::github::{Reader, wire};

/// 1,000 pull requests that contain one commit.
const PULL_PAGES: u32 = 10;
/// GitHub's maximum page size of most lists.
const PER_PAGE: usize = 100;
/// The small page size that is used where GitHub fails at full pages.
const FEW: usize = 25;
/// "Responses include a maximum of 3000 files" (GitHub's documentation of "List pull requests
/// files").
const MOST_PULL_FILES: usize = 3_000;
const FILE_PAGES: u32 = 30;
/// GitHub accepts 2,500 comments on a pull request. A partial timeline is never used: later
/// events can revoke earlier ones.
const TIMELINE_PAGES: u32 = 100;
const MOST_EVENTS: usize = 10_000;
/// 2,000 commits, at GitHub's maximum of 250 per page of a comparison.
const COMPARED_PAGES: u32 = 8;

impl Reader {
    /// The merged pull requests that brought a commit, each with the branch that it was merged
    /// into, under the branch's name at that time. GitHub may need a moment to list a merge.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn pulls_of(
        &self,
        name: &RepoName,
        sha: &Sha,
    ) -> Result<Vec<(Branch, MergedPull)>, ReadError> {
        let what = format!("list the pull requests that brought {} to {name}", sha.short());
        let path = format!("/repos/{name}/commits/{sha}/pulls?per_page=100");
        let kept = Some("merged".to_owned());
        let ask = ReadRequest { kept, ..ReadRequest::new("list_pulls_of_commit", what, path) };
        let parse = |body: &[u8]| {
            let page: wire::BoundedPage<wire::WirePull> = wire::parse(body)?;
            Ok(page.into_iter().filter_map(wire::WirePull::merged).collect())
        };
        self.all_pages(ask, PULL_PAGES, parse).await
    }

    /// The files that a pull request changes, with their blobs at its head.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn pull_files(
        &self,
        name: &RepoName,
        pull: PullNumber,
    ) -> Result<RangeFiles, ReadError> {
        let what = format!("list the files of pull request {pull} of {name}");
        let path = format!("/repos/{name}/pulls/{pull}/files?per_page=100");
        let parse = |body: &[u8]| {
            let page: wire::BoundedPage<wire::WireFile> = wire::parse(body)?;
            Ok(page.into_iter().map(wire::WireFile::domain).collect())
        };
        let ask = ReadRequest { kept: None, ..ReadRequest::new("list_pull_files", what, path) };
        let (files, ended): (Vec<FileChange>, bool) =
            self.some_pages(ask, FILE_PAGES, parse).await?;
        let is_whole = ended && files.len() < MOST_PULL_FILES;
        Ok(if is_whole { RangeFiles::Complete(files) } else { RangeFiles::Truncated(files) })
    }

    /// The timeline of a pull request in GitHub's order. Of its comments, only the use of
    /// `command` is kept.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn timeline(
        &self,
        name: &RepoName,
        pull: PullNumber,
        command: &ApprovalCommand,
    ) -> Result<Vec<PullEvent>, ReadError> {
        let what = format!("list the timeline of pull request {pull} of {name}");
        let address = format!("/repos/{name}/issues/{pull}/timeline");
        let path = format!("{address}?per_page=100");
        let kept = Some(command.as_str().to_owned());
        let ask = |path: String| ReadRequest {
            kept: kept.clone(),
            ..ReadRequest::new("list_timeline", what.clone(), path)
        };
        let parse = |body: &[u8]| wire::events(body, command);
        let mut events = self.all_pages(ask(path.clone()), TIMELINE_PAGES, parse).await?;
        // A new event after a full page does not change that page, so a 304 may hide that there
        // is a next page.
        while !events.is_empty() && events.len().is_multiple_of(FEW) {
            // A timeline that was read in small pages continues in small pages.
            let size = if events.len().is_multiple_of(PER_PAGE) { PER_PAGE } else { FEW };
            let next = ask(format!("{address}?per_page={size}&page={}", events.len() / size + 1));
            let more = self.list_page(&next, &parse).await?.value;
            if more.is_empty() {
                break;
            }
            events.extend(more);
            if events.len() > MOST_EVENTS {
                return Err(ReadError::TooMany { what, pages: TIMELINE_PAGES });
            }
        }
        Ok(events.into_iter().flatten().collect())
    }

    /// The current labels of a pull request.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn labels_of(
        &self,
        name: &RepoName,
        pull: PullNumber,
    ) -> Result<Vec<String>, ReadError> {
        let what = format!("read pull request {pull} of {name}");
        let ask = ReadRequest::new("get_pull", what, format!("/repos/{name}/pulls/{pull}"));
        let names = |body: &[u8]| wire::parse::<wire::WireLabels>(body).map(|pull| pull.names());
        self.one(&ask, names).await
    }

    /// A user's role in a repository.
    ///
    /// # Errors
    /// [`ReadError`]; `NotFound` if GitHub does not know the user there.
    pub async fn standing(
        &self,
        name: &RepoName,
        login: &Login,
    ) -> Result<RepositoryRole, ReadError> {
        let what = format!("read the permission of {login} on {name}");
        let path = format!("/repos/{name}/collaborators/{}/permission", encoded(login.as_str()));
        let parse =
            |body: &[u8]| wire::parse::<wire::WireStanding>(body).map(|found| found.domain());
        self.one(&ReadRequest::new("get_permission", what, path), parse).await
    }

    /// Whether a user is an active member of a team or of one of its child teams.
    ///
    /// # Errors
    /// [`ReadError`], never `NotFound`: GitHub answers 404 if the user is not a member, and
    /// also if the token cannot see the team. Both give `false`.
    pub async fn is_member(&self, team: &Team, login: &Login) -> Result<bool, ReadError> {
        let what = format!("read whether {login} belongs to the team {team}");
        let (org, slug) = (encoded(team.org()), encoded(team.slug()));
        let login = encoded(login.as_str());
        let path = format!("/orgs/{org}/teams/{slug}/memberships/{login}");
        let parse =
            |body: &[u8]| wire::parse::<wire::WireMembership>(body).map(|found| found.is_active());
        match self.one(&ReadRequest::new("get_membership", what, path), parse).await {
            Err(ReadError::NotFound { .. }) => Ok(false),
            found => found,
        }
    }

    /// The commits in `head` but not in `base`, with their parents. `complete` is false if
    /// GitHub counts more commits than it lists or than can be read.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn commits_between(
        &self,
        name: &RepoName,
        base: &Sha,
        head: &Sha,
    ) -> Result<BranchCommits, ReadError> {
        let (from, to) = (base.short(), head.short());
        let what = format!("list the commits from {from} to {to} in {name}");
        let path = format!("/repos/{name}/compare/{base}...{head}?per_page=250");
        let ask = ReadRequest::new("list_compared_commits", what, path);
        let parse = |body: &[u8]| {
            wire::parse::<wire::WireComparedCommits>(body).map(wire::WireComparedCommits::domain)
        };
        let (listed, ended) = self.some_pages(ask, COMPARED_PAGES, parse).await?;
        // A page that lacks commits must not be mistaken for the end of the list.
        let complete = ended && listed.iter().all(|(total, _)| *total == listed.len());
        let commits = listed.into_iter().map(|(_, commit)| commit).collect();
        Ok(BranchCommits { commits, complete, ..BranchCommits::default() })
    }

    /// The commits in `head` but not in `base`, with their messages; `None` if GitHub counts
    /// more commits than it lists or than can be read.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn messages_between(
        &self,
        name: &RepoName,
        base: &Sha,
        head: &Sha,
    ) -> Result<Option<Vec<ListedCommit>>, ReadError> {
        let (from, to) = (base.short(), head.short());
        let what = format!("list the commits from {from} to {to} in {name} with their messages");
        let path = format!("/repos/{name}/compare/{base}...{head}?per_page=250");
        let kept = Some("messages".to_owned());
        let ask = ReadRequest { kept, ..ReadRequest::new("list_compared_commits", what, path) };
        let parse =
            |body: &[u8]| Ok(wire::parse::<wire::WireComparedCommits>(body)?.with_messages()?);
        let (listed, ended) = self.some_pages(ask, COMPARED_PAGES, parse).await?;
        let complete = ended && listed.iter().all(|(total, _)| *total == listed.len());
        Ok(complete.then(|| listed.into_iter().map(|(_, commit)| commit).collect()))
    }
}
