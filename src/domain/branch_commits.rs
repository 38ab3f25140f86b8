//! The newest commits of a branch, ordered by ancestry.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CommitMessage, Sha};

type Messages = BTreeMap<Sha, Option<Box<CommitMessage>>>;

/// A commit reached by walking along parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visited<'a> {
    /// A commit whose parents are known.
    Known(&'a Sha),
    /// A commit that is known only as a parent of another.
    Unread(&'a Sha),
}

/// The newest commits of the branch, from its tip, with their parents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchCommits {
    /// Newest first, by ancestry or in GitHub's order.
    pub commits: Vec<(Sha, Vec<Sha>)>,
    /// Whether the list reaches the root commit.
    pub complete: bool,
    /// The reverts that commit messages declare; `None` for a commit that reverts nothing. For
    /// a commit that is missing here, this is unknown.
    #[serde(default)]
    pub messages: Messages,
}

impl BranchCommits {
    /// The index of `sha`, where 0 is the tip.
    #[must_use]
    pub fn place(&self, sha: &Sha) -> Option<usize> {
        self.commits.iter().position(|(commit, _)| commit == sha)
    }

    /// Whether these commits show that `container` contains `contained`. False does not prove
    /// the opposite: GitHub orders by date, so a connecting commit may be missing from the
    /// list.
    #[must_use]
    pub fn shows_containment(&self, container: &Sha, contained: &Sha) -> bool {
        if container == contained {
            return true;
        }
        let parents: BTreeMap<&Sha, &Vec<Sha>> =
            self.commits.iter().map(|(sha, parents)| (sha, parents)).collect();
        let mut seen = BTreeSet::new();
        let mut open = vec![container];
        while let Some(sha) = open.pop() {
            for parent in parents.get(sha).into_iter().flat_map(|list| list.iter()) {
                if parent == contained {
                    return true;
                }
                if seen.insert(parent) {
                    open.push(parent);
                }
            }
        }
        false
    }

    /// Orders the commits that `tip` contains, newest first. `listed` holds commits with their
    /// parents in any order.
    ///
    /// A commit is newer than all that it contains. Of two commits that do not contain each
    /// other, the one that joined the first-parent chain later is newer. Commits that are not
    /// shown to be contained in `tip` are left out, because their position is unknown.
    #[must_use]
    pub fn of_tip(tip: &Sha, listed: impl IntoIterator<Item = (Sha, Vec<Sha>)>) -> Self {
        let parents: BTreeMap<Sha, Vec<Sha>> = listed.into_iter().collect();
        let walked = oldest_first(&parents, tip);
        let complete = !walked.iter().any(|one| matches!(one, Visited::Unread(_)));
        let newest_first = walked.iter().rev().filter_map(|one| match one {
            Visited::Known(sha) => Some((*sha).clone()),
            Visited::Unread(_) => None,
        });
        let commits = newest_first.map(|sha| {
            let parents = parents.get(&sha).cloned().unwrap_or_default();
            (sha, parents)
        });
        Self { commits: commits.collect(), complete, messages: BTreeMap::new() }
    }

    /// Parents that are missing from these commits and that `sha` is not shown to contain,
    /// newest first as far as known. They may lead to commits newer than `sha`, so until they
    /// are read, `sha` is not known to be the newest of its kind. If the continuation of the
    /// first-parent chain is among them, it is the last. Without `sha`, all missing parents.
    #[must_use]
    pub fn unread_above(&self, sha: Option<&Sha>) -> Vec<Sha> {
        let Some((tip, _)) = self.commits.first() else { return Vec::new() };
        let parents: BTreeMap<Sha, Vec<Sha>> = self.commits.iter().cloned().collect();
        let unread = |from| {
            let walked = oldest_first(&parents, from).into_iter().rev();
            walked.filter_map(|one| match one {
                Visited::Unread(parent) => Some(parent),
                Visited::Known(_) => None,
            })
        };
        let contained: BTreeSet<&Sha> = sha.into_iter().flat_map(unread).collect();
        unread(tip).filter(|parent| !contained.contains(parent)).cloned().collect()
    }

    /// Adds known messages, and drops those of commits that are not listed.
    pub fn take_messages(&mut self, known: impl IntoIterator<Item = Messages>) {
        self.messages.extend(known.into_iter().flatten());
        self.keep_messages();
    }

    fn keep_messages(&mut self) {
        let commits: BTreeSet<&Sha> = self.commits.iter().map(|(sha, _)| sha).collect();
        self.messages.retain(|sha, _| commits.contains(sha));
    }

    /// Keeps only the newest `most` commits, in their order.
    pub fn keep_newest(&mut self, most: usize) {
        if self.commits.len() > most {
            self.commits.truncate(most);
            self.complete = false;
            self.keep_messages();
        }
    }
}

/// All commits that `tip` contains according to `parents`. Each commit comes after all that it
/// contains, and what its first parent contains comes before what its other parents add: the
/// order in which commits joined the first-parent chain.
fn oldest_first<'a>(parents: &'a BTreeMap<Sha, Vec<Sha>>, tip: &'a Sha) -> Vec<Visited<'a>> {
    let mut order = Vec::new();
    let mut entered = BTreeSet::new();
    let mut open: Vec<(&Sha, std::slice::Iter<'_, Sha>)> = Vec::new();
    let mut next = Some(tip);
    loop {
        if let Some(sha) = next.take()
            && entered.insert(sha)
        {
            match parents.get(sha) {
                Some(parents) => open.push((sha, parents.iter())),
                None => order.push(Visited::Unread(sha)),
            }
        }
        let Some((sha, unvisited)) = open.last_mut() else { return order };
        next = unvisited.next();
        if next.is_none() {
            order.push(Visited::Known(sha));
            open.pop();
        }
    }
}
