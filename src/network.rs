//! HTTP connections over TCP and TLS, through the proxy set in the environment. Nothing here
//! retries a request, follows a redirect, or handles credentials.

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt as _};

mod proxy;
mod serve;
mod tls;

pub use serve::{serve, stopped};

/// Well below the request timeout, so that "never connected" can be told from "no answer".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than the idle timeout of servers and middleboxes: a write on a dead connection would
/// be lost without an error.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// An HTTP client for request bodies of type `B`.
pub type Sends<B> = BoxCloneSyncService<Request<B>, Response<Incoming>, BoxError>;

/// Files of secrets or certificates have a few kB; a bundle of all public authorities a few
/// hundred.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// Reads a small file: a token, a key, or certificates.
///
/// # Errors
/// An I/O error. Also if the file is larger than 4 MiB, or not a regular file: opening a pipe
/// could block, and reading a device may never end.
pub fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Error, ErrorKind, Read as _};
    let found = std::fs::metadata(path)?;
    if !found.is_file() && !found.is_dir() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(Error::new(ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
    }
    Ok(bytes)
}

/// Like [`read_file`], as text.
///
/// # Errors
/// As [`read_file`], and if the content is not UTF-8.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    let text = String::from_utf8(read_file(path)?);
    text.map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// The trusted certificate authorities. Clones share the roots in memory.
#[derive(Clone)]
pub struct Trust(ClientConfig);

impl Trust {
    /// The system's roots, or Mozilla's if the system has none, and the authorities in
    /// `ca_file` (PEM). `key` is the configuration key of that file, for messages.
    ///
    /// # Errors
    /// A message if the certificates cannot be read.
    pub fn of(ca_file: Option<&Path>, key: &str) -> Result<Self, String> {
        tls::config(ca_file, key).map(Self)
    }
}

/// A client for the server of `url`, through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and
/// `NO_PROXY` select, interpreted as curl does.
///
/// # Errors
/// A message if the proxy cannot be used.
pub fn client<B>(url: &str, trust: &Trust) -> Result<Sends<B>, String>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEP_ALIVE_INTERVAL));
    let config = &trust.0;
    let over_tls = || HttpsConnectorBuilder::new().with_tls_config(config.clone()).https_or_http();
    let Some(proxy) = proxy::of(url)? else {
        return Ok(over(over_tls().enable_http1().enable_http2().wrap_connector(tcp)));
    };
    let to_proxy = over_tls().enable_http1().wrap_connector(tcp);
    let tunnel = proxy.tunnel(to_proxy);
    Ok(over(over_tls().enable_http1().enable_http2().wrap_connector(tunnel)))
}

fn over<C, B>(connector: C) -> Sends<B>
where
    C: Connect + Clone + Send + Sync + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let client: Client<_, B> = Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        // The retry could repeat a request that a dying connection already delivered.
        .retry_canceled_requests(false)
        .set_host(true)
        .build(connector);
    BoxCloneSyncService::new(client.map_err(Into::into))
}

/// Whether the server's certificate is signed by an untrusted authority. TLS errors are wrapped
/// in I/O errors, whose `source` does not expose them.
#[must_use]
pub fn is_by_an_unknown_authority(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let mut inside = Some(cause);
        while let Some(error) = inside.and_then(|inside| inside.downcast_ref::<std::io::Error>()) {
            inside = error.get_ref().map(|held| -> &(dyn StdError + 'static) { held });
        }
        let refused = inside.and_then(|inside| inside.downcast_ref::<rustls::Error>());
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        refused == Some(&unknown)
    })
}

/// Whether it is certain that no part of the request was sent.
#[must_use]
pub fn never_connected(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let by_client = cause
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        let refused = cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
        by_client || refused
    })
}

/// An error with its chain of causes, without repetitions.
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in causes(error) {
        let words = cause.to_string();
        if !said.iter().any(|earlier| earlier.contains(&words)) {
            said.push(words);
        }
    }
    said.join(": ")
}

fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        next = this.source();
        Some(this)
    })
}
/// Runs blocking work, such as reading a file from a mount that may hang, on a blocking thread.
///
/// # Errors
/// The error of the work, or a message if it panicked.
pub async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(format!("it ended in the middle: {error}")))
}
