//! GitHub's JSON, with all of its fields. `tests/faithful` validates it against the OpenAPI
//! description.

pub(super) mod actions;
pub(super) mod apps;
pub(super) mod git;
pub(super) mod issues;
pub(super) mod pulls;
pub(super) mod repository;
pub(super) mod statuses;
pub(super) mod timeline;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ids::node_id;
use super::people::{GHOST, Ghost, User};
use super::repository::Repository;
use super::world::World;

/// Serializes answers. `api` is the base URL as the caller addressed it.
#[derive(Clone, Copy)]
pub(super) struct Wire<'w> {
    pub(super) world: &'w World,
    pub(super) api: &'w str,
}

impl Wire<'_> {
    /// A repository's API URL.
    pub(super) fn api_of(&self, repository: &Repository) -> String {
        format!("{}/repos/{}", self.api, repository.full_name())
    }

    /// The URL of a repository's web pages.
    pub(super) fn pages_of(&self, repository: &Repository) -> String {
        format!("{}/{}", self.world.server.html_url, repository.full_name())
    }

    /// A user inside another answer; a ghost if the account was deleted.
    pub(super) fn login(&self, login: &str) -> Value {
        match (self.world.is_gone(login), self.world.server.ghost) {
            (false, _) => self.user(&self.world.known_user(login)),
            (true, Ghost::Named) => self.user(&self.world.known_user(GHOST)),
            (true, Ghost::Null) => Value::Null,
        }
    }

    pub(super) fn user(&self, user: &User) -> Value {
        let html = &self.world.server.html_url;
        let escaped = user.login.replace('[', "%5B").replace(']', "%5D");
        let api = format!("{}/users/{escaped}", self.api);
        let page = match user.login.strip_suffix("[bot]") {
            Some(app) => format!("{html}/apps/{app}"),
            None => format!("{html}/{}", user.login),
        };
        json!({
            "login": user.login,
            "id": user.id,
            "node_id": node_id("U", user.id),
            "avatar_url": self.avatar(user.id),
            "gravatar_id": "",
            "url": api,
            "html_url": page,
            "followers_url": format!("{api}/followers"),
            "following_url": format!("{api}/following{{/other_user}}"),
            "gists_url": format!("{api}/gists{{/gist_id}}"),
            "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{api}/subscriptions"),
            "organizations_url": format!("{api}/orgs"),
            "repos_url": format!("{api}/repos"),
            "events_url": format!("{api}/events{{/privacy}}"),
            "received_events_url": format!("{api}/received_events"),
            "type": user.kind.word(),
            "site_admin": false,
            "user_view_type": "public",
        })
    }

    /// The URL of a user's avatar. Enterprise Server has its own.
    pub(super) fn avatar(&self, user_id: u64) -> String {
        let server = &self.world.server;
        match server.enterprise {
            Some(_) => format!("{}/avatars/u/{user_id}?", server.html_url),
            None => format!("https://avatars.githubusercontent.com/u/{user_id}?v=4"),
        }
    }

    /// A user, as the public profile endpoint shows them.
    pub(super) fn public_user(&self, user: &User) -> Value {
        let more = json!({
            "name": user.login,
            "company": null,
            "blog": "",
            "location": null,
            "email": null,
            "hireable": null,
            "bio": null,
            "twitter_username": null,
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": time(user.created_at),
            "updated_at": time(user.created_at),
        });
        merged(self.user(user), more)
    }

    /// The token's own user.
    pub(super) fn own_user(&self, user: &User) -> Value {
        let own = json!({
            "notification_email": null,
            "private_gists": 0,
            "total_private_repos": 0,
            "owned_private_repos": 0,
            "disk_usage": 0,
            "collaborators": 0,
            "two_factor_authentication": true,
            "user_view_type": "private",
        });
        merged(self.public_user(user), own)
    }
}

/// Formats a time as GitHub does: UTC, without fractions.
pub(super) fn time(at: Timestamp) -> String {
    let whole = at.round(
        jiff::TimestampRound::new().smallest(jiff::Unit::Second).mode(jiff::RoundMode::Floor),
    );
    whole.unwrap_or(at).to_string()
}

pub(super) fn maybe_time(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}

/// Formats a time for the HTTP `Date` header.
pub(super) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Merges two objects. Fields of the second one win.
pub(super) fn merged(mut first: Value, second: Value) -> Value {
    if let (Value::Object(into), Value::Object(from)) = (&mut first, second) {
        into.extend(from);
    }
    first
}
