//! The history of production's health, and the deploys after which it turned degraded.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{KnownRunAttempt, ReleaseState};
use crate::domain::{Health, RunRef};

/// Number of records that are kept: more than are needed to watch any deploy.
const KEPT: usize = 50;
/// How far the times of our readings and of GitHub's runs may differ: our clock is up to two
/// seconds off before it is corrected, and GitHub's times have no fractions.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(3);

/// Production's health as reported by the signals. Recorded when it changes and after each
/// deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// When it was recorded.
    pub at: Timestamp,
    pub health: Health,
    /// When this health began, according to the readings.
    pub since: Timestamp,
    /// The run attempt that production came from at the time.
    pub run: Option<RunRef>,
    /// What each signal reported, as sentences.
    pub found: Vec<String>,
    /// The signals that were read; empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<String>,
}

/// A deploy after which production turned degraded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DegradedAfterDeploy {
    /// The run attempt that deployed.
    pub run: RunRef,
    /// When production turned degraded.
    pub since: Timestamp,
    /// What each signal reported then.
    pub found: Vec<String>,
}

impl ReleaseState {
    pub(super) fn note_health(&mut self, record: HealthRecord) {
        self.health.push(record);
        super::fold::keep_last(&mut self.health, KEPT);
    }

    /// The latest health record.
    #[must_use]
    pub fn last_health(&self) -> Option<&HealthRecord> {
        self.health.last()
    }

    /// Deploys after which production turned from healthy to degraded, oldest first. The change
    /// must fall between the deploy's start and `watch` after its end. Production that was
    /// degraded before, or was never known to be healthy by the signals now configured, is not
    /// blamed on a deploy. Each change is blamed on at most one deploy.
    #[must_use]
    pub fn degraded_after_deploys(&self, watch: Duration) -> Vec<DegradedAfterDeploy> {
        let mut found: Vec<DegradedAfterDeploy> = Vec::new();
        let mut was_healthy = false;
        // When it turned degraded, while no deploy is known to have caused that.
        let mut turned: Option<Timestamp> = None;
        let mut asked: &[String] = &[];
        for record in &self.health {
            if !asked.is_empty() && asked != record.signals {
                // The signals changed, so a different result is not a change of health.
                (was_healthy, turned) = (false, None);
            }
            asked = &record.signals;
            match record.health {
                // What happened in the meantime is unknown.
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

    /// The known state of a run attempt.
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
