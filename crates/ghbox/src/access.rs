//! Tokens and what they let one do.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::people::Role;

/// A permission of a fine-grained token or an App.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// The repository itself; every token has it.
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

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look only.
    Read,
    /// Change, too.
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

/// What a fine-grained token, an App or an installation may do.
pub(super) type Granted = BTreeMap<Permission, Access>;

/// A token: whose it is, and what it may do.
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

/// Where a minted token is good: in its installation, or in some repositories of it.
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

    /// A fine-grained token with the permissions that a governor needs. Its user must be a
    /// collaborator.
    #[must_use]
    pub fn fine_grained(login: &str) -> Self {
        Token { login: login.to_owned(), kind: Kind::FineGrained(usual()), expires_at: None }
    }

    /// An App's installation token with the permissions that a governor needs: it reaches every
    /// repository, and has no user.
    #[must_use]
    pub fn installation(bot: &str) -> Self {
        Token { login: bot.to_owned(), kind: Kind::Installation(usual()), expires_at: None }
    }

    /// The token that an App got for one of its installations.
    pub(super) fn minted(bot: &str, granted: Granted, within: Within, end: Timestamp) -> Self {
        let kind = Kind::Minted { granted, within };
        Token { login: bot.to_owned(), kind, expires_at: Some(end) }
    }

    /// With this permission; classic tokens have scopes instead.
    #[must_use]
    pub fn grant(mut self, permission: Permission, access: Access) -> Self {
        if let Some(granted) = self.granted_mut() {
            granted.insert(permission, access);
        }
        self
    }

    /// Without this permission.
    #[must_use]
    pub fn without(mut self, permission: Permission) -> Self {
        if let Some(granted) = self.granted_mut() {
            granted.remove(&permission);
        }
        self
    }

    /// Ends then, and says so in a header of every answer.
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

    /// Whether it has scopes, and no permissions.
    pub(super) fn is_classic(&self) -> bool {
        matches!(self.kind, Kind::Classic(_))
    }

    /// Where it is good, if an App got it for an installation.
    pub(super) fn within(&self) -> Option<&Within> {
        match &self.kind {
            Kind::Minted { within, .. } => Some(within),
            Kind::Classic(_) | Kind::FineGrained(_) | Kind::Installation(_) => None,
        }
    }

    /// Whose limits it spends, in GitHub's words: its user's, or its installation's.
    pub(super) fn meter(&self) -> String {
        match self.within() {
            Some(within) => installation_meter(within.installation),
            None => format!("user ID {}", self.login),
        }
    }

    /// Headers that come with every answer to this token.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if let Kind::Classic(scopes) = &self.kind {
            headers.push(("x-oauth-scopes", scopes.join(", ")));
            headers.push(("x-accepted-oauth-scopes", "repo".to_owned()));
        }
        // Personal tokens say when they end; one that was minted said so when it was.
        if let Some(end) = self.expires_at.filter(|_| self.within().is_none()) {
            let end = end.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
            headers.push(("github-authentication-token-expiration", end));
        }
        headers
    }

    /// What a user's role is worth through this token; an App has none, but permissions.
    ///
    /// One that was minted is good where its installation is, and reads what is public.
    pub(super) fn effective_role(&self, role: Option<Role>) -> Option<Role> {
        if matches!(self.kind, Kind::Installation(_)) { Some(Role::Write) } else { role }
    }
}

/// Each installation has limits of its own.
pub(super) fn installation_meter(id: u64) -> String {
    format!("installation ID {id}")
}

/// What an operation asks of a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    pub(super) permission: Permission,
    pub(super) access: Access,
    /// Whether the user must be able to push, too.
    pub(super) push: bool,
}

/// What an App's token is told where it may not.
pub(super) const NOT_BY_INTEGRATION: &str = "Resource not accessible by integration";

/// and a fine-grained token.
const NOT_BY_TOKEN: &str = "Resource not accessible by personal access token";

/// Why GitHub says no.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// 404: what one may not see is not there.
    Hidden,
    /// 403, with the permission that would help where GitHub names it.
    Forbidden { message: &'static str, accepted: Option<String> },
}

impl Denied {
    /// The same, where another permission would help as well.
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

/// Whether a token may do this in a repository where its user has this role.
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

/// Whether a token may see an organization's teams, if its user, or its App, is at home there.
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

/// The least that a governor needs.
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
