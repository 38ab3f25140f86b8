//! Known answers to whether one commit contains another.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{BranchCommits, Fact, Relation, Sha, Why};

/// Maximum number of answers that are kept: about the number of past productions that a rule
/// may ask about.
const KEPT_ANSWERS: usize = 2_000;

/// Which commits contain which. Commits are immutable, so an answer from GitHub stays true, and
/// containment is transitive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ancestry {
    /// The commits that each container contains.
    contains: BTreeMap<Sha, BTreeSet<Sha>>,
    /// Pairs of a container and a commit that it does not contain.
    lacks: BTreeSet<(Sha, Sha)>,
    /// Pairs of a container and a commit that GitHub cannot compare (404, 422): one of them is
    /// gone, or they have no common ancestor. This may change, so it is forgotten at the next
    /// start.
    #[serde(skip)]
    incomparable: BTreeSet<(Sha, Sha)>,
    /// Pairs of a container and a commit whose comparison failed in this pass.
    #[serde(skip)]
    unreadable: BTreeMap<(Sha, Sha), Why>,
}

impl Ancestry {
    /// Whether nothing is known yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The answers without failures that are specific to this pass.
    #[must_use]
    pub fn lasting(&self) -> Self {
        Self { unreadable: BTreeMap::new(), ..self.clone() }
    }

    /// The answers that can never change, for an uncached read.
    #[must_use]
    pub fn certain(&self) -> Self {
        Self { incomparable: BTreeSet::new(), unreadable: BTreeMap::new(), ..self.clone() }
    }

    /// Records how `contained` relates to `container`.
    pub fn note(&mut self, container: &Sha, contained: &Sha, relation: Relation) {
        self.make_room();
        let (one, other) = (container.clone(), contained.clone());
        match relation {
            Relation::Behind | Relation::Identical => {
                self.contains.entry(one).or_default().insert(other);
            }
            // Ahead is the reverse: `contained` contains `container`, so `container` cannot
            // contain it.
            Relation::Ahead => {
                self.contains.entry(other).or_default().insert(one);
            }
            Relation::Diverged => {
                self.lacks.insert((one.clone(), other.clone()));
                self.lacks.insert((other, one));
            }
        }
    }

    /// Records that GitHub cannot compare the two.
    pub fn note_incomparable(&mut self, container: &Sha, contained: &Sha) {
        self.make_room();
        self.incomparable.insert((container.clone(), contained.clone()));
    }

    /// Records that the comparison failed for now.
    pub fn note_unreadable(&mut self, container: &Sha, contained: &Sha, why: Why) {
        self.unreadable.insert((container.clone(), contained.clone()), why);
    }

    /// Forgets everything if the limit is reached. All answers can be read again.
    fn make_room(&mut self) {
        let answers: usize = self.contains.values().map(BTreeSet::len).sum();
        if answers + self.lacks.len() + self.incomparable.len() >= KEPT_ANSWERS {
            *self = Self::default();
        }
    }

    /// All commits that `container` is known to contain, including itself.
    #[must_use]
    pub fn contained_in<'a>(
        &'a self,
        container: &'a Sha,
        branch: &'a BranchCommits,
    ) -> BTreeSet<&'a Sha> {
        let parents: BTreeMap<&Sha, &Vec<Sha>> =
            branch.commits.iter().map(|(sha, parents)| (sha, parents)).collect();
        let mut found = BTreeSet::from([container]);
        let mut open = vec![container];
        while let Some(sha) = open.pop() {
            let by_parents = parents.get(sha).into_iter().flat_map(|parents| parents.iter());
            for below in by_parents.chain(self.contains.get(sha).into_iter().flatten()) {
                if found.insert(below) {
                    open.push(below);
                }
            }
        }
        found
    }

    /// Whether `container` contains `contained`. Commits that cannot be compared are not
    /// contained.
    #[must_use]
    pub fn containment(
        &self,
        container: &Sha,
        contained: &Sha,
        branch: &BranchCommits,
    ) -> Fact<bool> {
        if self.contained_in(container, branch).contains(contained) {
            return Fact::Known(true);
        }
        let pair = (container.clone(), contained.clone());
        if self.lacks.contains(&pair)
            || self.incomparable.contains(&pair)
            || self.contained_in(contained, branch).contains(container)
        {
            return Fact::Known(false);
        }
        self.unreadable.get(&pair).cloned().map_or(Fact::NotAsked, Fact::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(digit: char) -> Sha {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn answers_are_put_together_with_the_branch() {
        let commits = vec![(sha('d'), vec![sha('c')])];
        let branch = BranchCommits { commits, ..BranchCommits::default() };
        let mut ancestry = Ancestry::default();
        ancestry.note(&sha('c'), &sha('b'), Relation::Behind);
        ancestry.note(&sha('a'), &sha('b'), Relation::Ahead);
        ancestry.note(&sha('d'), &sha('e'), Relation::Diverged);
        let contains = |one, other| ancestry.containment(&sha(one), &sha(other), &branch);
        assert_eq!(contains('d', 'a'), Fact::Known(true));
        assert_eq!(contains('a', 'd'), Fact::Known(false), "it would contain itself");
        assert_eq!(contains('d', 'e'), Fact::Known(false));
        assert_eq!(contains('e', 'd'), Fact::Known(false));
        assert_eq!(contains('c', 'e'), Fact::NotAsked);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut ancestry = Ancestry::default();
        let numbered = |number: usize| -> Sha { format!("{number:040x}").parse().unwrap() };
        for number in 0..3 * KEPT_ANSWERS {
            ancestry.note(&numbered(0), &numbered(number), Relation::Behind);
        }
        assert!(ancestry.contains.values().map(BTreeSet::len).sum::<usize>() <= KEPT_ANSWERS);
    }
}
