//! Reads about single commits and branches: workflow files, renames, and whether GitHub made a
//! commit.

use std::collections::BTreeMap;

use super::{MOST_RENAMES, Reader, none_if_missing};
use crate::domain::{Branch, RepoName, Sha};
use crate::github::ReadError;
use crate::github::ask::{ReadRequest, encoded};
use crate::github::wire;

impl Reader {
    /// The blobs of a commit's workflow files, by path. Empty if there is no workflow
    /// directory. GitHub lists at most [`MOST_LISTED_FILES`].
    ///
    /// # Errors
    /// [`ReadError`], never `NotFound`.
    pub async fn workflow_files(
        &self,
        name: &RepoName,
        at: &Sha,
    ) -> Result<BTreeMap<String, String>, ReadError> {
        let what = format!("list the workflow files of {name} at {}", at.short());
        let path = format!("/repos/{name}/contents/.github/workflows?ref={at}");
        let ask = ReadRequest { kept: None, ..ReadRequest::new("list_workflow_files", what, path) };
        let blobs = |body: &[u8]| {
            // If the path is a file, a symlink or a submodule, there are no workflows.
            if !body.trim_ascii_start().starts_with(b"[") {
                return Ok(BTreeMap::new());
            }
            let entries: wire::BoundedPage<wire::WireEntry> = wire::parse(body)?;
            Ok(entries.into_iter().map(wire::WireEntry::domain).collect())
        };
        Ok(none_if_missing(self.one(&ask, blobs).await)?.unwrap_or_default())
    }

    /// The current name of a branch that GitHub redirects because it was renamed; `None` if
    /// GitHub does not redirect.
    ///
    /// # Errors
    /// [`ReadError`], never `NotFound`.
    pub async fn renamed_to(
        &self,
        name: &RepoName,
        branch: &Branch,
    ) -> Result<Option<Branch>, ReadError> {
        let what = format!("read the branch {branch} of {name}");
        let path = format!("/repos/{name}/branches/{}", encoded(branch.as_str()));
        let mut ask = ReadRequest { kept: None, ..ReadRequest::new("get_branch", what, path) };
        let found = |body: &[u8]| wire::parse::<wire::WireNamedBranch>(body).map(|it| it.name);
        for renames in 0..=MOST_RENAMES {
            match self.one(&ask, found).await {
                Ok(now) => return Ok(Some(now).filter(|_| renames > 0)),
                Err(ReadError::NotFound { .. }) => return Ok(None),
                Err(ReadError::Moved { what, location }) => {
                    let url = location.as_deref();
                    let path = url.and_then(|url| self.client.line.below_on_our_host(url));
                    let Some(path) = path else {
                        return Err(ReadError::Moved { what, location });
                    };
                    ask.path = path;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether GitHub itself made and signed a commit, as it does when it merges.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn is_made_by_github(&self, name: &RepoName, sha: &Sha) -> Result<bool, ReadError> {
        let what = format!("read the author and committer of {} in {name}", sha.short());
        let path = format!("/repos/{name}/commits/{sha}?per_page=1");
        let ask = ReadRequest { kept: None, ..ReadRequest::new("get_commit", what, path) };
        let maker = |body: &[u8]| wire::parse::<wire::WireMaker>(body)?.is_github();
        self.one(&ask, maker).await
    }
}
