//! Pull requests: who brought a commit to the branch, and what people said about it there.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CommandReading, Login, Permission, PullNumber, Sha, UserId};

/// What GitHub tells, or what lasts in the way of it: gone, refused, without end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability<T> {
    /// GitHub told it.
    Known(T),
    /// It cannot be told, and why.
    Untold(String),
}

/// An account at GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Its number. Two are the same where this is: a login can be taken over.
    pub id: UserId,
    /// Its login.
    pub login: Login,
    /// Whether it is an App's account, and no person's.
    pub is_bot: bool,
}

/// A pull request that brought a commit to the branch. Merged, it stays what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedPull {
    /// Its number.
    pub number: PullNumber,
    /// Who opened it; none for a deleted account.
    pub author: Option<Person>,
    /// The last commit of its own.
    pub head: Sha,
    /// The commit that its merge made, where GitHub says: a merge, or the last of what was squashed
    /// or rebased.
    pub merge_commit: Option<Sha>,
}

impl MergedPull {
    /// Whether this merge may be the one that merged it, and not one of its own commits.
    #[must_use]
    pub fn may_be_merged_by(&self, merge: &Sha) -> bool {
        self.head != *merge && self.merge_commit.as_ref().is_none_or(|commit| commit == merge)
    }
}

/// What happened on a pull request, as far as an approval or a risk may rest on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PullEvent {
    /// Somebody put a label on it.
    Labeled {
        /// The label.
        label: String,
        /// Who; none for a deleted account.
        by: Option<Person>,
        /// When.
        at: Timestamp,
    },
    /// Somebody took a label off.
    Unlabeled {
        /// The label.
        label: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody wrote the approval command, or what looks like it.
    Commented(Comment),
    /// A commit was pushed to it, also by force, or its base was changed. When, nobody tells: dates
    /// are the pusher's to choose.
    Pushed {
        /// The commit, where it is one.
        sha: Option<Sha>,
    },
    /// It was merged.
    Merged,
}

impl PullEvent {
    /// When it happened, where that is told.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Labeled { at, .. } | Self::Unlabeled { at, .. } => Some(*at),
            Self::Commented(comment) => Some(comment.at),
            Self::Pushed { .. } | Self::Merged => None,
        }
    }
}

/// A comment that holds the approval command in some way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Who wrote it; none for a deleted account.
    pub by: Option<Person>,
    /// When.
    pub at: Timestamp,
    /// How the command stands in it.
    pub spoken: CommandReading,
    /// Whether it was changed after it was written.
    pub is_edited: bool,
    /// The App through which it was written in somebody's name.
    pub through_app: Option<String>,
    /// Whether GitHub knows its author as one of the repository's people. Only a hint at whom to
    /// ask about first.
    pub is_from_inside: bool,
}

/// What somebody may do in the repository, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryRole {
    /// The permission; none where they have none.
    pub permission: Option<Permission>,
    /// GitHub's name of their role, custom roles by their own.
    pub role: String,
}

/// A team of an organization, as `approval_teams` names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Team {
    org: Login,
    slug: String,
}

impl Team {
    /// The team of this `slug` in `org`; none where GitHub takes no such name.
    #[must_use]
    pub fn new(org: &str, slug: &str) -> Option<Self> {
        let plain = |text: &str| {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !text.is_empty() && text.len() <= 100 && text.bytes().all(is_plain)
        };
        let slug = slug.to_ascii_lowercase();
        (plain(org) && plain(&slug)).then(|| Self { org: Login::from(org), slug })
    }

    /// The organization.
    #[must_use]
    pub fn org(&self) -> &str {
        self.org.as_str()
    }

    /// The team's name in addresses.
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.slug
    }
}

/// What was given is no `org/team`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a team: expected ORG/TEAM, as in acme/release-captains")]
pub struct TeamError(String);

impl FromStr for Team {
    type Err = TeamError;

    fn from_str(text: &str) -> Result<Self, TeamError> {
        let team = text.split_once('/').and_then(|(org, slug)| Self::new(org, slug));
        team.ok_or_else(|| TeamError(text.chars().take(120).collect()))
    }
}

impl TryFrom<String> for Team {
    type Error = TeamError;
    fn try_from(text: String) -> Result<Self, TeamError> {
        text.parse()
    }
}

impl From<Team> for String {
    fn from(team: Team) -> Self {
        team.to_string()
    }
}

impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.org, self.slug)
    }
}

/// A commit status that raises the risk of its commit (`raise_risk_contexts`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Its context.
    pub context: String,
    /// How it raises.
    pub kind: FlagKind,
}

/// How a status raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// It said `failure` or `error`; a later word takes nothing of that back.
    Objected,
    /// Its newest word is `pending`: what it will say is not known.
    Pending,
}
