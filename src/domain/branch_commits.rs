//! The newest commits of a branch, in their order by ancestry.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CommitMessage, Sha};

type Messages = BTreeMap<Sha, Option<Box<CommitMessage>>>;

/// A commit that a walk along parents came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visited<'a> {
    /// One whose parents are known.
    Known(&'a Sha),
    /// One that is known as a parent only.
    Unread(&'a Sha),
}

/// The newest commits of the branch, from its tip, with their parents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchCommits {
    /// Newest first, in GitHub's order.
    pub commits: Vec<(Sha, Vec<Sha>)>,
    /// Whether these are all, down to the root.
    pub complete: bool,
    /// What the messages of those that revert something say; none for a commit that says nothing
    /// of that kind. What a commit that is not in here reverts is unknown.
    #[serde(default)]
    pub messages: Messages,
}

impl BranchCommits {
    /// The place of `sha`, 0 for the tip.
    #[must_use]
    pub fn place(&self, sha: &Sha) -> Option<usize> {
        self.commits.iter().position(|(commit, _)| commit == sha)
    }

    /// Whether `container` is seen to contain `contained`. False says only that these commits do
    /// not show it: GitHub's order by date may leave a link out of the window.
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

    /// The commits that `tip` contains, the newest first, of `listed`, which are commits with their
    /// parents in any order.
    ///
    /// What contains another is newer. Of two that do not contain each other, the one that the
    /// first-parent chain took up later is newer. Commits that these do not show to be contained in
    /// `tip` are left out: their place is unknown.
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

    /// Parents that are not among these commits and that `sha` is not shown to contain, the newest
    /// first, as far as these tell. They may contain commits newer than `sha`: until they are read,
    /// nothing says that `sha` is the newest of its kind. The last of them is where the first-parent
    /// chain goes on, if that is among them. Without `sha` they are all such parents.
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

    /// Takes in what is known of these commits' messages.
    pub fn take_messages(&mut self, known: impl IntoIterator<Item = Messages>) {
        self.messages.extend(known.into_iter().flatten());
        self.keep_messages();
    }

    fn keep_messages(&mut self) {
        let commits: BTreeSet<&Sha> = self.commits.iter().map(|(sha, _)| sha).collect();
        self.messages.retain(|sha, _| commits.contains(sha));
    }

    /// Drops all but the newest so many. The order of those that stay does not change.
    pub fn keep_newest(&mut self, most: usize) {
        if self.commits.len() > most {
            self.commits.truncate(most);
            self.complete = false;
            self.keep_messages();
        }
    }
}

/// All that `tip` contains, as far as `parents` tell: each commit after all that it contains, and
/// what its first parent contains before what its other parents bring. That is the order in which
/// the first-parent chain took commits up.
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
