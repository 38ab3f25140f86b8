//! Any request to the HTTP server, for a repository that was governed for a while. It is
//! answered immediately, in the format of its address. An error is described in one line,
//! nothing from the request is echoed unescaped, and nothing is changed.
//!
//! The input is an address, followed by one header per line.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::page::is_harmless;
use crate::support::story::Story;
use crate::support::{block_on, is_one_line};

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let mut story = Story::new();
    let shipped = story.repo.in_production();
    story.passes(2);
    story.repo.verified(&["infra/network.tf"]);
    story.repo.deploy(&shipped, "dev", "failure");
    story.passes(2);
    story.router()
});

pub fn run(input: &str) {
    let mut lines = input.lines();
    let first = lines.next().unwrap_or_default();
    let (method, address) = match first.split_once(' ') {
        Some((method, address)) => (Method::from_bytes(method.as_bytes()).ok(), address),
        None => (None, first),
    };
    let Ok(uri) = address.parse::<http::Uri>() else { return };
    let mut request = Request::builder().method(method.unwrap_or(Method::GET)).uri(&uri);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        let value = HeaderValue::from_str(value.trim());
        if let (Ok(name), Ok(value)) = (name, value) {
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(Body::empty()) else { return };
    let (method, router) = (request.method().clone(), ROUTER.clone());
    block_on(async {
        let answer = router.oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        let kind = parts.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap());
        let text = std::str::from_utf8(&body).expect("every answer is text");
        if method != Method::GET && method != Method::HEAD {
            assert!(parts.status.is_client_error(), "{method} gives {}", parts.status);
        }
        for (name, value) in &parts.headers {
            let value = value.to_str().expect("a header in ASCII");
            is_one_line(value);
            assert!(name != header::LOCATION, "it leads to {value}");
        }
        match (parts.status, kind) {
            (StatusCode::NOT_MODIFIED, _) => assert!(body.is_empty(), "304 with a body"),
            (status, Some(kind)) if method != Method::HEAD => shape(&uri, status, kind, text),
            (_, _) => {}
        }
    });
}

fn shape(uri: &http::Uri, status: StatusCode, kind: &str, text: &str) {
    match kind {
        "application/json" => {
            assert_eq!(status, StatusCode::OK);
            is_json_of_lines(text);
        }
        "application/problem+json" => {
            let problem = is_json_of_lines(text);
            assert_eq!(problem["status"], status.as_u16(), "{text}");
            // An invalid address is rejected before its format is known.
            let is_none = matches!(status.as_u16(), 400 | 414);
            assert!(is_none || uri.path().starts_with("/api"), "a problem of a page");
            for words in ["title", "detail"] {
                let words = problem[words].as_str().expect("a problem says what it is");
                assert!(!words.is_empty() && words.chars().count() < 1_000, "{words:?}");
                is_one_line(words);
            }
            if status == StatusCode::BAD_REQUEST {
                let parameter = problem["parameter"].as_str().expect("which one is wrong");
                is_one_line(parameter);
            }
        }
        "text/html; charset=utf-8" => is_harmless(text),
        kind if kind.starts_with("text/plain") => {
            text.lines().for_each(is_one_line);
            assert!(status != StatusCode::BAD_REQUEST, "{text}");
        }
        kind => {
            assert!(kind.starts_with("application/openmetrics") || kind.starts_with("text/css"))
        }
    }
    assert!(
        matches!(status.as_u16(), 200 | 400 | 404 | 405 | 409 | 414 | 503),
        "{uri} gives {status}"
    );
    assert!(status != StatusCode::SERVICE_UNAVAILABLE || uri.path() == "/readyz", "{text}");
    let mut parameters = uri.query().unwrap_or_default().split('&');
    if status == StatusCode::OK && parameters.any(|one| one.starts_with("no_such_parameter=")) {
        let path = uri.path();
        assert!(path != "/" && !path.starts_with("/api") && !path.starts_with("/repos"), "{uri}");
    }
}

fn is_json_of_lines(text: &str) -> Value {
    text.lines().for_each(is_one_line);
    serde_json::from_str(text).expect("JSON")
}
