//! One governed repository: its policy, what is kept between passes, and its current state.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::age::LedgerAge;
use super::brake::RepoBrake;
use super::hold_since::HoldSince;
use super::ledger_lease::LedgerLease;
use super::pass::PassReport;
use super::registry::{Common, RepoSettings};
use super::repeated::Repeated;
use super::standing::{AboveCandidate, Decisions, LastStanding, StandingDecision};
use super::unchanged::UnchangedPass;
use super::{PassError, Shared, Survey};
use crate::apply::{Work, WriteHandle};
use crate::domain::{
    Decision, Health, NoCandidate, Policy, ReleaseState, RepoId, RepoName, RunRef, Sha,
};
use crate::github::Reader;
use crate::messages;
use crate::observe::{Memory, RefreshSchedule};
use crate::signals::{Following, SeenSignals};
use crate::store::{Ledger, StoreError};

/// The store key of [`Memory`].
const MEMORY: &str = "memory";

/// One repository and everything that the controller keeps about it.
pub struct Governed {
    /// Reads GitHub with this repository's credential.
    pub(super) reader: Reader,
    pub(super) policy: Arc<Policy>,
    pub(super) common: Arc<Common>,
    /// The signals that say whether production is degraded, and their values in the last pass.
    pub(super) signals: Following,
    pub(super) seen: SeenSignals,
    pub(super) health: Option<Health>,
    /// While the brake is on, nothing is started, whatever a pass decided.
    pub(super) brake: RepoBrake,
    /// Why the brake was on when this pass began to decide.
    pub(super) brake_at_decision: Option<String>,
    /// Whether this is a read-only copy: what it learns is neither stored nor counted.
    pub(super) is_read_only: bool,
    /// The right to use `ledger`.
    claim: Option<LedgerLease>,
    /// How often slow-changing facts are read, and at which offset.
    pub(super) rhythm: RefreshSchedule,
    pub(super) memory: Memory,
    /// A digest of the stored memory.
    saved_memory: Option<[u8; 32]>,
    /// How often saving found the memory changed.
    pub(super) memory_changes: u64,
    /// What the last pass read, if it had nothing to do.
    pub(super) unchanged: Option<UnchangedPass>,
    pub(super) ledger: Option<Ledger>,
    /// Whether the ledger is as new as GitHub.
    pub(super) age: LedgerAge,
    pub(super) standing: LastStanding,
    /// The last decision about the candidate.
    pub(super) decision: Option<Decision>,
    /// Why the current pass found no commit to judge.
    pub(super) no_candidate: Option<NoCandidate>,
    /// The commits above the candidate, as the current pass sees them.
    pub(super) above: AboveCandidate,
    /// All decisions of the last pass that made any.
    pub(super) decisions: Arc<Decisions>,
    /// Since when releases are held.
    pub(super) holding: HoldSince,
    /// What its passes had to read again because the store had no room for it.
    pub(super) repeated: Repeated,
    /// The overdue run that was last logged.
    pub(super) said_overdue: Option<RunRef>,
    /// When the DORA metrics were last computed. `None` if their inputs changed since.
    pub(super) dora_at: Option<Timestamp>,
    /// The new name of the repository that was last logged.
    pub(super) said_name: Option<RepoName>,
    /// What the dry run was last logged to do.
    pub(super) said_would: BTreeSet<String>,
    /// Commits whose used-up status budget was already logged.
    pub(super) said_spent: BTreeSet<Sha>,
}

impl Governed {
    pub(super) fn new(
        settings: &RepoSettings,
        reader: Reader,
        brake: RepoBrake,
        turn: f64,
    ) -> Self {
        Self {
            rhythm: RefreshSchedule { interval: settings.common.intervals.settled, turn },
            reader,
            policy: Arc::clone(&settings.policy),
            common: Arc::clone(&settings.common),
            signals: settings.signals.clone(),
            seen: SeenSignals::default(),
            health: None,
            brake,
            brake_at_decision: None,
            is_read_only: false,
            claim: None,
            memory: Memory::default(),
            saved_memory: None,
            memory_changes: 0,
            unchanged: None,
            ledger: None,
            age: LedgerAge::default(),
            standing: LastStanding::default(),
            decision: None,
            no_candidate: None,
            above: AboveCandidate::default(),
            decisions: Arc::default(),
            holding: HoldSince::default(),
            repeated: Repeated::default(),
            said_overdue: None,
            dora_at: None,
            said_name: None,
            said_would: BTreeSet::new(),
            said_spent: BTreeSet::new(),
        }
    }

    /// Applies the settings that hold from the next pass on.
    pub(super) fn take_orders(&mut self, settings: &RepoSettings) {
        if !Arc::ptr_eq(&self.common, &settings.common) {
            self.unchanged = None;
        }
        self.policy = Arc::clone(&settings.policy);
        self.common = Arc::clone(&settings.common);
        self.signals = settings.signals.clone();
    }

    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How the repository was after its last pass.
    #[must_use]
    pub const fn standing(&self) -> &LastStanding {
        &self.standing
    }

    /// The release state from the ledger. `None` before the first pass that reached GitHub.
    #[must_use]
    pub fn release(&self) -> Option<&ReleaseState> {
        self.ledger.as_ref().map(Ledger::state)
    }

    /// The context for carrying out what a survey led to.
    pub(super) fn work<'a>(
        &'a mut self,
        shared: &'a Shared,
        hand: &'a WriteHandle,
        survey: &'a Survey,
    ) -> Result<Work<'a>, StoreError> {
        Ok(Work {
            hand,
            reader: &self.reader,
            ledger: self.ledger.as_mut().ok_or(StoreError::Closed)?,
            policy: &self.policy,
            repository: &survey.repo_facts.repository,
            us: &survey.observation.us,
            clock: &shared.clock,
            metrics: &shared.metrics,
            overtaken: self.brake.since(self.brake_at_decision.clone()),
            forbidden: self.brake.forbids_writes(),
        })
    }

    /// The ledger, if the repository ever had one.
    pub(super) async fn known_ledger(
        &mut self,
        shared: &Shared,
    ) -> Result<Option<&mut Ledger>, PassError> {
        if self.ledger.is_none()
            && let Some(id) = shared.store.repo_id(&self.policy.repository).await?
        {
            self.open_ledger(shared, id).await?;
        }
        self.take_in_words().await?;
        Ok(self.ledger.as_mut())
    }

    /// Reads the operators' actions that were recorded since the ledger was read.
    pub(super) async fn take_in_words(&mut self) -> Result<(), StoreError> {
        let Some(ledger) = self.ledger.as_mut().filter(|_| !self.is_read_only) else {
            return Ok(());
        };
        if !self.brake.take_unread_words() {
            return Ok(());
        }
        let taken_in = ledger.catch_up().await;
        if taken_in.is_err() {
            self.brake.set_unread_words();
        }
        taken_in.map(drop)
    }

    /// Opens the ledger of the repository with this id, and loads what was kept between passes.
    pub(super) async fn open_ledger(
        &mut self,
        shared: &Shared,
        id: RepoId,
    ) -> Result<(), PassError> {
        if self.ledger.as_ref().is_some_and(|ledger| ledger.repo() == id) {
            return Ok(());
        }
        (self.ledger, self.claim) = (None, None);
        if self.is_read_only {
            self.ledger = Some(shared.store.ledger(id).await?.in_memory());
            return Ok(());
        }
        let name = &self.policy.repository;
        self.claim = Some(shared.leases.claim(id, name, &self.brake).await?);
        let ledger = shared.store.ledger(id).await?;
        let newest = shared.store.history(id, None, LedgerAge::ENTRIES).await?;
        self.age = LedgerAge::of_opened(newest.iter().map(|(_, entry)| entry));
        self.ledger = Some(ledger);
        self.load_holding(shared).await?;
        if self.memory == Memory::default()
            && let Some(kept) = shared.store.remembered(id, MEMORY).await?
        {
            // A format of an earlier version does not load; everything is read again.
            self.memory = kept;
            self.saved_memory = Some(digest(&self.memory));
            self.memory.take_turn(self.rhythm);
        }
        Ok(())
    }

    /// Stores what the next start can continue from.
    pub(super) async fn save_memory(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let memory = self.memory.for_the_next_start();
        let digest = Some(digest(&memory));
        if digest != self.saved_memory {
            shared.store.remember(ledger.repo(), MEMORY, &memory).await?;
            self.saved_memory = digest;
            self.memory_changes += 1;
        }
        Ok(())
    }

    /// Notes that a pass found nothing new. Everything shown stays as it is.
    pub(super) fn note_unchanged(&mut self, shared: &Shared) {
        let now = shared.clock.now();
        (self.standing.last_pass, self.standing.last_good_pass) = (Some(now), Some(now));
        shared.metrics.good_pass(&self.policy.repository, now);
        self.measure_calendar(shared);
    }

    /// Notes the result of a pass.
    pub(super) async fn note(&mut self, shared: &Shared, result: &Result<PassReport, PassError>) {
        let now = shared.clock.now();
        let name = self.policy.repository.clone();
        self.standing.last_pass = Some(now);
        match result {
            Ok(report) => {
                self.standing.error = None;
                self.standing.last_good_pass = Some(now);
                let standing = |decision| StandingDecision::of(decision, &name);
                self.standing.decision = report.decision.as_ref().map(standing);
                self.decision.clone_from(&report.decision);
                self.standing.above = std::mem::take(&mut self.above);
                self.note_no_candidate(shared, &name);
                self.holding.follow(report.decision.as_ref().map(Decision::outcome), now);
                shared.metrics.good_pass(&name, now);
            }
            Err(error) => self.note_error(&name, error),
        }
        self.measure(shared);
        self.measure_calendar(shared);
        if let Err(error) = self.keep(shared, &name).await {
            tracing::warn!(repository = %name, "the state of {name} could not be saved: {error}");
        }
    }

    /// Stores the state for the next start, and for commands that run without a controller.
    async fn keep(&mut self, shared: &Shared, name: &RepoName) -> Result<(), StoreError> {
        self.save_holding(shared).await?;
        let view = serde_json::to_value(&self.standing).unwrap_or_default();
        shared.store.put_view(name, view).await
    }

    /// Notes why the pass found no commit to judge, and logs it if it changed.
    fn note_no_candidate(&mut self, shared: &Shared, name: &RepoName) {
        let why = self.no_candidate.take();
        let why = why.map(|why| messages::no_candidate(&why, &self.policy));
        if let Some(why) =
            why.as_ref().filter(|why| Some(*why) != self.standing.no_candidate.as_ref())
        {
            tracing::warn!(repository = %name, "{name}: {why}");
        }
        shared.metrics.no_candidate(name, why.is_some());
        self.standing.no_candidate = why;
    }

    fn note_error(&mut self, name: &RepoName, error: &PassError) {
        let text = super::report::chain(error);
        // A lasting error is logged once, and again when it changes. An error of a credential
        // is logged once for all its repositories, where the credential is handled.
        let is_known = self.standing.error.as_deref() == Some(&text);
        if is_known || error.is_of_the_credential() {
            tracing::debug!(repository = %name, "{name}: {text}");
        } else {
            tracing::warn!(repository = %name, "{name}: {text}");
        }
        self.standing.error = Some(text);
    }
}

fn digest(memory: &Memory) -> [u8; 32] {
    Sha256::digest(serde_json::to_vec(memory).unwrap_or_default()).into()
}
