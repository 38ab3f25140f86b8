//! JSON responses: untrusted text is escaped, each response has an ETag, and the status is 304 if
//! the client already has the body.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::etag;
use super::problem::HttpProblem;
use crate::domain::secrets::hide;
use crate::messages::tame_json;

pub(super) type HandlerAnswer = Result<Response, HttpProblem>;

/// A successful response to a request with the headers `asked`.
pub(super) fn json<T: Serialize>(asked: &HeaderMap, value: &T) -> HandlerAnswer {
    Ok(tagged(asked, text(value)))
}

/// A page of a list, with a `Link` header to the next page.
pub(super) fn page<T: Serialize>(
    asked: &HeaderMap,
    value: &T,
    next: Option<&str>,
) -> HandlerAnswer {
    let mut response = tagged(asked, text(value));
    let link = next.map(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")));
    if let Some(Ok(link)) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// A successful response whose body is already encoded as JSON.
pub(super) fn tagged(asked: &HeaderMap, body: String) -> Response {
    let etag = etag::of(body.as_bytes());
    let common: [(HeaderName, &str); 3] = [
        (header::ETAG, &etag),
        // Clients may cache the response, but must revalidate it, which costs only a 304.
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    if etag::is_known(asked, &etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::OK, common, json, body).into_response()
}

/// Encodes `value` as JSON. Terminal control characters and bidirectional overrides are escaped,
/// because names, paths and titles are untrusted. Text that looks like a secret is redacted.
pub(super) fn text<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    let json = match hide(&json) {
        Cow::Borrowed(_) => json,
        Cow::Owned(hidden) => hidden,
    };
    tame_json(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_form_of_a_secret_is_hidden() {
        let json = text(&["fix ghs_0123456789abcdefghij\n", "ghs_lib.rs"]);
        assert_eq!(json, r#"["fix [token]\n","ghs_lib.rs"]"#);
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_and_reads_the_same() {
        let path = "src/\u{1b}[31m\u{202e}gnp.exe\u{7f}\u{9b}\u{e0041}\n\"\\é";
        let json = text(&[path]);
        assert_eq!(json, r#"["src/\u001b[31m\u202egnp.exe\u007f\u009b\udb40\udc41\n\"\\é"]"#);
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [path]);
    }
}
