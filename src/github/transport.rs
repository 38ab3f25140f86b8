//! Requests out, answers in. octocrab is the client; its service is ours, so that nothing below
//! retries, follows a redirect, or caches.

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

/// As much of GitHub's words as a person reads.
const LONGEST_WORDS: usize = 400;
/// An address that is longer is not said.
const LONGEST_URL: usize = 1_000;

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
pub struct ApiRoute {
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
pub fn network(route: &ApiRoute) -> Result<HttpService, ConnectError> {
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
pub(super) struct GithubAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body, of an error its beginning, or why there is none.
    pub(super) body: Result<Bytes, Unread>,
    /// The room that the body takes up.
    pub(super) room: Option<BodyRoom>,
}

impl GithubAnswer {
    /// What there is of the body.
    pub(super) fn bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// GitHub's own words, short, on one line, without anything that looks like a secret; and where
    /// the token is to be authorized, if that is what lacks.
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

    /// The words in quotes, after a space; nothing where there are none.
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
            // A proxy's page is nothing to read in a log.
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

    /// Where an organisation's owner wants the token to be authorized, by a refusal's
    /// `X-GitHub-SSO: required; url=…`. Source: GitHub's documentation, "Authenticating to the REST
    /// API", "Personal access tokens and SAML SSO".
    fn sso_url(&self) -> Option<&str> {
        if !matches!(self.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return None;
        }
        let mut parts = self.header("x-github-sso")?.split(';').map(str::trim);
        let is_required = parts.next() == Some("required");
        let url = parts.find_map(|part| part.strip_prefix("url="))?;
        (is_required && url.starts_with("https://") && url.len() <= LONGEST_URL).then_some(url)
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
pub(super) struct Transport {
    octocrab: Octocrab,
    bodies: Bodies,
}

impl Transport {
    #[expect(clippy::disallowed_methods, reason = "this is the one place; no retry is compiled in")]
    pub(super) fn new(service: HttpService) -> Result<Self, ConnectError> {
        // octocrab starts a task for its queue, and panics where it cannot.
        tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let builder = OctocrabBuilder::new_empty().with_service(service.0);
        match builder.with_auth(AuthState::None).build() {
            Ok(octocrab) => Ok(Self { octocrab, bodies: Bodies::new() }),
            Err(never) => match never {},
        }
    }

    /// Sends `request`, once. A good answer may have `largest` bytes.
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
