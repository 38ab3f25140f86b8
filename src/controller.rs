//! The loop: one pass at a time over each repository, each at its own pace.
//!
//! A pass is not told why it woke. It observes, decides, plans, applies, and says when it wants
//! to run again; a wake-up that comes earlier wins.

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
pub mod capacity;
mod claims;
mod error;
mod fleet;
mod governed;
mod health;
mod holding;
mod moved;
mod not_done;
mod operator;
mod pass;
mod pause;
mod places;
mod quiet;
mod recall;
mod repeated;
mod report;
mod resume;
mod roster;
mod schedule;
mod ship;
mod standing;
mod survey;
mod what_if;
mod witness;

// What those who ask the controller are answered with.
pub use crate::apply::{Dispatched, Hand};
pub use crate::github::{API_VERSION, LimitsView};
pub use crate::observe::ObserveError;
pub use backtest::{Backtested, Reach, Since};
pub use brake::SentDispatch;
pub use error::{Blame, PassError};
pub use governed::Governed;
pub use not_done::NotDone;
pub use operator::{ProductionSet, Spoken, Triggering};
pub use pass::{Pace, PassReport};
pub use pause::PauseAnswer;
pub use resume::{Resumed, ResumedFrom};
pub use roster::{Snapshot, Terms};
pub use schedule::Intervals;
pub use ship::{Shipped, Wish};
pub use standing::{AboveCandidate, Decisions, Standing, StandingDecision};
pub use survey::Survey;
pub use what_if::{Suppositions, WouldBe};
pub use witness::Witness;

use accounts::Accounts;
use claims::Claims;
use quiet::Passed;
use roster::{Roster, Station};

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
    /// Reads whether production is well.
    pub signals: Signals,
    /// Which station has which ledger.
    claims: Arc<Claims>,
    /// Who the credentials are.
    accounts: Accounts,
    /// Who is shown each decision.
    witness: Option<Witness>,
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
        let signals = Signals::new(clock.clone(), Arc::clone(&metrics), Carrier::network());
        Self {
            readers,
            hand,
            store,
            clock,
            metrics,
            signals,
            claims: Arc::default(),
            accounts: Accounts::default(),
            witness: None,
        }
    }
}

/// Governs repositories. Clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
    roster: Arc<Roster>,
    fleet: Arc<fleet::Fleet>,
}

impl Controller {
    /// A controller by these terms.
    #[must_use]
    pub fn new(shared: Shared, terms: Terms) -> Self {
        let (roster, turned) = Roster::new(terms, &shared.readers, &shared.signals);
        turned.came.iter().for_each(|name| shared.metrics.govern(name));
        Self { shared: Arc::new(shared), roster: Arc::new(roster), fleet: Arc::default() }
    }

    /// Governs by other terms from now on, without a stop. A pass that is under way ends by those
    /// that it began with. A repository that is no longer named is not touched any more, once what
    /// was sent for it is recorded; one that is named anew is governed soon.
    pub fn govern_by(&self, terms: Terms) {
        let turned = self.roster.turn(terms, &self.shared.readers, &self.shared.signals);
        turned.came.iter().for_each(|name| self.shared.metrics.govern(name));
        self.shared.claims.moved.notify_waiters();
    }

    /// What all repositories share.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// How often a repository is looked at.
    #[must_use]
    pub fn intervals(&self) -> Intervals {
        self.roster.common().intervals
    }

    /// The governed repositories, in the configuration's order.
    #[must_use]
    pub fn repositories(&self) -> Arc<[RepoName]> {
        self.roster.names()
    }

    /// How a repository stands, without waiting for a pass; none where it is not governed.
    #[must_use]
    pub fn snapshot(&self, name: &RepoName) -> Option<Snapshot> {
        self.roster.station(name).map(|station| station.shown())
    }

    /// Does `work` on one repository while nobody else is at it; none where it is not governed.
    pub async fn with<T>(
        &self,
        name: &RepoName,
        work: impl AsyncFnOnce(&Shared, &mut Governed) -> T,
    ) -> Option<T> {
        self.at(&*self.roster.station(name)?, work).await
    }

    async fn at<T>(
        &self,
        station: &Station,
        work: impl AsyncFnOnce(&Shared, &mut Governed) -> T,
    ) -> Option<T> {
        let mut held = station.held().await?;
        Some(work(&self.shared, &mut held.governed).await)
    }

    /// Wakes a repository: its next pass begins at once.
    pub fn wake(&self, name: &RepoName) {
        if let Some(station) = self.roster.station(name) {
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
        self.roster.set_running();
        self.shared.metrics.started(self.shared.clock.now());
        self.recall().await;
        self.shared.signals.go_live();
        let mut tasks = JoinSet::new();
        let controller = self.clone();
        tasks.spawn(async move { controller.introduce().await });
        loop {
            for station in self.roster.take_up() {
                let (controller, stop) = (self.clone(), stop.clone());
                tasks.spawn(async move { controller.govern(&station, stop).await });
            }
            tokio::select! {
                biased;
                // A closed channel is a stop, too.
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.roster.grown.notified() => {}
                Some(_) = tasks.join_next() => {}
            }
        }
        // A pass that is under way sends no dispatch any more.
        self.roster.brake_all();
        let ended = async { while tasks.join_next().await.is_some() {} };
        if self.shared.clock.timeout(GRACE, ended).await.is_err() {
            tracing::warn!("a pass was cut off by the end of the program; its ledger holds it");
        }
        tasks.abort_all();
    }

    /// Says as whom it acts, before many repositories ask for that at once.
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
        station: &Arc<Station>,
        reader: Reader,
        interval: Duration,
    ) -> Option<Result<PassReport, PassError>> {
        let (controller, its_station) = (self.clone(), Arc::clone(station));
        let mut task = JoinSet::new();
        task.spawn(async move {
            // An operator may be at it for long.
            let mut held = reader.waiting(its_station.held()).await?;
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
        self.at(station, async |shared, governed| {
            let result = Err(PassError::Defect);
            governed.reader = shared.readers.of(&governed.policy().repository);
            governed.note(shared, &result).await;
            result
        })
        .await
    }

    /// Governs one repository until `stop`, or until it has left the configuration.
    async fn govern(&self, station: &Arc<Station>, mut stop: watch::Receiver<bool>) {
        let (clock, name) = (&self.shared.clock, &station.name);
        let mut orders = station.orders();
        let mut changes = orders.signals.changes();
        let mut schedule = schedule::Schedule::new(orders.common.intervals, station.phase);
        // A fleet that starts together does not poll together.
        let mut due = clock.monotonic() + schedule.first(clock, orders.within);
        loop {
            match self.woken(station, due, &mut changes, &mut stop).await {
                Woken::Stopped => return,
                Woken::Due => {}
                Woken::Turned => {
                    if station.brake.has_left() && self.let_go(station).await {
                        return;
                    }
                    let before = std::mem::replace(&mut orders, station.orders());
                    changes = orders.signals.changes();
                    let changed = *before.policy != *orders.policy;
                    let soon = schedule.turn(clock, &orders, changed);
                    due = due.min(clock.monotonic() + soon);
                    continue;
                }
            }
            let began = clock.monotonic();
            let lane = schedule.lane();
            let reader = self.shared.readers.of(name);
            let taken = self.roster.places().take(lane, reader.credential()).await;
            let Some(placed) = taken else { return };
            if *stop.borrow() {
                return;
            }
            // What changes from here on may be too late for this pass.
            changes.mark_unchanged();
            let its_reader = reader.for_a_pass(lane, placed.meter().clone());
            let report = self.guarded_pass(station, its_reader, schedule.interval()).await;
            let meter = placed.meter().clone();
            drop(placed);
            let (pace, now) = (schedule::pace_of(report.as_ref()), clock.now());
            let wanted = schedule.wanted();
            let fits = self.fleet.after_a_pass(name, &reader, pace, &meter, wanted, now);
            due = clock.monotonic() + schedule.next(clock, report.as_ref(), fits, began);
            self.shared.metrics.poll_interval(name, schedule.interval());
            station.looked_at_every(schedule.interval());
        }
    }

    /// Waits until a pass is due, or something else is to be done.
    async fn woken(
        &self,
        station: &Station,
        due: Duration,
        changes: &mut watch::Receiver<()>,
        stop: &mut watch::Receiver<bool>,
    ) -> Woken {
        let clock = &self.shared.clock;
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Woken::Stopped,
            () = station.turned.notified() => Woken::Turned,
            () = station.bell.notified() => Woken::Due,
            Ok(()) = changes.changed() => Woken::Due,
            () = clock.sleep(due.saturating_sub(clock.monotonic())) => Woken::Due,
        }
    }

    /// Ends all that is kept of a repository that left the configuration but its ledger. False
    /// where it came back meanwhile.
    async fn let_go(&self, station: &Station) -> bool {
        let (name, readers) = (&station.name, &self.shared.readers);
        let last = |credential: &str, is_shared: bool| {
            self.shared.metrics.forget(name);
            self.fleet.forget(name);
            if !is_shared {
                readers.forget(credential);
            }
        };
        self.roster.end(station, readers, last).await
    }
}

/// What a wait ended for. A pass itself is not told.
enum Woken {
    Stopped,
    Due,
    /// Its orders changed, or it left.
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
