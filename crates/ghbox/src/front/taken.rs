//! A parsed request.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};

use crate::routes::{Call, Place, decoded};

/// A parsed request.
pub(super) struct Taken {
    pub(super) method: Method,
    pub(super) api: String,
    /// Path and query, without Enterprise Server's `/api/v3` prefix.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) call: Option<(Place, Call)>,
    /// The request is for a web page, not for the API.
    pub(super) for_people: bool,
    pub(super) headers: HeaderMap,
    pub(super) raw_body: Bytes,
}

impl Taken {
    /// Parses a request. If the root serves web pages, only paths below `/api/v3` are API
    /// calls.
    pub(super) fn new(request: Request<Bytes>, root_is_pages: bool) -> Self {
        let (parts, raw_body) = request.into_parts();
        let whole = parts.uri.path_and_query().map_or("/", |whole| whole.as_str());
        let (prefix, path) = match whole.strip_prefix("/api/v3") {
            Some(path) if path.starts_with('/') => ("/api/v3", path),
            Some(_) | None => ("", whole),
        };
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or(parts.uri.authority().map(|authority| authority.as_str()));
        let scheme = parts.uri.scheme_str().unwrap_or("http");
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        Taken {
            api: format!("{scheme}://{}{prefix}", host.unwrap_or("api.github.com")),
            call: Call::of(&parts.method, bare).filter(|_| !prefix.is_empty() || !root_is_pages),
            for_people: root_is_pages && prefix.is_empty(),
            query: query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(key, value)| (decoded(key), decoded(&value.replace('+', " "))))
                .collect(),
            method: parts.method,
            path: path.to_owned(),
            headers: parts.headers,
            raw_body,
        }
    }

    pub(super) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn operation(&self) -> Option<&'static str> {
        self.call.as_ref().map(|(_, call)| call.operation())
    }

    pub(super) fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Whether an App authenticates as itself, by a JSON Web Token.
    pub(super) fn is_by_an_app(&self) -> bool {
        let call = self.call.as_ref().map(|(_, call)| call);
        call.is_some_and(|call| matches!(call, Call::App(call) if call.is_by_the_app()))
    }

    pub(super) fn token(&self) -> Option<&str> {
        let given = self.header(header::AUTHORIZATION);
        let (scheme, token) = given.split_once(' ')?;
        let known = ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        known.then_some(token.trim())
    }
}
