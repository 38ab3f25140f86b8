//! The control loop: one pass at a time over each repository, each at its own interval.
//!
//! A pass does not know why it was woken. It observes, decides, plans and applies, then reports
//! how soon it wants to run again. If a repository is woken earlier, the earlier time wins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::domain::RepoName;
use crate::github::{Reader, Readers};
use crate::signals::{Carrier, Signals};
use crate::store::Store;
use crate::telemetry::{Metrics, PassResult};

mod accounts;
mod age;
mod asked;
mod backtest;
mod brake;
mod calendar;
pub mod capacity;
mod error;
mod fleet;
mod governed;
mod health;
mod hold_since;
mod ledger_lease;
mod moved;
mod not_done;
mod operator;
mod pass;
mod pass_permits;
mod pause;
mod recall;
mod registry;
mod repeated;
mod report;
mod resume;
mod schedule;
mod ship;
mod standing;
mod survey;
mod unchanged;
mod what_if;
mod witness;

// The public types of the controller's API.
pub use crate::apply::{Dispatched, WriteHandle};
pub use crate::github::{API_VERSION, LimitsView};
pub use crate::observe::ObserveError;
pub use backtest::{Backtested, Reach, Since};
pub use brake::SentDispatch;
pub use error::{Blame, PassError};
pub use governed::Governed;
pub use not_done::NotDone;
pub use operator::{ProductionSet, RecordedWord, Triggering};
pub use pass::{PassPace, PassReport};
pub use pause::PauseAnswer;
pub use registry::{ControllerSettings, RepoSnapshot};
pub use resume::{Resumed, ResumedFrom};
pub use schedule::Intervals;
pub use ship::{DispatchInitiator, Shipped};
pub use standing::{AboveCandidate, Decisions, LastStanding, StandingDecision};
pub use survey::Survey;
pub use what_if::{Suppositions, WouldBe};
pub use witness::Witness;

use accounts::Accounts;
use ledger_lease::LedgerLeases;
use registry::{RepoHandle, RepoRegistry};
use unchanged::Passed;

/// How long a running pass may continue after SIGTERM. The process exits within 5 s.
const GRACE: Duration = Duration::from_millis(3_500);

/// State and handles shared by all repositories.
pub struct Shared {
    /// Provides a GitHub reader for each repository.
    pub readers: Readers,
    /// The only handle that can write to GitHub. `None` in a dry run.
    pub hand: Option<WriteHandle>,
    pub store: Store,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    /// Reads the signals that say whether production is degraded.
    pub signals: Signals,
    /// Ensures that each ledger has only one owner.
    leases: Arc<LedgerLeases>,
    /// The account behind each credential.
    accounts: Accounts,
    /// Observes each decision, if set.
    witness: Option<Witness>,
}

impl Shared {
    /// Creates the shared state. Signals are read over the network.
    #[must_use]
    pub fn new(
        readers: Readers,
        hand: Option<WriteHandle>,
        store: Store,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let signals = Signals::new(clock.clone(), Arc::clone(&metrics), Carrier::network());
        Self {
            readers,
            hand,
            store,
            clock,
            metrics,
            signals,
            leases: Arc::default(),
            accounts: Accounts::default(),
            witness: None,
        }
    }
}

/// Governs the configured repositories. Clones share the same state.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
    registry: Arc<RepoRegistry>,
    fleet: Arc<fleet::Fleet>,
}

impl Controller {
    /// Creates a controller with these settings.
    #[must_use]
    pub fn new(shared: Shared, terms: ControllerSettings) -> Self {
        let (registry, reconfigured) = RepoRegistry::new(terms, &shared.readers, &shared.signals);
        reconfigured.came.iter().for_each(|name| shared.metrics.govern(name));
        Self { shared: Arc::new(shared), registry: Arc::new(registry), fleet: Arc::default() }
    }

    /// Applies new settings without a restart. A running pass finishes with the settings it
    /// started with. A removed repository is left alone once everything already sent for it is
    /// recorded. An added repository gets its first pass soon.
    pub fn govern_by(&self, terms: ControllerSettings) {
        let reconfigured = self.registry.turn(terms, &self.shared.readers, &self.shared.signals);
        reconfigured.came.iter().for_each(|name| self.shared.metrics.govern(name));
        self.shared.leases.moved.notify_waiters();
    }

    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// How often repositories are polled.
    #[must_use]
    pub fn intervals(&self) -> Intervals {
        self.registry.common().intervals
    }

    /// The governed repositories, in configuration order.
    #[must_use]
    pub fn repositories(&self) -> Arc<[RepoName]> {
        self.registry.names()
    }

    /// The current state of a repository, without waiting for a pass. `None` if it is not
    /// governed.
    #[must_use]
    pub fn snapshot(&self, name: &RepoName) -> Option<RepoSnapshot> {
        self.registry.handle(name).map(|handle| handle.shown())
    }

    /// Runs `work` with exclusive access to a repository. Returns `None` if it is not governed.
    pub async fn with<T>(
        &self,
        name: &RepoName,
        work: impl AsyncFnOnce(&Shared, &mut Governed) -> T,
    ) -> Option<T> {
        self.at(&*self.registry.handle(name)?, work).await
    }

    async fn at<T>(
        &self,
        handle: &RepoHandle,
        work: impl AsyncFnOnce(&Shared, &mut Governed) -> T,
    ) -> Option<T> {
        let mut held = handle.held().await?;
        Some(work(&self.shared, &mut held.governed).await)
    }

    /// Wakes a repository: its next pass starts immediately.
    pub fn wake(&self, name: &RepoName) {
        if let Some(handle) = self.registry.handle(name) {
            handle.wake.notify_one();
        }
    }

    /// Runs one pass over a repository. Returns `None` if it is not governed.
    pub async fn pass(&self, name: &RepoName) -> Option<Result<PassReport, PassError>> {
        self.with(name, async |shared, governed| one_pass(shared, governed).await).await
    }

    /// Runs until `stop` becomes true. Running passes then get a short time to finish. Whatever
    /// is interrupted is already recorded in the ledger.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        self.registry.set_running();
        self.shared.metrics.started(self.shared.clock.now());
        self.recall().await;
        self.shared.signals.go_live();
        let mut tasks = JoinSet::new();
        let controller = self.clone();
        tasks.spawn(async move { controller.introduce().await });
        loop {
            for handle in self.registry.take_up() {
                let (controller, stop) = (self.clone(), stop.clone());
                tasks.spawn(async move { controller.govern(&handle, stop).await });
            }
            tokio::select! {
                biased;
                // A closed channel also means stop.
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.registry.grown.notified() => {}
                Some(_) = tasks.join_next() => {}
            }
        }
        // From here on, a running pass cannot dispatch.
        self.registry.brake_all();
        let ended = async { while tasks.join_next().await.is_some() {} };
        if self.shared.clock.timeout(GRACE, ended).await.is_err() {
            tracing::warn!("a pass was cut off by the end of the program; its ledger holds it");
        }
        tasks.abort_all();
    }

    /// Logs which account each credential belongs to, before many repositories ask for it at
    /// once.
    async fn introduce(&self) {
        let mut known = BTreeSet::new();
        for name in self.repositories().iter() {
            let Some(policy) = self.snapshot(name).map(|shown| shown.policy) else { continue };
            let reader = self.shared.readers.of(name);
            if !policy.enabled || !known.insert(reader.credential().to_owned()) {
                continue;
            }
            let credential = reader.credential();
            match self.shared.user(&reader).await {
                Ok(Some(login)) => tracing::info!(%credential, "acting as {login}"),
                Ok(None) if policy.identities.is_empty() => tracing::warn!(
                    %credential,
                    "GitHub does not report which account this token belongs to. Add it to \
                     github.identities, so that a lost state directory can be recovered without \
                     taking others' statuses for ours; or configure github.app"
                ),
                // The pass that runs into the error reports it.
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Runs one pass on its own task, so that a panic ends the pass but not the loop.
    async fn guarded_pass(
        &self,
        handle: &Arc<RepoHandle>,
        reader: Reader,
        interval: Duration,
    ) -> Option<Result<PassReport, PassError>> {
        let (controller, its_handle) = (self.clone(), Arc::clone(handle));
        let mut task = JoinSet::new();
        task.spawn(async move {
            // An operator's command may hold the repository for a long time.
            let mut held = reader.waiting(its_handle.held()).await?;
            let (shared, governed) = (&controller.shared, &mut held.governed);
            governed.reader = reader;
            governed.rhythm.interval = interval;
            let report = one_pass(shared, governed).await;
            governed.reader = shared.readers.of(&governed.policy().repository);
            Some(report)
        });
        if let Some(Ok(report)) = task.join_next().await {
            return report;
        }
        self.at(handle, async |shared, governed| {
            let result = Err(PassError::Defect);
            governed.reader = shared.readers.of(&governed.policy().repository);
            governed.note(shared, &result).await;
            result
        })
        .await
    }

    /// Governs one repository until `stop`, or until it leaves the configuration.
    async fn govern(&self, handle: &Arc<RepoHandle>, mut stop: watch::Receiver<bool>) {
        let (clock, name) = (&self.shared.clock, &handle.name);
        let mut settings = handle.settings();
        let mut changes = settings.signals.changes();
        let mut schedule = schedule::Schedule::new(settings.common.intervals, handle.phase);
        // Spread the first passes so that repositories do not poll in lockstep.
        let mut due = clock.monotonic() + schedule.first(clock, settings.within);
        loop {
            match self.woken(handle, due, &mut changes, &mut stop).await {
                Woken::Stopped => return,
                Woken::Due => {}
                Woken::Turned => {
                    if handle.brake.has_left() && self.let_go(handle).await {
                        return;
                    }
                    let before = std::mem::replace(&mut settings, handle.settings());
                    changes = settings.signals.changes();
                    let changed = *before.policy != *settings.policy;
                    let soon = schedule.turn(clock, &settings, changed);
                    due = due.min(clock.monotonic() + soon);
                    continue;
                }
            }
            let began = clock.monotonic();
            let lane = schedule.lane();
            let reader = self.shared.readers.of(name);
            let taken = self.registry.places().take(lane, reader.credential()).await;
            let Some(placed) = taken else { return };
            if *stop.borrow() {
                return;
            }
            // A change from here on may come too late for this pass, so it triggers another
            // one.
            changes.mark_unchanged();
            let its_reader = reader.for_a_pass(lane, placed.meter().clone());
            let report = self.guarded_pass(handle, its_reader, schedule.interval()).await;
            let meter = placed.meter().clone();
            drop(placed);
            let (pace, now) = (schedule::pace_of(report.as_ref()), clock.now());
            let wanted = schedule.wanted();
            let fits = self.fleet.after_a_pass(name, &reader, pace, &meter, wanted, now);
            due = clock.monotonic() + schedule.next(clock, report.as_ref(), fits, began);
            self.shared.metrics.poll_interval(name, schedule.interval());
            handle.looked_at_every(schedule.interval());
        }
    }

    /// Waits until a pass is due, the settings change, or the controller stops.
    async fn woken(
        &self,
        handle: &RepoHandle,
        due: Duration,
        changes: &mut watch::Receiver<()>,
        stop: &mut watch::Receiver<bool>,
    ) -> Woken {
        let clock = &self.shared.clock;
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Woken::Stopped,
            () = handle.reconfigured.notified() => Woken::Turned,
            () = handle.wake.notified() => Woken::Due,
            Ok(()) = changes.changed() => Woken::Due,
            () = clock.sleep(due.saturating_sub(clock.monotonic())) => Woken::Due,
        }
    }

    /// Drops everything kept for a repository that left the configuration, except its ledger.
    /// Returns false if the repository was added back in the meantime.
    async fn let_go(&self, handle: &RepoHandle) -> bool {
        let (name, readers) = (&handle.name, &self.shared.readers);
        let last = |credential: &str, is_shared: bool| {
            self.shared.metrics.forget(name);
            self.fleet.forget(name);
            if !is_shared {
                readers.forget(credential);
            }
        };
        self.registry.end(handle, readers, last).await
    }
}

/// Why a wait ended. The pass itself does not learn this.
enum Woken {
    Stopped,
    Due,
    /// The settings changed, or the repository left the configuration.
    Turned,
}

async fn one_pass(shared: &Shared, governed: &mut Governed) -> Result<PassReport, PassError> {
    use tracing::Instrument as _;
    let name = governed.policy().repository.clone();
    let span = tracing::info_span!("pass", repository = %name);
    let began = shared.clock.monotonic();
    let passed = governed.pass_or_quiet(shared).instrument(span).await;
    let took = shared.clock.monotonic().saturating_sub(began);
    let outcome = if passed.is_ok() { PassResult::Ok } else { PassResult::Failed };
    shared.metrics.pass(&name, outcome, took);
    governed.note_repeated(shared);
    if let Ok((report, Passed::Unchanged)) = passed {
        governed.note_unchanged(shared);
        return Ok(report);
    }
    let result = passed.map(|(report, _)| report);
    governed.note(shared, &result).await;
    result
}
