//! Reads of GitHub: one function per endpoint, domain values out. Wire types never leave, the
//! token goes to no host but the configured one, and there is one [`Writer`].
//!
//! A read is tried again where that is safe, is conditional, and is paced. A write is sent once.
//! When GitHub tells one call to wait, every call says so at once until then.

mod auth;
mod client;
mod error;
mod etag;
mod limits;
mod pace;
mod reads;
mod retry;
#[cfg(test)]
mod tests;
mod transport;
mod wire;
mod writer;

use std::sync::Arc;
use std::time::Duration;

pub use auth::TokenSource;
pub use error::{ConnectError, ReadError, WriteFailure};
pub use etag::{CachedResponse, NoCache, ResponseCache};
pub use limits::LimitsView;
pub use reads::{
    AllOrFirst, Compared, FileText, Granted, Located, Probe, RepositoryAccess, RunFilter, RunPage,
    Tree, TreeEntry,
};
pub use transport::{HttpService, network};
pub use writer::{WriteAnswer, WriteMethod, WriteRequest, Writer};

use client::Client;

use crate::clock::Clock;
use crate::telemetry::Metrics;

/// How long a request may take, from its leaving to the last byte of its answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Which GitHub, as whom, and how fast.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The API's address, without a slash at its end: https, or http on loopback.
    pub api_url: String,
    /// The token.
    pub token: TokenSource,
    /// The pace; 0 is none.
    pub max_requests_per_minute: u32,
    /// How long a request may take; usually [`REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
}

/// The two handles on GitHub: any number of readers, and one writer.
///
/// # Errors
/// An address that no token may be sent to, a token that cannot be read, or no runtime.
pub fn connect(
    settings: Settings,
    service: HttpService,
    clock: Clock,
    cache: Arc<dyn ResponseCache>,
    metrics: Arc<Metrics>,
) -> Result<(Reader, Writer), ConnectError> {
    let client = Arc::new(Client::new(settings, service, clock, cache, metrics)?);
    Ok((Reader { client: Arc::clone(&client), fresh: false }, Writer::new(client)))
}

/// Reads GitHub, and cannot write. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    client: Arc<Client>,
    /// Whether every cache on the way is passed by.
    fresh: bool,
}

impl Reader {
    /// The same reader, past every cache: no conditional request, and none is to answer for
    /// GitHub on the way.
    #[must_use]
    pub fn past_caches(&self) -> Self {
        Self { client: Arc::clone(&self.client), fresh: true }
    }

    /// What is known of GitHub's limits and of the token.
    #[must_use]
    pub fn limits(&self) -> LimitsView {
        self.client.limits.view()
    }

    /// What tells this token from another, without telling it: a refused dispatch is worth
    /// another try with a new one.
    #[must_use]
    pub fn token_fingerprint(&self) -> String {
        self.client.auth.token().fingerprint
    }
}
