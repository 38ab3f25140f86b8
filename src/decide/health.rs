//! What several signals come to.

use crate::domain::{Health, SignalReading};

/// How production is by all signals: degraded where one says so, else unknown where one cannot be
/// read, else healthy. None where there is no signal: then nobody asks.
#[must_use]
pub fn health<'a>(readings: impl IntoIterator<Item = &'a SignalReading>) -> Option<Health> {
    let rank = |health: &Health| match health {
        Health::Healthy => 0,
        Health::Unknown => 1,
        Health::Degraded => 2,
    };
    readings.into_iter().map(SignalReading::health).max_by_key(rank)
}
