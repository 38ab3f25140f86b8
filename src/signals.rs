//! Signals that say whether production is well, read outside the passes: a slow one delays nothing.
//!
//! Each distinct signal has one reader, whoever follows it; a reader ends with the last that
//! follows it. A pass takes what was read last, with its age.

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

/// All signals that anybody follows. Clones are the same.
#[derive(Clone)]
pub struct Signals(Arc<SignalsInner>);

struct SignalsInner {
    clock: Clock,
    metrics: Arc<Metrics>,
    carrier: Carrier,
    /// By what they read: those that are gone leave with the next look.
    readers: Mutex<BTreeMap<Signal, Weak<SignalReader>>>,
    /// Whether readers read by themselves.
    live: AtomicBool,
}

impl Signals {
    /// Of none yet. Nothing is read before [`Self::go_live`], but where somebody asks.
    #[must_use]
    pub fn new(clock: Clock, metrics: Arc<Metrics>, carrier: Carrier) -> Self {
        let (readers, live) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(SignalsInner { clock, metrics, carrier, readers, live }))
    }

    /// From now on every signal is read by itself, each at its own pace. To be called within the
    /// runtime that is to read them.
    pub fn go_live(&self) {
        let readers = self.readers();
        self.0.live.store(true, Ordering::SeqCst);
        readers.values().filter_map(Weak::upgrade).for_each(|reader| reader.start());
    }

    /// Follows the signals of a policy until what comes back, and all clones of it, are dropped.
    #[must_use]
    pub fn follow(&self, policy: &Policy) -> Following {
        let bell = Arc::new(watch::Sender::new(()));
        // One that is not enabled starts nothing, so that nobody asks.
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

/// The signals that one repository follows. Clones follow the same.
#[derive(Clone)]
pub struct Following {
    of: Signals,
    signals: Vec<Arc<SignalReader>>,
    check: Option<Arc<SignalReader>>,
    bell: Arc<watch::Sender<()>>,
}

/// What is known now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenSignals {
    /// Of each signal of `degraded`, in the configuration's order.
    pub signals: Vec<SignalReading>,
    /// Of `health_check`.
    pub health_check: Option<SignalReading>,
}

impl SeenSignals {
    /// Whether each signal says what it said in `before`.
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
    /// What was read last. Where no reader reads by itself, each signal that was not read lately is
    /// read now, once, within its own time limit. Before a dispatch (`anew`), so is one that nobody
    /// has read yet: a start in the middle of an incident ships nothing into it. Otherwise such a
    /// one is waited for, for some seconds after its reader began and no longer.
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
            // What is not read by then is read by its own reader.
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

    /// Changes whenever a signal begins to say something else.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }
}
