//! Signals report whether production is healthy. They are read outside the passes, so that a
//! slow signal delays nothing.
//!
//! Each distinct signal has one reader, however many repositories follow it. The reader ends
//! when the last follower is dropped. A pass uses the latest reading, with its age.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::domain::{Policy, Signal, SignalReading};
use crate::telemetry::Metrics;

mod alertmanager;
mod http;
mod prometheus;
mod reader;
mod request;
#[cfg(test)]
mod tests;

pub use request::Carrier;

use reader::SignalReader;

/// All signals that are followed. Clones share the same readers.
#[derive(Clone)]
pub struct Signals(Arc<SignalsInner>);

struct SignalsInner {
    clock: Clock,
    metrics: Arc<Metrics>,
    carrier: Carrier,
    /// By the signal that they read. Dropped readers are removed on the next access.
    readers: Mutex<BTreeMap<Signal, Weak<SignalReader>>>,
    /// Whether the readers run in the background.
    live: AtomicBool,
}

impl Signals {
    /// Creates an empty set. Until [`Self::go_live`], signals are read only on demand.
    #[must_use]
    pub fn new(clock: Clock, metrics: Arc<Metrics>, carrier: Carrier) -> Self {
        let (readers, live) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(SignalsInner { clock, metrics, carrier, readers, live }))
    }

    /// Starts reading every signal in the background, at its own interval. Must be called
    /// within the runtime that runs the readers.
    pub fn go_live(&self) {
        let readers = self.readers();
        self.0.live.store(true, Ordering::SeqCst);
        readers.values().filter_map(Weak::upgrade).for_each(|reader| reader.start());
    }

    /// Follows the signals of a policy until the returned value and all of its clones are
    /// dropped.
    #[must_use]
    pub fn follow(&self, policy: &Policy) -> Following {
        let bell = Arc::new(watch::Sender::new(()));
        // A disabled repository starts no deploys, so its signals are not needed.
        let asked = if policy.enabled { policy.degraded.as_slice() } else { &[] };
        let check = policy.health_check.as_ref().filter(|_| policy.enabled);
        let mut readers = self.readers();
        readers.retain(|_, reader| reader.strong_count() > 0);
        let mut reader_of = |signal: &Signal| {
            let known = readers.get(signal).and_then(Weak::upgrade);
            let reader = known.unwrap_or_else(|| {
                let SignalsInner { clock, metrics, carrier, .. } = &*self.0;
                let (clock, metrics) = (clock.clone(), Arc::clone(metrics));
                let reader = SignalReader::new(signal.clone(), clock, metrics, carrier.clone());
                let reader = Arc::new(reader);
                readers.insert(signal.clone(), Arc::downgrade(&reader));
                if self.0.live.load(Ordering::SeqCst) {
                    reader.start();
                }
                reader
            });
            reader.ring(&bell);
            reader
        };
        let signals = asked.iter().map(&mut reader_of).collect();
        let check = check.map(&mut reader_of);
        drop(readers);
        Following { of: self.clone(), signals, check, bell }
    }

    fn readers(&self) -> MutexGuard<'_, BTreeMap<Signal, Weak<SignalReader>>> {
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The signals that one repository follows. Clones follow the same signals.
#[derive(Clone)]
pub struct Following {
    of: Signals,
    signals: Vec<Arc<SignalReader>>,
    check: Option<Arc<SignalReader>>,
    bell: Arc<watch::Sender<()>>,
}

/// The current readings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenSignals {
    /// The signals of `degraded`, in the order of the configuration.
    pub signals: Vec<SignalReading>,
    pub health_check: Option<SignalReading>,
}

impl SeenSignals {
    /// Whether each signal reports the same health as in `before`.
    #[must_use]
    pub fn says_the_same_as(&self, before: &Self) -> bool {
        let same = |now: &SignalReading, before: &SignalReading| now.says_the_same_as(before);
        let check = match (&self.health_check, &before.health_check) {
            (Some(now), Some(before)) => same(now, before),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        check
            && self.signals.len() == before.signals.len()
            && self.signals.iter().zip(&before.signals).all(|(now, before)| same(now, before))
    }
}

impl Following {
    /// The latest readings. If readers do not run in the background, each signal whose interval
    /// has passed is read now, within its own timeout.
    ///
    /// With background readers, only a signal that has never been read is read here. If
    /// `uncached` is set (before a dispatch), this waits for that reading, so that a start in
    /// the middle of an incident ships nothing. Otherwise it waits only for a few seconds after
    /// the reader started.
    pub async fn seen(&self, uncached: bool) -> SeenSignals {
        let live = self.of.0.live.load(Ordering::SeqCst);
        let awaited = if live && !uncached { Some(self.awaited()) } else { None };
        let mut tasks = JoinSet::new();
        for reader in self.signals.iter().chain(&self.check) {
            if !live || (reader.is_new() && awaited != Some(Duration::ZERO)) {
                let reader = Arc::clone(reader);
                tasks.spawn(async move { reader.read_if_due().await });
            }
        }
        let read = async { while tasks.join_next().await.is_some() {} };
        match awaited {
            // A signal not read by then is left to its background reader.
            Some(awaited) => drop(self.of.0.clock.timeout(awaited, read).await),
            None => read.await,
        }
        let reading = |reader: &Arc<SignalReader>| reader.reading();
        SeenSignals {
            signals: self.signals.iter().map(reading).collect(),
            health_check: self.check.as_ref().map(reading),
        }
    }

    fn awaited(&self) -> Duration {
        let readers = self.signals.iter().chain(&self.check);
        readers.map(|reader| reader.awaited()).max().unwrap_or(Duration::ZERO)
    }

    /// Notifies whenever a signal's health changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }
}
