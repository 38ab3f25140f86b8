//! *Newest* is a matter of ancestry: a direct implementation of the design, against the
//! program's.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use release_governor::domain::{BranchCommits, Sha};

/// A commit's number is in its sha.
fn sha(number: usize) -> Sha {
    format!("{number:040x}").parse().unwrap()
}

/// Commits by number, with their parents, the first parent first. Parents have smaller numbers.
#[derive(Clone, Debug)]
struct History(Vec<Vec<usize>>);

impl History {
    fn tip(&self) -> usize {
        self.0.len() - 1
    }

    /// A commit and everything that it contains.
    fn closure(&self, of: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::from([of]);
        for parent in &self.0[of] {
            all.extend(self.closure(*parent));
        }
        all
    }

    fn contains(&self, container: usize, contained: usize) -> bool {
        self.closure(container).contains(&contained)
    }

    /// The first-parent chain, from the tip down.
    fn chain(&self) -> Vec<usize> {
        let mut chain = vec![self.tip()];
        while let Some(first) = chain.last().and_then(|last| self.0[*last].first()) {
            chain.push(*first);
        }
        chain
    }

    /// The position, from the root of the chain, of the commit that took this one up.
    fn taken_up_by(&self, commit: usize) -> usize {
        let chain = self.chain();
        chain.iter().rev().position(|link| self.contains(*link, commit)).unwrap()
    }

    /// Whether the design calls `one` newer than `other`; `None` if it does not say.
    fn newer(&self, one: usize, other: usize) -> Option<bool> {
        if self.contains(one, other) {
            return Some(true);
        }
        if self.contains(other, one) {
            return Some(false);
        }
        let (one, other) = (self.taken_up_by(one), self.taken_up_by(other));
        (one != other).then_some(one > other)
    }

    fn listed(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<(Sha, Vec<Sha>)> {
        let parents = |number: usize| self.0[number].iter().map(|parent| sha(*parent)).collect();
        numbers.into_iter().map(|number| (sha(number), parents(number))).collect()
    }

    fn ordered(&self, numbers: impl IntoIterator<Item = usize>) -> BranchCommits {
        BranchCommits::of_tip(&sha(self.tip()), self.listed(numbers))
    }
}

fn numbers(commits: &BranchCommits) -> Vec<usize> {
    let number = |sha: &Sha| usize::from_str_radix(sha.as_str(), 16).unwrap();
    commits.commits.iter().map(|(sha, _)| number(sha)).collect()
}

fn histories() -> impl Strategy<Value = History> {
    vec(vec(any::<Index>(), 1..=3), 1..14).prop_map(|drawn| {
        let mut commits = vec![Vec::new()];
        for parents in drawn {
            let mut distinct = Vec::new();
            for parent in parents {
                let parent = parent.index(commits.len());
                if !distinct.contains(&parent) {
                    distinct.push(parent);
                }
            }
            commits.push(distinct);
        }
        History(commits)
    })
}

/// A history, and its commits in random order, some of them twice.
fn shuffled() -> impl Strategy<Value = (History, Vec<usize>)> {
    histories().prop_flat_map(|history| {
        let all: Vec<usize> = (0..history.0.len()).collect();
        let twice = all.clone();
        let listed = (Just(all).prop_shuffle(), subsequence(twice.clone(), 0..=twice.len()));
        (Just(history), listed.prop_map(|(all, twice)| [all, twice].concat()))
    })
}

/// A history, and a window of its commits that includes the tip.
fn windows() -> impl Strategy<Value = (History, Vec<usize>)> {
    histories().prop_flat_map(|history| {
        let others: Vec<usize> = (0..history.tip()).collect();
        let tip = history.tip();
        let window = subsequence(others.clone(), 0..=others.len());
        (Just(history), window.prop_map(move |others| [others, vec![tip]].concat()))
    })
}

proptest! {
    #[test]
    fn the_order_is_the_designs_whatever_order_the_list_has((history, listed) in shuffled()) {
        let commits = history.ordered(listed);
        let order = numbers(&commits);
        prop_assert!(commits.complete);
        let contained: BTreeSet<usize> = history.closure(history.tip());
        prop_assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), contained);
        prop_assert_eq!(order.len(), order.iter().collect::<BTreeSet<_>>().len());
        for (place, one) in order.iter().enumerate() {
            for other in &order[place + 1..] {
                prop_assert_ne!(
                    history.newer(*one, *other), Some(false),
                    "{} stands before {} in {:?}", one, other, order
                );
            }
        }
    }

    #[test]
    fn a_commit_that_nothing_unread_stands_above_is_newer_than_all_that_is_not_shown(
        (history, window) in windows(),
    ) {
        let commits = history.ordered(window);
        let shown = numbers(&commits);
        for one in &shown {
            if !commits.unread_above(Some(&sha(*one))).is_empty() {
                continue;
            }
            let hidden = history.closure(history.tip()).into_iter().filter(|x| !shown.contains(x));
            for hidden in hidden {
                prop_assert_ne!(history.newer(hidden, *one), Some(true), "{} {}", hidden, one);
            }
        }
    }

    #[test]
    fn reading_what_is_unread_ends_with_all_that_the_tip_contains((history, window) in windows()) {
        let mut commits = history.ordered(window);
        while let Some(unread) = commits.unread_above(None).last().cloned() {
            let number = usize::from_str_radix(unread.as_str(), 16).unwrap();
            let known = std::mem::take(&mut commits.commits);
            let tip = sha(history.tip());
            commits = BranchCommits::of_tip(&tip, known.into_iter().chain(history.listed([number])));
        }
        prop_assert!(commits.complete);
        prop_assert_eq!(numbers(&commits), numbers(&history.ordered(0..history.0.len())));
    }

    #[test]
    fn dropping_the_oldest_changes_no_order((history, listed) in shuffled(), most in 1_usize..14) {
        let all = history.ordered(listed);
        let mut fewer = all.clone();
        fewer.keep_newest(most);
        let again = BranchCommits::of_tip(&sha(history.tip()), fewer.commits.clone());
        prop_assert_eq!(&again.commits, &fewer.commits);
        prop_assert_eq!(again.complete, fewer.complete);
        prop_assert_eq!(&fewer.commits[..], &all.commits[..fewer.commits.len()]);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it measures how long the work takes")]
fn thousands_of_commits_are_ordered_in_a_moment() {
    let count = 20_000;
    let parents = (0..count).map(|number: usize| match number {
        0 => Vec::new(),
        number if number.is_multiple_of(3) => vec![number - 2, number - 1],
        number => vec![number - 1],
    });
    let history = History(parents.collect());
    let began = std::time::Instant::now();
    let commits = history.ordered(0..count);
    assert!(commits.unread_above(None).is_empty());
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    let places: BTreeMap<usize, usize> =
        numbers(&commits).into_iter().enumerate().map(|(place, number)| (number, place)).collect();
    assert!(places[&(count - 1)] == 0 && places[&0] == places.len() - 1);
}
