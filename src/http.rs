//! The HTTP server: health probes, metrics, web pages and the JSON API. It is read-only, and no
//! request waits for a pass or calls GitHub.

use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::queries::ReadModel;

mod answer;
mod api;
mod etag;
mod pages;
mod probes;
mod problem;
mod question;

pub use api::paths as api_paths;

use problem::HttpProblem;

const PLAIN: &str = "text/plain; charset=utf-8";

/// All routes. They serve the data of `window`.
pub fn routes(window: ReadModel) -> Router {
    Router::new()
        .merge(probes::routes())
        .merge(pages::routes())
        .merge(api::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(read_only)
        .with_state(window)
}

async fn unknown(uri: Uri) -> Response {
    if api::is_below(uri.path()) {
        return HttpProblem::no_route().into_response();
    }
    text(StatusCode::NOT_FOUND, PLAIN, "no such page\n".to_owned())
}

async fn read_only(uri: Uri) -> Response {
    if api::is_below(uri.path()) {
        return HttpProblem::read_only().into_response();
    }
    let words = "everything here is read-only\n".to_owned();
    text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, words)
}

fn text(code: StatusCode, content_type: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (code, headers, text).into_response()
}

/// Timeout of a read. If the store takes longer, it is considered unavailable.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `work` with a timeout, and with a limit on concurrent requests.
async fn within<T, E: Into<HttpProblem>>(
    window: &ReadModel,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, HttpProblem> {
    let Some(_place) = window.place() else { return Err(HttpProblem::busy()) };
    match window.clock().timeout(PATIENCE, work).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(HttpProblem::late()),
    }
}
