//! The parts of commit messages that matter for reverts: a commit's title, and what it reverts.
//!
//! Messages are untrusted. Parsing one takes time linear in its length, and the result has a
//! bounded size.

use serde::{Deserialize, Serialize};

use super::{PullNumber, RepoName, Sha, ShaPrefix};

/// Number of characters of a title that are compared. GitHub limits a pull request's title to
/// this.
const LONGEST_TITLE: usize = 256;
/// Maximum number of cherry-pick sources that are kept for a commit: one for each branch on its
/// way.
const MOST_PICKS: usize = 4;
/// Maximum length of a conventional commit's scope in characters, as in `revert(cart): …`.
const LONGEST_SCOPE: usize = 100;
/// Maximum number of digits of a pull request's number.
const LONGEST_NUMBER: usize = 18;
/// Maximum length of `OWNER/NAME#NUMBER`, where each name has at most 100 characters.
const LONGEST_PULL: usize = 220;

/// A commit that GitHub listed with its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCommit {
    pub sha: Sha,
    /// Its parents, in git's order.
    pub parents: Vec<Sha>,
    pub message: CommitMessage,
}

/// The parts of a commit message that say what reverts what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitMessage {
    pub title: CommitTitle,
    /// The pull request that the title names: `… (#12)`, or `Merge pull request #12 from …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<PullNumber>,
    /// The commits that `git cherry-pick -x` copied it from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub picked_from: Vec<ShaPrefix>,
    /// The first `This reverts commit SHA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts_commit: Option<ShaPrefix>,
    /// The first `Reverts OWNER/NAME#12` or `Reverts #12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts_pull: Option<RevertedPull>,
}

/// A parsed title: `Revert "Revert "Add a cart (#12)" (#13)" (#14)` is `Add a cart` with two
/// reverts around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommitTitle {
    /// The innermost title, without ` (#12)`.
    pub text: String,
    /// The number of reverts around it. `Reapply "T"`, git's title for the revert of a revert,
    /// counts as two.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reverts: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A pull request that a message reverts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertedPull {
    /// `None` if the message does not name a repository.
    pub repository: Option<RepoName>,
    pub number: PullNumber,
}

impl CommitMessage {
    /// Parses a message.
    #[must_use]
    pub fn of(message: &str) -> Self {
        let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let (title, pull) = match merged_pull(first) {
            // In a merge commit, GitHub puts the pull request's title below the first line.
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

    /// Whether the message reverts anything.
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

/// The text after `revert: `, `revert(scope): ` or either with a `!`. Source: "Conventional
/// Commits 1.0.0", which leaves the case of types to tools.
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

/// Splits off the ` (#12)` that GitHub appends to a title. Returns the rest and the number.
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

/// The number of the pull request in the title of a merge commit that GitHub created.
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

/// The commit in `This reverts commit SHA`, as written by `git revert`.
fn reverted_commit(message: &str) -> Option<ShaPrefix> {
    after_each(message, "This reverts commit").find_map(named_commit)
}

/// The commits in `(cherry picked from commit SHA)`, as written by `git cherry-pick -x`.
fn picks(message: &str) -> Vec<ShaPrefix> {
    let named = after_each(message, "(cherry picked from commit").filter_map(named_commit);
    named.take(MOST_PICKS).collect()
}

/// The text after each occurrence of `words`.
fn after_each<'a>(message: &'a str, words: &'a str) -> impl Iterator<Item = &'a str> {
    message.match_indices(words).filter_map(|(at, found)| message.get(at + found.len()..))
}

/// The commit id that a text begins with, after a blank: 7 to 40 digits, or all 64 in a SHA-256
/// repository.
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

/// The pull request in `Reverts #12` or `Reverts OWNER/NAME#12`, as GitHub writes it for the
/// revert of a pull request.
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
