//! What commit messages say of reverts: what a commit is called, and what it reverts.
//!
//! Messages are written by strangers. Reading one takes time linear in its length, and what is
//! kept of it is bounded.

use serde::{Deserialize, Serialize};

use super::{PullNumber, RepoName, Sha, ShaPrefix};

/// Characters of a title that are compared. GitHub takes no more for a pull request's title.
const LONGEST_TITLE: usize = 256;
/// Commits that one commit is taken to be cherry-picked from: one for each branch on the way.
const MOST_PICKS: usize = 4;
/// Characters of a conventional commit's scope, as in `revert(cart): …`.
const LONGEST_SCOPE: usize = 100;
/// Digits of a pull request's number.
const LONGEST_NUMBER: usize = 18;
/// `OWNER/NAME#NUMBER`, where each name has at most 100 characters.
const LONGEST_PULL: usize = 220;

/// A commit that GitHub listed with its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCommit {
    /// The commit.
    pub sha: Sha,
    /// Its parents, the first one first.
    pub parents: Vec<Sha>,
    /// What its message says.
    pub message: CommitMessage,
}

/// The parts of a commit's message that tell what reverts what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitMessage {
    /// What it is called.
    pub title: CommitTitle,
    /// The pull request that its title names: `… (#12)`, or `Merge pull request #12 from …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<PullNumber>,
    /// The commits that `git cherry-pick -x` took it from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub picked_from: Vec<ShaPrefix>,
    /// `This reverts commit SHA`: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts_commit: Option<ShaPrefix>,
    /// `Reverts OWNER/NAME#12` or `Reverts #12`: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts_pull: Option<RevertedPull>,
}

/// A title, taken apart: `Revert "Revert "Add a cart (#12)" (#13)" (#14)` is `Add a cart`, with two
/// reverts around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommitTitle {
    /// The innermost title, without ` (#12)`.
    pub text: String,
    /// Reverts around it; `Reapply "T"`, which is what git calls the revert of a revert, is two.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reverts: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A pull request that a message says is reverted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertedPull {
    /// Its repository, where it is named.
    pub repository: Option<RepoName>,
    /// Its number.
    pub number: PullNumber,
}

impl CommitMessage {
    /// What a message says.
    #[must_use]
    pub fn of(message: &str) -> Self {
        let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let (title, pull) = match merged_pull(first) {
            // GitHub puts the pull request's title below.
            Some(pull) => (lines.next().unwrap_or(first), Some(pull)),
            None => (first, without_number(first).1),
        };
        Self {
            title: CommitTitle::of(title),
            pull,
            picked_from: picks(message),
            reverts_commit: reverted_commit(message),
            reverts_pull: reverted_pull(message),
        }
    }

    /// Whether it says that it reverts something, whatever that is.
    #[must_use]
    pub const fn reverts(&self) -> bool {
        self.reverts_commit.is_some() || self.reverts_pull.is_some() || self.title.reverts > 0
    }
}

impl CommitTitle {
    fn of(title: &str) -> Self {
        let (mut text, mut reverts) = (title, 0_u32);
        loop {
            text = without_number(text).0;
            let (inner, more) = if let Some(inner) = quoted(text, "Revert \"") {
                (inner, 1)
            } else if let Some(inner) = quoted(text, "Reapply \"") {
                (inner, 2)
            } else if let Some(inner) = conventional(text) {
                (inner, 1)
            } else {
                break;
            };
            (text, reverts) = (inner, reverts.saturating_add(more));
        }
        Self { text: text.chars().take(LONGEST_TITLE).collect(), reverts }
    }
}

fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_suffix('"')
}

/// What follows `revert: `, `revert(scope): ` or either with a `!`. Source: "Conventional Commits
/// 1.0.0", which leaves the case of types to tools.
fn conventional(text: &str) -> Option<&str> {
    let (word, rest) = text.split_at_checked("revert".len())?;
    if !word.eq_ignore_ascii_case("revert") {
        return None;
    }
    let rest = match rest.strip_prefix('(') {
        Some(scope) => {
            let within = scope.char_indices().take(LONGEST_SCOPE);
            let (end, _) = within.into_iter().find(|(_, c)| *c == ')')?;
            scope.get(end..)?.strip_prefix(')')?
        }
        None => rest,
    };
    let rest = rest.strip_prefix('!').unwrap_or(rest);
    Some(rest.strip_prefix(':')?.trim_start())
}

/// A title without the ` (#12)` that GitHub puts behind it, and that number.
fn without_number(title: &str) -> (&str, Option<PullNumber>) {
    let title = title.trim();
    let found = title.strip_suffix(')').and_then(|open| {
        let digits = open.bytes().rev().take(LONGEST_NUMBER + 1).take_while(u8::is_ascii_digit);
        let (before, number) = open.split_at_checked(open.len().checked_sub(digits.count())?)?;
        let before = before.strip_suffix("(#")?;
        let apart = before.is_empty() || before.ends_with(char::is_whitespace);
        apart.then_some((before.trim_end(), pull_number(number)?))
    });
    found.map_or((title, None), |(before, number)| (before, Some(number)))
}

/// The number in the title of a merge commit that GitHub made.
fn merged_pull(title: &str) -> Option<PullNumber> {
    let rest = title.strip_prefix("Merge pull request #")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    pull_number(digits)
}

fn pull_number(digits: &str) -> Option<PullNumber> {
    let sound = !digits.is_empty() && digits.len() <= LONGEST_NUMBER;
    let number: u64 = digits.parse().ok().filter(|_| sound)?;
    (number > 0).then(|| number.into())
}

/// `This reverts commit SHA`, as `git revert` writes it.
fn reverted_commit(message: &str) -> Option<ShaPrefix> {
    after_each(message, "This reverts commit").find_map(named_commit)
}

/// `(cherry picked from commit SHA)`, as `git cherry-pick -x` writes it.
fn picks(message: &str) -> Vec<ShaPrefix> {
    let named = after_each(message, "(cherry picked from commit").filter_map(named_commit);
    named.take(MOST_PICKS).collect()
}

/// What follows each place where `words` stand.
fn after_each<'a>(message: &'a str, words: &'a str) -> impl Iterator<Item = &'a str> {
    message.match_indices(words).filter_map(|(at, found)| message.get(at + found.len()..))
}

/// The commit that a text begins with: 7 to 40 digits, or all 64 of a SHA-256 repository.
fn named_commit(text: &str) -> Option<ShaPrefix> {
    let named = text.trim_start();
    if named.len() == text.len() {
        return None;
    }
    let end = named.char_indices().find(|(at, c)| *at > 64 || !c.is_alphanumeric());
    let named = end.map_or(Some(named), |(end, _)| named.get(..end))?;
    let prefix: ShaPrefix = named.parse().ok()?;
    (named.len() <= 40 || prefix.whole().is_some()).then_some(prefix)
}

/// `Reverts #12` or `Reverts OWNER/NAME#12`, as GitHub writes it into a pull request.
fn reverted_pull(message: &str) -> Option<RevertedPull> {
    let stands_apart = |at: &usize| {
        let before = message.get(..*at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| !c.is_alphanumeric())
    };
    let places = message.match_indices("Reverts ").filter(|(at, _)| stands_apart(at));
    let mut after = places.filter_map(|(at, found)| message.get(at + found.len()..));
    after.find_map(|rest| {
        let end = rest.char_indices().find(|(at, c)| *at > LONGEST_PULL || c.is_whitespace());
        let word = end.map_or(Some(rest), |(end, _)| rest.get(..end))?;
        let (repository, number) = word.split_once('#')?;
        let repository = if repository.is_empty() { None } else { Some(repository.parse().ok()?) };
        let mut parts = number.splitn(2, |c: char| !c.is_ascii_digit());
        let number = pull_number(parts.next()?)?;
        let ends = parts.next().is_none_or(|rest| !rest.starts_with(char::is_alphanumeric));
        ends.then_some(RevertedPull { repository, number })
    })
}

#[cfg(test)]
mod tests;
