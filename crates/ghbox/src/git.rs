//! A repository's commits, trees, branches and tags.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::ids::object_name;

/// A commit to be made: `NewCommit::on("main").file("src/a.rs", "…")`.
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
    /// On top of this branch, which is made if it does not exist yet. One of a fork is
    /// `owner:branch`.
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

    /// With this message.
    #[must_use]
    pub fn message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.message);
        self
    }

    /// By this user.
    #[must_use]
    pub fn author(mut self, login: &str) -> Self {
        login.clone_into(&mut self.author);
        self
    }

    /// Writes a file.
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

    /// Renames a file: the old path goes, the same content comes under the new one.
    #[must_use]
    pub fn rename(mut self, from: &str, to: &str) -> Self {
        self.changes.push(Change::Move(from.to_owned(), to.to_owned()));
        self
    }

    /// With these parents in place of the branch's tip; the branch moves here all the same.
    /// No parents make a history of its own.
    #[must_use]
    pub fn parents(mut self, shas: &[&str]) -> Self {
        self.parents = Some(shas.iter().map(|&sha| sha.to_owned()).collect());
        self
    }

    /// With a date of the pusher's choosing.
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

/// Path to blob, the whole tree flat.
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
    /// One more than the greatest of its parents'.
    pub(super) generation: u64,
    /// The order in which the box learned of it.
    pub(super) sequence: u64,
}

#[derive(Default)]
pub(super) struct Git {
    /// Makes equal commits in two repositories differ.
    pub(super) salt: u64,
    pub(super) commits: HashMap<String, Arc<Commit>>,
    pub(super) branches: BTreeMap<String, String>,
    /// Branches of forks that pull requests come from, as `owner:branch`: a network of
    /// repositories has its commits in common.
    pub(super) forked: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Commits that GitHub made itself, and signed.
    pub(super) by_github: HashSet<String>,
    /// Names that branches had, and what each was renamed to.
    pub(super) renamed: BTreeMap<String, String>,
}

impl Git {
    pub(super) fn commit(&self, sha: &str) -> Option<&Arc<Commit>> {
        self.commits.get(sha)
    }

    /// The sha that a branch is at, also a fork's.
    pub(super) fn head(&self, branch: &str) -> Option<&String> {
        if is_forked(branch) { self.forked.get(branch) } else { self.branches.get(branch) }
    }

    /// Points a branch, or a fork's, at a commit; where it was before.
    pub(super) fn point(&mut self, branch: &str, sha: &str) -> Option<String> {
        let heads = if is_forked(branch) { &mut self.forked } else { &mut self.branches };
        heads.insert(branch.to_owned(), sha.to_owned())
    }

    pub(super) fn tip(&self, branch: &str) -> Option<&Arc<Commit>> {
        self.commits.get(self.branches.get(branch)?)
    }

    /// The commit that a name speaks of, as GitHub reads names: a full sha, a branch, a tag,
    /// either with its `refs/` in front, or a short sha that only one commit begins with.
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
        // git takes no abbreviation below four digits.
        if name.len() < 4 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut matching = self.commits.values().filter(|commit| commit.sha.starts_with(name));
        let first = matching.next()?;
        matching.next().is_none().then_some(first)
    }

    /// Makes a commit with this tree; moves nothing.
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

    /// The tree of this commit, or an empty one.
    pub(super) fn tree_of(&self, sha: Option<&str>) -> Arc<Tree> {
        sha.and_then(|sha| self.commits.get(sha))
            .map(|commit| Arc::clone(&commit.tree))
            .unwrap_or_default()
    }

    /// A whole tree, or a directory's, by its own name.
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

/// Whether it is a fork's branch; git has no colons in names.
pub(super) fn is_forked(branch: &str) -> bool {
    branch.contains(':')
}

pub(super) fn blob(content: &str) -> Blob {
    let header = format!("blob {}", content.len());
    let sha = object_name([header.as_bytes(), content.as_bytes()]);
    Blob { sha, content: Arc::from(content) }
}

/// What a tree is called: a hash of all that is in it.
pub(super) fn tree_name(tree: &Tree) -> String {
    let entries = tree.iter().flat_map(|(path, blob)| [path.as_bytes(), blob.sha.as_bytes()]);
    object_name(std::iter::once(b"tree".as_slice()).chain(entries))
}

/// The part of a tree below a directory, with paths from there.
pub(super) fn subtree(tree: &Tree, directory: &str) -> Tree {
    let below = format!("{directory}/");
    tree.range(below.clone()..)
        .take_while(|(path, _)| path.starts_with(&below))
        .filter_map(|(path, blob)| Some((path.strip_prefix(&below)?.to_owned(), blob.clone())))
        .collect()
}

/// A tree after these changes.
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
