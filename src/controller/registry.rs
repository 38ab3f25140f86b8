//! The repositories that are governed, by which terms, and how both change while they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify};

use super::brake::RepoBrake;
use super::governed::Governed;
use super::pass_permits::PassPermits;
use super::schedule::{Intervals, Phase};
use super::standing::{Decisions, LastStanding};
use crate::domain::{Policy, ReleaseState, RepoName};
use crate::github::{Reader, Readers};
use crate::signals::{Following, Signals};
use crate::store::Ledger;

/// What repositories are governed by: all of the configuration that passes see.
#[derive(Clone, Debug)]
pub struct ControllerSettings {
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
pub(super) struct RepoSettings {
    pub(super) policy: Arc<Policy>,
    pub(super) common: Arc<Common>,
    /// What says whether its production is well.
    pub(super) signals: Following,
    /// Within what time its next pass is due: of many that change together, each in its turn.
    pub(super) within: Duration,
}

/// How a repository stands, for whoever looks while a pass is under way.
#[derive(Clone, Debug)]
pub struct RepoSnapshot {
    /// Its policy.
    pub policy: Arc<Policy>,
    /// How it stood when its last pass ended.
    pub standing: LastStanding,
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
pub(super) struct RepoHandle {
    pub(super) name: RepoName,
    pub(super) phase: Phase,
    governed: Mutex<Governed>,
    shown: RwLock<RepoSnapshot>,
    settings: RwLock<RepoSettings>,
    /// Its next pass begins at once.
    pub(super) wake: Notify,
    /// Its settings changed, or it left.
    pub(super) reconfigured: Notify,
    pub(super) brake: RepoBrake,
    /// Whether somebody governs it.
    taken_up: AtomicBool,
}

impl RepoHandle {
    fn new(settings: RepoSettings, reader: Reader, index: usize) -> Self {
        let shown = RepoSnapshot {
            policy: Arc::clone(&settings.policy),
            standing: LastStanding::default(),
            release: None,
            paused: None,
            decisions: Arc::default(),
            interval: None,
        };
        let brake = RepoBrake::default();
        brake.govern_by(&settings.policy);
        Self {
            name: settings.policy.repository.clone(),
            phase: Phase::of(index),
            governed: Mutex::new(Governed::new(
                &settings,
                reader,
                brake.clone(),
                Phase::turn(index),
            )),
            shown: RwLock::new(shown),
            settings: RwLock::new(settings),
            wake: Notify::new(),
            reconfigured: Notify::new(),
            brake,
            taken_up: AtomicBool::new(false),
        }
    }

    pub(super) fn settings(&self) -> RepoSettings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn shown(&self) -> RepoSnapshot {
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

    /// The repository, once nobody else is at it, by the settings as they are then; none where it
    /// has left.
    pub(super) async fn held(&self) -> Option<RepoGuard<'_>> {
        self.held_by(self.governed.lock().await)
    }

    /// The same at once; none also where somebody is at it.
    pub(super) fn held_now(&self) -> Option<RepoGuard<'_>> {
        self.held_by(self.governed.try_lock().ok()?)
    }

    fn held_by<'a>(&'a self, mut governed: MutexGuard<'a, Governed>) -> Option<RepoGuard<'a>> {
        if self.brake.has_left() {
            return None;
        }
        governed.take_orders(&self.settings());
        Some(RepoGuard { governed, shown: &self.shown })
    }

    /// Gives other settings; whether it has to do with them soon.
    fn turn(&self, settings: RepoSettings) -> bool {
        let policy = Arc::clone(&settings.policy);
        let came_back = self.brake.govern_by(&policy);
        let mut standing = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let concerns_it = came_back
            || *standing.policy != *policy
            || standing.common.intervals != settings.common.intervals;
        *standing = settings;
        drop(standing);
        self.shown.write().unwrap_or_else(PoisonError::into_inner).policy = policy;
        if concerns_it {
            self.reconfigured.notify_one();
        }
        concerns_it
    }
}

/// A repository while nobody else is at it. What has become of it is shown when it is let go.
pub(super) struct RepoGuard<'a> {
    pub(super) governed: MutexGuard<'a, Governed>,
    shown: &'a RwLock<RepoSnapshot>,
}

impl Drop for RepoGuard<'_> {
    fn drop(&mut self) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.standing.clone_from(self.governed.standing());
        shown.decisions = Arc::clone(&self.governed.decisions);
        shown.release = self.governed.ledger.as_ref().map(Ledger::shared_state);
        drop(shown);
        self.governed.brake.all_is_shown();
    }
}

/// All handles, those that are leaving included.
pub(super) struct RepoRegistry {
    now: RwLock<RepoState>,
    /// Rung where there are handles that nobody has taken up.
    pub(super) grown: Notify,
    /// Whether passes come by themselves, as in a controller and not in a command.
    is_running: AtomicBool,
}

struct RepoState {
    /// In the configuration's order.
    names: Arc<[RepoName]>,
    handles: BTreeMap<RepoName, Arc<RepoHandle>>,
    common: Arc<Common>,
    max_concurrency: usize,
    places: PassPermits,
    is_ending: bool,
    /// How many there ever were.
    count: usize,
}

/// What became different.
#[derive(Default)]
pub(super) struct Reconfigured {
    /// Repositories that are governed from now on.
    pub(super) came: Vec<RepoName>,
}

impl RepoRegistry {
    pub(super) fn new(
        terms: ControllerSettings,
        readers: &Readers,
        signals: &Signals,
    ) -> (Self, Reconfigured) {
        let max_concurrency = terms.max_concurrency;
        let now = RepoState {
            names: Arc::default(),
            handles: BTreeMap::new(),
            common: Arc::new(common(&terms)),
            max_concurrency,
            places: PassPermits::new(max_concurrency),
            is_ending: false,
            count: 0,
        };
        let registry = Self {
            now: RwLock::new(now),
            grown: Notify::new(),
            is_running: AtomicBool::new(false),
        };
        let reconfigured = registry.turn(terms, readers, signals);
        (registry, reconfigured)
    }

    /// Other terms hold from now on. A pass that is under way ends by those that it began with.
    pub(super) fn turn(
        &self,
        terms: ControllerSettings,
        readers: &Readers,
        signals: &Signals,
    ) -> Reconfigured {
        let mut reconfigured = Reconfigured::default();
        let mut now = self.write();
        now.common = Arc::new(common(&terms));
        if now.max_concurrency != terms.max_concurrency {
            // Those that run hold places of the old ones, which end with them.
            now.max_concurrency = terms.max_concurrency;
            now.places = PassPermits::new(terms.max_concurrency);
        }
        now.names = terms.policies.iter().map(|policy| policy.repository.clone()).collect();
        let wanted: BTreeSet<&RepoName> =
            terms.policies.iter().map(|policy| &policy.repository).collect();
        for (name, handle) in &now.handles {
            if !wanted.contains(name) && !handle.brake.leave() {
                handle.reconfigured.notify_one();
            }
        }
        // Those that the process starts with begin together; the passes at once are bounded.
        let at_start = now.count == 0;
        let mut concerned: usize = 0;
        for policy in terms.policies {
            let within = if at_start { FIRST } else { in_turn(concerned, now.common.intervals) };
            let common = Arc::clone(&now.common);
            let signals = signals.follow(&policy);
            let settings = RepoSettings { policy, common, signals, within };
            let name = settings.policy.repository.clone();
            if let Some(handle) = now.handles.get(&name) {
                concerned += usize::from(handle.turn(settings));
                continue;
            }
            concerned += 1;
            let handle = RepoHandle::new(settings, readers.of(&name), now.count);
            if now.is_ending {
                handle.brake.end();
            }
            now.count += 1;
            now.handles.insert(name.clone(), Arc::new(handle));
            reconfigured.came.push(name);
        }
        drop(now);
        self.grown.notify_one();
        reconfigured
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
        now.handles.values().for_each(|handle| handle.brake.end());
    }

    pub(super) fn names(&self) -> Arc<[RepoName]> {
        Arc::clone(&self.read().names)
    }

    pub(super) fn common(&self) -> Arc<Common> {
        Arc::clone(&self.read().common)
    }

    pub(super) fn places(&self) -> PassPermits {
        self.read().places.clone()
    }

    /// The handle of a repository that has not left.
    pub(super) fn handle(&self, name: &RepoName) -> Option<Arc<RepoHandle>> {
        let handle = self.read().handles.get(name).cloned();
        handle.filter(|handle| !handle.brake.has_left())
    }

    /// The handles that nobody has taken up yet; they are from now on.
    pub(super) fn take_up(&self) -> Vec<Arc<RepoHandle>> {
        let now = self.read();
        let free = now.handles.values().filter(|one| !one.taken_up.swap(true, Ordering::SeqCst));
        free.cloned().collect()
    }

    /// Ends a handle that has left, once nobody is at it any more; what is still to be done then
    /// is done by `last`, which is told whether another one has the same credential. False where
    /// it came back meanwhile.
    pub(super) async fn end(
        &self,
        handle: &RepoHandle,
        readers: &Readers,
        last: impl FnOnce(&str, bool),
    ) -> bool {
        let mut governed = handle.governed.lock().await;
        let mut now = self.write();
        if !handle.brake.has_left() {
            return false;
        }
        let reader = readers.of(&handle.name);
        // Its ledger is another's from here on, should another name lead to it.
        let turn = governed.rhythm.turn;
        *governed = Governed::new(&handle.settings(), reader.clone(), handle.brake.clone(), turn);
        now.handles.remove(&handle.name);
        let credential = reader.credential();
        let shared = now.handles.keys().any(|name| readers.of(name).credential() == credential);
        if !shared {
            now.places.forget(credential);
        }
        last(credential, shared);
        true
    }

    fn read(&self) -> RwLockReadGuard<'_, RepoState> {
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, RepoState> {
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

fn common(terms: &ControllerSettings) -> Common {
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
