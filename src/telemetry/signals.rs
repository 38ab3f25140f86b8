//! What is counted of the signals that say whether production is well.

use jiff::Timestamp;

use super::Metrics;
use super::families::{BySignal, SignalResult};
use crate::domain::{Health, RepoName};

impl Metrics {
    /// Whether production is degraded; none where nobody knows, which is no series.
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

    /// So many more deploys after which production turned degraded.
    pub fn degraded_after_deploy(&self, repository: &RepoName, more: u64) {
        self.repositories.troubles.degraded_after_deploy.of(repository, "").inc_by(more);
    }

    /// A signal is read from now on: what is alerted on is 0, not absent.
    pub fn follow_signal(&self, signal: &str) {
        for result in RESULTS {
            let labels = SignalResult { signal: signal.to_owned(), result };
            self.signals.readings.get_or_create_owned(&labels).inc_by(0);
        }
    }

    /// A signal was read, and says this; unknown where it could not be read.
    pub fn signal_read(&self, signal: &str, says: Health, at: Timestamp) {
        let labels = SignalResult { signal: signal.to_owned(), result: result(says) };
        self.signals.readings.get_or_create_owned(&labels).inc();
        if says != Health::Unknown {
            let labels = BySignal { signal: signal.to_owned() };
            self.signals.last_reading.get_or_create_owned(&labels).set(at.as_second());
        }
    }

    /// Ends all series of a signal that nobody reads any more.
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
