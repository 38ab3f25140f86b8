//! The way to other machines: HTTP over TCP and TLS, through the proxy that the environment names.
//! Nothing in here sends a request twice, follows a redirect, or knows a credential.

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

/// Well below a request's own time, so that "never connected" is known as such.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than servers and the middleboxes on the way keep an idle connection: a write on a
/// dead one would be lost without a trace.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Sends requests with bodies of type `B`.
pub type Sends<B> = BoxCloneSyncService<Request<B>, Response<Incoming>, BoxError>;

/// A file of secrets or certificates has some kB; a bundle of all authorities some hundred.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// What a file holds that is read whole: a token, a key, certificates.
///
/// # Errors
/// What the system says; and where it is not a regular file, as a pipe would be waited for and a
/// device may never end, or is larger than any of these.
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

/// The same, as text.
///
/// # Errors
/// As [`read_file`], and where it is no UTF-8.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    let text = String::from_utf8(read_file(path)?);
    text.map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Whom TLS trusts. Clones are the same, so that those who trust alike hold the roots once.
#[derive(Clone)]
pub struct Trust(ClientConfig);

impl Trust {
    /// The machine's roots, or where it has none Mozilla's, and the certificates of authorities in
    /// `ca_file`, in PEM, which the configuration calls `key`.
    ///
    /// # Errors
    /// Certificates that cannot be read, in words.
    pub fn of(ca_file: Option<&Path>, key: &str) -> Result<Self, String> {
        tls::config(ca_file, key).map(Self)
    }
}

/// A client for the server of `url`, through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and
/// `NO_PROXY` name for it, as curl reads them.
///
/// # Errors
/// A proxy that cannot be used, in words.
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
        // It would send a request again that a dying connection may have carried.
        .retry_canceled_requests(false)
        .set_host(true)
        .build(connector);
    BoxCloneSyncService::new(client.map_err(Into::into))
}

/// Whether a certificate is by an authority that is not trusted. What TLS refused comes inside I/O
/// errors, which do not name what they hold as their source.
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

/// Whether it is certain that nothing left this machine.
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

/// An error with its causes, each said once.
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
/// Does blocking work where it holds up nobody, as the reading of a file: a mount may hang.
///
/// # Errors
/// What the work says, or that it ended in the middle.
pub async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(format!("it ended in the middle: {error}")))
}
