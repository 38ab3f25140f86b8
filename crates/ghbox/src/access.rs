//! Tokens and what they permit.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::people::Role;

/// A permission of a fine-grained token or an App.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Repository metadata. Every token has it.
    Metadata,
    /// Commits, branches, files.
    Contents,
    /// Workflows and runs.
    Actions,
    /// Commit statuses.
    Statuses,
    /// Issues and their comments.
    Issues,
    /// Pull requests.
    PullRequests,
    /// An organization's members and teams.
    Members,
}

impl Permission {
    const ALL: [Permission; 7] = [
        Permission::Metadata,
        Permission::Contents,
        Permission::Actions,
        Permission::Statuses,
        Permission::Issues,
        Permission::PullRequests,
        Permission::Members,
    ];

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.word() == word)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Permission::Metadata => "metadata",
            Permission::Contents => "contents",
            Permission::Actions => "actions",
            Permission::Statuses => "statuses",
            Permission::Issues => "issues",
            Permission::PullRequests => "pull_requests",
            Permission::Members => "members",
        }
    }
}

/// The level of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    Read,
    /// Read and write.
    Write,
}

impl Access {
    pub(super) fn word(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "write",
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        [Access::Read, Access::Write].into_iter().find(|access| access.word() == word)
    }
}

/// The permissions of a fine-grained token, an App or an installation.
pub(super) type Granted = BTreeMap<Permission, Access>;

/// A token: the account it belongs to, and its permissions.
#[derive(Clone, Debug)]
pub struct Token {
    pub(super) login: String,
    kind: Kind,
    expires_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
enum Kind {
    Classic(Vec<String>),
    FineGrained(Granted),
    Installation(Granted),
    Minted { granted: Granted, within: Within },
}

/// The scope of a minted token: its installation, or some of the installation's repositories.
#[derive(Clone, Debug)]
pub(super) struct Within {
    pub(super) installation: u64,
    pub(super) only: Option<BTreeSet<u64>>,
}

impl Token {
    /// A classic personal access token with these scopes. Its user must be a collaborator.
    #[must_use]
    pub fn classic(login: &str, scopes: &[&str]) -> Self {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Token { login: login.to_owned(), kind: Kind::Classic(scopes), expires_at: None }
    }

    /// A fine-grained token with the permissions that the governor needs. Its user must be a
    /// collaborator.
    #[must_use]
    pub fn fine_grained(login: &str) -> Self {
        Token { login: login.to_owned(), kind: Kind::FineGrained(usual()), expires_at: None }
    }

    /// An App installation token with the permissions that the governor needs. It reaches every
    /// repository and belongs to no user.
    #[must_use]
    pub fn installation(bot: &str) -> Self {
        Token { login: bot.to_owned(), kind: Kind::Installation(usual()), expires_at: None }
    }

    /// A token that an App minted for one of its installations.
    pub(super) fn minted(bot: &str, granted: Granted, within: Within, end: Timestamp) -> Self {
        let kind = Kind::Minted { granted, within };
        Token { login: bot.to_owned(), kind, expires_at: Some(end) }
    }

    /// Adds or replaces a permission. No effect on classic tokens, which have scopes instead.
    #[must_use]
    pub fn grant(mut self, permission: Permission, access: Access) -> Self {
        if let Some(granted) = self.granted_mut() {
            granted.insert(permission, access);
        }
        self
    }

    /// Removes a permission.
    #[must_use]
    pub fn without(mut self, permission: Permission) -> Self {
        if let Some(granted) = self.granted_mut() {
            granted.remove(&permission);
        }
        self
    }

    /// Sets the expiry, which every answer to this token reports in a header.
    #[must_use]
    pub fn expires_at(mut self, end: Timestamp) -> Self {
        self.expires_at = Some(end);
        self
    }

    fn granted_mut(&mut self) -> Option<&mut Granted> {
        match &mut self.kind {
            Kind::Classic(_) => None,
            Kind::FineGrained(granted)
            | Kind::Installation(granted)
            | Kind::Minted { granted, .. } => Some(granted),
        }
    }

    pub(super) fn is_good_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    pub(super) fn is_installation(&self) -> bool {
        matches!(self.kind, Kind::Installation(_) | Kind::Minted { .. })
    }

    /// Whether this token has scopes rather than permissions.
    pub(super) fn is_classic(&self) -> bool {
        matches!(self.kind, Kind::Classic(_))
    }

    /// The scope of a minted token; `None` for any other token.
    pub(super) fn within(&self) -> Option<&Within> {
        match &self.kind {
            Kind::Minted { within, .. } => Some(within),
            Kind::Classic(_) | Kind::FineGrained(_) | Kind::Installation(_) => None,
        }
    }

    /// The account whose rate limits this token spends, as GitHub names it: its user or its
    /// installation.
    pub(super) fn meter(&self) -> String {
        match self.within() {
            Some(within) => installation_meter(within.installation),
            None => format!("user ID {}", self.login),
        }
    }

    /// Headers that are part of every answer to this token.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if let Kind::Classic(scopes) = &self.kind {
            headers.push(("x-oauth-scopes", scopes.join(", ")));
            headers.push(("x-accepted-oauth-scopes", "repo".to_owned()));
        }
        // Only personal tokens have this header. A minted token's expiry is in the answer that
        // minted it.
        if let Some(end) = self.expires_at.filter(|_| self.within().is_none()) {
            let end = end.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
            headers.push(("github-authentication-token-expiration", end));
        }
        headers
    }

    /// The role that a user effectively has through this token. An installation token has
    /// permissions instead of a role, and counts as write.
    ///
    /// A minted token has the role that its scope gives it, and can read whatever is public.
    pub(super) fn effective_role(&self, role: Option<Role>) -> Option<Role> {
        if matches!(self.kind, Kind::Installation(_)) { Some(Role::Write) } else { role }
    }
}

/// The name of an installation's own rate limits.
pub(super) fn installation_meter(id: u64) -> String {
    format!("installation ID {id}")
}

/// The permission that an operation requires.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    pub(super) permission: Permission,
    pub(super) access: Access,
    /// Whether the user must also be able to push.
    pub(super) push: bool,
}

/// GitHub's message where an App's token lacks a permission.
pub(super) const NOT_BY_INTEGRATION: &str = "Resource not accessible by integration";

/// GitHub's message where a fine-grained token lacks a permission.
const NOT_BY_TOKEN: &str = "Resource not accessible by personal access token";

/// Why GitHub refuses access.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// 404: GitHub does not reveal what a token cannot see.
    Hidden,
    /// 403, with the permission that would help where GitHub names it.
    Forbidden { message: &'static str, accepted: Option<String> },
}

impl Denied {
    /// The same refusal, naming another permission that would also help.
    pub(super) fn or_also(self, permission: Permission, access: Access) -> Self {
        match self {
            Denied::Hidden => Denied::Hidden,
            Denied::Forbidden { message, accepted } => {
                let other = format!("{}={}", permission.word(), access.word());
                let accepted = accepted.map(|accepted| format!("{accepted}; {other}"));
                Denied::Forbidden { message, accepted }
            }
        }
    }
}

/// Checks whether a token permits an operation in a repository where its user has this role.
pub(super) fn check(
    token: Option<&Token>,
    need: Need,
    role: Option<Role>,
    private: bool,
) -> Result<(), Denied> {
    let Some(token) = token else {
        return if private || need.access == Access::Write { Err(Denied::Hidden) } else { Ok(()) };
    };
    let role = token.effective_role(role).ok_or(Denied::Hidden)?;
    let pushes = !need.push || role >= Role::Write;
    match &token.kind {
        Kind::Classic(scopes) => {
            let wide = scopes.iter().any(|scope| {
                scope == "repo"
                    || scope == "public_repo" && !private
                    || scope == "repo:status" && need.permission == Permission::Statuses
            });
            if !wide && (private || need.access == Access::Write) {
                Err(Denied::Hidden)
            } else if pushes {
                Ok(())
            } else {
                let message = "Must have admin rights to Repository.";
                Err(Denied::Forbidden { message, accepted: None })
            }
        }
        Kind::FineGrained(granted) => {
            granted_is_enough(granted, need, private, pushes, NOT_BY_TOKEN)
        }
        Kind::Installation(granted) => {
            granted_is_enough(granted, need, private, pushes, NOT_BY_INTEGRATION)
        }
        Kind::Minted { granted, .. } => {
            let writes_outside = need.access == Access::Write && role < Role::Write;
            let pushes = pushes && !writes_outside;
            granted_is_enough(granted, need, private, pushes, NOT_BY_INTEGRATION)
        }
    }
}

/// Scopes that let a classic token see teams (docs.github.com, "Scopes for OAuth apps").
pub(super) const TEAM_SCOPES: [&str; 3] = ["admin:org", "read:org", "write:org"];

/// Checks whether a token can see an organization's teams. `at_home` tells whether its user is
/// a member there, or its App is installed there.
pub(super) fn check_teams(token: &Token, at_home: bool) -> Result<(), Denied> {
    let (granted, message) = match &token.kind {
        Kind::Classic(scopes) => {
            let wide = scopes.iter().any(|scope| TEAM_SCOPES.contains(&scope.as_str()));
            return if wide && at_home { Ok(()) } else { Err(Denied::Hidden) };
        }
        Kind::FineGrained(granted) => (granted, NOT_BY_TOKEN),
        Kind::Installation(granted) | Kind::Minted { granted, .. } => (granted, NOT_BY_INTEGRATION),
    };
    if !at_home {
        return Err(Denied::Hidden);
    }
    let need = Need { permission: Permission::Members, access: Access::Read, push: false };
    granted_is_enough(granted, need, true, true, message)
}

fn granted_is_enough(
    granted: &Granted,
    need: Need,
    private: bool,
    pushes: bool,
    message: &'static str,
) -> Result<(), Denied> {
    let open = need.access == Access::Read && (!private || need.permission == Permission::Metadata);
    let has = granted.get(&need.permission).is_some_and(|&access| access >= need.access);
    if (open || has) && pushes {
        return Ok(());
    }
    let accepted = Some(format!("{}={}", need.permission.word(), need.access.word()));
    Err(Denied::Forbidden { message, accepted })
}

/// The minimum permissions of the governor.
pub(super) fn usual() -> Granted {
    BTreeMap::from([
        (Permission::Metadata, Access::Read),
        (Permission::Contents, Access::Read),
        (Permission::Actions, Access::Write),
        (Permission::Statuses, Access::Write),
        (Permission::Issues, Access::Write),
        (Permission::PullRequests, Access::Read),
    ])
}
