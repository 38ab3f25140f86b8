//! The repositories that are governed, by which terms, and how both change while they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify};

use super::brake::RepoBrake;
use super::governed::Governed;
use super::places::Places;
use super::schedule::{Intervals, Phase};
use super::standing::{Decisions, Standing};
use crate::domain::{Policy, ReleaseState, RepoName};
use crate::github::{Reader, Readers};
use crate::signals::{Following, Signals};
use crate::store::Ledger;

/// What repositories are governed by: all of the configuration that passes see.
#[derive(Clone, Debug)]
pub struct Terms {
    /// One for each governed repository, in the configuration's order.
    pub policies: Vec<Arc<Policy>>,
    /// How often a repository is looked at.
    pub intervals: Intervals,
    /// Passes that run at once.
    pub max_concurrency: usize,
    /// A digest of the config: a rejected dispatch is worth another try when it changed.
    pub config_digest: String,
    /// `server.public_url`.
    pub public_url: Option<String>,
}

/// What of the terms is the same for all.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) intervals: Intervals,
    pub(super) config_digest: String,
    pub(super) public_url: Option<String>,
}

/// What one repository is governed by. A pass takes it once, at its beginning.
#[derive(Clone)]
pub(super) struct Orders {
    pub(super) policy: Arc<Policy>,
    pub(super) common: Arc<Common>,
    /// What says whether its production is well.
    pub(super) signals: Following,
    /// Within what time its next pass is due: of many that change together, each in its turn.
    pub(super) within: Duration,
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
    /// Why an operator paused it since this process began. It may not be in `release` yet.
    pub paused: Option<String>,
    /// What the last pass that came to decisions decided.
    pub decisions: Arc<Decisions>,
    /// How often it is looked at now, failures included; none before its first pass.
    pub interval: Option<Duration>,
}

/// One repository, what is shown of it, and the bells that wake it.
pub(super) struct Station {
    pub(super) name: RepoName,
    pub(super) phase: Phase,
    governed: Mutex<Governed>,
    shown: RwLock<Snapshot>,
    orders: RwLock<Orders>,
    /// Its next pass begins at once.
    pub(super) bell: Notify,
    /// Its orders changed, or it left.
    pub(super) turned: Notify,
    pub(super) brake: RepoBrake,
    /// Whether somebody governs it.
    taken_up: AtomicBool,
}

impl Station {
    fn new(orders: Orders, reader: Reader, index: usize) -> Self {
        let shown = Snapshot {
            policy: Arc::clone(&orders.policy),
            standing: Standing::default(),
            release: None,
            paused: None,
            decisions: Arc::default(),
            interval: None,
        };
        let brake = RepoBrake::default();
        brake.govern_by(&orders.policy);
        Self {
            name: orders.policy.repository.clone(),
            phase: Phase::of(index),
            governed: Mutex::new(Governed::new(&orders, reader, brake.clone(), Phase::turn(index))),
            shown: RwLock::new(shown),
            orders: RwLock::new(orders),
            bell: Notify::new(),
            turned: Notify::new(),
            brake,
            taken_up: AtomicBool::new(false),
        }
    }

    pub(super) fn orders(&self) -> Orders {
        self.orders.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn shown(&self) -> Snapshot {
        let mut shown = self.shown.read().unwrap_or_else(PoisonError::into_inner).clone();
        shown.paused = self.brake.pause_reason();
        shown
    }

    /// Shows what the ledger adds up to by now, where anything of it was shown before.
    pub(super) fn show_release(&self, release: Arc<ReleaseState>) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        if shown.release.is_some() {
            shown.release = Some(release);
        }
    }

    /// How often it is looked at now.
    pub(super) fn looked_at_every(&self, interval: Duration) {
        self.shown.write().unwrap_or_else(PoisonError::into_inner).interval = Some(interval);
    }

    /// The repository, once nobody else is at it, by the orders as they are then; none where it
    /// has left.
    pub(super) async fn held(&self) -> Option<Held<'_>> {
        self.held_by(self.governed.lock().await)
    }

    /// The same at once; none also where somebody is at it.
    pub(super) fn held_now(&self) -> Option<Held<'_>> {
        self.held_by(self.governed.try_lock().ok()?)
    }

    fn held_by<'a>(&'a self, mut governed: MutexGuard<'a, Governed>) -> Option<Held<'a>> {
        if self.brake.has_left() {
            return None;
        }
        governed.take_orders(&self.orders());
        Some(Held { governed, shown: &self.shown })
    }

    /// Gives other orders; whether it has to do with them soon.
    fn turn(&self, orders: Orders) -> bool {
        let policy = Arc::clone(&orders.policy);
        let came_back = self.brake.govern_by(&policy);
        let mut standing = self.orders.write().unwrap_or_else(PoisonError::into_inner);
        let concerns_it = came_back
            || *standing.policy != *policy
            || standing.common.intervals != orders.common.intervals;
        *standing = orders;
        drop(standing);
        self.shown.write().unwrap_or_else(PoisonError::into_inner).policy = policy;
        if concerns_it {
            self.turned.notify_one();
        }
        concerns_it
    }
}

/// A repository while nobody else is at it. What has become of it is shown when it is let go.
pub(super) struct Held<'a> {
    pub(super) governed: MutexGuard<'a, Governed>,
    shown: &'a RwLock<Snapshot>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.standing.clone_from(self.governed.standing());
        shown.decisions = Arc::clone(&self.governed.decisions);
        shown.release = self.governed.ledger.as_ref().map(Ledger::shared_state);
        drop(shown);
        self.governed.brake.all_is_shown();
    }
}

/// All stations, those that are leaving included.
pub(super) struct Roster {
    now: RwLock<Now>,
    /// Rung where there are stations that nobody has taken up.
    pub(super) grown: Notify,
    /// Whether passes come by themselves, as in a controller and not in a command.
    is_running: AtomicBool,
}

struct Now {
    /// In the configuration's order.
    names: Arc<[RepoName]>,
    stations: BTreeMap<RepoName, Arc<Station>>,
    common: Arc<Common>,
    max_concurrency: usize,
    places: Places,
    is_ending: bool,
    /// How many there ever were.
    count: usize,
}

/// What became different.
#[derive(Default)]
pub(super) struct Turned {
    /// Repositories that are governed from now on.
    pub(super) came: Vec<RepoName>,
}

impl Roster {
    pub(super) fn new(terms: Terms, readers: &Readers, signals: &Signals) -> (Self, Turned) {
        let max_concurrency = terms.max_concurrency;
        let now = Now {
            names: Arc::default(),
            stations: BTreeMap::new(),
            common: Arc::new(common(&terms)),
            max_concurrency,
            places: Places::new(max_concurrency),
            is_ending: false,
            count: 0,
        };
        let roster = Self {
            now: RwLock::new(now),
            grown: Notify::new(),
            is_running: AtomicBool::new(false),
        };
        let turned = roster.turn(terms, readers, signals);
        (roster, turned)
    }

    /// Other terms hold from now on. A pass that is under way ends by those that it began with.
    pub(super) fn turn(&self, terms: Terms, readers: &Readers, signals: &Signals) -> Turned {
        let mut turned = Turned::default();
        let mut now = self.write();
        now.common = Arc::new(common(&terms));
        if now.max_concurrency != terms.max_concurrency {
            // Those that run hold places of the old ones, which end with them.
            now.max_concurrency = terms.max_concurrency;
            now.places = Places::new(terms.max_concurrency);
        }
        now.names = terms.policies.iter().map(|policy| policy.repository.clone()).collect();
        let wanted: BTreeSet<&RepoName> =
            terms.policies.iter().map(|policy| &policy.repository).collect();
        for (name, station) in &now.stations {
            if !wanted.contains(name) && !station.brake.leave() {
                station.turned.notify_one();
            }
        }
        // Those that the process starts with begin together; the passes at once are bounded.
        let at_start = now.count == 0;
        let mut concerned: usize = 0;
        for policy in terms.policies {
            let within = if at_start { FIRST } else { in_turn(concerned, now.common.intervals) };
            let common = Arc::clone(&now.common);
            let signals = signals.follow(&policy);
            let orders = Orders { policy, common, signals, within };
            let name = orders.policy.repository.clone();
            if let Some(station) = now.stations.get(&name) {
                concerned += usize::from(station.turn(orders));
                continue;
            }
            concerned += 1;
            let station = Station::new(orders, readers.of(&name), now.count);
            if now.is_ending {
                station.brake.end();
            }
            now.count += 1;
            now.stations.insert(name.clone(), Arc::new(station));
            turned.came.push(name);
        }
        drop(now);
        self.grown.notify_one();
        turned
    }

    pub(super) fn set_running(&self) {
        self.is_running.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_running(&self) -> bool {
        self.is_running.load(Ordering::SeqCst)
    }

    /// Puts all brakes on for good: the process is ending.
    pub(super) fn brake_all(&self) {
        let mut now = self.write();
        now.is_ending = true;
        now.stations.values().for_each(|station| station.brake.end());
    }

    pub(super) fn names(&self) -> Arc<[RepoName]> {
        Arc::clone(&self.read().names)
    }

    pub(super) fn common(&self) -> Arc<Common> {
        Arc::clone(&self.read().common)
    }

    pub(super) fn places(&self) -> Places {
        self.read().places.clone()
    }

    /// The station of a repository that has not left.
    pub(super) fn station(&self, name: &RepoName) -> Option<Arc<Station>> {
        let station = self.read().stations.get(name).cloned();
        station.filter(|station| !station.brake.has_left())
    }

    /// The stations that nobody has taken up yet; they are from now on.
    pub(super) fn take_up(&self) -> Vec<Arc<Station>> {
        let now = self.read();
        let free = now.stations.values().filter(|one| !one.taken_up.swap(true, Ordering::SeqCst));
        free.cloned().collect()
    }

    /// Ends a station that has left, once nobody is at it any more; what is still to be done then
    /// is done by `last`, which is told whether another one has the same credential. False where
    /// it came back meanwhile.
    pub(super) async fn end(
        &self,
        station: &Station,
        readers: &Readers,
        last: impl FnOnce(&str, bool),
    ) -> bool {
        let mut governed = station.governed.lock().await;
        let mut now = self.write();
        if !station.brake.has_left() {
            return false;
        }
        let reader = readers.of(&station.name);
        // Its ledger is another's from here on, should another name lead to it.
        let turn = governed.rhythm.turn;
        *governed = Governed::new(&station.orders(), reader.clone(), station.brake.clone(), turn);
        now.stations.remove(&station.name);
        let credential = reader.credential();
        let shared = now.stations.keys().any(|name| readers.of(name).credential() == credential);
        if !shared {
            now.places.forget(credential);
        }
        last(credential, shared);
        true
    }

    fn read(&self) -> RwLockReadGuard<'_, Now> {
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.now.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A repository that is new or changed is looked at within this time.
const FIRST: Duration = Duration::from_secs(1);
/// Of many that change together, so much later for each that came before.
const APART: Duration = Duration::from_millis(20);

/// Within what time the one after so many others is due.
fn in_turn(others: usize, intervals: Intervals) -> Duration {
    let others = u32::try_from(others).unwrap_or(u32::MAX);
    FIRST.max(APART.saturating_mul(others)).min(intervals.settled.max(FIRST))
}

fn common(terms: &Terms) -> Common {
    Common {
        intervals: terms.intervals,
        config_digest: terms.config_digest.clone(),
        public_url: terms.public_url.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_change_together_are_due_one_after_another_and_all_within_an_interval() {
        let minute = Duration::from_secs(60);
        let intervals = Intervals { settled: minute, active: Duration::from_secs(10) };
        assert_eq!((in_turn(0, intervals), in_turn(10, intervals)), (FIRST, FIRST));
        assert_eq!(in_turn(500, intervals), Duration::from_secs(10));
        assert_eq!(in_turn(1_000_000, intervals), minute);
        let quick = Intervals { settled: Duration::from_millis(100), ..intervals };
        assert_eq!(in_turn(1_000, quick), FIRST);
    }
}
