//! GitHub Apps, their installations, and the tokens minted for them.

mod jwt;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::access::{Granted, NOT_BY_INTEGRATION, Token, Within};
use super::ids::{hex, next, object_name};
use super::people::{Role, User};
use super::reply::Reply;
use super::repository::Repository;
use super::world::World;

/// The public key of every App that brings no key of its own. For tests only.
pub(super) const TEST_PUBLIC_KEY: &str = include_str!("apps/test_key.pub.pem");
/// The private key that belongs to it, in the format in which GitHub issues keys.
pub const APP_TEST_KEY: &str = include_str!("apps/test_key.pem");

/// docs.github.com, "Generating an installation access token for a GitHub App".
const TOKEN_LASTS: SignedDuration = SignedDuration::from_hours(1);

#[derive(Default)]
pub(super) struct Apps {
    pub(super) apps: BTreeMap<u64, App>,
    pub(super) installations: BTreeMap<u64, Installation>,
    /// How many tokens each installation ever minted, including installations that are gone.
    pub(super) minted: BTreeMap<u64, u64>,
}

pub(super) struct App {
    pub(super) id: u64,
    pub(super) client_id: String,
    pub(super) slug: String,
    pub(super) owner: String,
    pub(super) public_key: String,
    pub(super) permissions: Granted,
    pub(super) created_at: Timestamp,
}

impl App {
    pub(super) fn bot(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}

#[derive(Clone)]
pub(super) struct Installation {
    pub(super) id: u64,
    pub(super) app: u64,
    pub(super) account: String,
    /// `None`: all repositories of the account.
    pub(super) selected: Option<BTreeSet<u64>>,
    pub(super) permissions: Granted,
    pub(super) suspended: Option<(String, Timestamp)>,
    pub(super) created_at: Timestamp,
}

impl Installation {
    /// The value of `repository_selection`.
    pub(super) fn selection(&self) -> &'static str {
        if self.selected.is_some() { "selected" } else { "all" }
    }

    pub(super) fn has(&self, repository: &Repository) -> bool {
        repository.owner.eq_ignore_ascii_case(&self.account)
            && self.selected.as_ref().is_none_or(|selected| selected.contains(&repository.id))
    }
}

/// What an App requests for a new token: a subset of its installation's permissions and
/// repositories, or all of them.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) permissions: Option<Granted>,
    pub(super) names: Vec<String>,
    pub(super) ids: Vec<u64>,
}

impl World {
    /// The App that a JSON Web Token authenticates, or GitHub's refusal.
    pub(super) fn app_of(&self, token: Option<&str>) -> Result<u64, Reply> {
        jwt::app_of(&self.apps, token, self.now)
    }

    /// An existing installation of this App. Uninstalled ones, those of other Apps and those on
    /// deleted accounts do not exist.
    pub(super) fn installation_of(&self, app: u64, id: u64) -> Option<&Installation> {
        self.standing(id).filter(|installation| installation.app == app)
    }

    pub(super) fn installation_on(&self, app: u64, account: &str) -> Option<&Installation> {
        let mut all = self.apps.installations.values();
        let found = all.find(|one| one.app == app && one.account.eq_ignore_ascii_case(account))?;
        self.standing(found.id)
    }

    fn standing(&self, id: u64) -> Option<&Installation> {
        let installation = self.apps.installations.get(&id)?;
        (!self.is_gone(&installation.account)).then_some(installation)
    }

    pub(super) fn account_of(&self, installation: &Installation) -> User {
        self.known_user(&installation.account)
    }

    /// Checks whether a minted token is still valid: its installation may have been suspended
    /// or removed since.
    pub(super) fn minted_is_good(&self, within: &Within) -> Result<(), Reply> {
        match self.standing(within.installation) {
            None => Err(Reply::error(401, "Bad credentials")),
            Some(installation) if installation.suspended.is_some() => Err(suspended()),
            Some(_) => Ok(()),
        }
    }

    /// The role of a minted token in a repository; `None` if it cannot see the repository.
    pub(super) fn role_within(&self, within: &Within, repository: &Repository) -> Option<Role> {
        let installed = self.standing(within.installation).is_some_and(|one| one.has(repository));
        let kept = within.only.as_ref().is_none_or(|only| only.contains(&repository.id));
        if installed && kept {
            return Some(Role::Write);
        }
        (!repository.private).then_some(Role::Read)
    }

    /// Whether the minted token's App is installed on this account.
    pub(super) fn is_installed_on(&self, within: &Within, account: &str) -> bool {
        self.standing(within.installation)
            .is_some_and(|one| one.account.eq_ignore_ascii_case(account))
    }

    /// The repositories that a minted token can write to, sorted by id.
    pub(super) fn repositories_within(&self, within: &Within) -> Vec<&Repository> {
        let all = self.repositories.values().filter(|repository| self.is_there(repository));
        all.filter(|repository| self.role_within(within, repository) == Some(Role::Write)).collect()
    }

    /// Mints a token. Returns its text and everything it permits.
    pub(super) fn mint(
        &mut self,
        app: u64,
        id: u64,
        wanted: &Wanted,
    ) -> Result<(String, Minted), Reply> {
        let installation = self.installation_of(app, id).cloned().ok_or_else(Reply::not_found)?;
        if installation.suspended.is_some() {
            return Err(suspended());
        }
        let granted = narrowed(&installation.permissions, wanted.permissions.as_ref())?;
        let only = self.chosen(&installation, wanted)?;
        let bot = self.apps.apps.get(&app).map_or_else(String::new, App::bot);
        let expires_at = self.now.checked_add(TOKEN_LASTS).unwrap_or(Timestamp::MAX);
        let number = self.apps.minted.entry(id).or_default();
        let number = next(number);
        // 36 characters after the prefix, as in GitHub's tokens.
        let text = object_name([id.to_le_bytes().as_slice(), number.to_le_bytes().as_slice()]);
        let text = format!("ghs_{}", hex(text.as_bytes(), 18));
        let within = Within { installation: id, only };
        let token = Token::minted(&bot, granted.clone(), within.clone(), expires_at);
        // Expired and unknown tokens both get a 401, so expired ones can be dropped.
        let now = self.now;
        self.tokens.retain(|_, token| token.within().is_none() || token.is_good_at(now));
        self.tokens.insert(text.clone(), token);
        Ok((text, Minted { installation, within, granted, expires_at }))
    }

    /// The repositories that a token is restricted to, by name or id; `None` if it is not
    /// restricted.
    fn chosen(
        &self,
        installation: &Installation,
        wanted: &Wanted,
    ) -> Result<Option<BTreeSet<u64>>, Reply> {
        if wanted.names.is_empty() && wanted.ids.is_empty() {
            return Ok(None);
        }
        let named = wanted.names.iter().map(|name| {
            self.repository_named(&format!("{}/{name}", installation.account)).map(|found| found.id)
        });
        let ids: Option<BTreeSet<u64>> =
            named.chain(wanted.ids.iter().map(|id| Some(*id))).collect();
        let reached = |id: &u64| {
            self.repositories.get(id).is_some_and(|repository| installation.has(repository))
        };
        let ids = ids.filter(|ids| ids.iter().all(reached));
        ids.map(Some).ok_or_else(|| {
            let words = "There is at least one repository that does not exist or is not \
                         accessible to the parent installation.";
            Reply::error(422, words)
        })
    }
}

/// A minted token as the answer describes it.
pub(super) struct Minted {
    pub(super) installation: Installation,
    pub(super) within: Within,
    pub(super) granted: Granted,
    pub(super) expires_at: Timestamp,
}

pub(super) fn suspended() -> Reply {
    Reply::error(403, "This installation has been suspended")
}

pub(super) fn not_by_integration() -> Reply {
    Reply::error(403, NOT_BY_INTEGRATION)
}

fn narrowed(has: &Granted, wanted: Option<&Granted>) -> Result<Granted, Reply> {
    let Some(wanted) = wanted else { return Ok(has.clone()) };
    let enough = |(permission, access)| has.get(permission).is_some_and(|given| given >= access);
    if wanted.iter().all(enough) {
        return Ok(wanted.clone());
    }
    let words = "The permissions requested are not granted to this installation.";
    Err(Reply::error(422, words))
}
