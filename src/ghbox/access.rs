//! Tokens and what they let one do.

use std::collections::BTreeMap;

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
}

impl Permission {
    fn word(self) -> &'static str {
        match self {
            Permission::Metadata => "metadata",
            Permission::Contents => "contents",
            Permission::Actions => "actions",
            Permission::Statuses => "statuses",
            Permission::Issues => "issues",
            Permission::PullRequests => "pull_requests",
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
    FineGrained(BTreeMap<Permission, Access>),
    Installation(BTreeMap<Permission, Access>),
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

    fn granted_mut(&mut self) -> Option<&mut BTreeMap<Permission, Access>> {
        match &mut self.kind {
            Kind::Classic(_) => None,
            Kind::FineGrained(granted) | Kind::Installation(granted) => Some(granted),
        }
    }

    pub(super) fn is_good_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    pub(super) fn is_installation(&self) -> bool {
        matches!(self.kind, Kind::Installation(_))
    }

    /// Headers that come with every answer to this token.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if let Kind::Classic(scopes) = &self.kind {
            headers.push(("x-oauth-scopes", scopes.join(", ")));
            headers.push(("x-accepted-oauth-scopes", "repo".to_owned()));
        }
        if let Some(end) = self.expires_at {
            let end = end.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
            headers.push(("github-authentication-token-expiration", end));
        }
        headers
    }

    /// What a user's role is worth through this token; an App has none, but permissions.
    pub(super) fn effective_role(&self, role: Option<Role>) -> Option<Role> {
        if self.is_installation() { Some(Role::Write) } else { role }
    }
}

/// What an operation asks of a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    pub(super) permission: Permission,
    pub(super) access: Access,
    /// Whether the user must be able to push, too.
    pub(super) push: bool,
}

/// Why GitHub says no.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// 404: what one may not see is not there.
    Hidden,
    /// 403, with the permission that would help where GitHub names it.
    Forbidden { message: &'static str, accepted: Option<String> },
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
            let message = "Resource not accessible by personal access token";
            granted_is_enough(granted, need, private, pushes, message)
        }
        Kind::Installation(granted) => {
            let message = "Resource not accessible by integration";
            granted_is_enough(granted, need, private, pushes, message)
        }
    }
}

fn granted_is_enough(
    granted: &BTreeMap<Permission, Access>,
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
    let access = if need.access == Access::Write { "write" } else { "read" };
    let accepted = Some(format!("{}={access}", need.permission.word()));
    Err(Denied::Forbidden { message, accepted })
}

/// The least that a governor needs.
fn usual() -> BTreeMap<Permission, Access> {
    BTreeMap::from([
        (Permission::Metadata, Access::Read),
        (Permission::Contents, Access::Read),
        (Permission::Actions, Access::Write),
        (Permission::Statuses, Access::Write),
        (Permission::Issues, Access::Write),
        (Permission::PullRequests, Access::Read),
    ])
}
