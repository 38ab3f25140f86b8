//! Sends requests to the fake GitHub in this process, without a client library.

use std::io;

use bytes::Bytes;
use ghbox::{GhBox, GhClock, Role};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt as _;

/// A user with a token.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) github: GhBox,
    token: String,
    host: String,
    headers: Vec<(String, String)>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the response is not JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("no text"))
    }
}

/// A fake GitHub at a fixed time.
pub(crate) fn github() -> GhBox {
    GhBox::new(GhClock::manual("2026-11-20T14:00:00Z".parse::<Timestamp>().expect("a time")))
}

impl Client {
    /// The governor, as an App.
    pub(crate) fn app(github: &GhBox) -> Self {
        github.add_token("app", "release-governor[bot]");
        Client::with_token(github, "app")
    }

    /// A user with write access to this repository.
    pub(crate) fn writer(github: &GhBox, repository: &str, login: &str) -> Self {
        github.repository(repository).add_collaborator(login, Role::Write);
        let token = format!("token-of-{login}");
        github.add_token(&token, login);
        Client::with_token(github, &token)
    }

    pub(crate) fn with_token(github: &GhBox, token: &str) -> Self {
        Client {
            github: github.clone(),
            token: token.to_owned(),
            host: "api.github.com".to_owned(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).expect("the answer was lost")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).expect("the answer was lost")
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).expect("the answer was lost")
    }

    /// Sends a request. The error is that of a broken connection.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", self.host))
            .header("host", &self.host)
            .header("accept", "application/vnd.github+json");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in &self.headers {
            request.headers_mut().expect("a good request").remove(name);
            request = request.header(name, value);
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = request.body(Full::new(body)).expect("a good request");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (parts, body) = self.github.service().oneshot(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
        })
    }
}
