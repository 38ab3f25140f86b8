//! A route's answer, before common headers and faults.

use serde_json::{Value, json};

use super::access::Within;

/// A request, as the routes see it.
pub(super) struct Asked<'a> {
    /// The base URL of the API as the caller addressed it, for example
    /// `https://api.github.com`.
    pub(super) api: &'a str,
    /// Path and query below `api`, for pagination links.
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) body: &'a Value,
    pub(super) login: &'a str,
    /// The account whose rate limits the caller spends.
    pub(super) meter: &'a str,
    /// The App that authenticates as itself.
    pub(super) app: Option<u64>,
    /// The scope of a minted token.
    pub(super) within: Option<&'a Within>,
    /// The token as sent.
    pub(super) token: &'a str,
    pub(super) can_push: bool,
    pub(super) installation: bool,
    /// The requested media type.
    pub(super) accept: &'a str,
    /// The requested API version. Some answers differ from `2026-03-10` on.
    pub(super) version: &'a str,
}

impl Asked<'_> {
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.param(name)?.parse().ok()
    }

    /// The requested page of a list, with links to other pages.
    pub(super) fn page<'l, T>(&self, all: &'l [T]) -> Page<'l, T> {
        self.page_of(all, 30, 100)
    }

    /// Like [`Asked::page`], with another default and maximum page size.
    pub(super) fn page_of<'l, T>(&self, all: &'l [T], usual: usize, most: usize) -> Page<'l, T> {
        let size = self.number("per_page").filter(|&size| size > 0).unwrap_or(usual).min(most);
        let number = self.number("page").filter(|&page| page > 0).unwrap_or(1);
        let from = size.saturating_mul(number - 1).min(all.len());
        let until = from.saturating_add(size).min(all.len());
        let last = all.len().div_ceil(size).max(1);
        Page { items: all.get(from..until).unwrap_or(&[]), links: self.links(number, last) }
    }

    fn links(&self, page: usize, last: usize) -> Option<String> {
        let mut links = Vec::new();
        if page > 1 {
            links.push((page - 1, "prev"));
        }
        if page < last {
            links.push((page + 1, "next"));
            links.push((last, "last"));
        }
        if page > 1 {
            links.push((1, "first"));
        }
        let links: Vec<String> = links
            .into_iter()
            .map(|(page, name)| format!("<{}>; rel=\"{name}\"", self.url_of_page(page)))
            .collect();
        (!links.is_empty()).then(|| links.join(", "))
    }

    fn url_of_page(&self, page: usize) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let mut parts: Vec<String> = query
            .split('&')
            .filter(|part| !part.is_empty() && !part.starts_with("page="))
            .map(str::to_owned)
            .collect();
        parts.push(format!("page={page}"));
        format!("{}{path}?{}", self.api, parts.join("&"))
    }
}

/// A page of a list.
pub(super) struct Page<'l, T> {
    pub(super) items: &'l [T],
    pub(super) links: Option<String>,
}

/// An answer before common headers and faults.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Body,
    pub(super) headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Json(Value),
    Text { media_type: &'static str, text: String },
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Reply { status: 200, body: Body::Json(body), headers: Vec::new() }
    }

    pub(super) fn created(body: Value) -> Self {
        let location = body.get("url").and_then(Value::as_str).map(str::to_owned);
        let headers = location.map(|url| ("location", url)).into_iter().collect();
        Reply { status: 201, body: Body::Json(body), headers }
    }

    pub(super) fn no_content() -> Self {
        Reply { status: 204, body: Body::Empty, headers: Vec::new() }
    }

    /// A body that is already serialized JSON.
    pub(super) fn json_text(text: String) -> Self {
        Reply::text("application/json; charset=utf-8", text)
    }

    pub(super) fn text(media_type: &'static str, text: String) -> Self {
        Reply { status: 200, body: Body::Text { media_type, text }, headers: Vec::new() }
    }

    /// A page of a list as the whole body.
    pub(super) fn list<T>(page: &Page<'_, T>, show: impl FnMut(&T) -> Value) -> Self {
        Reply::ok(page.items.iter().map(show).collect()).linked(page.links.clone())
    }

    /// A page of a list next to its `total_count`, as the Actions endpoints answer.
    pub(super) fn counted<T>(
        total: usize,
        key: &str,
        page: &Page<'_, T>,
        show: impl FnMut(&T) -> Value,
    ) -> Self {
        let items: Value = page.items.iter().map(show).collect();
        Reply::ok(json!({ "total_count": total, key: items })).linked(page.links.clone())
    }

    pub(super) fn linked(mut self, links: Option<String>) -> Self {
        self.headers.extend(links.map(|links| ("link", links)));
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn error(status: u16, message: impl Into<String>) -> Self {
        let body = json!({
            "message": message.into(),
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        });
        Reply { status, body: Body::Json(body), headers: Vec::new() }
    }

    pub(super) fn not_found() -> Self {
        Reply::error(404, "Not Found")
    }

    /// 422 for one field.
    pub(super) fn invalid(resource: &str, field: &str, message: &str) -> Self {
        let body = json!({
            "message": "Validation Failed",
            "errors": [{
                "resource": resource, "code": "custom", "field": field,
                "message": format!("{field} {message}"),
            }],
            "documentation_url": "https://docs.github.com/rest",
            "status": "422",
        });
        Reply { status: 422, body: Body::Json(body), headers: Vec::new() }
    }
}
