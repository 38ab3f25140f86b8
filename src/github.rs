//! Reads of GitHub: one function per endpoint, domain values out. Wire types never leave, a
//! token goes to no host but the configured one, and there is one [`Writer`].
//!
//! A read is tried again where that is safe, is conditional, and is paced. A write is sent once.
//! When GitHub tells one call to wait, every call of that credential says so at once until then.

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

/// How long a request may take, from its leaving to the last byte of its answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Which GitHub, as whom, and how fast.
#[derive(Clone, Debug)]
pub struct GithubSettings {
    /// The API's address, without a slash at its end: https, or http on loopback.
    pub api_url: String,
    /// The token, or the App.
    pub token: TokenSource,
    /// The pace of each credential; 0 is none.
    pub max_requests_per_minute: u32,
    /// How long a request may take; usually [`REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
}

/// The two handles on GitHub: any number of readers, and one writer.
///
/// # Errors
/// An address that no token may be sent to, a token or a key that cannot be read, or no runtime.
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

/// Gives each repository's reader. Cheap to clone.
#[derive(Clone)]
pub struct Readers {
    clients: Arc<GithubClients>,
}

impl Readers {
    /// What is known of each credential's limits.
    #[must_use]
    pub fn limits(&self) -> Vec<LimitsView> {
        self.clients.all().iter().map(|client| client.limits.view()).collect()
    }

    /// All credentials keep to this pace from now on; 0 is none.
    pub fn set_pace(&self, max_requests_per_minute: u32) {
        self.clients.set_pace(max_requests_per_minute);
    }

    /// The token comes from this file from now on.
    ///
    /// # Errors
    /// Why there is no good token in it; the last one stays.
    pub async fn use_token_file(&self, path: std::path::PathBuf) -> Result<(), String> {
        self.clients.use_token_file(path).await
    }

    /// The credential of this name speaks for no repository any more: nothing of it is shown.
    pub fn forget(&self, credential: &str) {
        self.clients.forget(credential);
    }

    /// The reader of `repository`, by the credential that speaks for it.
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

/// Reads GitHub, and cannot write. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    client: Arc<Client>,
    /// Whether every cache on the way is passed by.
    fresh: bool,
    lane: Lane,
    meter: PassMeter,
}

impl Reader {
    /// The same reader, past every cache: no conditional request, and none is to answer for
    /// GitHub on the way.
    #[must_use]
    pub fn past_caches(&self) -> Self {
        Self { fresh: true, ..self.clone() }
    }

    /// The same reader for one pass: behind whom it waits, and what counts its reads.
    #[must_use]
    pub fn for_a_pass(&self, lane: Lane, meter: PassMeter) -> Self {
        Self { lane, meter, ..self.clone() }
    }

    /// The same reader, in another lane.
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    /// Waits for what somebody else does; the pass gives its place to another where that is slow.
    pub async fn waiting<T>(&self, other: impl Future<Output = T>) -> T {
        self.meter.waiting(&self.client.line.clock, other).await
    }

    /// Reads of this pass that GitHub counted towards its limit: all but 304.
    #[must_use]
    pub fn charged(&self) -> u32 {
        self.meter.charged()
    }

    /// Notes what became of something that was read and put into the store.
    pub fn keeps(&self, placed: CachePut) {
        self.meter.keeps(placed);
    }

    /// How much had to be read again since this was asked last, because the store had no room for
    /// it.
    #[must_use]
    pub fn take_repeated(&self) -> u32 {
        self.meter.take_repeated()
    }

    /// Takes down what is read from now on, for [`Self::read_set`].
    pub fn take_down(&self) {
        self.meter.recorder().begin();
    }

    /// What was read since [`Self::take_down`]; none where an answer had no tag to ask by.
    #[must_use]
    pub fn read_set(&self) -> Option<ReadSet> {
        self.meter.recorder().end()
    }

    /// Whether GitHub still shows all of it: one conditional request for each answer, up to the
    /// first that is new. What cannot be asked for now counts as new.
    pub async fn revalidate(&self, read_set: &ReadSet) -> bool {
        let manner = &self.manner();
        let asked = read_set.read.iter().map(|tagged| self.client.revalidate(tagged, manner));
        join_all(asked).await.into_iter().all(|shows| shows)
    }

    /// What is known of GitHub's limits and of the token.
    #[must_use]
    pub fn limits(&self) -> LimitsView {
        self.client.limits.view()
    }

    /// Requests a minute by the credential's pace; none: any number.
    #[must_use]
    pub fn pace(&self) -> Option<u32> {
        self.client.pace.per_minute()
    }

    /// The credential's name in logs and metrics: `token`, or an owner's for the App's
    /// installation there.
    #[must_use]
    pub fn credential(&self) -> &str {
        self.client.limits.credential()
    }

    /// What changes when the credential may do other things: a refused dispatch is worth another
    /// try then.
    #[must_use]
    pub fn grant(&self) -> String {
        self.client.auth.grant()
    }

    /// What the credential's account may be remembered under.
    #[must_use]
    pub fn account_key(&self) -> String {
        self.client.auth.account_key()
    }

    fn manner(&self) -> Manner<'_> {
        Manner { fresh: self.fresh, lane: self.lane, meter: &self.meter }
    }
}
