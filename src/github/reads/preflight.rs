//! Reads for the preflight check only: the token's rights and the content of workflow files.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::none_if_missing;
use crate::domain::{RepoName, Sha};
use crate::github::ask::{ReadRequest, encoded};
use crate::github::error::ReadError;
use crate::github::{Reader, wire};

/// 2,000 labels. In a repository with more, labels are not checked.
const LABEL_PAGES: u32 = 20;
/// Larger workflow files are not read. GitHub runs none above 512 kB (its documentation of
/// limits), but Enterprise Server may have another limit.
const LARGEST_FILE: u64 = 1024 * 1024;

/// What GitHub reports about a credential's rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// A classic token's scopes.
    Scopes(Vec<String>),
    /// An App installation's permissions by name, each with `read`, `write` or `admin`.
    Permissions(std::collections::BTreeMap<String, String>),
    /// Nothing, as for fine-grained tokens.
    NotTold {
        /// Whether the token belongs to a user or machine account, not to an App.
        of_a_user: bool,
    },
}

/// The token user's access to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryAccess {
    /// Whether the repository is not public.
    pub private: bool,
    /// Whether the user can push. An App's installation has no user.
    pub push: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileText {
    Text(String),
    /// It is larger than what is read.
    TooLarge,
    /// It is not a file, or not UTF-8.
    NoText,
}

/// A read whose only purpose is to check whether it is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionProbe {
    /// The statuses of a commit.
    Statuses,
    /// The repository's issues.
    Issues,
    /// The pull requests of a commit.
    PullRequests,
}

impl Reader {
    /// What GitHub reports about the credential's rights.
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
        // The scopes come in the headers of that answer.
        let scopes = self.client.limits.scopes();
        Ok(scopes.map_or(Granted::NotTold { of_a_user }, Granted::Scopes))
    }

    /// The token user's access to a repository.
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

    /// The text of a file at a ref; `None` if the file or the ref does not exist.
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

    /// The names of a repository's labels; `None` if there are too many to read.
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

    /// Checks that the token permits this read.
    ///
    /// # Errors
    /// [`ReadError`]: `Refused` if it does not.
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
