//! The web pages. Each has an equivalent in JSON below `/api/v1`, built from the same view.
//!
//! Templates escape all values. In addition, bidirectional overrides are replaced before rendering,
//! and text that looks like a secret is redacted after it.

use std::borrow::Cow;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::etag;
use super::problem::HttpProblem;
use super::question::RequestQuery;
use super::within;
use crate::clock::beside_others;
use crate::domain::ShaPrefix;
use crate::domain::secrets::hide;
use crate::queries::ReadModel;

mod calendar;
mod commit;
mod index;
mod parts;
mod repository;
mod trouble;

use calendar::CalendarPage;
use commit::CommitPage;
use index::{Index, IndexFilter};
use repository::RepositoryPage;
use trouble::TroublePage;

const HTML: &str = "text/html; charset=utf-8";
const STYLESHEET: &str = "/style.css";
const STYLE: &str = include_str!("pages/style.css");
/// The content security policy: pages load only their own stylesheet, submit forms only to this
/// server, and cannot be framed.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

type PageAnswer = Result<Response, TroublePage>;

pub(super) fn routes() -> Router<ReadModel> {
    Router::new()
        .route("/", get(index))
        .route("/calendar", get(calendar))
        .route("/repos/{owner}/{name}", get(repository))
        .route("/repos/{owner}/{name}/commits/{sha}", get(commit))
        .route(STYLESHEET, get(stylesheet))
}

async fn index(State(window): State<ReadModel>, asked: RequestQuery) -> PageAnswer {
    asked.takes(&["q", "state"])?;
    let filter = IndexFilter::of(&asked)?;
    let all = within(&window, window.repositories()).await?;
    let now = window.clock().now();
    let freezes = calendar::in_force(&window.calendar(now), now, true);
    let page = || shown(&asked.headers, &Index::of(&all, &filter, freezes, now));
    beside_others(all.about_bytes(), page)
}

async fn calendar(State(window): State<ReadModel>, asked: RequestQuery) -> PageAnswer {
    asked.takes(&[])?;
    let now = window.clock().now();
    shown(&asked.headers, &CalendarPage::of(&window.calendar(now), now))
}

async fn repository(State(window): State<ReadModel>, asked: RequestQuery) -> PageAnswer {
    asked.takes(&[])?;
    let name = asked.repository()?;
    let detail = within(&window, window.repository(&name)).await?;
    let attempts = within(&window, window.attempts(&name, None, repository::ATTEMPTS)).await?;
    let now = window.clock().now();
    let freezes = calendar::in_force(&window.calendar_of(&[name], now), now, false);
    shown(&asked.headers, &RepositoryPage::of(&detail, &attempts.attempts, freezes, now))
}

async fn commit(State(window): State<ReadModel>, asked: RequestQuery) -> PageAnswer {
    asked.takes(&[])?;
    let name = asked.repository()?;
    let sha: ShaPrefix = asked.in_path("sha", "7 to 64 hex digits of a commit's id")?;
    let found = within(&window, window.commit(&name, &sha)).await;
    let detail = found.map_err(|problem| TroublePage::from(problem).in_repository(&name))?;
    let now = window.clock().now();
    let freezes = calendar::in_force(&window.calendar_of(&[name], now), now, false);
    shown(&asked.headers, &CommitPage::of(&detail, freezes, now))
}

async fn stylesheet(asked: RequestQuery) -> Response {
    tagged(&asked.headers, "text/css; charset=utf-8", STYLE.to_owned())
}

fn shown(asked: &HeaderMap, page: &impl Template) -> PageAnswer {
    Ok(tagged(asked, HTML, html(page)?))
}

fn html(page: &impl Template) -> Result<String, HttpProblem> {
    let html = page.render().map_err(|_| HttpProblem::unwritten())?;
    Ok(match hide(&html) {
        Cow::Borrowed(_) => html,
        Cow::Owned(hidden) => hidden,
    })
}

fn tagged(asked: &HeaderMap, content_type: &'static str, body: String) -> Response {
    let etag = etag::of(body.as_bytes());
    let mut response = if etag::is_known(asked, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (StatusCode::OK, [(header::CONTENT_TYPE, content_type)], body).into_response()
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    guarded(response, "no-cache")
}

/// Adds the headers that every page has.
fn guarded(mut response: Response, cached: &'static str) -> Response {
    let headers: [(HeaderName, &'static str); 4] = [
        (header::CACHE_CONTROL, cached),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
