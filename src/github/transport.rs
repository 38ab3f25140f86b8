//! Requests out, answers in. octocrab is the client; its service is ours, so that nothing below
//! retries, follows a redirect, or caches.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, SizeHint};
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt};

use super::auth::Token;
use super::error::ConnectError;
use super::wire;
use crate::network::{Trust, chain, is_by_an_unknown_authority, never_connected};

/// A page of 100 runs has 1.2 MB, a recursive tree at most 7 MB (GitHub's documentation).
const LARGEST_BODY: usize = 32 * 1024 * 1024;
/// As much of GitHub's words as a person reads.
const LONGEST_WORDS: usize = 400;
/// What carries requests: the network, or a GitHub in this very process.
#[derive(Clone, Debug)]
pub struct HttpService(BoxCloneSyncService<Request<OctoBody>, Response<AnyBody>, BoxError>);

impl HttpService {
    /// Any tower service. An error of its own counts as "may have been sent", but for a refused
    /// connection.
    pub fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<OctoBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let service = service
            .map_response(|response: Response<B>| response.map(AnyBody::new))
            .map_err(Into::into);
        Self(BoxCloneSyncService::new(service))
    }
}

/// The way to GitHub.
#[derive(Clone, Debug)]
pub struct Route {
    /// The API's address.
    pub api_url: String,
    /// Certificates of authorities, in PEM, that are trusted besides the machine's.
    pub ca_file: Option<PathBuf>,
}

/// The network: TLS by the machine's roots, or where it has none by Mozilla's; through the proxy
/// that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name, as curl reads them.
///
/// # Errors
/// Certificates that cannot be read, or a proxy that cannot be used.
pub fn network(route: &Route) -> Result<HttpService, ConnectError> {
    let trust = Trust::of(route.ca_file.as_deref(), "github.ca_file");
    let client = trust.and_then(|trust| crate::network::client::<OctoBody>(&route.api_url, &trust));
    let client = client.map_err(ConnectError::Network)?;
    Ok(HttpService::new(client))
}

/// Any body, made shareable for octocrab.
pub(super) struct AnyBody(Mutex<Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>>);

impl AnyBody {
    fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Mutex::new(Box::pin(body.map_err(Into::into))))
    }
}

impl Body for AnyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

/// An answer, whole or cut.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body, or how it was lost on the way.
    pub(super) body: Result<Bytes, String>,
}

impl Answer {
    /// What there is of the body.
    pub(super) fn bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// GitHub's own words, short, on one line.
    pub(super) fn words(&self) -> String {
        self.all_words().chars().take(LONGEST_WORDS).collect()
    }

    /// The same without the token, should the server have echoed it.
    pub(super) fn words_without(&self, token: &Token) -> String {
        token.hidden_in(&self.all_words()).chars().take(LONGEST_WORDS).collect()
    }

    /// The words in quotes, after a space; nothing where there are none.
    pub(super) fn quoted(&self) -> String {
        super::error::quoted(&self.words())
    }

    fn all_words(&self) -> String {
        let body = self.bytes();
        let words = match serde_json::from_slice::<wire::WireProblem>(body) {
            Ok(problem) => problem.words(),
            // A proxy's page is nothing to read in a log.
            Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        };
        let words = if words.trim().is_empty() {
            self.status.canonical_reason().unwrap_or_default().to_owned()
        } else {
            words
        };
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What a refusal's headers say would have been needed.
    pub(super) fn permission(&self) -> Option<String> {
        if !matches!(self.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return None;
        }
        ["x-accepted-github-permissions", "x-accepted-oauth-scopes"]
            .iter()
            .filter_map(|name| self.header(name))
            .map(str::trim)
            .find(|needed| !needed.is_empty())
            .map(str::to_owned)
    }
}

/// A request without an answer.
pub(super) struct Lost {
    /// Whether it is certain that nothing left this machine.
    pub(super) never_sent: bool,
    pub(super) why: String,
}

/// octocrab over one service.
pub(super) struct Transport(Octocrab);

impl Transport {
    #[expect(clippy::disallowed_methods, reason = "this is the one place; no retry is compiled in")]
    pub(super) fn new(service: HttpService) -> Result<Self, ConnectError> {
        // octocrab starts a task for its queue, and panics where it cannot.
        tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let builder = OctocrabBuilder::new_empty().with_service(service.0);
        match builder.with_auth(AuthState::None).build() {
            Ok(octocrab) => Ok(Self(octocrab)),
            Err(never) => match never {},
        }
    }

    /// Sends `request`, once.
    pub(super) async fn send(&self, request: Request<OctoBody>) -> Result<Answer, Lost> {
        let response = self.0.execute(request).await.map_err(|error| lost(&error))?;
        let (parts, body) = response.into_parts();
        let body = match Limited::new(body, LARGEST_BODY).collect().await {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) => Err(format!("the answer was cut: {}", chain(error.as_ref()))),
        };
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

fn lost(error: &octocrab::Error) -> Lost {
    // octocrab's own words add nothing to those of the service below it.
    let cause = error.source().unwrap_or(error);
    let why = if is_by_an_unknown_authority(error) {
        "its TLS certificate is by an authority that is not trusted here (UnknownIssuer). If that \
         is your own, name its certificate in `github.ca_file`"
            .to_owned()
    } else {
        chain(cause)
    };
    Lost { never_sent: never_connected(error), why }
}
