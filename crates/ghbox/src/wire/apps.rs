//! Apps, their installations, and the tokens minted for them.

use serde_json::{Map, Value, json};

use super::{Wire, merged, time};
use crate::access::Granted;
use crate::apps::{App, Installation, Minted};
use crate::ids::node_id;
use crate::people::{Role, UserKind};
use crate::repository::Repository;

impl Wire<'_> {
    /// An App, as it sees itself.
    pub(crate) fn app(&self, app: &App) -> Value {
        let installations = self.world.apps.installations.values();
        json!({
            "id": app.id,
            "client_id": app.client_id,
            "slug": app.slug,
            "node_id": node_id("A", app.id),
            "owner": self.login(&app.owner),
            "name": app.slug,
            "description": null,
            "external_url": "https://example.com",
            "html_url": self.app_page(app),
            "created_at": time(app.created_at),
            "updated_at": time(app.created_at),
            "permissions": permissions(&app.permissions),
            "events": [],
            "installations_count": installations.filter(|one| one.app == app.id).count(),
        })
    }

    /// The App behind an event or comment: one that acts as itself, or one that a person acted
    /// through.
    pub(super) fn app_behind(&self, login: &str, through: Option<&str>) -> Value {
        let slug = through.or_else(|| login.strip_suffix("[bot]"));
        let app = self.world.apps.apps.values().find(|app| slug == Some(app.slug.as_str()));
        app.map_or(Value::Null, |app| self.app(app))
    }

    pub(crate) fn installation(&self, installation: &Installation) -> Value {
        let id = installation.id;
        let account = self.world.account_of(installation);
        let html = &self.world.server.html_url;
        let page = match account.kind {
            UserKind::Organization => {
                format!("{html}/organizations/{}/settings/installations/{id}", account.login)
            }
            UserKind::User | UserKind::Bot => format!("{html}/settings/installations/{id}"),
        };
        let app = self.world.apps.apps.get(&installation.app);
        let suspended = installation.suspended.as_ref();
        json!({
            "id": id,
            "client_id": app.map_or("", |app| &app.client_id),
            "account": self.user(&account),
            "repository_selection": installation.selection(),
            "access_tokens_url": format!("{}/app/installations/{id}/access_tokens", self.api),
            "repositories_url": format!("{}/installation/repositories", self.api),
            "html_url": page,
            "app_id": installation.app,
            "app_slug": app.map_or("", |app| &app.slug),
            "target_id": account.id,
            "target_type": account.kind.word(),
            "permissions": permissions(&installation.permissions),
            "events": [],
            "created_at": time(installation.created_at),
            "updated_at": time(suspended.map_or(installation.created_at, |(_, at)| *at)),
            "single_file_name": null,
            "has_multiple_single_files": false,
            "single_file_paths": [],
            "suspended_by": suspended.map(|(by, _)| self.login(by)),
            "suspended_at": suspended.map(|(_, at)| time(*at)),
        })
    }

    /// A newly minted token. No other answer ever shows it.
    pub(crate) fn minted(&self, text: &str, minted: &Minted) -> Value {
        let narrowed = minted.within.only.as_ref();
        let selection =
            if narrowed.is_some() { "selected" } else { minted.installation.selection() };
        let shown = json!({
            "token": text,
            "expires_at": time(minted.expires_at),
            "permissions": permissions(&minted.granted),
            "repository_selection": selection,
        });
        let Some(narrowed) = narrowed else { return shown };
        let all = narrowed.iter().filter_map(|id| self.world.repositories.get(id));
        let all: Value = all.map(|repository| self.installed_repository(repository)).collect();
        merged(shown, json!({ "repositories": all }))
    }

    /// A repository as it appears in an App's lists.
    pub(crate) fn installed_repository(&self, repository: &Repository) -> Value {
        let more = json!({ "permissions": super::repository::permissions(Some(Role::Read)) });
        merged(self.repository(repository), more)
    }

    fn app_page(&self, app: &App) -> String {
        let html = &self.world.server.html_url;
        // Enterprise Server uses another path.
        let folder = if self.world.server.enterprise.is_some() { "github-apps" } else { "apps" };
        format!("{html}/{folder}/{}", app.slug)
    }
}

fn permissions(granted: &Granted) -> Value {
    let words = granted.iter();
    let words = words.map(|(what, how)| (what.word().to_owned(), Value::from(how.word())));
    Value::Object(words.collect::<Map<_, _>>())
}
