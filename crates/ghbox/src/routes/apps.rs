//! Requests by an App as itself, and requests about its installation with an installation
//! token.

use http::Method;
use serde_json::{Value, json};

use super::decoded;
use crate::access::{Access, Granted, Permission};
use crate::apps::{Installation, Wanted, not_by_integration};
use crate::reply::{Asked, Reply};
use crate::wire::Wire;
use crate::world::World;

/// An operation of an App. [`AppCall::operation`] has its name in GitHub's OpenAPI description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AppCall {
    Itself,
    Installations,
    Installation(u64),
    OfOrganization(String),
    OfUser(String),
    OfRepository,
    Mint(u64),
    Repositories,
    RevokeToken,
}

impl AppCall {
    /// Parses the segments of a path that names no repository.
    pub(super) fn of(method: &Method, segments: &[&str]) -> Option<AppCall> {
        match (method.as_str(), segments) {
            ("GET", ["app"]) => Some(AppCall::Itself),
            ("GET", ["app", "installations"]) => Some(AppCall::Installations),
            ("GET", ["app", "installations", id]) => Some(AppCall::Installation(id.parse().ok()?)),
            ("POST", ["app", "installations", id, "access_tokens"]) => {
                Some(AppCall::Mint(id.parse().ok()?))
            }
            ("GET", ["orgs", org, "installation"]) => Some(AppCall::OfOrganization(decoded(org))),
            ("GET", ["users", user, "installation"]) => Some(AppCall::OfUser(decoded(user))),
            ("GET", ["installation", "repositories"]) => Some(AppCall::Repositories),
            ("DELETE", ["installation", "token"]) => Some(AppCall::RevokeToken),
            _ => None,
        }
    }

    pub(super) fn operation(&self) -> &'static str {
        match self {
            AppCall::Itself => "apps/get-authenticated",
            AppCall::Installations => "apps/list-installations",
            AppCall::Installation(_) => "apps/get-installation",
            AppCall::OfOrganization(_) => "apps/get-org-installation",
            AppCall::OfUser(_) => "apps/get-user-installation",
            AppCall::OfRepository => "apps/get-repo-installation",
            AppCall::Mint(_) => "apps/create-installation-access-token",
            AppCall::Repositories => "apps/list-repos-accessible-to-installation",
            AppCall::RevokeToken => "apps/revoke-installation-access-token",
        }
    }

    /// Whether the App authenticates as itself, by a JSON Web Token.
    pub(crate) fn is_by_the_app(&self) -> bool {
        !matches!(self, AppCall::Repositories | AppCall::RevokeToken)
    }
}

pub(super) fn answer(
    call: &AppCall,
    world: &mut World,
    repository: u64,
    asked: &Asked<'_>,
) -> Reply {
    let app = asked.app.unwrap_or_default();
    match call {
        AppCall::Mint(id) => mint(world, app, *id, asked),
        AppCall::RevokeToken => revoke(world, asked),
        AppCall::Repositories => repositories(world, asked),
        AppCall::Itself => match world.apps.apps.get(&app) {
            Some(found) => Reply::ok(Wire { world, api: asked.api }.app(found)),
            None => Reply::not_found(),
        },
        AppCall::Installations => {
            let wire = Wire { world, api: asked.api };
            let all = world.apps.installations.keys();
            let all: Vec<&Installation> =
                all.filter_map(|id| world.installation_of(app, *id)).collect();
            Reply::list(&asked.page(&all), |one| wire.installation(one))
        }
        AppCall::Installation(id) => shown(world, world.installation_of(app, *id), asked),
        AppCall::OfOrganization(login) => of_account(world, app, login, "Organization", asked),
        AppCall::OfUser(login) => of_account(world, app, login, "User", asked),
        AppCall::OfRepository => {
            let found = world.repositories.get(&repository).and_then(|repository| {
                let found = world.installation_on(app, &repository.owner)?;
                found.has(repository).then_some(found)
            });
            shown(world, found, asked)
        }
    }
}

fn shown(world: &World, found: Option<&Installation>, asked: &Asked<'_>) -> Reply {
    let wire = Wire { world, api: asked.api };
    found.map_or_else(Reply::not_found, |found| Reply::ok(wire.installation(found)))
}

fn of_account(world: &World, app: u64, login: &str, kind: &str, asked: &Asked<'_>) -> Reply {
    let found = world.installation_on(app, login);
    let found = found.filter(|found| world.account_of(found).kind.word() == kind);
    shown(world, found, asked)
}

fn mint(world: &mut World, app: u64, id: u64, asked: &Asked<'_>) -> Reply {
    let wanted = match wanted(asked.body) {
        Ok(wanted) => wanted,
        Err(refused) => return refused,
    };
    let (text, minted) = match world.mint(app, id, &wanted) {
        Ok(minted) => minted,
        Err(refused) => return refused,
    };
    let wire = Wire { world, api: asked.api };
    Reply { headers: Vec::new(), ..Reply::created(wire.minted(&text, &minted)) }
}

fn wanted(body: &Value) -> Result<Wanted, Reply> {
    let all = |name: &str| body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let names = all("repositories").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let ids = all("repository_ids").iter().filter_map(Value::as_u64).collect();
    let asked = body.get("permissions").and_then(Value::as_object);
    // PyGithub sends an empty object to request all permissions.
    let permissions = asked.filter(|asked| !asked.is_empty()).map(|asked| {
        let read = |(name, access): (&String, &Value)| {
            Some((Permission::named(name)?, Access::named(access.as_str()?)?))
        };
        asked.iter().map(read).collect::<Option<Granted>>()
    });
    match permissions {
        // An App of the box cannot have a permission that the box does not know.
        Some(None) => {
            let words = "The permissions requested are not granted to this installation.";
            Err(Reply::error(422, words))
        }
        Some(permissions) => Ok(Wanted { permissions, names, ids }),
        None => Ok(Wanted { permissions: None, names, ids }),
    }
}

fn repositories(world: &World, asked: &Asked<'_>) -> Reply {
    let Some(within) = asked.within else {
        let words = "You must authenticate with an installation access token in order to list \
                     repositories for an installation.";
        return Reply::error(403, words);
    };
    let wire = Wire { world, api: asked.api };
    let all = world.repositories_within(within);
    let page = asked.page(&all);
    let items: Value = page.items.iter().map(|one| wire.installed_repository(one)).collect();
    let selection = match world.apps.installations.get(&within.installation) {
        Some(installation) if within.only.is_none() => installation.selection(),
        Some(_) | None => "selected",
    };
    Reply::ok(json!({
        "total_count": all.len(), "repositories": items, "repository_selection": selection,
    }))
    .linked(page.links)
}

fn revoke(world: &mut World, asked: &Asked<'_>) -> Reply {
    if asked.within.is_none() {
        return not_by_integration();
    }
    world.tokens.remove(asked.token);
    Reply::no_content()
}
