//! The HTTP transport. octocrab is the client; its service is ours, so that nothing below it
//! retries, follows redirects or caches.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt};

use super::bodies::{Bodies, BodyRoom, LARGEST_ERROR, Unread};
use super::error::ConnectError;
use super::wire;
use crate::domain::plain_text::on_one_line;
use crate::domain::secrets::hide;
use crate::network::{Trust, chain, is_by_an_unknown_authority, never_connected};

/// The maximum length of GitHub's message in characters.
const LONGEST_WORDS: usize = 400;
/// Longer URLs are not shown.
const LONGEST_URL: usize = 1_000;

/// What carries requests: the network, or a fake GitHub in the same process.
#[derive(Clone, Debug)]
pub struct HttpService(BoxCloneSyncService<Request<OctoBody>, Response<AnyBody>, BoxError>);

impl HttpService {
    /// Wraps any tower service. Its errors mean that the request may have been sent, except for
    /// a refused connection.
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

/// How to reach GitHub.
#[derive(Clone, Debug)]
pub struct ApiRoute {
    /// The API's base URL.
    pub api_url: String,
    /// A PEM file of certificate authorities to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
}

/// The network. TLS uses the system's root certificates or, if there are none, Mozilla's. The
/// proxy comes from `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, interpreted as curl does.
///
/// # Errors
/// Certificates that cannot be read, or a proxy that cannot be used.
pub fn network(route: &ApiRoute) -> Result<HttpService, ConnectError> {
    let trust = Trust::of(route.ca_file.as_deref(), "github.ca_file");
    let client = trust.and_then(|trust| crate::network::client::<OctoBody>(&route.api_url, &trust));
    let client = client.map_err(ConnectError::Network)?;
    Ok(HttpService::new(client))
}

/// Any body, made `Sync` for octocrab.
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

/// An answer, complete or cut off.
pub(super) struct GithubAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body (of an error only its beginning), or why it could not be read.
    pub(super) body: Result<Bytes, Unread>,
    /// The memory reserved for the body.
    pub(super) room: Option<BodyRoom>,
}

impl GithubAnswer {
    /// The available part of the body.
    pub(super) fn bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// GitHub's message: short, on one line, without anything that looks like a secret. Names
    /// the URL for single sign-on if the token lacks that authorization.
    pub(super) fn words(&self) -> String {
        let words: String = hide(&self.all_words()).chars().take(LONGEST_WORDS).collect();
        match self.sso_url() {
            Some(url) => format!(
                "{}. Authorize the token for single sign-on at {url}",
                words.trim_end_matches('.')
            ),
            None => words,
        }
    }

    /// The message in quotes, after a space; empty if there is none.
    pub(super) fn quoted(&self) -> String {
        super::error::quoted(&self.words())
    }

    fn all_words(&self) -> String {
        let body = self.bytes();
        let body = body.get(..body.len().min(LARGEST_ERROR)).unwrap_or_default();
        let problem = wire::problem(body);
        let words = if problem.is_whole || !problem.words.is_empty() {
            problem.words
        } else if body.trim_ascii_start().starts_with(b"<") {
            // A proxy's HTML page is of no use in a log.
            String::new()
        } else {
            String::from_utf8_lossy(body).into_owned()
        };
        let words = if words.trim().is_empty() {
            self.status.canonical_reason().unwrap_or_default().to_owned()
        } else {
            words
        };
        on_one_line(&words)
    }

    /// The URL where an organization requires the token to be authorized, from a refusal's
    /// `X-GitHub-SSO: required; url=…`. Source: GitHub's documentation, "Authenticating to the
    /// REST API", "Personal access tokens and SAML SSO".
    fn sso_url(&self) -> Option<&str> {
        if !matches!(self.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return None;
        }
        let mut parts = self.header("x-github-sso")?.split(';').map(str::trim);
        let is_required = parts.next() == Some("required");
        let url = parts.find_map(|part| part.strip_prefix("url="))?;
        (is_required && url.starts_with("https://") && url.len() <= LONGEST_URL).then_some(url)
    }

    /// The required permission, from the headers of a refusal.
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

/// octocrab on top of a single service.
pub(super) struct Transport {
    octocrab: Octocrab,
    bodies: Bodies,
}

impl Transport {
    #[expect(clippy::disallowed_methods, reason = "this is the one place; no retry is compiled in")]
    pub(super) fn new(service: HttpService) -> Result<Self, ConnectError> {
        // octocrab spawns a task for its queue, and panics without a runtime.
        tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let builder = OctocrabBuilder::new_empty().with_service(service.0);
        match builder.with_auth(AuthState::None).build() {
            Ok(octocrab) => Ok(Self { octocrab, bodies: Bodies::new() }),
            Err(never) => match never {},
        }
    }

    /// Sends `request` once. A successful answer may have at most `largest` bytes.
    pub(super) async fn send(
        &self,
        request: Request<OctoBody>,
        largest: usize,
    ) -> Result<GithubAnswer, Lost> {
        let response = self.octocrab.execute(request).await.map_err(|error| lost(&error))?;
        let (parts, body) = response.into_parts();
        let read = if parts.status.is_success() {
            self.bodies.whole(body, largest).await
        } else {
            self.bodies.beginning(body).await
        };
        let (body, room) = match read {
            Ok((body, room)) => (Ok(body), Some(room)),
            Err(unread) => (Err(unread), None),
        };
        Ok(GithubAnswer { status: parts.status, headers: parts.headers, body, room })
    }
}

fn lost(error: &octocrab::Error) -> Lost {
    // octocrab's own message adds nothing to that of the service below it.
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
