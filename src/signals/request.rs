//! Sends one request for a signal, with its secrets and limits. Does not follow redirects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ::http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Body;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt as _};

use crate::domain::{Signal, SignalAccess};
use crate::network::{self, Trust};

/// Maximum size of a response body; useful queries need far less.
const LARGEST_BODY: usize = 4 * 1024 * 1024;
/// Maximum size of a token file; Kubernetes' projected tokens have about 1 kB.
const LARGEST_TOKEN: usize = 64 * 1024;
/// Redacting shorter secrets would hide ordinary words.
const SHORTEST_SECRET: usize = 4;
/// The `User-Agent` header.
const USER_AGENT: &str = concat!("release-governor/", env!("CARGO_PKG_VERSION"));

type Sender = BoxCloneSyncService<Request<Empty<Bytes>>, Response<Answering>, BoxError>;
type Answering = UnsyncBoxBody<Bytes, Broken>;

/// A body that was cut off. A separate type, because the compiler cannot infer the lifetime of
/// the boxed error.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Broken(BoxError);

/// The transport for requests: the network, or a service in this process. Clones share their
/// connections.
#[derive(Clone)]
pub struct Carrier(Way);

#[derive(Clone)]
enum Way {
    Network(Arc<Mutex<SignalClients>>),
    Inside(Sender),
}

/// HTTP clients and their trust settings. Clients with the same trust share one set of roots in
/// memory.
#[derive(Default)]
struct SignalClients {
    /// By CA file, with the content that the trust was built from.
    trusts: BTreeMap<Option<PathBuf>, (Option<Vec<u8>>, Trust)>,
    /// By CA file and server.
    senders: BTreeMap<(Option<PathBuf>, String), Sender>,
}

impl SignalClients {
    /// The client for `url`. It is rebuilt if the content of `ca_file` has changed.
    fn of(
        &mut self,
        url: &str,
        ca_file: Option<&Path>,
        held: Option<Vec<u8>>,
    ) -> Result<Sender, String> {
        let file = ca_file.map(Path::to_path_buf);
        let trust = self.trust(ca_file, held)?;
        let uri = url.parse::<Uri>().unwrap_or_default();
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let key = (file, format!("{scheme}://{authority}"));
        if let Some(sender) = self.senders.get(&key) {
            return Ok(sender.clone());
        }
        let sender = boxed(network::client::<Empty<Bytes>>(url, &trust)?);
        self.senders.insert(key, sender.clone());
        Ok(sender)
    }

    /// The trust for `ca_file`. If the content has changed, clients with the previous trust are
    /// dropped.
    fn trust(&mut self, ca_file: Option<&Path>, held: Option<Vec<u8>>) -> Result<Trust, String> {
        let file = ca_file.map(Path::to_path_buf);
        if let Some((of, trust)) = self.trusts.get(&file)
            && *of == held
        {
            return Ok(trust.clone());
        }
        let trust = Trust::of(ca_file, "ca_file")?;
        self.senders.retain(|(by, _), _| *by != file);
        self.trusts.insert(file, (held, trust.clone()));
        Ok(trust)
    }
}

impl Carrier {
    #[must_use]
    pub fn network() -> Self {
        Self(Way::Network(Arc::default()))
    }

    /// Sends requests to a tower service in this process.
    pub fn inside<S, B>(service: S) -> Self
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Way::Inside(boxed(service)))
    }
}

fn boxed<S, B>(service: S) -> Sender
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let whole = |answer: Response<B>| {
        answer.map(|body| body.map_err(|error| Broken(error.into())).boxed_unsync())
    };
    BoxCloneSyncService::new(service.map_response(whole).map_err(Into::into))
}

/// Why there is no reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReadingTrouble {
    /// There was no response, or it was incomplete.
    NoAnswer(String),
    /// The request could not be sent, or the response is not usable.
    Unusable(String),
}

/// A response.
#[derive(Debug)]
pub(super) struct SignalAnswer {
    pub(super) status: StatusCode,
    /// The target of a redirect.
    pub(super) location: Option<String>,
    /// Empty if it was not requested.
    pub(super) body: Bytes,
}

/// The request settings of one signal.
pub(super) struct SignalQuery {
    access: SignalAccess,
    url: String,
    carrier: Carrier,
    /// The token that was sent last.
    token: Mutex<Option<String>>,
}

impl SignalQuery {
    pub(super) fn new(signal: &Signal, carrier: Carrier) -> Self {
        let (access, url) = (signal.access.clone(), signal.kind.url().to_owned());
        Self { access, url, carrier, token: Mutex::default() }
    }

    /// Sends one GET request to `url`. Reads the response body only if `with_body` is set.
    pub(super) async fn get(
        &self,
        url: &str,
        with_body: bool,
    ) -> Result<SignalAnswer, ReadingTrouble> {
        let request = self.request(url).await?;
        let client = self.client().await.map_err(ReadingTrouble::Unusable)?;
        let answer = client.oneshot(request).await;
        let answer = answer.map_err(|error: BoxError| no_answer(&*error))?;
        let (parts, body) = answer.into_parts();
        let location = parts.headers.get(header::LOCATION);
        let location = location.and_then(|place| place.to_str().ok());
        // Redact before shortening: part of a secret could no longer be found.
        let location = location.map(|place| self.without_secrets(place.to_owned()));
        let body = if with_body {
            let body = Limited::new(body, LARGEST_BODY).collect().await;
            self.hidden_in(body.map_err(|error| cut(&*error))?.to_bytes())
        } else {
            Bytes::new()
        };
        Ok(SignalAnswer { status: parts.status, location, body })
    }

    /// Redacts secrets that the server echoes.
    pub(super) fn without_secrets(&self, mut text: String) -> String {
        for secret in self.secrets() {
            text = text.replace(&secret, "***");
        }
        text
    }

    /// The secrets that were sent, also in JSON-escaped form.
    fn secrets(&self) -> Vec<String> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let headers = self.access.headers.iter().map(|(_, value)| value.0.clone());
        let long = headers.chain(token).filter(|secret| secret.len() >= SHORTEST_SECRET);
        let written = |secret: String| {
            let json = serde_json::to_string(&secret).unwrap_or_default();
            let json = json.trim_matches('"').to_owned();
            let is_another = json != secret;
            std::iter::once(secret).chain(is_another.then_some(json))
        };
        long.flat_map(written).collect()
    }

    /// The response body, with echoed secrets redacted.
    fn hidden_in(&self, body: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&body);
        if self.secrets().iter().all(|secret| !text.contains(secret.as_str())) {
            return body;
        }
        self.without_secrets(text.into_owned()).into()
    }

    async fn request(&self, url: &str) -> Result<Request<Empty<Bytes>>, ReadingTrouble> {
        let mut request = Request::get(url)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "application/json, */*;q=0.5");
        for (name, value) in &self.access.headers {
            let mut value = HeaderValue::from_str(&value.0).map_err(|_| {
                ReadingTrouble::Unusable(format!("the header {name} has an invalid value"))
            })?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some(file) = &self.access.bearer_token_file {
            let path = file.clone();
            let token = network::off_the_runtime(move || read_token(&path)).await;
            let token = token.map_err(ReadingTrouble::Unusable)?;
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                let file = file.display();
                ReadingTrouble::Unusable(format!(
                    "bearer_token_file {file} holds no token on one line"
                ))
            })?;
            value.set_sensitive(true);
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
            request = request.header(header::AUTHORIZATION, value);
        }
        request
            .body(Empty::new())
            .map_err(|error| ReadingTrouble::Unusable(format!("the request failed: {error}")))
    }

    async fn client(&self) -> Result<Sender, String> {
        let clients = match &self.carrier.0 {
            Way::Inside(service) => return Ok(service.clone()),
            Way::Network(clients) => Arc::clone(clients),
        };
        let (url, ca_file) = (self.url.clone(), self.access.ca_file.clone());
        let Some(file) = ca_file else {
            return clients.lock().unwrap_or_else(PoisonError::into_inner).of(&url, None, None);
        };
        network::off_the_runtime(move || {
            let held = network::read_file(&file)
                .map_err(|error| format!("cannot read ca_file {}: {error}", file.display()))?;
            let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
            clients.of(&url, Some(&file), Some(held))
        })
        .await
    }
}

fn read_token(file: &Path) -> Result<String, String> {
    let place = file.display();
    let text = network::read_text(file)
        .map_err(|error| format!("cannot read bearer_token_file {place}: {error}"))?;
    let token = text.trim();
    if token.is_empty() || token.len() > LARGEST_TOKEN {
        return Err(format!("bearer_token_file {place} holds no token"));
    }
    Ok(token.to_owned())
}

fn no_answer(error: &(dyn std::error::Error + 'static)) -> ReadingTrouble {
    if network::is_by_an_unknown_authority(error) {
        return ReadingTrouble::Unusable(
            "its TLS certificate is by an authority that is not trusted here (UnknownIssuer). If \
             that is your own, name its certificate in `ca_file`"
                .to_owned(),
        );
    }
    ReadingTrouble::NoAnswer(network::chain(error))
}

fn cut(error: &(dyn std::error::Error + 'static)) -> ReadingTrouble {
    if error.is::<http_body_util::LengthLimitError>() {
        let megabytes = LARGEST_BODY / (1024 * 1024);
        return ReadingTrouble::Unusable(format!(
            "the response is larger than {megabytes} MiB: narrow the query"
        ));
    }
    ReadingTrouble::NoAnswer(format!("the response was truncated: {}", network::chain(error)))
}

impl SignalAnswer {
    /// The problem, if the server did not answer the query at all.
    pub(super) fn refusal(&self) -> Option<ReadingTrouble> {
        let code = self.status.as_u16();
        let said = match code {
            300..=399 => {
                let place = self.location.as_deref().unwrap_or("another address");
                format!("HTTP {code}: it redirects to {}, which is not followed", short(place))
            }
            401 | 407 => format!("HTTP {code}: it rejected the credentials"),
            403 => "HTTP 403: the credentials do not permit reading it".to_owned(),
            429 => "HTTP 429: too many requests".to_owned(),
            _ => return None,
        };
        Some(ReadingTrouble::Unusable(said))
    }
}

/// Maximum number of characters kept of a server's text.
const KEPT: usize = 200;

/// The beginning of a text.
pub(super) fn short(text: &str) -> String {
    let kept: String = text.chars().take(KEPT).collect();
    if kept.len() < text.len() { format!("{kept}…") } else { kept }
}

/// Percent-encodes part of a URL's query.
pub(super) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_servers_are_reached_with_the_roots_in_memory_once() {
        let mut clients = SignalClients::default();
        for number in 0..50 {
            let url = format!("https://shop{number}.example.com/healthz");
            clients.of(&url, None, None).unwrap();
            clients.of(&url, None, None).unwrap();
        }
        assert_eq!((clients.trusts.len(), clients.senders.len()), (1, 50));
    }

    #[tokio::test]
    async fn a_client_that_trusts_by_an_earlier_file_is_used_no_more() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface/network/ca.pem");
        let mut clients = SignalClients::default();
        let mut held_then = |held: &[u8]| {
            let url = "https://shop.example.com/healthz";
            clients.of(url, Some(&file), Some(held.to_vec())).unwrap();
            let trusted = clients.trusts.values().map(|(held, _)| held.clone());
            (trusted.collect::<Vec<_>>(), clients.senders.len())
        };
        assert_eq!(held_then(b"one"), (vec![Some(b"one".to_vec())], 1));
        assert_eq!(held_then(b"two"), (vec![Some(b"two".to_vec())], 1));
    }
}
