//! Reads one signal periodically and keeps the latest reading.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::request::{Carrier, ReadingTrouble, SignalQuery};
use super::{alertmanager, http, prometheus};
use crate::clock::Clock;
use crate::domain::{
    Health, Signal, SignalFinding, SignalKind, SignalReading, WhenUnreachable, Why,
};
use crate::telemetry::Metrics;

/// Upper bound of the random initial delay, so that readers that start together do not send
/// their requests together.
const FIRST: Duration = Duration::from_secs(1);

/// How long passes wait for the first reading of a background reader. A signal that has not
/// been read yet, after a start or a configuration change, is not worth reporting. After this
/// time it counts as unknown and passes no longer wait.
const AWAITED: Duration = Duration::from_secs(3);

/// The reader of one signal.
pub(super) struct SignalReader {
    known: Arc<KnownReading>,
    /// The background task, aborted when the reader is dropped.
    task: Mutex<JoinSet<()>>,
}

struct KnownReading {
    signal: Signal,
    clock: Clock,
    metrics: Arc<Metrics>,
    asked: SignalQuery,
    state: Mutex<State>,
    /// When the background task started, by the monotonic clock.
    began: OnceLock<Duration>,
    /// Held during a reading.
    turn: tokio::sync::Mutex<()>,
    bells: Mutex<Vec<Weak<watch::Sender<()>>>>,
}

#[derive(Default)]
struct State {
    /// The last good reading: the finding, its time, and its time by the monotonic clock.
    good: Option<(SignalFinding, Timestamp, Duration)>,
    /// Why the last reading failed.
    trouble: Option<String>,
    /// When the last reading was attempted, by the monotonic clock.
    tried: Option<Duration>,
    /// The last reported health, and since when.
    says: Option<(Health, Timestamp)>,
}

impl SignalReader {
    pub(super) fn new(
        signal: Signal,
        clock: Clock,
        metrics: Arc<Metrics>,
        carrier: Carrier,
    ) -> Self {
        metrics.follow_signal(&signal.name);
        let known = KnownReading {
            asked: SignalQuery::new(&signal, carrier),
            signal,
            clock,
            metrics,
            state: Mutex::default(),
            began: OnceLock::new(),
            turn: tokio::sync::Mutex::default(),
            bells: Mutex::default(),
        };
        Self { known: Arc::new(known), task: Mutex::default() }
    }

    /// Notifies `bell` whenever the reported health changes.
    pub(super) fn ring(&self, bell: &Arc<watch::Sender<()>>) {
        let mut bells = self.known.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|bell| bell.strong_count() > 0);
        bells.push(Arc::downgrade(bell));
    }

    /// Starts reading in the background.
    pub(super) fn start(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_empty() {
            self.known.began.get_or_init(|| self.known.clock.monotonic());
            let known = Arc::clone(&self.known);
            task.spawn(async move { known.read_for_ever().await });
        }
    }

    /// Reads the signal now, unless it was read less than its interval ago.
    pub(super) async fn read_if_due(&self) {
        let known = &self.known;
        let _turn = known.turn.lock().await;
        let tried = known.state().tried;
        let now = known.clock.monotonic();
        let interval = known.signal.access.interval;
        if tried.is_none_or(|tried| now.saturating_sub(tried) >= interval) {
            known.read().await;
        }
    }

    /// Whether the signal has never been read.
    pub(super) fn is_new(&self) -> bool {
        self.known.state().tried.is_none()
    }

    /// How much longer passes wait for the first reading.
    pub(super) fn awaited(&self) -> Duration {
        let began = self.known.began.get().filter(|_| self.is_new());
        let until = began.map_or(Duration::ZERO, |began| began.saturating_add(AWAITED));
        until.saturating_sub(self.known.clock.monotonic())
    }

    pub(super) fn reading(&self) -> SignalReading {
        self.known.reading()
    }
}

impl Drop for SignalReader {
    fn drop(&mut self) {
        self.known.metrics.forget_signal(&self.known.signal.name);
    }
}

impl KnownReading {
    async fn read_for_ever(&self) {
        let interval = self.signal.access.interval;
        self.clock.sleep(FIRST.min(interval).mul_f64(self.clock.fraction())).await;
        loop {
            let turn = self.turn.lock().await;
            self.read().await;
            drop(turn);
            // Jitter of ten percent, so that readers drift apart.
            self.clock.sleep(interval.mul_f64(0.9 + 0.2 * self.clock.fraction())).await;
        }
    }

    /// Reads the signal once, within its timeout.
    async fn read(&self) {
        let limit = self.signal.access.timeout;
        let read = match self.clock.timeout(limit, self.ask()).await {
            Ok(read) => read,
            Err(_) => {
                Err(ReadingTrouble::NoAnswer(format!("no complete response within {limit:?}")))
            }
        };
        self.note(self.judged(read));
    }

    async fn ask(&self) -> Result<SignalFinding, ReadingTrouble> {
        match &self.signal.kind {
            SignalKind::Prometheus { url, query, degraded_when } => {
                let answer = self.asked.get(&prometheus::address(url, query), true).await?;
                prometheus::judge(&answer, *degraded_when)
            }
            SignalKind::Alertmanager { url, matchers } => {
                let answer = self.asked.get(&alertmanager::address(url, matchers), true).await?;
                alertmanager::judge(&answer)
            }
            SignalKind::Http { url, expected_status, expected_value, when_unreachable: _ } => {
                let answer = self.asked.get(url, expected_value.is_some()).await?;
                http::judge(&answer, expected_status, expected_value.as_ref())
            }
        }
    }

    /// The result of a reading. If `when_unreachable` is `degraded`, a missing response is a
    /// valid finding.
    fn judged(&self, read: Result<SignalFinding, ReadingTrouble>) -> Result<SignalFinding, String> {
        let down = match &self.signal.kind {
            SignalKind::Http { when_unreachable, .. } => {
                *when_unreachable == WhenUnreachable::Degraded
            }
            SignalKind::Prometheus { .. } | SignalKind::Alertmanager { .. } => false,
        };
        let shown = |text: String| self.asked.without_secrets(text);
        match read {
            Ok(SignalFinding::Degraded { what, headline }) => {
                Ok(SignalFinding::Degraded { what: shown(what), headline: headline.map(shown) })
            }
            Ok(SignalFinding::Healthy { what }) => Ok(SignalFinding::Healthy { what: shown(what) }),
            Ok(found @ (SignalFinding::NotReadYet | SignalFinding::Unknown(_))) => Ok(found),
            Err(ReadingTrouble::NoAnswer(why)) if down => {
                Ok(SignalFinding::Degraded { what: shown(why), headline: None })
            }
            Err(ReadingTrouble::NoAnswer(why) | ReadingTrouble::Unusable(why)) => Err(shown(why)),
        }
    }

    fn note(&self, read: Result<SignalFinding, String>) {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let mut state = self.state();
        state.tried = Some(monotonic);
        let name = &self.signal.name;
        match read {
            Ok(found) => {
                let degraded = matches!(found, SignalFinding::Degraded { .. });
                let result = if degraded { Health::Degraded } else { Health::Healthy };
                self.metrics.signal_read(name, result, now);
                state.good = Some((found, now, monotonic));
                if state.trouble.take().is_some() {
                    tracing::info!(signal = %name, "signal {name} can be read again");
                }
            }
            Err(why) => {
                self.metrics.signal_read(name, Health::Unknown, now);
                // Log a persistent failure once, and again when its reason changes.
                if state.trouble.as_ref() != Some(&why) {
                    tracing::warn!(signal = %name, "signal {name} cannot be read: {why}");
                }
                state.trouble = Some(why);
            }
        }
        let health = health(self.found(&state, monotonic));
        let changed = state.says.is_none_or(|(said, _)| said != health);
        if changed {
            state.says = Some((health, now));
            drop(state);
            tracing::info!(signal = %name, "signal {name} says {}", health.as_str());
            let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
            bells.iter().filter_map(Weak::upgrade).for_each(|bell| bell.send_modify(|()| {}));
        }
    }

    fn found(&self, state: &State, monotonic: Duration) -> SignalFinding {
        let limit = self.signal.access.stale_after;
        let good = state.good.as_ref();
        let fresh = good.filter(|(_, _, at)| monotonic.saturating_sub(*at) <= limit);
        if let Some((found, _, _)) = fresh {
            return found.clone();
        }
        match (&state.trouble, good) {
            (Some(trouble), _) => SignalFinding::Unknown(Why(trouble.clone())),
            (None, Some(_)) => {
                SignalFinding::Unknown(Why(format!("not read for more than {limit:?}")))
            }
            (None, None) => SignalFinding::NotReadYet,
        }
    }

    fn reading(&self) -> SignalReading {
        let state = self.state();
        SignalReading {
            signal: self.signal.name.clone(),
            found: self.found(&state, self.clock.monotonic()),
            read_at: state.good.as_ref().map(|(_, at, _)| *at),
            since: state.says.map(|(_, since)| since),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn health(found: SignalFinding) -> Health {
    SignalReading { signal: String::new(), found, read_at: None, since: None }.health()
}
