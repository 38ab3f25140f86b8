//! Team membership.

use serde_json::json;

use crate::access::{TEAM_SCOPES, Token, check_teams};
use crate::front::refusal;
use crate::reply::{Asked, Reply};
use crate::world::World;

/// A user's membership in a team. 404 if there is none, or if the team does not exist or is not
/// visible to the caller.
pub(super) fn membership(
    world: &World,
    organization: &str,
    team: &str,
    login: &str,
    asked: &Asked<'_>,
) -> Reply {
    let Some(token) = world.tokens.get(asked.token) else {
        return Reply::error(401, "Requires authentication");
    };
    let at_home = is_at_home(world, token, organization);
    let reply = match check_teams(token, at_home) {
        Ok(()) => shown(world, organization, team, login, asked),
        Err(denied) => refusal(denied),
    };
    if token.is_classic() {
        return reply.with("x-accepted-oauth-scopes", TEAM_SCOPES.join(", "));
    }
    reply
}

fn shown(world: &World, organization: &str, team: &str, login: &str, asked: &Asked<'_>) -> Reply {
    let found = world.teams.membership(organization, team, login);
    match found.filter(|_| world.standing_user(login).is_some()) {
        Some(found) => Reply::ok(json!({
            "state": found.state(),
            "role": found.role(),
            "url": format!("{}{}", asked.api, asked.path),
        })),
        None => Reply::not_found(),
    }
}

/// Whether the token's user is a member of this organization, or its App is installed there.
fn is_at_home(world: &World, token: &Token, organization: &str) -> bool {
    match token.within() {
        Some(within) => world.is_installed_on(within, organization),
        None => token.is_installation() || world.teams.is_member(organization, &token.login),
    }
}
