//! The loop: one pass at a time over each repository, each at its own pace.
//!
//! A pass is not told why it woke. It observes, decides, plans, applies, and says when it wants
//! to run again; a wake-up that comes earlier wins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::domain::{Login, Policy, ReleaseState, RepoName};
use crate::github::{Lane, Meter, Reader, Readers};
use crate::store::Store;
use crate::telemetry::{Metrics, PassResult};

mod error;
mod fleet;
mod governed;
mod holding;
mod operator;
mod pass;
mod recall;
mod report;
mod schedule;
mod ship;
mod survey;

// What those who ask the controller are answered with.
pub use crate::apply::{Dispatched, Hand};
pub use crate::github::LimitsView;
pub use crate::observe::ObserveError;
pub use error::{Blame, PassError};
pub use governed::{Decisions, Governed, Standing, StandingDecision};
pub use operator::{NotDone, Spoken, Triggering};
pub use pass::{Pace, PassReport};
pub use schedule::Intervals;
pub use ship::{Shipped, Wish};
pub use survey::Survey;

/// How long a pass that is under way may go on after SIGTERM; the process ends within 5 s.
const GRACE: Duration = Duration::from_millis(3_500);

/// What all repositories share.
pub struct Shared {
    /// Gives each repository's reader of GitHub.
    pub readers: Readers,
    /// The one hand that can write to GitHub; none in a dry run.
    pub hand: Option<Hand>,
    /// The state directory.
    pub store: Store,
    /// Time and chance.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// A digest of the config: a rejected dispatch is worth another try when it changed.
    pub config_digest: String,
    /// `server.public_url`.
    pub public_url: Option<String>,
    /// Who the token belongs to, by its fingerprint; none for a token that is nobody's.
    user: Mutex<BTreeMap<String, Option<Login>>>,
}

impl Shared {
    /// What all repositories share.
    #[must_use]
    pub fn new(
        readers: Readers,
        hand: Option<Hand>,
        store: Store,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            readers,
            hand,
            store,
            clock,
            metrics,
            config_digest: String::new(),
            public_url: None,
            user: Mutex::default(),
        }
    }
}

/// How a repository stands, for whoever looks while a pass is under way.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its policy.
    pub policy: Arc<Policy>,
    /// How it stood when its last pass ended.
    pub standing: Standing,
    /// What its ledger added up to; none before the first pass that reached GitHub.
    pub release: Option<Arc<ReleaseState>>,
    /// What the last pass that came to decisions decided.
    pub decisions: Arc<Decisions>,
    /// How often it is looked at now, failures included; none before its first pass.
    pub interval: Option<Duration>,
}

/// One repository, what is shown of it, and the bell that wakes it.
struct Station {
    governed: Mutex<Governed>,
    shown: RwLock<Snapshot>,
    bell: Notify,
}

impl Station {
    fn new(policy: Policy, readers: &Readers) -> Self {
        let reader = readers.of(&policy.repository);
        let shown = Snapshot {
            policy: Arc::new(policy.clone()),
            standing: Standing::default(),
            release: None,
            decisions: Arc::default(),
            interval: None,
        };
        Self {
            governed: Mutex::new(Governed::new(policy, reader)),
            shown: RwLock::new(shown),
            bell: Notify::new(),
        }
    }

    async fn held(&self) -> Held<'_> {
        Held { governed: self.governed.lock().await, shown: &self.shown }
    }
}

/// A repository while nobody else is at it. What has become of it is shown when it is let go.
struct Held<'a> {
    governed: MutexGuard<'a, Governed>,
    shown: &'a RwLock<Snapshot>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.standing.clone_from(self.governed.standing());
        shown.decisions = Arc::clone(&self.governed.decisions);
        if shown.release.as_deref() != self.governed.release() {
            shown.release = self.governed.release().cloned().map(Arc::new);
        }
    }
}

/// Governs repositories. Clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
    stations: Arc<BTreeMap<RepoName, Station>>,
    /// In the configuration's order.
    names: Arc<[RepoName]>,
    intervals: Intervals,
    places: Places,
    fleet: Arc<fleet::Fleet>,
}

/// Passes that run at once. A fourth of the places is for those in flight, whatever the settled
/// ones wait for.
#[derive(Clone)]
struct Places {
    all: Arc<Semaphore>,
    settled: Arc<Semaphore>,
}

impl Places {
    fn new(count: usize) -> Self {
        let settled = count.saturating_sub(count / 4).max(1);
        Self {
            all: Arc::new(Semaphore::new(count.max(1))),
            settled: Arc::new(Semaphore::new(settled)),
        }
    }

    /// A place for a pass, which its meter holds; none when the program ends.
    async fn take(&self, lane: Lane) -> Option<Meter> {
        let mut places = Vec::with_capacity(2);
        if lane == Lane::Settled {
            places.push(Arc::clone(&self.settled).acquire_owned().await.ok()?);
        }
        places.push(Arc::clone(&self.all).acquire_owned().await.ok()?);
        Some(Meter::holding(places))
    }
}

impl Controller {
    /// A controller of these repositories.
    #[must_use]
    pub fn new(
        shared: Shared,
        policies: Vec<Policy>,
        intervals: Intervals,
        max_concurrency: usize,
    ) -> Self {
        let names = policies.iter().map(|policy| policy.repository.clone()).collect();
        let station = |policy: Policy| {
            shared.metrics.govern(&policy.repository);
            (policy.repository.clone(), Station::new(policy, &shared.readers))
        };
        let stations = Arc::new(policies.into_iter().map(station).collect());
        Self {
            shared: Arc::new(shared),
            names,
            stations,
            intervals,
            places: Places::new(max_concurrency),
            fleet: Arc::default(),
        }
    }

    /// What all repositories share.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// How often a repository is looked at.
    #[must_use]
    pub const fn intervals(&self) -> Intervals {
        self.intervals
    }

    /// The governed repositories, in the configuration's order.
    pub fn repositories(&self) -> impl Iterator<Item = &RepoName> {
        self.names.iter()
    }

    /// How a repository stands, without waiting for a pass; none where it is not governed.
    #[must_use]
    pub fn snapshot(&self, name: &RepoName) -> Option<Snapshot> {
        let station = self.stations.get(name)?;
        Some(station.shown.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Does `work` on one repository while no pass is over it; none where it is not governed.
    pub async fn with<T>(
        &self,
        name: &RepoName,
        work: impl AsyncFnOnce(&Shared, &mut Governed) -> T,
    ) -> Option<T> {
        let mut held = self.stations.get(name)?.held().await;
        Some(work(&self.shared, &mut held.governed).await)
    }

    /// Wakes a repository: its next pass begins at once.
    pub fn wake(&self, name: &RepoName) {
        if let Some(station) = self.stations.get(name) {
            station.bell.notify_one();
        }
    }

    /// One pass over one repository; none where it is not governed.
    pub async fn pass(&self, name: &RepoName) -> Option<Result<PassReport, PassError>> {
        self.with(name, async |shared, governed| one_pass(shared, governed).await).await
    }

    /// Governs until `stop` says so. What is under way then is given a moment to end; the ledger
    /// holds whatever is cut off.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        self.shared.metrics.started(self.shared.clock.now());
        self.recall().await;
        let mut tasks = JoinSet::new();
        for (index, name) in self.stations.keys().enumerate() {
            let (controller, name, stop) = (self.clone(), name.clone(), stop.clone());
            let phase = schedule::Phase::of(index);
            tasks.spawn(async move { controller.govern(&name, phase, stop).await });
        }
        let controller = self.clone();
        tasks.spawn(async move { controller.introduce().await });
        // A closed channel is a stop, too.
        let _ = stop.wait_for(|stop| *stop).await;
        let ended = async { while tasks.join_next().await.is_some() {} };
        if self.shared.clock.timeout(GRACE, ended).await.is_err() {
            tracing::warn!("a pass was cut off by the end of the program; its ledger holds it");
        }
        tasks.abort_all();
    }

    /// Says as whom it acts, before many repositories ask for that at once.
    async fn introduce(&self) {
        let mut known = BTreeSet::new();
        for name in self.names.iter() {
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
                    "GitHub does not tell whose token this is. Put its account into \
                     github.identities, so that a lost state directory can be recovered without \
                     taking others' statuses for ours; or configure github.app"
                ),
                // The passes that meet an error say it.
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// One pass, on a task of its own: a broken invariant ends the pass and not the governing.
    async fn guarded_pass(
        &self,
        name: &RepoName,
        reader: Reader,
    ) -> Option<Result<PassReport, PassError>> {
        let (controller, its_name) = (self.clone(), name.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let pass = async |shared: &Shared, governed: &mut Governed| {
                governed.reader = reader;
                let report = one_pass(shared, governed).await;
                governed.reader = shared.readers.of(&governed.policy().repository);
                report
            };
            controller.with(&its_name, pass).await
        });
        if let Some(Ok(report)) = task.join_next().await {
            return report;
        }
        self.with(name, async |shared, governed| {
            let result = Err(PassError::Defect);
            governed.reader = shared.readers.of(&governed.policy().repository);
            governed.note(shared, &result).await;
            result
        })
        .await
    }

    async fn govern(
        &self,
        name: &RepoName,
        phase: schedule::Phase,
        mut stop: watch::Receiver<bool>,
    ) {
        let Some(station) = self.stations.get(name) else { return };
        let clock = &self.shared.clock;
        let mut schedule = schedule::Schedule::new(self.intervals, phase);
        let reader = self.shared.readers.of(name);
        // A fleet that starts together does not poll together.
        let mut wait = schedule.first(clock);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = station.bell.notified() => {}
                () = clock.sleep(wait) => {}
            }
            let began = clock.monotonic();
            let lane = schedule.lane();
            let Some(meter) = self.places.take(lane).await else { return };
            if *stop.borrow() {
                return;
            }
            let report = self.guarded_pass(name, reader.for_a_pass(lane, meter.clone())).await;
            meter.let_go();
            let (pace, now) = (schedule::pace_of(report.as_ref()), clock.now());
            let fits = self.fleet.after_a_pass(name, &reader, pace, &meter, self.intervals, now);
            wait = schedule.next(clock, report.as_ref(), fits, began);
            self.shared.metrics.poll_interval(name, schedule.interval());
            station.shown.write().unwrap_or_else(PoisonError::into_inner).interval =
                Some(schedule.interval());
        }
    }
}

async fn one_pass(shared: &Shared, governed: &mut Governed) -> Result<PassReport, PassError> {
    use tracing::Instrument as _;
    let name = governed.policy().repository.clone();
    let span = tracing::info_span!("pass", repository = %name);
    let began = shared.clock.monotonic();
    let result = governed.pass(shared).instrument(span).await;
    let took = shared.clock.monotonic().saturating_sub(began);
    let outcome = if result.is_ok() { PassResult::Ok } else { PassResult::Failed };
    shared.metrics.pass(&name, outcome, took);
    governed.note(shared, &result).await;
    result
}
