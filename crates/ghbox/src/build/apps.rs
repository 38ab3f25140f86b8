//! Test API: GitHub Apps and their installations.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::access::{Access, Granted, Permission, installation_meter, usual};
use crate::apps::{APP_TEST_KEY, App, Installation, TEST_PUBLIC_KEY};
use crate::ids::next;
use crate::people::UserKind;
use crate::world::World;
use crate::{GhBox, misuse};

/// An App to be registered: `NewApp::new("release-governor")`.
#[derive(Clone, Debug)]
pub struct NewApp {
    slug: String,
    owner: String,
    public_key: String,
    permissions: Granted,
}

impl NewApp {
    /// An App with the permissions that the governor needs, and the key [`APP_TEST_KEY`].
    #[must_use]
    pub fn new(slug: &str) -> Self {
        NewApp {
            slug: slug.to_owned(),
            owner: "app-makers".to_owned(),
            public_key: TEST_PUBLIC_KEY.to_owned(),
            permissions: usual(),
        }
    }

    /// Sets the public half of another key, as PEM.
    #[must_use]
    pub fn public_key(mut self, pem: &str) -> Self {
        pem.clone_into(&mut self.public_key);
        self
    }

    /// Adds or replaces a permission.
    #[must_use]
    pub fn grant(mut self, permission: Permission, access: Access) -> Self {
        self.permissions.insert(permission, access);
        self
    }

    /// Removes a permission.
    #[must_use]
    pub fn without(mut self, permission: Permission) -> Self {
        self.permissions.remove(&permission);
        self
    }
}

/// A handle to a registered App.
#[derive(Clone)]
pub struct GhApp {
    github: GhBox,
    id: u64,
    client_id: String,
    slug: String,
}

/// A handle to an App's installation on an account.
#[derive(Clone)]
pub struct Installed {
    github: GhBox,
    id: u64,
}

impl GhBox {
    /// Registers an App. It acts as `slug[bot]` wherever it is installed.
    pub fn register_app(&self, new: NewApp) -> GhApp {
        let mut world = self.world();
        let id = next(&mut world.ids.app);
        let app = App {
            id,
            client_id: format!("Iv23li{id:014}"),
            slug: new.slug,
            owner: new.owner,
            public_key: new.public_key,
            permissions: new.permissions,
            created_at: world.now,
        };
        world.user_of_kind(&app.owner, UserKind::Organization);
        world.user_of_kind(&app.bot(), UserKind::Bot);
        let (client_id, slug) = (app.client_id.clone(), app.slug.clone());
        world.apps.apps.insert(id, app);
        GhApp { github: self.clone(), id, client_id, slug }
    }

    /// The number of tokens that all Apps have minted.
    #[must_use]
    pub fn tokens_minted(&self) -> u64 {
        self.world().apps.minted.values().sum()
    }
}

impl GhApp {
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The App's client id, which can be used instead of its id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    #[must_use]
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// The login of the App's bot account.
    #[must_use]
    pub fn bot(&self) -> String {
        format!("{}[bot]", self.slug)
    }

    /// Installs the App on an account, for all repositories.
    pub fn install(&self, account: &str) -> Installed {
        self.installed(account, None)
    }

    /// Installs the App on an account, for these repositories only. Names omit the owner.
    pub fn install_on(&self, account: &str, repositories: &[&str]) -> Installed {
        let selected = repositories.iter().map(|name| self.repository(account, name)).collect();
        self.installed(account, Some(selected))
    }

    fn repository(&self, account: &str, name: &str) -> u64 {
        self.github.repository(&format!("{account}/{name}")).id()
    }

    fn installed(&self, account: &str, selected: Option<BTreeSet<u64>>) -> Installed {
        let world = &mut *self.github.world();
        world.user(account);
        let Some(app) = world.apps.apps.get(&self.id) else { misuse("an App that is gone") };
        let id = next(&mut world.ids.installation);
        let installation = Installation {
            id,
            app: self.id,
            account: account.to_owned(),
            selected,
            permissions: app.permissions.clone(),
            suspended: None,
            created_at: world.now,
        };
        world.apps.installations.insert(id, installation);
        Installed { github: self.github.clone(), id }
    }

    /// A JSON Web Token signed with [`APP_TEST_KEY`], valid for the next nine minutes.
    #[must_use]
    pub fn jwt(&self) -> String {
        let now = self.github.clock().now().as_second();
        self.signed(&json!({ "iat": now - 60, "exp": now + 540, "iss": self.client_id }))
    }

    /// Arbitrary claims, signed with [`APP_TEST_KEY`].
    #[must_use]
    pub fn signed(&self, claims: &Value) -> String {
        let key = EncodingKey::from_rsa_pem(APP_TEST_KEY.as_bytes());
        let signed = key.and_then(|key| encode(&Header::new(Algorithm::RS256), claims, &key));
        signed.unwrap_or_else(|error| misuse(error))
    }
}

impl Installed {
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Suspends the installation: its tokens and attempts to mint new ones get 403.
    pub fn suspend(&self, by: &str) {
        self.with(|world, id| {
            world.user(by);
            let now = world.now;
            let found = find(world, id);
            found.suspended = Some((by.to_owned(), now));
        });
    }

    /// Ends the suspension.
    pub fn unsuspend(&self) {
        self.with(|world, id| find(world, id).suspended = None);
    }

    /// Uninstalls the App: new tokens get 404, old ones 401.
    pub fn uninstall(&self) {
        self.with(|world, id| world.apps.installations.remove(&id));
    }

    /// Adds a repository to the selected ones. The name omits the owner.
    pub fn select(&self, name: &str) {
        self.selection(name, |selected, repository| selected.insert(repository));
    }

    /// Removes a selected repository: the installation's tokens get 404 for it.
    pub fn unselect(&self, name: &str) {
        self.selection(name, |selected, repository| selected.remove(&repository));
    }

    fn selection(&self, name: &str, act: impl FnOnce(&mut BTreeSet<u64>, u64) -> bool) {
        let account = self.with(|world, id| find(world, id).account.clone());
        let repository = self.github.repository(&format!("{account}/{name}")).id();
        self.with(|world, id| match &mut find(world, id).selected {
            Some(selected) => act(selected, repository),
            None => misuse("a selection where an App is installed in all repositories"),
        });
    }

    /// Grants a permission to tokens minted from now on.
    pub fn grant(&self, permission: Permission, access: Access) {
        self.with(|world, id| find(world, id).permissions.insert(permission, access));
    }

    /// Removes a permission from tokens minted from now on.
    pub fn without(&self, permission: Permission) {
        self.with(|world, id| find(world, id).permissions.remove(&permission));
    }

    /// Revokes all of the installation's tokens early: they get 401. New ones can be minted.
    pub fn revoke_tokens(&self) {
        self.with(|world, id| {
            let of = |token: &crate::Token| token.within().map(|within| within.installation);
            world.tokens.retain(|_, token| of(token) != Some(id));
        });
    }

    /// Sets this installation's own limit of requests per hour, instead of the common one.
    pub fn set_requests_per_hour(&self, most: u64) {
        self.with(|world, id| world.meters.own_limits.insert(installation_meter(id), most));
    }

    /// The number of tokens minted for this installation.
    #[must_use]
    pub fn tokens_minted(&self) -> u64 {
        self.with(|world, id| world.apps.minted.get(&id).copied().unwrap_or_default())
    }

    fn with<R>(&self, act: impl FnOnce(&mut World, u64) -> R) -> R {
        act(&mut self.github.world(), self.id)
    }
}

fn find(world: &mut World, id: u64) -> &mut Installation {
    match world.apps.installations.get_mut(&id) {
        Some(installation) => installation,
        None => misuse(format_args!("the installation {id}")),
    }
}
