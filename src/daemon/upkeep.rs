//! Maintenance that runs beside the passes.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;

use crate::config::ConfigInForce;
use crate::controller::Controller;

use crate::network::stopped;

/// The delay before the first run. A start is busy enough without it.
const FIRST: Duration = Duration::from_secs(600);
const DAILY: Duration = Duration::from_secs(24 * 60 * 60);

/// Deletes history older than `state.history_days` once a day until `stop`.
pub(super) async fn prune_daily(
    controller: &Controller,
    in_force: &ConfigInForce,
    mut stop: watch::Receiver<bool>,
) {
    let shared = controller.shared();
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = shared.clock.sleep(wait) => {}
        }
        // Without an answer from GitHub, the time is unknown, and so is what is old.
        if !shared.readers.limits().iter().any(|limits| limits.last_ok_at.is_some()) {
            continue;
        }
        wait = DAILY;
        let days = in_force.config().history_days;
        let age =
            SignedDuration::from_hours(24).saturating_mul(i32::try_from(days).unwrap_or(i32::MAX));
        let Ok(before) = shared.clock.now().saturating_sub(age) else { continue };
        match shared.store.prune(before).await {
            Ok(0) => {}
            Ok(pruned) => {
                tracing::info!(pruned, "{pruned} entries older than {days} days left the history")
            }
            Err(error) => tracing::warn!("old history could not be deleted: {error}"),
        }
    }
}
