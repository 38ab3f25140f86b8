//! The token's user, rate limits, the repository itself, and users' permissions.

use serde_json::{Value, json};

use super::Call;
use crate::apps::not_by_integration;
use crate::limits::Window;
use crate::people::Role;
use crate::reply::{Asked, Reply};
use crate::repository::Repository;
use crate::wire::Wire;
use crate::world::World;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each room answers its own operations and leaves the rest to the next"
)]
pub(super) fn answer(call: &Call, world: &mut World, id: u64, asked: &Asked<'_>) -> Option<Reply> {
    if matches!(call, Call::RateLimit) {
        let now = world.now;
        let core = *world.meters.window(asked.meter, now);
        return Some(rate_limit(core, world.server.sends_limit_headers));
    }
    if matches!(call, Call::Meta) {
        let version = world.server.enterprise.as_ref();
        let mut shown = json!({ "verifiable_password_authentication": version.is_some() });
        if let (Some(version), Some(fields)) = (version, shown.as_object_mut()) {
            fields.insert("installed_version".to_owned(), Value::from(version.clone()));
        }
        return Some(Reply::ok(shown));
    }
    let wire = Wire { world, api: asked.api };
    if matches!(call, Call::User) {
        let own = || Reply::ok(wire.own_user(&world.known_user(asked.login)));
        // An installation token belongs to no user.
        return Some(if asked.installation { not_by_integration() } else { own() });
    }
    if let Call::UserNamed(login) = call {
        let shown = world.standing_user(login).map(|user| Reply::ok(wire.public_user(user)));
        return Some(shown.unwrap_or_else(Reply::not_found));
    }
    let repository = world.repositories.get(&id)?;
    match call {
        Call::Repository => {
            let own = || world.role_in(repository, asked.login);
            let role = if asked.installation { Some(Role::Read) } else { own() };
            Some(Reply::ok(wire.full_repository(repository, role)))
        }
        Call::Permission(login) => Some(permission(wire, repository, login, asked)),
        _ => None,
    }
}

/// A user's permission in this repository. Only Apps and users with push access may ask.
fn permission(wire: Wire<'_>, repository: &Repository, login: &str, asked: &Asked<'_>) -> Reply {
    if !asked.can_push && !asked.installation {
        return Reply::error(403, "Must have push access to view collaborator permission.");
    }
    match wire.world.standing_user(login) {
        Some(user) => {
            let standing = wire.world.standing_in(repository, login);
            Reply::ok(wire.permission(user, standing.as_ref()))
        }
        None => Reply::error(404, format!("{login} is not a user")),
    }
}

fn rate_limit(core: Window, enabled: bool) -> Reply {
    if !enabled {
        return Reply::error(404, "Rate limiting is not enabled.");
    }
    let shown = |window: Window| -> Value {
        json!({
            "limit": window.limit,
            "used": window.used,
            "remaining": window.remaining(),
            "reset": window.resets_at.as_second(),
        })
    };
    let unused = |limit| shown(Window { limit, used: 0, resets_at: core.resets_at });
    Reply::ok(json!({
        "resources": {
            "core": shown(core),
            "search": unused(30),
            "graphql": unused(5_000),
            "integration_manifest": unused(5_000),
        },
        "rate": shown(core),
    }))
}
