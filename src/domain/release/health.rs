//! How production did by its signals, and after which deploys it turned degraded.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{KnownRunAttempt, ReleaseState};
use crate::domain::{Health, RunRef};

/// Records that are kept: more than the watch after any deploy needs.
const KEPT: usize = 50;
/// How far apart one moment may be by our readings and by GitHub's runs: our clock is up to two
/// seconds off GitHub's before it is set right, and GitHub's times have no fractions.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(3);

/// What the signals said of production, when that was something else than before, or of another
/// deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// When it was written down.
    pub at: Timestamp,
    /// How production was.
    pub health: Health,
    /// Since when, by the readings.
    pub since: Timestamp,
    /// The run attempt that had made production what it was.
    pub run: Option<RunRef>,
    /// What each signal said, in sentences.
    pub found: Vec<String>,
    /// Which signals were asked; none in what earlier versions wrote down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<String>,
}

/// A deploy after which production turned degraded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DegradedAfterDeploy {
    /// The run attempt that deployed.
    pub run: RunRef,
    /// Since when production is degraded.
    pub since: Timestamp,
    /// What each signal said then.
    pub found: Vec<String>,
}

impl ReleaseState {
    pub(super) fn note_health(&mut self, record: HealthRecord) {
        self.health.push(record);
        super::fold::keep_last(&mut self.health, KEPT);
    }

    /// How production was when that changed last.
    #[must_use]
    pub fn last_health(&self) -> Option<&HealthRecord> {
        self.health.last()
    }

    /// Deploys between whose start and `watch` after whose end production turned from healthy to
    /// degraded, oldest first. What was degraded before, or was never known to be healthy by the
    /// signals that are asked, is laid at no deploy's door; each turn at one deploy's at most.
    #[must_use]
    pub fn degraded_after_deploys(&self, watch: Duration) -> Vec<DegradedAfterDeploy> {
        let mut found: Vec<DegradedAfterDeploy> = Vec::new();
        let mut was_healthy = false;
        // Since when it is degraded, while no deploy is known that it came after.
        let mut turned: Option<Timestamp> = None;
        let mut asked: &[String] = &[];
        for record in &self.health {
            if !asked.is_empty() && asked != record.signals {
                // Others are asked now: that they say something else is no turn.
                (was_healthy, turned) = (false, None);
            }
            asked = &record.signals;
            match record.health {
                // Nobody knows what happened meanwhile.
                Health::Unknown => {}
                Health::Healthy => (was_healthy, turned) = (true, None),
                Health::Degraded => {
                    if was_healthy {
                        (was_healthy, turned) = (false, Some(record.since));
                    }
                    let (Some(since), Some(run)) = (turned, record.run) else { continue };
                    if self.run_attempt(run).is_some_and(|one| is_after(one, since, watch)) {
                        let found_then = record.found.clone();
                        found.push(DegradedAfterDeploy { run, since, found: found_then });
                        turned = None;
                    }
                }
            }
        }
        found
    }

    /// What is known of a run attempt.
    #[must_use]
    pub fn run_attempt(&self, run: RunRef) -> Option<&KnownRunAttempt> {
        self.runs.get(&run.id)?.attempts.get(&run.attempt).map(|attempt| &**attempt)
    }
}

fn is_after(deploy: &KnownRunAttempt, since: Timestamp, watch: Duration) -> bool {
    let watch = SignedDuration::try_from(watch).unwrap_or(SignedDuration::MAX);
    let from = deploy.started_at.saturating_sub(CLOCKS_DIFFER).unwrap_or(Timestamp::MIN);
    let until = deploy.updated_at.saturating_add(watch.saturating_add(CLOCKS_DIFFER));
    deploy.progress.succeeded() && from <= since && since <= until.unwrap_or(Timestamp::MAX)
}
