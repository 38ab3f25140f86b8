//! Combines the readings of several signals.

use crate::domain::{Health, SignalReading};

/// The health of production by all signals: degraded if one says so; otherwise unknown if one
/// cannot be read; otherwise healthy. `None` without signals.
#[must_use]
pub fn health<'a>(readings: impl IntoIterator<Item = &'a SignalReading>) -> Option<Health> {
    let rank = |health: &Health| match health {
        Health::Healthy => 0,
        Health::Unknown => 1,
        Health::Degraded => 2,
    };
    readings.into_iter().map(SignalReading::health).max_by_key(rank)
}
