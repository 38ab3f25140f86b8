//! `/healthz`, `/readyz` and `/metrics`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::{PLAIN, text};
use crate::commands::{Readiness, Window};
use crate::telemetry::CONTENT_TYPE;

pub(super) fn routes() -> Router<Window> {
    Router::new()
        .route("/healthz", get(async || text(StatusCode::OK, PLAIN, "ok\n".to_owned())))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
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
