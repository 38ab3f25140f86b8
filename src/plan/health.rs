//! Records the health of production by its signals when it changes.

use jiff::Timestamp;

use crate::decide;
use crate::domain::{EntryKind, Health, Observation, ReleaseState, SignalFinding, SignalReading};
use crate::messages;

/// The ledger entry, or `None` if a signal has not been read yet or nothing changed.
#[must_use]
pub fn health(
    observation: &Observation,
    release: &ReleaseState,
    now: Timestamp,
) -> Option<EntryKind> {
    let readings: Vec<&SignalReading> =
        observation.signals.iter().chain(&observation.health_check).collect();
    let health = decide::health(readings.iter().copied())?;
    if readings.iter().any(|reading| reading.found == SignalFinding::NotReadYet) {
        return None;
    }
    let run = release.production().run();
    let signals: Vec<String> = readings.iter().map(|reading| reading.signal.clone()).collect();
    let is_known = release
        .last_health()
        .is_some_and(|last| last.health == health && last.run == run && last.signals == signals);
    if is_known {
        return None;
    }
    let saying = readings.iter().filter(|reading| reading.health() == health);
    let times = saying.filter_map(|reading| reading.since);
    let since = match health {
        // All signals must be healthy.
        Health::Healthy => times.max(),
        Health::Degraded | Health::Unknown => times.min(),
    };
    let found = readings.iter().map(|reading| messages::signals::told(reading)).collect();
    Some(EntryKind::HealthChecked { health, since: since.unwrap_or(now), run, found, signals })
}
