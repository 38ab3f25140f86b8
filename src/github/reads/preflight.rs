//! What a look before the first pass reads, and no pass does: what the token may, and what the
//! workflows' files say.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::none_if_missing;
use crate::domain::{RepoName, Sha};
use crate::github::ask::{ReadRequest, encoded};
use crate::github::error::ReadError;
use crate::github::{Reader, wire};

/// 2,000 labels; a repository with more is not asked for one.
const LABEL_PAGES: u32 = 20;
/// GitHub runs no workflow whose file is larger than this (its documentation of limits says 512
/// kB, and Enterprise Server may be set otherwise).
const LARGEST_FILE: u64 = 1024 * 1024;

/// What GitHub tells of a token's rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// A classic token's scopes.
    Scopes(Vec<String>),
    /// An App's installation: a permission's name, and `read`, `write` or `admin`.
    Permissions(std::collections::BTreeMap<String, String>),
    /// Nothing, as of fine-grained tokens.
    NotTold {
        /// Whether the token is a person's or a machine account's, and not an App's.
        of_a_user: bool,
    },
}

/// What a repository is to the token's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryAccess {
    /// Whether only some may see it.
    pub private: bool,
    /// Whether the user may push; an App's installation has no user.
    pub push: Option<bool>,
}

/// A file's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileText {
    /// This.
    Text(String),
    /// More than is read.
    TooLarge,
    /// It is none, or not in UTF-8.
    NoText,
}

/// A read that is made only to see whether it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionProbe {
    /// The statuses of a commit.
    Statuses,
    /// The issues.
    Issues,
    /// The pull requests of a commit.
    PullRequests,
}

impl Reader {
    /// What GitHub tells of the credential's rights.
    ///
    /// # Errors
    /// [`ReadError`]: no answer, or `BadCredentials`.
    pub async fn granted(&self) -> Result<Granted, ReadError> {
        let token = self.client.token().await;
        token.map_err(|why| why.for_a_read("read the credential's permissions"))?;
        if let Some(permissions) = self.client.auth.permissions() {
            return Ok(Granted::Permissions(permissions));
        }
        let of_a_user = match self.past_caches().user().await {
            Ok(_) => true,
            Err(ReadError::Refused { .. } | ReadError::NotFound { .. }) => false,
            Err(error) => return Err(error),
        };
        // The scopes are in the answer's headers.
        let scopes = self.client.limits.scopes();
        Ok(scopes.map_or(Granted::NotTold { of_a_user }, Granted::Scopes))
    }

    /// What a repository is to the token's user.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn access(&self, name: &RepoName) -> Result<RepositoryAccess, ReadError> {
        let what = format!("read the repository {name}");
        let kept = Some("access".to_owned());
        let ask = ReadRequest {
            kept,
            ..ReadRequest::new("get_repository", what, format!("/repos/{name}"))
        };
        let access =
            |body: &[u8]| wire::parse::<wire::WireAccess>(body).map(|found| found.domain());
        self.one(&ask, access).await
    }

    /// What a file says at a ref; none where there is no such file or ref.
    ///
    /// # Errors
    /// [`ReadError`], never `NotFound`.
    pub async fn file_text(
        &self,
        name: &RepoName,
        path: &str,
        reference: &str,
    ) -> Result<Option<FileText>, ReadError> {
        let what = format!("read the file {path} of {name} at {reference}");
        let file: Vec<String> = path.split('/').map(encoded).collect();
        let url = format!("/repos/{name}/contents/{}?ref={}", file.join("/"), encoded(reference));
        let ask = ReadRequest { kept: None, ..ReadRequest::new("get_file", what, url) };
        let text = |body: &[u8]| {
            if body.trim_ascii_start().starts_with(b"[") {
                return Ok(FileText::NoText);
            }
            wire::parse::<wire::WireFileText>(body).map(|found| found.domain(LARGEST_FILE))
        };
        none_if_missing(self.one(&ask, text).await)
    }

    /// The names of a repository's labels; none where there are more than anybody reads.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn labels(&self, name: &RepoName) -> Result<Option<Vec<String>>, ReadError> {
        let what = format!("list the labels of {name}");
        let ask =
            ReadRequest::new("list_labels", what, format!("/repos/{name}/labels?per_page=100"));
        let names = |body: &[u8]| {
            let page: wire::BoundedPage<wire::WireLabel> = wire::parse(body)?;
            Ok(page.into_iter().map(|label| label.name).collect())
        };
        match self.some_pages(ask, LABEL_PAGES, names).await? {
            (labels, true) => Ok(Some(labels)),
            (_, false) => Ok(None),
        }
    }

    /// Whether the token may read this.
    ///
    /// # Errors
    /// [`ReadError`]: `Refused` where it may not.
    pub async fn probe(
        &self,
        name: &RepoName,
        at: &Sha,
        probe: PermissionProbe,
    ) -> Result<(), ReadError> {
        let (what, path) = match probe {
            PermissionProbe::Statuses => ("statuses", format!("commits/{at}/statuses")),
            PermissionProbe::Issues => ("issues", "issues".to_owned()),
            PermissionProbe::PullRequests => ("pull requests", format!("commits/{at}/pulls")),
        };
        let what = format!("list the {what} of {name}");
        let path = format!("/repos/{name}/{path}?per_page=1");
        let ask = ReadRequest { kept: None, ..ReadRequest::new("probe", what, path) };
        let anything = |body: &[u8]| wire::parse::<wire::BoundedPage<IgnoredAny>>(body).map(|_| ());
        self.one(&ask, anything).await
    }
}
