//! Commits, comparisons, trees and files.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Wire, merged, time};
use crate::git::{Blob, Commit, Tree, subtree, tree_name};
use crate::history::{ChangeKind, Comparison, FileChange};
use crate::ids::node_id;
use crate::people::{User, UserKind};
use crate::repository::Repository;

/// Files above this size are returned without their content (docs.github.com, REST "Contents").
const LARGEST_CONTENT: usize = 1024 * 1024;
/// GitHub's line length for base64.
const BASE64_LINE: usize = 60;

impl Wire<'_> {
    pub(crate) fn commit(&self, repository: &Repository, commit: &Commit) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let sha = &commit.sha;
        let person = self.person(commit);
        let by_github = repository.git.by_github.contains(sha);
        let (committer, login) = if by_github {
            let date = time(commit.date);
            let github = json!({ "name": "GitHub", "email": "noreply@github.com", "date": date });
            (github, self.user(&web_flow()))
        } else {
            (person.clone(), self.login(&commit.author))
        };
        let parents: Vec<Value> = commit
            .parents
            .iter()
            .map(|parent| {
                json!({
                    "sha": parent,
                    "url": format!("{api}/commits/{parent}"),
                    "html_url": format!("{pages}/commit/{parent}"),
                })
            })
            .collect();
        json!({
            "sha": sha,
            "node_id": node_id("C", sha),
            "commit": {
                "author": person,
                "committer": committer,
                "message": commit.message,
                "tree": self.tree_link(repository, commit),
                "url": format!("{api}/git/commits/{sha}"),
                "comment_count": 0,
                "verification": if by_github { signed() } else { verification() },
            },
            "url": format!("{api}/commits/{sha}"),
            "html_url": format!("{pages}/commit/{sha}"),
            "comments_url": format!("{api}/commits/{sha}/comments"),
            "author": self.login(&commit.author),
            "committer": login,
            "parents": parents,
        })
    }

    /// A commit with its files, as the single-commit endpoint answers.
    pub(crate) fn whole_commit(
        &self,
        repository: &Repository,
        commit: &Commit,
        files: &[FileChange],
    ) -> Value {
        let additions: usize = files.iter().map(|file| file.additions).sum();
        let deletions: usize = files.iter().map(|file| file.deletions).sum();
        let stats = json!({
            "stats": {
                "total": additions + deletions, "additions": additions, "deletions": deletions,
            },
            "files": self.files(repository, &commit.sha, files),
        });
        merged(self.commit(repository, commit), stats)
    }

    pub(crate) fn person(&self, commit: &Commit) -> Value {
        json!({
            "name": commit.author,
            "email": email(&commit.author),
            "date": time(commit.date),
        })
    }

    pub(crate) fn tree_link(&self, repository: &Repository, commit: &Commit) -> Value {
        let tree = &commit.tree_sha;
        json!({ "sha": tree, "url": format!("{}/git/trees/{tree}", self.api_of(repository)) })
    }

    pub(crate) fn files(&self, repository: &Repository, head: &str, files: &[FileChange]) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let show = |file: &FileChange| {
            let path = escaped(&file.path);
            let mut shown = json!({
                "sha": file.blob,
                "filename": file.path,
                "status": match file.kind {
                    ChangeKind::Added => "added",
                    ChangeKind::Removed => "removed",
                    ChangeKind::Modified => "modified",
                    ChangeKind::Renamed => "renamed",
                },
                "additions": file.additions,
                "deletions": file.deletions,
                "changes": file.additions + file.deletions,
                "blob_url": format!("{pages}/blob/{head}/{path}"),
                "raw_url": format!("{pages}/raw/{head}/{path}"),
                "contents_url": format!("{api}/contents/{path}?ref={head}"),
            });
            if let (Some(previous), Some(fields)) = (&file.previous, shown.as_object_mut()) {
                fields.insert("previous_filename".to_owned(), Value::from(previous.clone()));
            }
            shown
        };
        files.iter().map(show).collect()
    }

    pub(crate) fn comparison(
        &self,
        repository: &Repository,
        (base, head): (&Commit, &Commit),
        comparison: &Comparison,
        commits: &[std::sync::Arc<Commit>],
    ) -> Value {
        let word = match (comparison.ahead.len(), comparison.behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            (_, _) => "diverged",
        };
        let range = format!("{}...{}", base.sha, head.sha);
        let pages = format!("{}/compare/{range}", self.pages_of(repository));
        let commits: Value = commits.iter().map(|commit| self.commit(repository, commit)).collect();
        json!({
            "url": format!("{}/compare/{range}", self.api_of(repository)),
            "html_url": pages,
            "permalink_url": pages,
            "diff_url": format!("{pages}.diff"),
            "patch_url": format!("{pages}.patch"),
            "base_commit": self.commit(repository, base),
            "merge_base_commit": self.commit(repository, &comparison.merge_base),
            "status": word,
            "ahead_by": comparison.ahead.len(),
            "behind_by": comparison.behind,
            "total_commits": comparison.ahead.len(),
            "commits": commits,
        })
    }

    /// A tree, truncated at `most` entries: all levels if `recursive`, else the first level.
    pub(crate) fn tree(
        &self,
        repository: &Repository,
        tree: &Tree,
        recursive: bool,
        most: usize,
    ) -> Value {
        let api = self.api_of(repository);
        let entries = tree_entries(tree, recursive);
        let shown: Vec<Value> = entries
            .iter()
            .take(most)
            .map(|(path, sha, blob)| match blob {
                Some(blob) => json!({
                    "path": path, "mode": "100644", "type": "blob", "sha": sha,
                    "size": blob.content.len(), "url": format!("{api}/git/blobs/{sha}"),
                }),
                None => json!({
                    "path": path, "mode": "040000", "type": "tree", "sha": sha,
                    "url": format!("{api}/git/trees/{sha}"),
                }),
            })
            .collect();
        let sha = tree_name(tree);
        json!({
            "sha": sha,
            "url": format!("{api}/git/trees/{sha}"),
            "tree": shown,
            "truncated": entries.len() > most,
        })
    }

    /// A file or a directory of a commit; `None` if the path does not exist.
    pub(crate) fn contents(
        &self,
        repository: &Repository,
        commit: &Commit,
        path: &str,
    ) -> Option<Value> {
        if let Some(blob) = commit.tree.get(path) {
            let content = if blob.content.len() > LARGEST_CONTENT {
                json!({ "encoding": "none", "content": "" })
            } else {
                json!({ "encoding": "base64", "content": in_lines(&blob.content) })
            };
            let entry = self.entry(repository, commit, path, "file", &blob.sha, blob.content.len());
            return Some(merged(entry, content));
        }
        let tree =
            if path.is_empty() { Tree::clone(&commit.tree) } else { subtree(&commit.tree, path) };
        if tree.is_empty() && !path.is_empty() {
            return None;
        }
        let entries = tree_entries(&tree, false);
        let show = |(name, sha, blob): &(String, String, Option<&Blob>)| {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let kind = if blob.is_some() { "file" } else { "dir" };
            let size = blob.map_or(0, |blob| blob.content.len());
            self.entry(repository, commit, &below, kind, sha, size)
        };
        Some(entries.iter().map(show).collect())
    }

    fn entry(
        &self,
        repository: &Repository,
        commit: &Commit,
        path: &str,
        kind: &str,
        sha: &str,
        size: usize,
    ) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let (path_in_url, at) = (escaped(path), &commit.sha);
        let url = format!("{api}/contents/{path_in_url}?ref={at}");
        let (objects, page) = if kind == "file" { ("blobs", "blob") } else { ("trees", "tree") };
        let git_url = format!("{api}/git/{objects}/{sha}");
        let html_url = format!("{pages}/{page}/{at}/{path_in_url}");
        json!({
            "type": kind,
            "size": size,
            "name": path.rsplit('/').next().unwrap_or(path),
            "path": path,
            "sha": sha,
            "url": url,
            "git_url": git_url,
            "html_url": html_url,
            "download_url": (kind == "file").then(|| format!("{pages}/raw/{at}/{path_in_url}")),
            "_links": { "self": url, "git": git_url, "html": html_url },
        })
    }
}

/// The account that GitHub commits as (api.github.com/users/web-flow).
fn web_flow() -> User {
    User {
        id: 19_864_447,
        login: "web-flow".to_owned(),
        kind: UserKind::User,
        created_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// The verification of a commit that GitHub signed.
fn signed() -> Value {
    json!({
        "verified": true, "reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----",
        "payload": "tree", "verified_at": null,
    })
}

pub(crate) fn verification() -> Value {
    json!({
        "verified": false, "reason": "unsigned", "signature": null, "payload": null,
        "verified_at": null,
    })
}

pub(crate) fn email(login: &str) -> String {
    format!("{}@users.noreply.github.com", login.replace(['[', ']'], ""))
}

/// Directories and files, sorted by path.
fn tree_entries(tree: &Tree, recursive: bool) -> Vec<(String, String, Option<&Blob>)> {
    let mut entries = Vec::new();
    let mut last_directory = String::new();
    for (path, blob) in tree {
        for (at, _) in path.match_indices('/') {
            let directory = path.get(..at).unwrap_or_default();
            if !recursive && directory.contains('/') {
                continue;
            }
            let known = last_directory == directory
                || last_directory.strip_prefix(directory).is_some_and(|r| r.starts_with('/'));
            if !known {
                directory.clone_into(&mut last_directory);
                let name = tree_name(&subtree(tree, directory));
                entries.push((directory.to_owned(), name, None));
            }
        }
        if recursive || !path.contains('/') {
            entries.push((path.clone(), blob.sha.clone(), Some(blob)));
        }
    }
    entries
}

fn in_lines(content: &str) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(content);
    let mut broken = String::with_capacity(encoded.len() + encoded.len() / BASE64_LINE + 1);
    for (index, letter) in encoded.chars().enumerate() {
        if index > 0 && index % BASE64_LINE == 0 {
            broken.push('\n');
        }
        broken.push(letter);
    }
    broken.push('\n');
    broken
}

/// Percent-encodes a path for use in a URL.
pub(super) fn escaped(path: &str) -> String {
    use std::fmt::Write as _;
    path.bytes().fold(String::with_capacity(path.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
