//! Users, bots, and what they may do in a repository.

use jiff::Timestamp;

/// What kind of account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKind {
    /// A person, or a machine user.
    User,
    /// A GitHub App's account, `slug[bot]`.
    Bot,
    /// An organization, which owns repositories.
    Organization,
}

impl UserKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            UserKind::User => "User",
            UserKind::Bot => "Bot",
            UserKind::Organization => "Organization",
        }
    }

    /// What GitHub would make of a login that nobody introduced.
    pub(super) fn guess(login: &str) -> Self {
        if login.ends_with("[bot]") { UserKind::Bot } else { UserKind::User }
    }
}

/// A person's role in a repository, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May read.
    Read,
    /// May read and sort issues; `permission` says `read`.
    Triage,
    /// May push.
    Write,
    /// May push and change some settings; `permission` says `write`.
    Maintain,
    /// May do everything.
    Admin,
}

impl Role {
    /// The word in `role_name`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Triage => "triage",
            Role::Write => "write",
            Role::Maintain => "maintain",
            Role::Admin => "admin",
        }
    }

    /// The word in `permission`, which knows only three roles.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Role::Read | Role::Triage => "read",
            Role::Write | Role::Maintain => "write",
            Role::Admin => "admin",
        }
    }
}

/// What somebody was given in a repository: a role, or a custom one that stands on it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) role: Role,
    /// The custom role's own name.
    pub(super) custom: Option<String>,
}

impl Standing {
    pub(super) fn of(role: Role) -> Self {
        Standing { role, custom: None }
    }

    /// The word in `role_name`.
    pub(super) fn name(&self) -> &str {
        self.custom.as_deref().unwrap_or_else(|| self.role.name())
    }
}

/// How answers speak of people whose account is gone. Both are seen, by endpoint and by year:
/// reviewninja/review.ninja#813 and databricks/spark-pr-dashboard#68 met the first,
/// atlassian/github-for-jira#164 the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ghost {
    /// `null`, where a user would be.
    Null,
    /// The account `ghost`, which stands for them all.
    Named,
}

/// The login that stands for all whose account is gone.
pub(super) const GHOST: &str = "ghost";
/// and its id at github.com.
pub(super) const GHOST_ID: u64 = 10_137;

#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) kind: UserKind,
    pub(super) created_at: Timestamp,
}
