//! A repository's commits, trees, branches and tags.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::ids::object_name;

/// A commit to be created: `NewCommit::on("main").file("src/a.rs", "…")`.
#[derive(Clone, Debug)]
pub struct NewCommit {
    pub(super) branch: String,
    pub(super) message: String,
    pub(super) author: String,
    pub(super) changes: Vec<Change>,
    pub(super) parents: Option<Vec<String>>,
    pub(super) dated: Option<Timestamp>,
}

impl NewCommit {
    /// A commit on top of this branch, which is created if it does not exist. A fork's branch
    /// is `owner:branch`.
    #[must_use]
    pub fn on(branch: &str) -> Self {
        NewCommit {
            branch: branch.to_owned(),
            message: "Change something".to_owned(),
            author: "dev".to_owned(),
            changes: Vec::new(),
            parents: None,
            dated: None,
        }
    }

    /// Sets the message.
    #[must_use]
    pub fn message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.message);
        self
    }

    /// Sets the author.
    #[must_use]
    pub fn author(mut self, login: &str) -> Self {
        login.clone_into(&mut self.author);
        self
    }

    /// Adds or changes a file.
    #[must_use]
    pub fn file(mut self, path: &str, content: &str) -> Self {
        self.changes.push(Change::Write(path.to_owned(), content.to_owned()));
        self
    }

    /// Deletes a file.
    #[must_use]
    pub fn delete(mut self, path: &str) -> Self {
        self.changes.push(Change::Delete(path.to_owned()));
        self
    }

    /// Renames a file, with its content unchanged.
    #[must_use]
    pub fn rename(mut self, from: &str, to: &str) -> Self {
        self.changes.push(Change::Move(from.to_owned(), to.to_owned()));
        self
    }

    /// Sets the parents, instead of the branch's tip. The branch still moves to the new commit.
    /// An empty list starts an unrelated history.
    #[must_use]
    pub fn parents(mut self, shas: &[&str]) -> Self {
        self.parents = Some(shas.iter().map(|&sha| sha.to_owned()).collect());
        self
    }

    /// Sets the commit's date, which a pusher can choose freely.
    #[must_use]
    pub fn dated(mut self, date: Timestamp) -> Self {
        self.dated = Some(date);
        self
    }
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write(String, String),
    Delete(String),
    Move(String, String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) sha: String,
    pub(super) content: Arc<str>,
}

/// The whole tree, flat: from path to blob.
pub(super) type Tree = BTreeMap<String, Blob>;

#[derive(Debug)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) tree_sha: String,
    pub(super) tree: Arc<Tree>,
    pub(super) parents: Vec<String>,
    pub(super) message: String,
    pub(super) author: String,
    pub(super) date: Timestamp,
    /// One more than the highest generation among the parents.
    pub(super) generation: u64,
    /// The order in which the box created the commits.
    pub(super) sequence: u64,
}

#[derive(Default)]
pub(super) struct Git {
    /// Makes the shas of equal commits differ between repositories.
    pub(super) salt: u64,
    pub(super) commits: HashMap<String, Arc<Commit>>,
    pub(super) branches: BTreeMap<String, String>,
    /// Branches of forks that pull requests come from, as `owner:branch`. Repositories of one
    /// fork network share their commits.
    pub(super) forked: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Commits that GitHub itself made and signed.
    pub(super) by_github: HashSet<String>,
    /// Former branch names, and what each was renamed to.
    pub(super) renamed: BTreeMap<String, String>,
}

impl Git {
    pub(super) fn commit(&self, sha: &str) -> Option<&Arc<Commit>> {
        self.commits.get(sha)
    }

    /// The sha of a branch's tip, including a fork's branch.
    pub(super) fn head(&self, branch: &str) -> Option<&String> {
        if is_forked(branch) { self.forked.get(branch) } else { self.branches.get(branch) }
    }

    /// Points a branch, or a fork's branch, at a commit. Returns its previous tip.
    pub(super) fn point(&mut self, branch: &str, sha: &str) -> Option<String> {
        let heads = if is_forked(branch) { &mut self.forked } else { &mut self.branches };
        heads.insert(branch.to_owned(), sha.to_owned())
    }

    pub(super) fn tip(&self, branch: &str) -> Option<&Arc<Commit>> {
        self.commits.get(self.branches.get(branch)?)
    }

    /// The commit that a name resolves to, by GitHub's rules: a full sha, a branch, a tag,
    /// either of these with its `refs/` prefix, or an unambiguous short sha.
    pub(super) fn resolve(&self, name: &str) -> Option<&Arc<Commit>> {
        if let Some(commit) = self.commits.get(name) {
            return Some(commit);
        }
        let bare = name.strip_prefix("refs/").unwrap_or(name);
        let branch = self.branches.get(bare.strip_prefix("heads/").unwrap_or(bare));
        let tag = self.tags.get(bare.strip_prefix("tags/").unwrap_or(bare));
        if let Some(sha) = branch.or(tag) {
            return self.commits.get(sha);
        }
        self.shortened(name)
    }

    fn shortened(&self, name: &str) -> Option<&Arc<Commit>> {
        // git accepts no abbreviation below four digits.
        if name.len() < 4 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut matching = self.commits.values().filter(|commit| commit.sha.starts_with(name));
        let first = matching.next()?;
        matching.next().is_none().then_some(first)
    }

    /// Creates a commit with this tree. Moves no branch.
    pub(super) fn write(
        &mut self,
        tree: Tree,
        parents: Vec<String>,
        message: &str,
        author: &str,
        date: Timestamp,
    ) -> Arc<Commit> {
        let sequence = u64::try_from(self.commits.len()).unwrap_or(u64::MAX);
        let tree_sha = tree_name(&tree);
        let mut parts: Vec<&[u8]> = vec![tree_sha.as_bytes(), message.as_bytes()];
        parts.extend(parents.iter().map(String::as_bytes));
        let (salt, order) = (self.salt.to_le_bytes(), sequence.to_le_bytes());
        parts.extend([author.as_bytes(), salt.as_slice(), order.as_slice()]);
        let sha = object_name(parts);
        let generation = 1 + parents
            .iter()
            .filter_map(|parent| Some(self.commits.get(parent)?.generation))
            .max()
            .unwrap_or(0);
        let commit = Arc::new(Commit {
            sha: sha.clone(),
            tree_sha,
            tree: Arc::new(tree),
            parents,
            message: message.to_owned(),
            author: author.to_owned(),
            date,
            generation,
            sequence,
        });
        self.commits.insert(sha, Arc::clone(&commit));
        commit
    }

    /// The tree of this commit, or an empty tree.
    pub(super) fn tree_of(&self, sha: Option<&str>) -> Arc<Tree> {
        sha.and_then(|sha| self.commits.get(sha))
            .map(|commit| Arc::clone(&commit.tree))
            .unwrap_or_default()
    }

    /// A whole tree, or a directory's tree, by its sha.
    pub(super) fn tree_named(&self, sha: &str) -> Option<Tree> {
        if let Some(commit) = self.commits.values().find(|commit| commit.tree_sha == sha) {
            return Some(Tree::clone(&commit.tree));
        }
        self.commits.values().find_map(|commit| {
            let mut directories: Vec<&str> = commit
                .tree
                .keys()
                .flat_map(|path| path.match_indices('/').filter_map(|(at, _)| path.get(..at)))
                .collect();
            directories.dedup();
            directories
                .into_iter()
                .map(|directory| subtree(&commit.tree, directory))
                .find(|tree| tree_name(tree) == sha)
        })
    }
}

/// Whether this is a fork's branch. git permits no colons in branch names.
pub(super) fn is_forked(branch: &str) -> bool {
    branch.contains(':')
}

pub(super) fn blob(content: &str) -> Blob {
    let header = format!("blob {}", content.len());
    let sha = object_name([header.as_bytes(), content.as_bytes()]);
    Blob { sha, content: Arc::from(content) }
}

/// The sha of a tree: a hash of its whole content.
pub(super) fn tree_name(tree: &Tree) -> String {
    let entries = tree.iter().flat_map(|(path, blob)| [path.as_bytes(), blob.sha.as_bytes()]);
    object_name(std::iter::once(b"tree".as_slice()).chain(entries))
}

/// The part of a tree below a directory, with paths relative to it.
pub(super) fn subtree(tree: &Tree, directory: &str) -> Tree {
    let below = format!("{directory}/");
    tree.range(below.clone()..)
        .take_while(|(path, _)| path.starts_with(&below))
        .filter_map(|(path, blob)| Some((path.strip_prefix(&below)?.to_owned(), blob.clone())))
        .collect()
}

/// A copy of the tree with these changes applied.
pub(super) fn changed(tree: &Tree, changes: &[Change]) -> Tree {
    let mut after = tree.clone();
    for change in changes {
        match change {
            Change::Write(path, content) => {
                after.insert(path.clone(), blob(content));
            }
            Change::Delete(path) => {
                after.remove(path);
            }
            Change::Move(from, to) => {
                if let Some(moved) = after.remove(from) {
                    after.insert(to.clone(), moved);
                }
            }
        }
    }
    after
}
