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

/// Maximum number of repositories that `/readyz` lists.
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

/// The message about a rejected configuration file. It does not affect readiness: the last good
/// configuration stays in force, and an unready pod would take the metrics that report the
/// rejection out of its Service.
fn refusal(refused: &RefusedChange) -> String {
    let at = date_time(refused.at);
    let mistakes: String = refused.mistakes.iter().map(|one| format!("- {one}\n")).collect();
    format!(
        "the configuration file was refused at {at}, and the last good one stays in force:\n\
         {mistakes}"
    )
}

/// The repositories that cannot be judged, with the cause. They do not affect readiness: the
/// controller works, and the releases of other repositories continue.
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
