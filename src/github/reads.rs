//! The read endpoints, one function each. This file covers the repository, its branches,
//! commits and files.

mod actions;
mod commits;
mod lists;
mod preflight;
mod pulls;
mod talk;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use preflight::{FileText, Granted, PermissionProbe, RepositoryAccess};

use super::Reader;
use super::ask::{ReadRequest, encoded};
use super::error::ReadError;
use super::etag::TaggedPage;
use super::wire::{self, Unusable};
use crate::domain::{
    Branch, BranchCommits, CommitMessage, Comparison, Login, RepoName, Repository, Run, RunEvent,
    Sha,
};

/// The maximum number of files that GitHub lists for a directory (its documentation of "Get
/// repository content").
pub const MOST_LISTED_FILES: usize = 1_000;
/// The maximum number of successive branch renames that are followed.
const MOST_RENAMES: usize = 3;

/// A value, and whether a redirect led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    /// Whether a redirect led to it. The caller decides whether it is still the same object.
    pub redirected: bool,
}

/// How much of a list to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllOrFirst {
    /// The whole list or an error, never a part.
    All,
    /// The first page.
    First,
}

/// Selects runs of a workflow. GitHub serves filtered lists from an index that lags: a run that
/// is missing from one may exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// On this branch or tag.
    pub branch: Option<Branch>,
    pub event: Option<RunEvent>,
    /// With this status or conclusion, as GitHub spells it.
    pub status: Option<String>,
    pub head_sha: Option<Sha>,
}

/// A page of runs, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPage {
    pub runs: Vec<Run>,
    /// Whether there are older runs.
    pub has_next: bool,
}

/// The result of comparing two commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    Known(Comparison),
    /// One of the commits does not exist, or they have no common ancestor (404, 422). Contains
    /// GitHub's message.
    Gone(String),
}

/// All files of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// By path. Includes submodules and symlinks, but not directories.
    pub entries: BTreeMap<String, TreeEntry>,
    /// Whether GitHub omitted some entries.
    pub truncated: bool,
}

/// A file of a tree. Two files are the same if both fields are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// The id of its content.
    pub blob: String,
    /// The file mode: regular, executable, symlink or submodule.
    pub mode: String,
}

impl Reader {
    /// The account behind the credential: the token's user, or the configured App's
    /// `slug[bot]`. An installation token that was given as a plain token has no user: GitHub
    /// refuses with 403.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn user(&self) -> Result<Login, ReadError> {
        if let Some(account) = self.client.auth.account(&self.client.line).await {
            return account.map_err(|why| why.for_a_read("identify the App"));
        }
        let ask = ReadRequest::new("get_user", "identify the token's user".into(), "/user".into());
        let login = |body: &[u8]| wire::parse::<wire::User>(body).map(|user| user.login);
        self.one(&ask, login).await
    }

    /// A repository. GitHub redirects after a rename; one redirect is followed, on the same
    /// host only.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn repository(&self, name: &RepoName) -> Result<Located<Repository>, ReadError> {
        let what = format!("read the repository {name}");
        let ask = ReadRequest::new("get_repository", what, format!("/repos/{name}"));
        let parse =
            |body: &[u8]| wire::parse::<wire::WireRepository>(body).map(|found| found.domain());
        let moved = match self.one(&ask, parse).await {
            Ok(value) => return Ok(Located { value, redirected: false }),
            Err(ReadError::Moved { what, location }) => (what, location),
            Err(error) => return Err(error),
        };
        let (what, location) = moved;
        let place = location.as_deref().and_then(|url| self.client.line.below_on_our_host(url));
        let Some(path) = place else { return Err(ReadError::Moved { what, location }) };
        let ask = ReadRequest::new("get_repository", what, path);
        let value = self.one(&ask, parse).await?;
        Ok(Located { value, redirected: true })
    }

    /// The commit that a branch points at; `None` if the branch does not exist.
    ///
    /// # Errors
    /// [`ReadError`], never `NotFound`.
    pub async fn branch_tip(
        &self,
        name: &RepoName,
        branch: &Branch,
    ) -> Result<Option<Sha>, ReadError> {
        let what = format!("read the branch {branch} of {name}");
        let path = format!("/repos/{name}/branches/{}", encoded(branch.as_str()));
        let tip = |body: &[u8]| wire::parse::<wire::WireBranch>(body).map(|found| found.commit.sha);
        none_if_missing(self.one(&ReadRequest::new("get_branch", what, path), tip).await)
    }

    /// The commit that a full or abbreviated sha, a branch or a tag resolves to; `None` if
    /// GitHub knows none.
    ///
    /// # Errors
    /// [`ReadError`], never `NotFound`.
    pub async fn resolve_commit(
        &self,
        name: &RepoName,
        reference: &str,
    ) -> Result<Option<Sha>, ReadError> {
        let what = format!("read the commit {reference} of {name}");
        // `per_page` limits the commit's files with their patches, which are not needed here.
        let path = format!("/repos/{name}/commits/{}?per_page=1", encoded(reference));
        let sha = |body: &[u8]| wire::parse::<wire::WireCommit>(body).map(|found| found.sha);
        match none_if_missing(self.one(&ReadRequest::new("get_commit", what, path), sha).await) {
            // "No commit found for SHA", or the repository is empty.
            Err(ReadError::Refused { status: 409 | 422, .. }) => Ok(None),
            found => found,
        }
    }

    /// The commits reachable from `tip`, newest first, at most 100 per page.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn branch_commits(
        &self,
        name: &RepoName,
        tip: &Sha,
        pages: u32,
    ) -> Result<BranchCommits, ReadError> {
        let what = format!("list the commits of {name} below {}", tip.short());
        let path = format!("/repos/{name}/commits?sha={tip}&per_page=100");
        // Cache entries of earlier versions under the default key lack the messages.
        let kept = Some("reverts".to_owned());
        let ask = ReadRequest { kept, ..ReadRequest::new("list_commits", what, path) };
        let parse = |body: &[u8]| {
            let page: wire::BoundedPage<wire::WireListedCommit> = wire::parse(body)?;
            let listed = page.into_iter().map(|commit| {
                let message = ListedMessage::of(commit.message());
                (commit.domain(), message)
            });
            Ok(listed.collect())
        };
        match self.some_pages(ask, pages, parse).await {
            Ok((listed, complete)) => {
                let mut found = BranchCommits { complete, ..BranchCommits::default() };
                for ((sha, parents), message) in listed {
                    message.note(&sha, &mut found.messages);
                    found.commits.push((sha, parents));
                }
                Ok(found)
            }
            // "Git Repository is empty."
            Err(ReadError::Refused { status: 409, .. }) => {
                Ok(BranchCommits { complete: true, ..BranchCommits::default() })
            }
            Err(error) => Err(error),
        }
    }

    /// How `head` relates to `base`, and the files that differ from their merge base.
    ///
    /// # Errors
    /// [`ReadError`]. A comparison that is too large for GitHub fails with `Server` every time.
    pub async fn compare(
        &self,
        name: &RepoName,
        base: &Sha,
        head: &Sha,
    ) -> Result<Compared, ReadError> {
        let what = format!("compare {} with {} in {name}", base.short(), head.short());
        // `per_page` limits the commits. "The list of changed files is only shown on the first
        // page of results, but it includes all changed files for the entire comparison."
        let path = format!("/repos/{name}/compare/{base}...{head}?page=1&per_page=1");
        let parse =
            |body: &[u8]| wire::parse::<wire::WireComparison>(body).map(|found| found.domain());
        // Cache entries of earlier versions under the default key lack the files' blobs.
        let kept = Some("blobs".to_owned());
        let ask = ReadRequest { kept, ..ReadRequest::new("compare_commits", what, path) };
        match self.one(&ask, parse).await {
            Err(
                ReadError::NotFound { words, .. } | ReadError::Refused { status: 422, words, .. },
            ) => Ok(Compared::Gone(words)),
            compared => compared,
        }
    }

    /// All files of a commit, as far as GitHub lists them.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn tree(&self, name: &RepoName, sha: &Sha) -> Result<Tree, ReadError> {
        let what = format!("list the files of {name} at {}", sha.short());
        let path = format!("/repos/{name}/git/trees/{sha}?recursive=1");
        // Up to 100,000 entries that never change. Callers keep what they derive from them.
        let ask = ReadRequest { kept: None, ..ReadRequest::new("get_tree", what, path) };
        let parse = |body: &[u8]| wire::parse::<wire::WireTree>(body).map(|found| found.domain());
        self.one(&ask, parse).await
    }

    /// Reads an answer that is not a list.
    async fn one<T, P>(&self, ask: &ReadRequest, parse: P) -> Result<T, ReadError>
    where
        T: Serialize + DeserializeOwned,
        P: Fn(&[u8]) -> Result<T, Unusable>,
    {
        Ok(self.page(ask, parse).await?.value)
    }

    async fn page<T, P>(&self, ask: &ReadRequest, parse: P) -> Result<TaggedPage<T>, ReadError>
    where
        T: Serialize + DeserializeOwned,
        P: Fn(&[u8]) -> Result<T, Unusable>,
    {
        self.client.get(ask, &self.manner(), parse).await
    }
}

/// What is cached of the message of a commit on a branch. There are a hundred of these per
/// repository, so a message that reverts nothing is not kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ListedMessage {
    /// GitHub did not include it.
    Unknown,
    /// It reverts nothing.
    Plain,
    /// It reverts something.
    Reverts(Box<CommitMessage>),
}

impl ListedMessage {
    fn of(message: Option<CommitMessage>) -> Self {
        match message {
            None => Self::Unknown,
            Some(message) if message.reverts() => Self::Reverts(Box::new(message)),
            Some(_) => Self::Plain,
        }
    }

    fn note(self, sha: &Sha, messages: &mut BTreeMap<Sha, Option<Box<CommitMessage>>>) {
        match self {
            Self::Unknown => {}
            Self::Plain => drop(messages.insert(sha.clone(), None)),
            Self::Reverts(message) => drop(messages.insert(sha.clone(), Some(message))),
        }
    }
}

fn none_if_missing<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(ReadError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
