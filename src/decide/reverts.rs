//! Rule 9a: which commits that would come into production are reverted later on the branch.
//!
//! The commits of the range, and those on the branch after the judged one, are processed in
//! branch order. Each commit that reverts something states of one or more commits whether they
//! are in effect. The last statement about each commit counts: first as of the judged commit,
//! then as of the branch.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::facts::Gathering;
use super::{Gap, Question, RuleFinding};
use crate::domain::{
    Availability, Cause, CommitMessage, CommitTitle, ListedCommit, Production, Reverted,
    RevertedPull, Sha, ShaPrefix, Why,
};

/// The most commits after the judged one that are considered, newest first (design, section 4).
const MOST_AFTER: usize = 250;

pub(super) fn reverted(case: &Case<'_>) -> RuleFinding {
    if case.question.triggered {
        return Ok(None);
    }
    Ok(standing(case)?.map(|what| Cause::Reverted { what }))
}

/// What the judged commit would bring that is reverted on the branch. `None` if there is
/// nothing.
fn standing(case: &Case<'_>) -> Result<Option<Reverted>, Gap> {
    let unknown = |why: &str| Ok(Some(Reverted::Unknown(Why(why.to_owned()))));
    let Some(tip) = &case.question.observation.branch_tip else {
        return unknown("the tip of the branch is not known");
    };
    if tip == case.sha() {
        return Ok(None);
    }
    let after = match case.question.commits_after(case.sha(), tip)? {
        Availability::Known(after) => after,
        Availability::Untold(why) => return unknown(&why),
    };
    let after = after.get(after.len().saturating_sub(MOST_AFTER)..).unwrap_or_default();
    if !after.iter().any(|commit| commit.message.is_some_and(CommitMessage::reverts)) {
        return Ok(None);
    }
    let range = match &case.production {
        Production::Known { sha, .. } => match case.question.commits_of_range(sha, case.sha())? {
            Availability::Known(range) => Some(range),
            Availability::Untold(why) => return unknown(&why),
        },
        Production::None | Production::Uncertain { .. } => None,
    };
    History::new(case, range, after).read()
}

/// A commit of a list, and its message if that matters.
#[derive(Clone, Copy)]
struct CommitInRange<'a> {
    sha: &'a Sha,
    parents: &'a [Sha],
    message: Option<&'a CommitMessage>,
}

impl<'a> CommitInRange<'a> {
    fn of(commit: &'a ListedCommit) -> Self {
        let ListedCommit { sha, parents, message } = commit;
        Self { sha, parents, message: Some(message) }
    }
}

impl<'a> Question<'a> {
    /// The commits that the branch contains and `sha` does not, in branch order. Messages of
    /// those that revert nothing may be missing.
    fn commits_after(
        &self,
        sha: &Sha,
        tip: &Sha,
    ) -> Result<Availability<Vec<CommitInRange<'a>>>, Gap> {
        match self.shown_after(sha, tip) {
            Some(shown) => Ok(Availability::Known(shown)),
            None => self.commits_of_range(sha, tip),
        }
    }

    /// The same from the newest commits of the branch. `None` if they do not include all of
    /// them, or if a message is unknown.
    fn shown_after(&self, sha: &Sha, tip: &Sha) -> Option<Vec<CommitInRange<'a>>> {
        let branch = &self.observation.branch_commits;
        let known: BTreeMap<&'a Sha, &'a [Sha]> =
            branch.commits.iter().map(|(sha, parents)| (sha, parents.as_slice())).collect();
        let before = ancestors(&known, [sha]);
        let listed = in_branch_order(&known, tip, &before).into_iter().map(|sha| {
            let (sha, parents) = known.get_key_value(sha)?;
            let message = branch.messages.get(*sha)?.as_deref();
            Some(CommitInRange { sha, parents, message })
        });
        listed.collect()
    }

    /// The commits that `head` contains and `base` does not, in branch order.
    fn commits_of_range(
        &self,
        base: &Sha,
        head: &Sha,
    ) -> Result<Availability<Vec<CommitInRange<'a>>>, Gap> {
        let commits = match self.commits(base, head)? {
            Availability::Known(commits) => commits,
            Availability::Untold(why) => return Ok(Availability::Untold(why.clone())),
        };
        let by_sha: BTreeMap<&Sha, CommitInRange<'a>> =
            commits.iter().map(|commit| (&commit.sha, CommitInRange::of(commit))).collect();
        let parents = by_sha.iter().map(|(sha, commit)| (*sha, commit.parents)).collect();
        let order = in_branch_order(&parents, head, &BTreeSet::new());
        Ok(Availability::Known(
            order.into_iter().filter_map(|sha| by_sha.get(sha).copied()).collect(),
        ))
    }
}

/// These commits and everything that they contain, as far as `parents` shows it.
fn ancestors<'s>(
    parents: &BTreeMap<&'s Sha, &'s [Sha]>,
    of: impl IntoIterator<Item = &'s Sha>,
) -> BTreeSet<&'s Sha> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Sha> = of.into_iter().collect();
    while let Some(sha) = open.pop() {
        if seen.insert(sha) {
            open.extend(parents.get(sha).into_iter().flat_map(|parents| parents.iter()));
        }
    }
    seen
}

/// `head` and everything that it contains except `without`, in the order in which the branch
/// took it up: parents before children, and what a merge brought right before the merge.
/// Commits that are not in `parents` are included.
fn in_branch_order<'s>(
    parents: &BTreeMap<&'s Sha, &'s [Sha]>,
    head: &'s Sha,
    without: &BTreeSet<&Sha>,
) -> Vec<&'s Sha> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    let of = |sha: &Sha| parents.get(sha).copied().unwrap_or_default().iter();
    if without.contains(head) {
        return order;
    }
    seen.insert(head);
    let mut open = vec![(head, of(head))];
    while let Some((sha, left)) = open.last_mut() {
        match left.next() {
            Some(parent) if !without.contains(parent) && seen.insert(parent) => {
                open.push((parent, of(parent)));
            }
            Some(_) => {}
            None => {
                order.push(*sha);
                open.pop();
            }
        }
    }
    order
}

/// What a commit states about others: whether each is in effect.
type RevertStatements = BTreeMap<Sha, bool>;

/// The range and what comes after it, with what each commit states.
struct History<'c, 'a> {
    case: &'c Case<'a>,
    /// The range, then what the branch has after the judged commit.
    commits: Vec<CommitInRange<'a>>,
    places: BTreeMap<&'a Sha, usize>,
    /// How many of `commits` belong to the range. `None` if production is not known.
    range: Option<usize>,
    said: Vec<RevertStatements>,
    gathering: Gathering,
    /// Why it is unknown what was reverted.
    untold: Option<String>,
}

impl<'c, 'a> History<'c, 'a> {
    fn new(
        case: &'c Case<'a>,
        range: Option<Vec<CommitInRange<'a>>>,
        after: &[CommitInRange<'a>],
    ) -> Self {
        let length = range.as_ref().map(Vec::len);
        let mut commits = range.unwrap_or_default();
        commits.extend(after);
        let places = commits.iter().enumerate().map(|(place, commit)| (commit.sha, place));
        let places = places.collect();
        let (said, gathering) = (Vec::new(), Gathering::default());
        Self { case, commits, places, range: length, said, gathering, untold: None }
    }

    fn read(mut self) -> Result<Option<Reverted>, Gap> {
        for place in 0..self.commits.len() {
            let said = self.said_by(place)?;
            self.said.push(said);
        }
        let reverted = self.reverted();
        let untold = self.untold.map(|why| Reverted::Unknown(Why(why)));
        self.gathering.finish(reverted.or(untold))
    }

    /// What is in effect at the judged commit but reverted on the branch.
    fn reverted(&self) -> Option<Reverted> {
        let range = self.range.unwrap_or_default();
        let (at_sha, after) = self.said.split_at_checked(range)?;
        let at_sha: BTreeMap<&Sha, &bool> = at_sha.iter().flatten().collect();
        let mut last: BTreeMap<&Sha, (bool, usize)> = BTreeMap::new();
        for (place, said) in after.iter().enumerate() {
            last.extend(said.iter().map(|(commit, stands)| (commit, (*stands, range + place))));
        }
        let brings = |commit: &&Sha| match self.places.get(*commit) {
            Some(place) => *place < range,
            // It was named by its sha, and the judged commit contains it.
            None => self.range.is_none(),
        };
        let reverted = last.iter().filter(|(commit, (stands, _))| {
            !stands && brings(commit) && at_sha.get(**commit).is_none_or(|stood| **stood)
        });
        let reverted: Vec<(usize, &Sha)> =
            reverted.map(|(commit, (_, by))| (*by, *commit)).collect();
        let (by, commit) =
            reverted.iter().max_by_key(|(by, commit)| (*by, self.places.get(commit).copied()))?;
        Some(Reverted::Commit {
            commit: (*commit).clone(),
            by: self.commits.get(*by)?.sha.clone(),
            more: reverted.len().saturating_sub(1),
        })
    }

    /// What the commit at this place states.
    fn said_by(&mut self, place: usize) -> Result<RevertStatements, Gap> {
        let Some(message) = self.commits.get(place).and_then(|commit| commit.message) else {
            return Ok(RevertStatements::new());
        };
        // A merge by GitHub repeats the messages of the commits that it brought.
        let speaks_for_itself = |brought: &usize| self.said(*brought).is_empty();
        if !message.reverts() || !self.brought_by(place).iter().all(speaks_for_itself) {
            return Ok(RevertStatements::new());
        }
        let Some(named) = &message.reverts_commit else {
            // Without a range, only what is named by its sha counts. That also holds for what
            // takes a revert back.
            return Ok(match self.range {
                Some(_) => self.by_pull_or_title(message, place),
                None => RevertStatements::new(),
            });
        };
        if let Some(target) = self.commit_named(named, place) {
            return Ok(self.contrary_of(target));
        }
        let Some(range) = self.range else {
            return self.outside_of_any_range(named);
        };
        if place < range {
            // It may be about a commit in production. In doubt, what the range brings is in
            // effect.
            return Ok(RevertStatements::new());
        }
        let otherwise = self.by_pull_or_title(message, place);
        if otherwise.is_empty() {
            return Ok(otherwise);
        }
        // A revert that was brought from another branch names a commit of that branch. If
        // production contains the named commit, the revert is about that one only.
        let Production::Known { sha: production, .. } = &self.case.production else {
            return Ok(otherwise);
        };
        let Some(named) = named.whole() else { return Ok(otherwise) };
        let shipped = self.gathering.take(self.case.contains(production, &named))?;
        Ok(if shipped == Some(true) { RevertStatements::new() } else { otherwise })
    }

    fn said(&self, place: usize) -> &RevertStatements {
        static NOTHING: RevertStatements = RevertStatements::new();
        self.said.get(place).unwrap_or(&NOTHING)
    }

    /// What a commit states if production is not known: only about commits that the judged one
    /// contains and that are named by their sha.
    fn outside_of_any_range(&mut self, named: &ShaPrefix) -> Result<RevertStatements, Gap> {
        let branch = &self.case.question.observation.branch_commits;
        let listed = branch.commits.iter().find(|(sha, _)| sha.starts_with(named));
        let Some(sha) = named.whole().or_else(|| listed.map(|(sha, _)| sha.clone())) else {
            let why = format!("which commit {} is, that is reverted, is not known", named.as_str());
            self.untold.get_or_insert(why);
            return Ok(RevertStatements::new());
        };
        let contained = self.gathering.take(self.case.contains(self.case.sha(), &sha))?;
        Ok(if contained == Some(true) {
            RevertStatements::from([(sha, false)])
        } else {
            RevertStatements::new()
        })
    }

    fn by_pull_or_title(&self, message: &CommitMessage, place: usize) -> RevertStatements {
        let pull = message.reverts_pull.as_ref().and_then(|pull| self.pull_named(pull, place));
        match pull {
            Some(target) => self.contrary_of(target),
            None => self.by_title(&message.title, place),
        }
    }

    /// The named commit, or the newest one that was cherry-picked from it.
    fn commit_named(&self, named: &ShaPrefix, before: usize) -> Option<usize> {
        let earlier = self.commits.get(..before)?;
        let is_named = |commit: &CommitInRange<'_>| commit.sha.starts_with(named);
        let is_picked = |commit: &CommitInRange<'_>| {
            let picks = commit.message.map_or(&[][..], |message| &message.picked_from);
            picks.iter().any(|from| {
                from.as_str().starts_with(named.as_str())
                    || named.as_str().starts_with(from.as_str())
            })
        };
        earlier.iter().rposition(is_named).or_else(|| earlier.iter().rposition(is_picked))
    }

    fn pull_named(&self, named: &RevertedPull, before: usize) -> Option<usize> {
        let names =
            [&self.case.question.observation.repository.name, &self.case.policy().repository];
        let is_here = named.repository.as_ref().is_none_or(|name| names.contains(&name));
        let earlier = self.commits.get(..before).filter(|_| is_here)?;
        let of_it = |commit: &CommitInRange<'_>| {
            commit.message.is_some_and(|message| message.pull == Some(named.number))
        };
        // `revert: T (#12)` may carry the number of what it reverts.
        let brought_it = |commit: &CommitInRange<'_>| {
            of_it(commit) && !commit.message.is_some_and(CommitMessage::reverts)
        };
        earlier.iter().rposition(brought_it).or_else(|| earlier.iter().rposition(of_it))
    }

    fn by_title(&self, title: &CommitTitle, place: usize) -> RevertStatements {
        let Some(inner) = title.reverts.checked_sub(1).filter(|_| !title.text.is_empty()) else {
            return RevertStatements::new();
        };
        if let Some(target) = self.titled(&title.text, inner, place) {
            return self.contrary_of(target);
        }
        // What it takes back is not called a revert, but what that one reverted is in the list.
        let Some(target) = self.titled(&title.text, 0, place) else {
            return RevertStatements::new();
        };
        let stands = title.reverts.is_multiple_of(2);
        let all = self.brought_by(target).into_iter().chain([target]);
        all.filter_map(|place| Some((self.commits.get(place)?.sha.clone(), stands))).collect()
    }

    /// The newest commit with this title. If it reverts nothing, only commits of the range are
    /// considered.
    fn titled(&self, text: &str, reverts: u32, before: usize) -> Option<usize> {
        let range = self.range.unwrap_or_default();
        let most = if reverts == 0 { before.min(range) } else { before };
        let is_called = |commit: &CommitInRange<'_>| {
            commit.message.is_some_and(|message| {
                message.title.reverts == reverts && message.title.text == text
            })
        };
        self.commits.get(..most)?.iter().rposition(is_called)
    }

    /// The effect of reverting this commit: the opposite of what it and the commits that it
    /// brought stated. If they stated nothing, the commit is no longer in effect.
    fn contrary_of(&self, target: usize) -> RevertStatements {
        let brought = self.brought_by(target);
        let of_all = brought.iter().chain([&target]).flat_map(|place| self.said(*place));
        let mut said: RevertStatements =
            of_all.map(|(commit, stands)| (commit.clone(), !stands)).collect();
        let reverts = |place: &usize| !self.said(*place).is_empty();
        let only_reverts = reverts(&target) || (!brought.is_empty() && brought.iter().all(reverts));
        if !only_reverts && let Some(commit) = self.commits.get(target) {
            said.insert(commit.sha.clone(), false);
        }
        said
    }

    /// The commits that a merge brought to the branch, in branch order. Empty for any other
    /// commit.
    fn brought_by(&self, merge: usize) -> Vec<usize> {
        let parents = self.commits.get(merge).map_or(&[][..], |commit| commit.parents);
        let Some((first, others)) = parents.split_first().filter(|(_, others)| !others.is_empty())
        else {
            return Vec::new();
        };
        let parents: BTreeMap<&Sha, &[Sha]> =
            self.commits.iter().map(|commit| (commit.sha, commit.parents)).collect();
        let before = ancestors(&parents, [first]);
        let brought = ancestors(&parents, others);
        let brought: BTreeSet<usize> =
            brought.difference(&before).filter_map(|sha| self.places.get(*sha).copied()).collect();
        brought.into_iter().collect()
    }
}
