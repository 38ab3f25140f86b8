//! Error responses as `application/problem+json` (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::answer;
use crate::domain::Sha;
use crate::queries::NotShown;
use crate::request::CommandFailure;

/// Maximum length of an invalid value in a message, in characters.
const SHOWN: usize = 80;

/// An error response.
#[derive(Debug)]
pub(super) struct HttpProblem(Box<ProblemBody>);

#[derive(Debug, Serialize)]
struct ProblemBody {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// The name of the invalid parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The values that the parameter accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    /// The commits that an ambiguous prefix matches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Sha>,
}

impl HttpProblem {
    fn new(code: StatusCode, name: &str, title: &'static str, detail: String) -> Self {
        Self(Box::new(ProblemBody {
            kind: format!("urn:problem-type:release-governor:{name}"),
            title,
            status: code.as_u16(),
            detail,
            parameter: None,
            expected: None,
            candidates: Vec::new(),
        }))
    }

    /// No route matches the path.
    pub(super) fn no_route() -> Self {
        let detail = "no such address: GET /api/v1 lists the available ones".to_owned();
        Self::new(StatusCode::NOT_FOUND, "no-such-address", "No such address", detail)
    }

    /// The method is not GET or HEAD.
    pub(super) fn read_only() -> Self {
        let detail = "everything here is read-only: only GET and HEAD are supported".to_owned();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "read-only", "Read-only", detail)
    }

    pub(super) fn too_long(limit: usize) -> Self {
        let detail = format!("the address has more than {limit} bytes");
        Self::new(StatusCode::URI_TOO_LONG, "address-too-long", "Address too long", detail)
    }

    /// A path or query parameter has an invalid value.
    pub(super) fn parameter(name: &str, given: &str, expected: impl Into<String>) -> Self {
        let expected = expected.into();
        let given = crate::messages::plain(given, SHOWN);
        let detail = format!("`{name}` cannot be `{given}`: expected {expected}");
        Self::wrong(name.to_owned(), expected, detail)
    }

    /// The query has an unknown parameter.
    pub(super) fn no_parameter(name: &str, expected: impl Into<String>) -> Self {
        let (name, expected) = (crate::messages::plain(name, SHOWN), expected.into());
        let detail = format!("unknown parameter `{name}`: expected {expected}");
        Self::wrong(name, expected, detail)
    }

    fn wrong(name: String, expected: String, detail: String) -> Self {
        let title = "A parameter is wrong";
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "bad-parameter", title, detail);
        problem.0.parameter = Some(name);
        problem.0.expected = Some(expected);
        problem
    }

    /// A page could not be rendered.
    pub(super) fn unwritten() -> Self {
        let detail = "this page could not be written; its twin below /api/v1 may be".to_owned();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unwritten", "Cannot be written", detail)
    }

    /// The HTTP status code.
    pub(super) fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) const fn title(&self) -> &'static str {
        self.0.title
    }

    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The commits that an ambiguous prefix matches.
    pub(super) fn candidates(&self) -> &[Sha] {
        &self.0.candidates
    }

    /// The store did not respond in time.
    pub(super) fn late() -> Self {
        Self::unavailable("the state directory does not respond: check its disk".to_owned())
    }

    /// Too many requests are in progress.
    pub(super) fn busy() -> Self {
        Self::unavailable("too many requests in progress: try again".to_owned())
    }

    fn unavailable(detail: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Cannot be read now", detail)
    }
}

impl From<NotShown> for HttpProblem {
    fn from(error: NotShown) -> Self {
        let detail = error.to_string();
        match error {
            NotShown::NotGoverned(_) => {
                Self::new(StatusCode::NOT_FOUND, "no-such-repository", "No such repository", detail)
            }
            NotShown::NoSuchCommit { .. } => {
                Self::new(StatusCode::NOT_FOUND, "no-such-commit", "No such commit", detail)
            }
            NotShown::Ambiguous { candidates, .. } => {
                let title = "The commit is not unique";
                let code = StatusCode::CONFLICT;
                let mut problem = Self::new(code, "ambiguous-commit", title, detail);
                problem.0.candidates = candidates;
                problem
            }
            NotShown::NoSuchAttempt { id, .. } => Self::parameter(
                "before",
                &id.to_string(),
                "the id of an attempt that is remembered",
            ),
            NotShown::Store(_) => Self::unavailable(detail),
        }
    }
}

impl From<CommandFailure> for HttpProblem {
    fn from(failure: CommandFailure) -> Self {
        Self::unavailable(failure.to_string())
    }
}

impl IntoResponse for HttpProblem {
    fn into_response(self) -> Response {
        let code = self.code();
        let headers = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (code, headers, answer::text(&self.0)).into_response()
    }
}
