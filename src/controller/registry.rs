//! The governed repositories and their settings, and how both change at runtime.

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

/// The settings of a controller: everything in the configuration that passes see.
#[derive(Clone, Debug)]
pub struct ControllerSettings {
    /// One policy per governed repository, in configuration order.
    pub policies: Vec<Arc<Policy>>,
    /// How often repositories are polled.
    pub intervals: Intervals,
    /// The most passes that run at once.
    pub max_concurrency: usize,
    /// A digest of the configuration: a rejected dispatch is retried when it changes.
    pub config_digest: String,
    pub public_url: Option<String>,
}

/// The settings that are the same for all repositories.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) intervals: Intervals,
    pub(super) config_digest: String,
    pub(super) public_url: Option<String>,
}

/// The settings of one repository. A pass reads them once, at its start.
#[derive(Clone)]
pub(super) struct RepoSettings {
    pub(super) policy: Arc<Policy>,
    pub(super) common: Arc<Common>,
    /// The signals that say whether its production is degraded.
    pub(super) signals: Following,
    /// When its next pass is due at the latest, so that many changes at once are spread out.
    pub(super) within: Duration,
}

/// The state of a repository, readable while a pass is running.
#[derive(Clone, Debug)]
pub struct RepoSnapshot {
    pub policy: Arc<Policy>,
    /// How it was after its last pass.
    pub standing: LastStanding,
    /// The release state from the ledger. `None` before the first pass that reached GitHub.
    pub release: Option<Arc<ReleaseState>>,
    /// The reason of an operator's pause since this process started. It may not be in `release`
    /// yet.
    pub paused: Option<String>,
    /// The decisions of the last pass that made any.
    pub decisions: Arc<Decisions>,
    /// The current interval, including the backoff after failures. `None` before its first
    /// pass.
    pub interval: Option<Duration>,
}

/// One repository, its snapshot, and the notifications that wake it.
pub(super) struct RepoHandle {
    pub(super) name: RepoName,
    pub(super) phase: Phase,
    governed: Mutex<Governed>,
    shown: RwLock<RepoSnapshot>,
    settings: RwLock<RepoSettings>,
    /// Starts the next pass immediately.
    pub(super) wake: Notify,
    /// Notified when the settings changed, or when the repository left the configuration.
    pub(super) reconfigured: Notify,
    pub(super) brake: RepoBrake,
    /// Whether a task is governing it.
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

    /// Updates the release state in the snapshot, if there is one already.
    pub(super) fn show_release(&self, release: Arc<ReleaseState>) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        if shown.release.is_some() {
            shown.release = Some(release);
        }
    }

    /// Sets the current interval in the snapshot.
    pub(super) fn looked_at_every(&self, interval: Duration) {
        self.shown.write().unwrap_or_else(PoisonError::into_inner).interval = Some(interval);
    }

    /// Waits for exclusive access to the repository and applies its current settings. Returns
    /// `None` if it has left the configuration.
    pub(super) async fn held(&self) -> Option<RepoGuard<'_>> {
        self.held_by(self.governed.lock().await)
    }

    /// Like [`Self::held`], but does not wait: returns `None` also if the repository is in use.
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

    /// Replaces the settings. Returns whether the repository has to act on them soon.
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

/// Exclusive access to a repository. On drop, the snapshot is updated.
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

/// All handles, including those that are leaving.
pub(super) struct RepoRegistry {
    now: RwLock<RepoState>,
    /// Notified when there are handles that no task governs yet.
    pub(super) grown: Notify,
    /// Whether passes run on their own, as in the controller but not in a one-off command.
    is_running: AtomicBool,
}

struct RepoState {
    names: Arc<[RepoName]>,
    handles: BTreeMap<RepoName, Arc<RepoHandle>>,
    common: Arc<Common>,
    max_concurrency: usize,
    places: PassPermits,
    is_ending: bool,
    /// How many repositories were ever added.
    count: usize,
}

/// What changed with new settings.
#[derive(Default)]
pub(super) struct Reconfigured {
    /// The repositories that were added.
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

    /// Applies new settings. A running pass finishes with those it started with.
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
            // Running passes hold slots of the old limit until they end.
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
        // At startup, all first passes are due together; the concurrency limit spreads them.
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

    /// Engages all brakes for good, because the process is ending.
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

    /// The handle of a repository that has not left the configuration.
    pub(super) fn handle(&self, name: &RepoName) -> Option<Arc<RepoHandle>> {
        let handle = self.read().handles.get(name).cloned();
        handle.filter(|handle| !handle.brake.has_left())
    }

    /// Returns the handles that no task governs yet, and marks them as governed.
    pub(super) fn take_up(&self) -> Vec<Arc<RepoHandle>> {
        let now = self.read();
        let free = now.handles.values().filter(|one| !one.taken_up.swap(true, Ordering::SeqCst));
        free.cloned().collect()
    }

    /// Removes a handle that has left the configuration, after waiting for exclusive access.
    /// Then calls `last` with its credential and whether another repository uses the same one.
    /// Returns false if the repository came back in the meantime.
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
        // Dropping the state frees its ledger, in case another name leads to it.
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

/// The first pass over a new or changed repository is due within this time.
const FIRST: Duration = Duration::from_secs(1);
/// The additional time for each repository before it when many change together.
const APART: Duration = Duration::from_millis(20);

/// Within what time the next repository is due after this many others.
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
