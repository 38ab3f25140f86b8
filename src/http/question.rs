//! Validates the path and query parameters of a request.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::problem::HttpProblem;
use crate::domain::RepoName;

/// Maximum length of path and query, in bytes. No meaningful request is longer.
const LONGEST_ADDRESS: usize = 2_048;
/// Default number of entries per page.
const USUAL_LIMIT: usize = 50;
/// Maximum number of entries per page.
const LARGEST_LIMIT: usize = 200;

/// A request's headers and parameters.
pub(super) struct RequestQuery {
    pub(super) headers: HeaderMap,
    /// The path as requested, without the query.
    pub(super) address: String,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for RequestQuery {
    type Rejection = HttpProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpProblem> {
        let length = parts.uri.path_and_query().map_or(0, |address| address.as_str().len());
        if length > LONGEST_ADDRESS {
            return Err(HttpProblem::too_long(LONGEST_ADDRESS));
        }
        let path = RawPathParams::from_request_parts(parts, state).await;
        let path = path.map_err(|_| {
            HttpProblem::parameter("path", parts.uri.path(), "percent-encoded UTF-8")
        })?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let written = parts.uri.query().unwrap_or_default();
        let query = Query::try_from_uri(&parts.uri)
            .map_err(|_| HttpProblem::parameter("query", written, "name=value&name=value"))?;
        Ok(Self {
            headers: parts.headers.clone(),
            address: parts.uri.path().to_owned(),
            path,
            query: query.0,
        })
    }
}

impl RequestQuery {
    /// Rejects query parameters that are not `known` or occur twice.
    pub(super) fn takes(&self, known: &[&str]) -> Result<(), HttpProblem> {
        for (index, (name, value)) in self.query.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let expected = if known.is_empty() {
                    "no parameters".to_owned()
                } else {
                    format!("one of {}", known.join(", "))
                };
                return Err(HttpProblem::no_parameter(name, expected));
            }
            if self.query.iter().take(index).any(|(before, _)| before == name) {
                return Err(HttpProblem::parameter(name, value, "it once"));
            }
        }
        Ok(())
    }

    /// The repository in the path.
    pub(super) fn repository(&self) -> Result<RepoName, HttpProblem> {
        let of = |name| self.path_parameter(name);
        let text = format!("{}/{}", of("owner"), of("name"));
        let expected = "an owner and a name as GitHub has them, as in acme/shop";
        text.parse().map_err(|_| HttpProblem::parameter("owner/name", &text, expected))
    }

    /// Parses a path parameter.
    pub(super) fn in_path<T: FromStr>(&self, name: &str, expected: &str) -> Result<T, HttpProblem> {
        let text = self.path_parameter(name);
        text.parse().map_err(|_| HttpProblem::parameter(name, text, expected))
    }

    /// Parses a query parameter. `None` if it is not given.
    pub(super) fn in_query<T: FromStr>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, HttpProblem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let value = text.parse().map_err(|_| HttpProblem::parameter(name, text, expected))?;
        Ok(Some(value))
    }

    /// The number of entries per page, from the query parameter `limit`.
    pub(super) fn limit(&self) -> Result<usize, HttpProblem> {
        let expected = format!("a number from 1 to {LARGEST_LIMIT}");
        let limit = self.in_query("limit", &expected)?.unwrap_or(USUAL_LIMIT);
        if (1..=LARGEST_LIMIT).contains(&limit) {
            return Ok(limit);
        }
        Err(HttpProblem::parameter("limit", self.text("limit").unwrap_or_default(), expected))
    }

    /// The URL of the page that holds the entries before `next`. Other parameters are unchanged.
    pub(super) fn page_before(&self, next: &str) -> String {
        let kept = self.query.iter().filter(|(name, _)| name != "before");
        let pairs = kept.map(|(name, value)| format!("{name}={}&", escaped(value)));
        format!("{}?{}before={next}", self.address, pairs.collect::<String>())
    }

    /// A query parameter as text. `None` if it is not given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    fn path_parameter(&self, name: &str) -> &str {
        self.path.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value)
    }
}

fn escaped(value: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC)
}
