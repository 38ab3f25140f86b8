//! Maps repositories to credentials: one token for all, or the App's installation of each
//! owner. Every credential has its own client with its own limits and pace.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::GithubSettings;
use super::auth::{self, App, Auth, Installation, InstallationTarget, TokenFile, TokenSource};
use super::client::Client;
use super::endpoint::Endpoint;
use super::error::ConnectError;
use super::etag::ResponseCache;
use super::refusal::Refusals;
use crate::domain::RepoName;

/// The name of a token in logs and metrics.
const TOKEN: &str = "token";

/// The clients of all credentials.
pub(super) struct GithubClients {
    line: Arc<Endpoint>,
    cache: Arc<dyn ResponseCache>,
    max_requests_per_minute: AtomicU32,
    source: CredentialSource,
    /// By credential name. Grows with the number of owners of governed repositories.
    clients: Mutex<BTreeMap<Arc<str>, Arc<Client>>>,
}

enum CredentialSource {
    /// One client for all repositories.
    One(Arc<Client>),
    /// One client per owner.
    ByOwner(Arc<App>),
}

impl GithubClients {
    pub(super) fn new(
        settings: &GithubSettings,
        line: Arc<Endpoint>,
        cache: Arc<dyn ResponseCache>,
    ) -> Result<Self, ConnectError> {
        let now = line.clock.monotonic();
        let per_minute = settings.max_requests_per_minute;
        let one = |name: &str, auth| {
            let (line, cache) = (Arc::clone(&line), Arc::clone(&cache));
            CredentialSource::One(Arc::new(Client::new(
                &name.into(),
                auth,
                line,
                per_minute,
                cache,
            )))
        };
        let source = match &settings.token {
            TokenSource::Value(secret) => {
                one(TOKEN, Auth::Token(TokenFile::given(secret).map_err(ConnectError::Token)?))
            }
            TokenSource::File(path) => {
                one(TOKEN, Auth::Token(TokenFile::open(path, now).map_err(ConnectError::Token)?))
            }
            TokenSource::App(source) => {
                let app = Arc::new(App::open(source, now)?);
                match source.installation_id {
                    Some(number) => {
                        let name = format!("installation {number}");
                        one(
                            &name,
                            installation(
                                &app,
                                InstallationTarget::Number(number),
                                &name.as_str().into(),
                                &line,
                            ),
                        )
                    }
                    None => CredentialSource::ByOwner(app),
                }
            }
        };
        Ok(Self {
            line,
            cache,
            max_requests_per_minute: AtomicU32::new(per_minute),
            source,
            clients: Mutex::default(),
        })
    }

    /// The clients of all credentials in use so far.
    pub(super) fn all(&self) -> Vec<Arc<Client>> {
        match &self.source {
            CredentialSource::One(client) => vec![Arc::clone(client)],
            CredentialSource::ByOwner(_) => {
                let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
                clients.values().cloned().collect()
            }
        }
    }

    /// The client of the credential responsible for `repository`.
    pub(super) fn of(&self, repository: &RepoName) -> Arc<Client> {
        let app = match &self.source {
            CredentialSource::One(client) => return Arc::clone(client),
            CredentialSource::ByOwner(app) => app,
        };
        let owner: Arc<str> = repository.owner().to_ascii_lowercase().into();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(Arc::clone(&owner)).or_insert_with(|| {
            let auth = installation(
                app,
                InstallationTarget::OwnerOf(repository.clone()),
                &owner,
                &self.line,
            );
            let (line, cache) = (Arc::clone(&self.line), Arc::clone(&self.cache));
            let per_minute = self.max_requests_per_minute.load(Ordering::Relaxed);
            Arc::new(Client::new(&owner, auth, line, per_minute, cache))
        });
        Arc::clone(client)
    }

    /// Changes the pace of all credentials.
    pub(super) fn set_pace(&self, per_minute: u32) {
        self.max_requests_per_minute.store(per_minute, Ordering::Relaxed);
        self.all().iter().for_each(|client| client.pace.set(per_minute));
    }

    /// Switches to another token file.
    pub(super) async fn use_token_file(&self, path: PathBuf) -> Result<(), String> {
        match &self.source {
            CredentialSource::One(client) => client.auth.use_token_file(path, &self.line).await,
            CredentialSource::ByOwner(_) => Err(auth::NO_TOKEN_FILE.to_owned()),
        }
    }

    /// Drops a credential that no repository uses any more.
    pub(super) fn forget(&self, credential: &str) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.remove(credential).is_some() {
            self.line.metrics.forget_credential(credential);
        }
    }
}

fn installation(
    app: &Arc<App>,
    place: InstallationTarget,
    name: &Arc<str>,
    line: &Endpoint,
) -> Auth {
    let refusals = Refusals::new(Arc::clone(name), Arc::clone(&line.metrics));
    Auth::Installation(Installation::new(Arc::clone(app), place, refusals))
}
