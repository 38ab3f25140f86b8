//! Records whether production is degraded, for the ledger and the metrics.

use std::sync::Arc;

use super::governed::Governed;
use super::{PassError, Shared};
use crate::decide::health;
use crate::domain::{Observation, ReleaseState};
use crate::{messages, plan};

impl Governed {
    /// Records the health of production if it changed.
    pub(super) async fn note_health(
        &mut self,
        shared: &Shared,
        observation: &Observation,
    ) -> Result<(), PassError> {
        self.health = health(&observation.signals);
        if self.is_read_only {
            return Ok(());
        }
        let policy = Arc::clone(&self.policy);
        let ledger = self.opened()?;
        let now = shared.clock.now();
        let Some(entry) = plan::health(observation, ledger.state(), now) else { return Ok(()) };
        let blamed = |state: &ReleaseState| {
            let watch = Some(policy.post_deploy_watch).filter(|watch| !watch.is_zero());
            watch.map_or(0, |watch| state.degraded_after_deploys(watch).len())
        };
        let before = blamed(ledger.state());
        let name = &policy.repository;
        tracing::info!(repository = %name, "{name}: {}", messages::describe_entry(&entry));
        ledger.record(now, vec![entry]).await?;
        let more = blamed(ledger.state()).saturating_sub(before);
        shared.metrics.degraded_after_deploy(name, u64::try_from(more).unwrap_or(u64::MAX));
        Ok(())
    }
}
