//! Queries about a history: ancestors, merge bases, differences.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::git::{Commit, Git, Tree};

/// A file that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileChange {
    pub(super) path: String,
    pub(super) previous: Option<String>,
    pub(super) kind: ChangeKind,
    pub(super) blob: Option<String>,
    pub(super) additions: usize,
    pub(super) deletions: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeKind {
    Added,
    Removed,
    Modified,
    Renamed,
}

/// The result of comparing two commits.
pub(super) struct Comparison {
    pub(super) merge_base: Arc<Commit>,
    /// Commits in head but not in base, oldest first.
    pub(super) ahead: Vec<Arc<Commit>>,
    pub(super) behind: usize,
    /// The changes from the merge base to head.
    pub(super) files: Vec<FileChange>,
}

impl Git {
    /// This commit and all of its ancestors.
    pub(super) fn ancestors(&self, sha: &str) -> HashSet<String> {
        let mut seen = HashSet::new();
        let mut open = vec![sha.to_owned()];
        while let Some(sha) = open.pop() {
            let Some(commit) = self.commit(&sha) else { continue };
            if seen.insert(sha) {
                open.extend(commit.parents.iter().cloned());
            }
        }
        seen
    }

    pub(super) fn is_ancestor(&self, older: &str, newer: &str) -> bool {
        self.ancestors(newer).contains(older)
    }

    /// The successive tips of a branch, by first parents, since it was at `before`, oldest
    /// first.
    pub(super) fn first_parents(&self, tip: &str, before: Option<&str>) -> Vec<String> {
        let mut steps = Vec::new();
        let mut next = Some(tip.to_owned());
        while let Some(sha) = next.filter(|sha| Some(sha.as_str()) != before) {
            next = self.commit(&sha).and_then(|commit| commit.parents.first().cloned());
            steps.push(sha);
        }
        steps.reverse();
        steps
    }

    /// Commits in the order of `git log`: of all commits reached so far, the one with the
    /// newest date is next. So a commit can precede its child if it was reached through another
    /// child, and a commit with an old date comes late.
    pub(super) fn log(&self, sha: &str) -> Vec<Arc<Commit>> {
        let mut listed = Vec::new();
        let mut seen = HashSet::new();
        let mut open = BTreeMap::new();
        let mut found: Vec<Arc<Commit>> = self.commit(sha).cloned().into_iter().collect();
        loop {
            for commit in found.drain(..) {
                if seen.insert(commit.sha.clone()) {
                    open.insert((commit.date, commit.generation, commit.sequence), commit);
                }
            }
            let Some((_, newest)) = open.pop_last() else { return listed };
            found.extend(newest.parents.iter().filter_map(|parent| self.commit(parent)).cloned());
            listed.push(newest);
        }
    }

    fn commits_of(&self, shas: &HashSet<String>) -> Vec<Arc<Commit>> {
        let mut commits: Vec<_> = shas.iter().filter_map(|sha| self.commit(sha)).cloned().collect();
        commits.sort_by_key(|commit| (commit.generation, commit.sequence));
        commits
    }

    /// A three-dot comparison, from the merge base. `None` without a common ancestor.
    pub(super) fn compare(&self, base: &Commit, head: &Commit) -> Option<Comparison> {
        let (of_base, of_head) = (self.ancestors(&base.sha), self.ancestors(&head.sha));
        // The common ancestor with the highest generation is not an ancestor of another one.
        let merge_base = of_base
            .intersection(&of_head)
            .filter_map(|sha| self.commit(sha))
            .max_by_key(|commit| (commit.generation, commit.sequence))?;
        Some(Comparison {
            merge_base: Arc::clone(merge_base),
            ahead: self.commits_of(&of_head.difference(&of_base).cloned().collect()),
            behind: of_base.difference(&of_head).count(),
            files: diff(&merge_base.tree, &head.tree),
        })
    }

    /// The changes of this commit compared with its first parent.
    pub(super) fn changes_of(&self, commit: &Commit) -> Vec<FileChange> {
        diff(&self.tree_of(commit.parents.first().map(String::as_str)), &commit.tree)
    }
}

/// The differences, sorted by path. A file that moved is one rename.
pub(super) fn diff(old: &Tree, new: &Tree) -> Vec<FileChange> {
    let removed: BTreeSet<&String> = old.keys().filter(|path| !new.contains_key(*path)).collect();
    let mut sources: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for path in removed.iter().rev() {
        if let Some(blob) = old.get(*path) {
            sources.entry(&blob.sha).or_default().push(path);
        }
    }
    let mut moved = BTreeSet::new();
    let mut changes = Vec::new();
    for (path, blob) in new {
        let before = old.get(path);
        if before == Some(blob) {
            continue;
        }
        let source = if before.is_none() { sources.get_mut(blob.sha.as_str()) } else { None };
        let previous = source.and_then(Vec::pop);
        let (additions, deletions) = match previous {
            Some(_) => (0, 0),
            None => lines(before.map_or("", |blob| &blob.content), &blob.content),
        };
        moved.extend(previous);
        let kind = match (before, previous) {
            (Some(_), _) => ChangeKind::Modified,
            (None, Some(_)) => ChangeKind::Renamed,
            (None, None) => ChangeKind::Added,
        };
        changes.push(FileChange {
            path: path.clone(),
            previous: previous.cloned(),
            kind,
            blob: Some(blob.sha.clone()),
            additions,
            deletions,
        });
    }
    for path in removed.into_iter().filter(|path| !moved.contains(path)) {
        let gone = old.get(path);
        changes.push(FileChange {
            path: path.clone(),
            previous: None,
            kind: ChangeKind::Removed,
            blob: gone.map(|blob| blob.sha.clone()),
            additions: 0,
            deletions: gone.map_or(0, |blob| blob.content.lines().count()),
        });
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

/// Added and removed lines, compared as multisets: the counts of a diff in which no line moved.
fn lines(old: &str, new: &str) -> (usize, usize) {
    let mut balance: BTreeMap<&str, isize> = BTreeMap::new();
    for line in new.lines() {
        *balance.entry(line).or_default() += 1;
    }
    for line in old.lines() {
        *balance.entry(line).or_default() -= 1;
    }
    let total = |wanted: fn(&isize) -> bool| {
        balance.values().filter(|count| wanted(count)).map(|count| count.unsigned_abs()).sum()
    };
    (total(|&count| count > 0), total(|&count| count < 0))
}
