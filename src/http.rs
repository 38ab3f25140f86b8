//! What Kubernetes and Prometheus read. Nothing here waits for a pass, or asks GitHub.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::commands::{Readiness, Window};
use crate::telemetry::CONTENT_TYPE;

const PLAIN: &str = "text/plain; charset=utf-8";

/// The pages of the controller that `window` is on.
pub fn routes(window: Window) -> Router {
    Router::new()
        .route("/healthz", get(async || text(StatusCode::OK, PLAIN, "ok\n".to_owned())))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(async || text(StatusCode::NOT_FOUND, PLAIN, "no such page\n".to_owned()))
        .method_not_allowed_fallback(async || {
            let words = "everything here is read-only\n".to_owned();
            text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, words)
        })
        .with_state(window)
}

async fn ready(State(window): State<Window>) -> Response {
    match window.readiness() {
        Readiness::Ready => text(StatusCode::OK, PLAIN, "ok\n".to_owned()),
        Readiness::NotReady(why) => {
            text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("not ready: {why}\n"))
        }
    }
}

async fn metrics(State(window): State<Window>) -> Response {
    text(StatusCode::OK, CONTENT_TYPE, window.metrics())
}

fn text(code: StatusCode, content_type: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (code, headers, text).into_response()
}
