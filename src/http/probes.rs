//! `/healthz`, `/readyz` and `/metrics`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::{PLAIN, text};
use crate::config::RefusedChange;
use crate::messages::date_time;
use crate::queries::{ReadModel, Readiness};
use crate::telemetry::CONTENT_TYPE;

/// Repositories that a probe's answer names.
const MOST_NAMED: usize = 20;

pub(super) fn routes() -> Router<ReadModel> {
    Router::new()
        .route("/healthz", get(async || text(StatusCode::OK, PLAIN, "ok\n".to_owned())))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

async fn ready(State(window): State<ReadModel>) -> Response {
    let refused = window.refused().map(|refused| refusal(&refused)).unwrap_or_default();
    let beside = format!("{refused}{}", troubled(&window));
    match window.readiness() {
        Readiness::Ready => text(StatusCode::OK, PLAIN, format!("ok\n{beside}")),
        Readiness::NotReady(why) => {
            text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("not ready: {why}\n{beside}"))
        }
    }
}

/// A refused file is told and changes nothing: the last good configuration is governed by, and a
/// pod that left its Service for it would only take the metrics along that say so.
fn refusal(refused: &RefusedChange) -> String {
    let at = date_time(refused.at);
    let mistakes: String = refused.mistakes.iter().map(|one| format!("- {one}\n")).collect();
    format!(
        "the configuration file was refused at {at}, and the last good one stays in force:\n\
         {mistakes}"
    )
}

/// Repositories that nothing can be said of. They are named and change nothing: the controller
/// works, and others' releases go on.
fn troubled(window: &ReadModel) -> String {
    let troubled = window.troubled(MOST_NAMED);
    troubled.iter().map(|(name, why)| format!("{name}: {why}\n")).collect()
}

async fn metrics(State(window): State<ReadModel>) -> Response {
    match window.metrics().await {
        Some(metrics) => text(StatusCode::OK, CONTENT_TYPE, metrics),
        None => {
            let why = "the metrics could not be written: this is a bug\n".to_owned();
            text(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, why)
        }
    }
}
