//! Users, bots, and their roles in repositories.

use jiff::Timestamp;

/// The kind of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKind {
    /// A person or a machine user.
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

    /// The kind of an account that was not registered, guessed from its login.
    pub(super) fn guess(login: &str) -> Self {
        if login.ends_with("[bot]") { UserKind::Bot } else { UserKind::User }
    }
}

/// A role in a repository, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Can read.
    Read,
    /// Can read and triage issues. `permission` maps it to `read`.
    Triage,
    /// Can push.
    Write,
    /// Can push and change some settings. `permission` maps it to `write`.
    Maintain,
    /// Can do everything.
    Admin,
}

impl Role {
    /// The value of `role_name`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Triage => "triage",
            Role::Write => "write",
            Role::Maintain => "maintain",
            Role::Admin => "admin",
        }
    }

    /// The value of `permission`, which has only three roles.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Role::Read | Role::Triage => "read",
            Role::Write | Role::Maintain => "write",
            Role::Admin => "admin",
        }
    }
}

/// A user's role in a repository: a standard one, or a custom one that is based on it.
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

    /// The value of `role_name`.
    pub(super) fn name(&self) -> &str {
        self.custom.as_deref().unwrap_or_else(|| self.role.name())
    }
}

/// How answers represent users whose account was deleted. Both forms have been observed,
/// depending on endpoint and year: the first in reviewninja/review.ninja#813 and
/// databricks/spark-pr-dashboard#68, the second in atlassian/github-for-jira#164.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ghost {
    /// `null` instead of a user.
    Null,
    /// The account `ghost`, which represents all of them.
    Named,
}

/// The login that represents all deleted accounts.
pub(super) const GHOST: &str = "ghost";
/// The id of `ghost` on github.com.
pub(super) const GHOST_ID: u64 = 10_137;

#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) kind: UserKind,
    pub(super) created_at: Timestamp,
}
