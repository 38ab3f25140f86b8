//! What Kubernetes and Prometheus read. Nothing here waits for a pass, or asks GitHub.

mod readiness;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::controller::Controller;
use crate::telemetry::CONTENT_TYPE;

pub use self::readiness::{Readiness, readiness};

const PLAIN: &str = "text/plain; charset=utf-8";

/// The routes over `controller`.
pub fn routes(controller: Controller) -> Router {
    Router::new()
        .route("/healthz", get(async || text(StatusCode::OK, PLAIN, "ok\n".to_owned())))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(async || text(StatusCode::NOT_FOUND, PLAIN, "no such page\n".to_owned()))
        .method_not_allowed_fallback(async || {
            let words = "everything here is read-only\n".to_owned();
            text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, words)
        })
        .with_state(controller)
}

async fn ready(State(controller): State<Controller>) -> Response {
    match readiness(&controller) {
        Readiness::Ready => text(StatusCode::OK, PLAIN, "ok\n".to_owned()),
        Readiness::NotReady(why) => {
            text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("not ready: {why}\n"))
        }
    }
}

async fn metrics(State(controller): State<Controller>) -> Response {
    text(StatusCode::OK, CONTENT_TYPE, controller.shared().metrics.encode())
}

fn text(code: StatusCode, content_type: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (code, headers, text).into_response()
}
