//! Rule 9a: after this sha, the branch contains a revert of a commit that this sha would bring
//! into production, and nothing that takes the revert back.

use std::collections::{BTreeMap, BTreeSet};

use release_governor::domain::{
    Availability as Answered, BranchCommits, CommitMessage, CommitTitle, Fact, RepoName, Sha,
    ShaPrefix,
};

use super::facts::{Asked, answer, contains};
use super::production::Certain;
use super::{Availability, undetermined};

/// The number of newest commits after the judged one whose messages are read.
const READ: usize = 250;

/// A commit and what is known of its message. The message may be absent if it reverts nothing.
#[derive(Clone)]
struct Commit {
    sha: Sha,
    parents: Vec<Sha>,
    message: Option<CommitMessage>,
}

pub(super) fn is_reverted(asked: &Asked<'_>) -> Availability<bool> {
    // What can never be known is not read as "nothing" (S4).
    let Some(after) = after_it(asked)? else { return Ok(true) };
    let is_read = after.len() <= READ;
    let reverts = |commit: &Commit| commit.message.as_ref().is_some_and(CommitMessage::reverts);
    if !after.iter().any(reverts) {
        return Ok(false);
    }
    if !is_read {
        return undetermined("more reverts than the newest commits show");
    }
    match &asked.production {
        Certain::Sha(base) => {
            let between = (base.clone(), asked.sha.clone());
            let brought = asked.observation.commits_between.get(&between);
            let Some(brought) = answer(brought, "the commits that it brings")? else {
                return Ok(true);
            };
            let brought: Vec<Commit> = brought.iter().map(Commit::of).collect();
            last_word(asked, &brought, &after, base)
        }
        Certain::None | Certain::Uncertain => by_sha_alone(asked, &after),
    }
}

impl Commit {
    fn of(listed: &release_governor::domain::ListedCommit) -> Self {
        Self {
            sha: listed.sha.clone(),
            parents: listed.parents.clone(),
            message: Some(listed.message.clone()),
        }
    }

    fn picks(&self) -> &[ShaPrefix] {
        self.message.as_ref().map_or(&[], |message| &message.picked_from)
    }

    /// Whether a message that names a sha means this commit.
    fn is_named(&self, named: &ShaPrefix) -> bool {
        let (named, own) = (named.as_str(), self.sha.as_str());
        own.starts_with(named)
            || self.picks().iter().any(|picked| {
                let picked = picked.as_str();
                picked.starts_with(named) || named.starts_with(picked)
            })
    }
}

/// The commits that are on the branch and not in the judged commit; `None` if this can never be
/// known.
fn after_it(asked: &Asked<'_>) -> Availability<Option<Vec<Commit>>> {
    let Some(tip) = &asked.observation.branch_tip else { return Ok(None) };
    if tip == asked.sha {
        return Ok(Some(Vec::new()));
    }
    if let Some(Fact::Known(known)) =
        asked.observation.commits_between.get(&(asked.sha.clone(), tip.clone()))
    {
        return Ok(match known {
            Answered::Known(listed) => Some(listed.iter().map(Commit::of).collect()),
            Answered::Untold(_) => None,
        });
    }
    after_it_on_the_branch(asked, tip).map(Some)
}

/// The same, from the newest commits of the branch, if they show all of them.
fn after_it_on_the_branch(asked: &Asked<'_>, tip: &Sha) -> Availability<Vec<Commit>> {
    let branch = &asked.observation.branch_commits;
    let parents: BTreeMap<&Sha, &Vec<Sha>> =
        branch.commits.iter().map(|(sha, parents)| (sha, parents)).collect();
    let (mut found, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![tip]);
    while let Some(sha) = open.pop() {
        if !seen.insert(sha) || contains(asked, asked.sha, sha)? {
            continue;
        }
        let Some(parents) = parents.get(sha) else {
            return undetermined("the commits after it are not all listed");
        };
        let message = match branch.messages.get(sha) {
            Some(message) => message.as_deref().cloned(),
            None => return undetermined("a message after it is not known"),
        };
        found.push(Commit { sha: sha.clone(), parents: (*parents).clone(), message });
        open.extend(parents.iter());
    }
    Ok(found)
}

/// For each reverted or reapplied commit, what the last message in branch order says.
#[derive(Default)]
struct Book {
    /// Commits in branch order, oldest first: those of the range, then those after it.
    read: Vec<Commit>,
    /// How many of them belong to the range.
    brought: usize,
    /// For each commit, the commits it refers to, and whether it reverts them.
    says: BTreeMap<Sha, BTreeMap<Sha, bool>>,
    /// The last statement about each commit.
    last: BTreeMap<Sha, bool>,
}

/// Production is certain: targets by sha, pull request and title are looked up in the range.
fn last_word(
    asked: &Asked<'_>,
    brought: &[Commit],
    after: &[Commit],
    base: &Sha,
) -> Availability<bool> {
    let all = brought.iter().chain(after);
    let listed = all.clone().map(|one| (one.sha.clone(), one.parents.clone()));
    let tip = asked.observation.branch_tip.as_ref().unwrap_or(asked.sha);
    let by_sha: BTreeMap<&Sha, &Commit> = all.map(|one| (&one.sha, one)).collect();
    let order = BranchCommits::of_tip(tip, listed).commits;
    let range: BTreeSet<&Sha> = brought.iter().map(|one| &one.sha).collect();
    if range.iter().any(|sha| !order.iter().any(|(listed, _)| listed == *sha)) {
        return undetermined("the place of what it brings");
    }
    let name = &asked.observation.repository.name;
    let mut book = Book::default();
    let (in_range, later): (Vec<_>, Vec<_>) =
        order.iter().rev().map(|(sha, _)| by_sha[sha]).partition(|one| range.contains(&one.sha));
    for commit in &in_range {
        book.brought += 1;
        book.read(asked, commit, base, name)?;
    }
    let then = book.last.clone();
    for commit in &later {
        book.read(asked, commit, base, name)?;
    }
    let is_out = |book: &BTreeMap<Sha, bool>, sha: &Sha| book.get(sha) == Some(&true);
    Ok(range.into_iter().any(|sha| is_out(&book.last, sha) && !is_out(&then, sha)))
}

impl Book {
    fn read(
        &mut self,
        asked: &Asked<'_>,
        commit: &Commit,
        base: &Sha,
        name: &RepoName,
    ) -> Availability<()> {
        let mut says: BTreeMap<Sha, bool> = BTreeMap::new();
        let message = commit.message.as_ref().filter(|message| message.reverts());
        if let Some(message) = message {
            says = self.target(asked, message, base, name)?;
        } else if commit.parents.len() > 1 {
            // A merge stands for everything that it brought.
            for one in &self.read {
                let is_brought = !contains(asked, &commit.parents[0], &one.sha)?
                    && contains(asked, &commit.sha, &one.sha)?;
                if is_brought {
                    says.extend(self.says.get(&one.sha).cloned().unwrap_or_default());
                }
            }
        }
        self.last.extend(says.clone());
        self.says.insert(commit.sha.clone(), says);
        self.read.push(commit.clone());
        Ok(())
    }

    /// The target of a revert: the first one that matches.
    fn target(
        &self,
        asked: &Asked<'_>,
        message: &CommitMessage,
        base: &Sha,
        name: &RepoName,
    ) -> Availability<BTreeMap<Sha, bool>> {
        let newest = || self.read.iter().rev();
        if let Some(named) = &message.reverts_commit {
            if let Some(found) = newest().find(|one| one.is_named(named)) {
                return Ok(self.turned(found));
            }
            // The target is in production or on another branch. A short sha does not determine
            // which.
            let Some(whole) = named.whole() else { return undetermined("what a short sha names") };
            if contains(asked, base, &whole)? {
                return Ok(BTreeMap::new());
            }
        }
        let by_pull = message.reverts_pull.as_ref();
        let by_pull = by_pull.filter(|of| of.repository.as_ref().is_none_or(|of| of == name));
        if let Some(of) = by_pull {
            let number = Some(of.number);
            let is_it =
                |one: &&Commit| one.message.as_ref().is_some_and(|message| message.pull == number);
            if let Some(found) = newest().find(is_it) {
                return Ok(self.turned(found));
            }
        }
        Ok(self.of_title(&message.title))
    }

    /// Finds the target by title in the range: the newest commit whose title is the quoted one.
    /// Otherwise, the commit that all of these nested reverts refer to; an odd number reverts
    /// it.
    fn of_title(&self, title: &CommitTitle) -> BTreeMap<Sha, bool> {
        let find = |reverts: u32| {
            self.read.iter().take(self.brought).rev().find(|one| {
                let its = one.message.as_ref().map(|message| &message.title);
                its.is_some_and(|its| its.text == title.text && its.reverts == reverts)
            })
        };
        let Some(within) = title.reverts.checked_sub(1).filter(|_| !title.text.is_empty()) else {
            return BTreeMap::new();
        };
        match (find(within), find(0)) {
            (Some(found), _) => self.turned(found),
            (None, Some(root)) if title.reverts % 2 == 1 => self.turned(root),
            (None, Some(root)) => BTreeMap::from([(root.sha.clone(), false)]),
            (None, None) => BTreeMap::new(),
        }
    }

    /// The opposite of what a commit states. A commit that states nothing is reverted itself.
    fn turned(&self, commit: &Commit) -> BTreeMap<Sha, bool> {
        let says = &self.says[&commit.sha];
        if says.is_empty() {
            return BTreeMap::from([(commit.sha.clone(), true)]);
        }
        says.iter().map(|(sha, is_out)| (sha.clone(), !is_out)).collect()
    }
}

/// Production is none or uncertain: only targets named by sha count.
fn by_sha_alone(asked: &Asked<'_>, after: &[Commit]) -> Availability<bool> {
    let reverting: Vec<&Commit> = after
        .iter()
        .filter(|one| one.message.as_ref().is_some_and(|it| it.reverts_commit.is_some()))
        .collect();
    let [] = reverting.as_slice() else {
        return one_by_sha(asked, after, &reverting);
    };
    Ok(false)
}

/// Without a range, only a single revert by sha can be resolved.
fn one_by_sha(asked: &Asked<'_>, after: &[Commit], reverting: &[&Commit]) -> Availability<bool> {
    let [only] = reverting else { return undetermined("several reverts without a range") };
    let named = only.message.as_ref().and_then(|message| message.reverts_commit.as_ref());
    let Some(whole) = named.and_then(ShaPrefix::whole) else {
        return undetermined("what a short sha names");
    };
    let is_after = after.iter().any(|one| one.sha == whole);
    Ok(!is_after && contains(asked, asked.sha, &whole)?)
}
