//! Access to GitHub. Reads: one function per endpoint, which returns domain values. Wire types
//! never leave this module, tokens are sent to the configured host only, and there is one
//! [`Writer`].
//!
//! Reads are retried where that is safe, conditional, and paced. Writes are sent once. When
//! GitHub tells one call to wait, every other call of that credential fails immediately until
//! the wait is over.

mod ask;
mod auth;
mod bodies;
mod client;
mod clients;
mod endpoint;
mod error;
mod etag;
mod limits;
mod meter;
mod pace;
mod pages;
mod read_set;
mod reads;
mod refusal;
mod retry;
mod secrets;
mod send_gate;
#[cfg(test)]
mod tests;
mod transport;
mod wire;
mod writer;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

pub use auth::{AppSource, TokenSource};
pub use endpoint::API_VERSION;
pub use error::{ConnectError, ReadError, WriteFailure};
pub use etag::{CachedResponse, Getting, NoCache, ResponseCache};
pub use limits::LimitsView;
pub use meter::PassMeter;
pub use pace::Lane;
pub use read_set::ReadSet;
pub use reads::{
    AllOrFirst, Compared, FileText, Granted, Located, MOST_LISTED_FILES, PermissionProbe,
    RepositoryAccess, RunFilter, RunPage, Tree, TreeEntry,
};
pub use send_gate::MayLeave;
pub use transport::{ApiRoute, HttpService, network};
pub use writer::{WriteAnswer, WriteMethod, WriteRequest, Writer};

use client::{Client, Manner};
use clients::GithubClients;
use endpoint::Endpoint;

use crate::clock::Clock;
use crate::domain::RepoName;
use crate::store::CachePut;
use crate::telemetry::Metrics;

/// How long a request may take, from sending it to the last byte of its answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Which GitHub to use, with which credential, and how fast.
#[derive(Clone, Debug)]
pub struct GithubSettings {
    /// The API's base URL, without a trailing slash: https, or http on loopback.
    pub api_url: String,
    /// The token or the App.
    pub token: TokenSource,
    /// The maximum request rate of each credential; 0 means no limit.
    pub max_requests_per_minute: u32,
    /// How long a request may take. Usually [`REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
}

/// Connects to GitHub. Returns the two handles: any number of readers, and one writer.
///
/// # Errors
/// An address that no token may be sent to, an unreadable token or key, or no async runtime.
pub fn connect(
    settings: &GithubSettings,
    service: HttpService,
    clock: Clock,
    cache: Arc<dyn ResponseCache>,
    metrics: Arc<Metrics>,
) -> Result<(Readers, Writer), ConnectError> {
    let line = Endpoint::new(&settings.api_url, settings.request_timeout, service, clock, metrics)?;
    let clients = Arc::new(GithubClients::new(settings, Arc::new(line), cache)?);
    Ok((Readers { clients: Arc::clone(&clients) }, Writer::new(clients)))
}

/// Provides the reader of each repository. Cheap to clone.
#[derive(Clone)]
pub struct Readers {
    clients: Arc<GithubClients>,
}

impl Readers {
    /// The known rate limits of each credential.
    #[must_use]
    pub fn limits(&self) -> Vec<LimitsView> {
        self.clients.all().iter().map(|client| client.limits.view()).collect()
    }

    /// Changes the request rate of all credentials; 0 means no limit.
    pub fn set_pace(&self, max_requests_per_minute: u32) {
        self.clients.set_pace(max_requests_per_minute);
    }

    /// Switches to another token file.
    ///
    /// # Errors
    /// Why the file holds no usable token. The last good token stays in use.
    pub async fn use_token_file(&self, path: std::path::PathBuf) -> Result<(), String> {
        self.clients.use_token_file(path).await
    }

    /// Drops a credential that no repository uses any more, together with its metrics.
    pub fn forget(&self, credential: &str) {
        self.clients.forget(credential);
    }

    /// The reader of `repository`, which uses the credential responsible for it.
    #[must_use]
    pub fn of(&self, repository: &RepoName) -> Reader {
        Reader {
            client: self.clients.of(repository),
            fresh: false,
            lane: Lane::Active,
            meter: PassMeter::default(),
        }
    }
}

/// Reads from GitHub; cannot write. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    client: Arc<Client>,
    /// Whether to bypass all caches.
    fresh: bool,
    lane: Lane,
    meter: PassMeter,
}

impl Reader {
    /// The same reader, bypassing all caches: requests are unconditional and ask proxies not to
    /// answer from a cache.
    #[must_use]
    pub fn past_caches(&self) -> Self {
        Self { fresh: true, ..self.clone() }
    }

    /// The same reader for one pass: with the pass's lane and a meter that counts its reads.
    #[must_use]
    pub fn for_a_pass(&self, lane: Lane, meter: PassMeter) -> Self {
        Self { lane, meter, ..self.clone() }
    }

    /// The same reader in another lane.
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    /// Awaits work that is done elsewhere. If it takes long, the pass gives up its slot.
    pub async fn waiting<T>(&self, other: impl Future<Output = T>) -> T {
        self.meter.waiting(&self.client.line.clock, other).await
    }

    /// The number of reads in this pass that GitHub counted towards its limit: all but 304.
    #[must_use]
    pub fn charged(&self) -> u32 {
        self.meter.charged()
    }

    /// Records the outcome of putting something that was read into the store.
    pub fn keeps(&self, placed: CachePut) {
        self.meter.keeps(placed);
    }

    /// How many answers had to be read again since the last call because the store had no room
    /// for them.
    #[must_use]
    pub fn take_repeated(&self) -> u32 {
        self.meter.take_repeated()
    }

    /// Starts recording reads for [`Self::read_set`].
    pub fn take_down(&self) {
        self.meter.recorder().begin();
    }

    /// What was read since [`Self::take_down`]. `None` if an answer cannot be revalidated, for
    /// example because it has no ETag.
    #[must_use]
    pub fn read_set(&self) -> Option<ReadSet> {
        self.meter.recorder().end()
    }

    /// Whether GitHub still returns all of these answers unchanged. Sends one conditional
    /// request for each of them, all at once. An answer that cannot be checked now counts as
    /// changed.
    pub async fn revalidate(&self, read_set: &ReadSet) -> bool {
        let manner = &self.manner();
        let asked = read_set.read.iter().map(|tagged| self.client.revalidate(tagged, manner));
        join_all(asked).await.into_iter().all(|shows| shows)
    }

    /// The known state of GitHub's rate limits and of the token.
    #[must_use]
    pub fn limits(&self) -> LimitsView {
        self.client.limits.view()
    }

    /// The credential's maximum number of requests per minute; `None` means no limit.
    #[must_use]
    pub fn pace(&self) -> Option<u32> {
        self.client.pace.per_minute()
    }

    /// The credential's name in logs and metrics: `token`, or the owner for which the App is
    /// installed.
    #[must_use]
    pub fn credential(&self) -> &str {
        self.client.limits.credential()
    }

    /// An opaque value that changes with the credential's rights. When it changes, a refused
    /// dispatch is worth another try.
    #[must_use]
    pub fn grant(&self) -> String {
        self.client.auth.grant()
    }

    /// The key under which the credential's account can be cached.
    #[must_use]
    pub fn account_key(&self) -> String {
        self.client.auth.account_key()
    }

    fn manner(&self) -> Manner<'_> {
        Manner { fresh: self.fresh, lane: self.lane, meter: &self.meter }
    }
}
