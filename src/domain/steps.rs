//! The steps of a branch: its first-parent commits, each with what it brought.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BranchCommits, Sha};

/// One step of the branch: a commit, and the commit that the branch was at before. A merge
/// brings everything that differs from its first parent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BranchStep {
    pub sha: Sha,
    /// The commit's first parent.
    pub parent: Sha,
    /// Whether the commit has further parents.
    pub is_merge: bool,
}

/// The steps between `base` and `head`, newest first, found in commits that were listed with
/// their parents. Returns `None` if the listed commits do not connect the two. If a branch was
/// merged "backwards", no first-parent path leads to `base`; then the steps end where the path
/// leaves the listed commits, if `within` permits that.
#[must_use]
pub fn steps_between(
    commits: &BranchCommits,
    base: &Sha,
    head: &Sha,
    within: Within,
) -> Option<Vec<BranchStep>> {
    let parents: BTreeMap<&Sha, &Vec<Sha>> =
        commits.commits.iter().map(|(sha, parents)| (sha, parents)).collect();
    let mut steps = Vec::new();
    let mut at = head;
    while at != base {
        let Some(known) = parents.get(at) else {
            return (within == Within::TheseCommits && !steps.is_empty()).then_some(steps);
        };
        // A root has no parent, so the path does not reach the base.
        let parent = known.first()?;
        let is_merge = known.len() > 1;
        steps.push(BranchStep { sha: at.clone(), parent: parent.clone(), is_merge });
        if steps.len() > commits.commits.len() {
            return None;
        }
        at = parent;
    }
    Some(steps)
}

/// What the listed commits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Some of the branch's commits. A path that leaves them may continue.
    TheBranch,
    /// All commits that the head contains and the base does not. A path that leaves them is
    /// complete.
    TheseCommits,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(digit: char) -> Sha {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn commits(listed: &[(char, &str)]) -> BranchCommits {
        let commits = listed
            .iter()
            .map(|(commit, parents)| (sha(*commit), parents.chars().map(sha).collect()));
        BranchCommits { commits: commits.collect(), ..BranchCommits::default() }
    }

    fn between(listed: &[(char, &str)], within: Within) -> Option<String> {
        let steps = steps_between(&commits(listed), &sha('a'), &sha('e'), within)?;
        Some(steps.iter().map(|step| &step.sha.as_str()[..1]).collect())
    }

    #[test]
    fn the_way_follows_first_parents_down_to_the_base() {
        // c was brought by the merge d, so it is not a step.
        let listed = [('e', "d"), ('d', "bc"), ('c', "a"), ('b', "a")];
        assert_eq!(between(&listed, Within::TheBranch).as_deref(), Some("edb"));
    }

    #[test]
    fn a_way_that_leaves_the_listed_commits_is_not_taken_for_whole() {
        assert_eq!(between(&[('e', "d"), ('d', "c")], Within::TheBranch), None);
    }

    #[test]
    fn where_the_base_was_merged_backwards_the_way_ends_below_it() {
        // d merged the branch (b) into what became the branch; b contains the base.
        let listed = [('e', "d"), ('d', "cb"), ('c', "f"), ('b', "a")];
        assert_eq!(between(&listed, Within::TheseCommits).as_deref(), Some("edc"));
    }

    #[test]
    fn a_root_and_a_ring_are_no_way() {
        assert_eq!(between(&[('e', "d"), ('d', "")], Within::TheseCommits), None);
        assert_eq!(between(&[('e', "d"), ('d', "e")], Within::TheseCommits), None);
    }
}
