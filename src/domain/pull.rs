//! Pull requests: who brought a commit to the branch, and how people reviewed it there.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CommandReading, Login, Permission, PullNumber, Sha, UserId};

/// A value from GitHub, or a permanent failure to get it: it is gone, access is refused, or it
/// is too large to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability<T> {
    Known(T),
    /// The value is unavailable, for this reason.
    Untold(String),
}

/// A GitHub account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account's id. It identifies the account, because a login can be taken over by
    /// another one.
    pub id: UserId,
    pub login: Login,
    /// Whether this is an App's account.
    pub is_bot: bool,
}

/// A pull request that brought a commit to the branch. Once merged, it does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedPull {
    pub number: PullNumber,
    /// Who opened it; `None` for a deleted account.
    pub author: Option<Person>,
    /// Its own last commit.
    pub head: Sha,
    /// The commit that merging it created, if GitHub reports it: the merge commit, or the last
    /// squashed or rebased commit.
    pub merge_commit: Option<Sha>,
}

impl MergedPull {
    /// Whether `merge` may be the commit that merged it, rather than one of its own commits.
    #[must_use]
    pub fn may_be_merged_by(&self, merge: &Sha) -> bool {
        self.head != *merge && self.merge_commit.as_ref().is_none_or(|commit| commit == merge)
    }
}

/// A pull request event that can matter for an approval or a risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PullEvent {
    /// Somebody added a label.
    Labeled {
        label: String,
        /// Who added it; `None` for a deleted account.
        by: Option<Person>,
        at: Timestamp,
    },
    /// Somebody removed a label.
    Unlabeled {
        label: String,
        at: Timestamp,
    },
    /// Somebody wrote the approval command, or something similar to it.
    Commented(Comment),
    /// A commit was pushed to it, possibly by a force push, or its base was changed. The time
    /// is unknown, because whoever pushes chooses the dates.
    Pushed {
        /// The commit, if the event is about one.
        sha: Option<Sha>,
    },
    Merged,
}

impl PullEvent {
    /// When it happened, if known.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Labeled { at, .. } | Self::Unlabeled { at, .. } => Some(*at),
            Self::Commented(comment) => Some(comment.at),
            Self::Pushed { .. } | Self::Merged => None,
        }
    }
}

/// A comment that contains the approval command in some form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Who wrote it; `None` for a deleted account.
    pub by: Option<Person>,
    pub at: Timestamp,
    /// How the comment contains the command.
    pub spoken: CommandReading,
    /// Whether the comment was edited.
    pub is_edited: bool,
    /// The App that wrote it on behalf of a person, if one did.
    pub through_app: Option<String>,
    /// Whether GitHub associates its author with the repository. This only decides whose
    /// permission is read first.
    pub is_from_inside: bool,
}

/// A person's current permission on the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryRole {
    /// `None` if they have no permission.
    pub permission: Option<Permission>,
    /// GitHub's name for their role, which may be a custom role.
    pub role: String,
}

/// A team of an organization, as named in `approval_teams`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Team {
    org: Login,
    slug: String,
}

impl Team {
    /// The team with this `slug` in `org`; `None` if GitHub does not allow such names.
    #[must_use]
    pub fn new(org: &str, slug: &str) -> Option<Self> {
        let plain = |text: &str| {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !text.is_empty() && text.len() <= 100 && text.bytes().all(is_plain)
        };
        let slug = slug.to_ascii_lowercase();
        (plain(org) && plain(&slug)).then(|| Self { org: Login::from(org), slug })
    }

    #[must_use]
    pub fn org(&self) -> &str {
        self.org.as_str()
    }

    /// The team's name in URLs.
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.slug
    }
}

/// The given text is not of the form `org/team`.
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
    pub context: String,
    pub kind: FlagKind,
}

/// How a status raises the risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagKind {
    /// It was `failure` or `error` at some time. A later state does not change that.
    Objected,
    /// Its newest state is `pending`, so its result is unknown.
    Pending,
}
