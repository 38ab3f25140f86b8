//! Metrics of the signals that report whether production is healthy.

use jiff::Timestamp;

use super::Metrics;
use super::families::{BySignal, SignalResult};
use crate::domain::{Health, RepoName};

impl Metrics {
    /// Sets whether production is degraded. If it is unknown, the series is removed.
    pub fn degraded(&self, repository: &RepoName, health: Option<Health>) {
        let degraded = match health {
            Some(Health::Degraded) => Some(1),
            Some(Health::Healthy) => Some(0),
            Some(Health::Unknown) | None => None,
        };
        match degraded {
            Some(degraded) => {
                self.repositories.degraded.of(repository, "").set(degraded);
            }
            None => self.repositories.degraded.forget(repository),
        }
    }

    /// Counts deploys after which production became degraded.
    pub fn degraded_after_deploy(&self, repository: &RepoName, more: u64) {
        self.repositories.troubles.degraded_after_deploy.of(repository, "").inc_by(more);
    }

    /// Initializes the series of a newly followed signal: counters with alerts are 0, not
    /// absent.
    pub fn follow_signal(&self, signal: &str) {
        for result in RESULTS {
            let labels = SignalResult { signal: signal.to_owned(), result };
            self.signals.readings.get_or_create_owned(&labels).inc_by(0);
        }
    }

    /// Records a reading and the health it reports; unknown if it failed.
    pub fn signal_read(&self, signal: &str, says: Health, at: Timestamp) {
        let labels = SignalResult { signal: signal.to_owned(), result: result(says) };
        self.signals.readings.get_or_create_owned(&labels).inc();
        if says != Health::Unknown {
            let labels = BySignal { signal: signal.to_owned() };
            self.signals.last_reading.get_or_create_owned(&labels).set(at.as_second());
        }
    }

    /// Removes all series of a signal that is no longer followed.
    pub fn forget_signal(&self, signal: &str) {
        for result in RESULTS {
            let signal = signal.to_owned();
            self.signals.readings.remove(&SignalResult { signal, result });
        }
        self.signals.last_reading.remove(&BySignal { signal: signal.to_owned() });
    }
}

const RESULTS: [&str; 3] = ["healthy", "degraded", "unreadable"];

const fn result(says: Health) -> &'static str {
    match says {
        Health::Healthy => "healthy",
        Health::Degraded => "degraded",
        Health::Unknown => "unreadable",
    }
}
