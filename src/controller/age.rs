//! Checks whether the ledger is older than what GitHub shows: the state directory may have been
//! restored from a backup (design, section 5, step 6).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::governed::Governed;
use super::{PassError, Shared};
use crate::domain::{
    CommitStatus, Entry, EntryKind, Login, Observation, ReleaseState, SeenRuns, Sha, WorkflowFact,
    WorkflowId,
};
use crate::observe::{self, ObserveError, ReadContext, RepoFacts};
use crate::plan;

/// The most verified commits whose statuses are read to detect an older ledger.
const MOST_VERIFIED: usize = 20;
/// A verification run that started up to this long before the last entry may have ended after
/// it.
const VERIFICATION_TAKES: SignedDuration = SignedDuration::from_hours(1);

/// How far an opened ledger has been compared with GitHub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LedgerAge {
    /// Whether the ledger was compared with GitHub.
    known: bool,
    /// When the last entry was recorded, as of opening.
    ends_at: Option<Timestamp>,
    /// Whether GitHub showed one of our deploy runs that the ledger did not contain.
    unknown_run: bool,
}

impl LedgerAge {
    /// How many of the newest entries are searched for the time of the last comparison with
    /// GitHub.
    pub(super) const ENTRIES: usize = 50;

    /// Creates the state of a ledger that was just opened, from its newest entries, newest
    /// first. Operators' actions are skipped because they may be recorded without reading
    /// GitHub.
    pub(super) fn of_opened<'e>(newest: impl Iterator<Item = &'e Entry> + Clone) -> Self {
        let is_word = |entry: &&Entry| matches!(entry.kind, EntryKind::Operator(_));
        let seen = newest.clone().find(|entry| !is_word(entry));
        let ends_at = seen.or_else(|| newest.last()).map(|entry| entry.at);
        Self { known: false, ends_at, unknown_run: false }
    }

    /// Whether the ledger is known to hold everything that GitHub shows.
    pub(super) const fn is_known(&self) -> bool {
        self.known
    }

    /// Marks the ledger as holding everything that GitHub shows.
    pub(super) const fn set_known(&mut self) {
        self.known = true;
    }

    pub(super) const fn note_unknown_run(&mut self, shown: bool) {
        self.unknown_run |= shown && !self.known;
    }
}

impl Governed {
    /// Runs once per start. If GitHub shows one of our statuses or deploy runs that the ledger
    /// does not contain, reads GitHub as for a lost ledger and merges the result. Returns
    /// whether anything was merged. Until this has completed, nothing is dispatched or written.
    pub(super) async fn catch_up(
        &mut self,
        shared: &Shared,
        ctx: &mut ReadContext<'_>,
        repo_facts: &RepoFacts,
        observation: &mut Observation,
    ) -> Result<bool, PassError> {
        if self.age.known || self.is_read_only {
            return Ok(false);
        }
        let shas = self.telling_commits(ctx, observation);
        observe::statuses(ctx, observation, shas.iter()).await?;
        let statuses: BTreeMap<Sha, Vec<CommitStatus>> = shas
            .into_iter()
            .filter_map(|sha| {
                let statuses = observation.commits.get(&sha)?.statuses.known()?.clone();
                Some((sha, statuses))
            })
            .collect();
        let state = self.opened()?.shared_state();
        // A ledger older than our first write does not contain our identity.
        let mut us = observation.us.clone();
        us.extend(plan::identities(statuses.values().flatten(), &us));
        let unknown_status = plan::shows_unknown_status(&statuses, &us, &state);
        if !unknown_status && !self.age.unknown_run {
            self.age.set_known();
            return Ok(false);
        }
        tracing::warn!(
            repository = %self.policy.repository,
            "the state directory is older than what GitHub shows of {}: what happened since is \
             read from GitHub and added",
            self.policy.repository
        );
        let certain: BTreeSet<Sha> =
            state.past_productions().commits.into_iter().map(|(sha, _)| sha).collect();
        let us = &mut observation.us;
        let entries = recovered(ctx, repo_facts, us, &certain, &state).await?;
        self.opened()?.record(shared.clock.now(), entries).await?;
        self.age.set_known();
        Ok(true)
    }

    /// The commits whose statuses show whether the ledger is older: the candidate, the head,
    /// the ledger's last candidate, the newest known deploy, and commits verified since the
    /// last entry.
    fn telling_commits(&self, ctx: &ReadContext<'_>, observation: &Observation) -> BTreeSet<Sha> {
        let candidates = &observation.candidates;
        let below = candidates.verified_below.iter();
        let below = below.filter(|sha| self.may_be_verified_since(ctx, sha));
        let judged = candidates.candidate.iter().chain(&candidates.head);
        let verified = judged.chain(below).take(MOST_VERIFIED);
        let release = self.release();
        let last_candidate = release.and_then(|release| release.candidate.as_ref());
        let newest_deploy = release
            .and_then(|release| release.runs.values().rev().find_map(|run| run.attribution.sha()));
        verified.chain(last_candidate).chain(newest_deploy).cloned().collect()
    }

    fn may_be_verified_since(&self, ctx: &ReadContext<'_>, sha: &Sha) -> bool {
        let began = ctx.memory.first_verified_at(sha);
        let (Some(began), Some(ends_at)) = (began, self.age.ends_at) else { return true };
        began.saturating_add(VERIFICATION_TAKES).is_ok_and(|ended| ended >= ends_at)
    }
}

/// The commits that successful runs are certain to have deployed.
pub(super) fn certain_deploys(seen: &SeenRuns) -> BTreeSet<Sha> {
    let succeeded = seen.runs.iter().filter(|run| run.progress.succeeded());
    succeeded.filter_map(|run| seen.attributions.get(&run.at.id)?.sha().cloned()).collect()
}

/// Reads from GitHub what a lost or older ledger does not contain, and returns it as entries.
/// Statuses are read from the tip down to the newest of the `certain` deploys.
pub(super) async fn recovered(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    us: &mut BTreeSet<Login>,
    certain: &BTreeSet<Sha>,
    release: &ReleaseState,
) -> Result<Vec<EntryKind>, ObserveError> {
    let mut left = observe::left_behind(ctx, certain).await?;
    let statuses = left.statuses.iter().flat_map(|(_, statuses)| statuses);
    let identities = plan::identities(statuses, us);
    us.extend(identities.iter().cloned());
    observe::issues_left_behind(ctx, repo_facts, us, &mut left).await?;
    let gone = observe::gone_runs(ctx, &plan::linked_runs(&left, us)).await?;
    let workflow = match &repo_facts.deploy {
        WorkflowFact::Found(workflow) => workflow.id,
        WorkflowFact::NotConfigured | WorkflowFact::Missing => WorkflowId::UNKNOWN,
    };
    let targets = plan::DeployTargets {
        configured: plan::DeployTarget { workflow, deploy_ref: repo_facts.deploy_ref.clone() },
        workflows: observe::workflow_ids(ctx).await?,
    };
    let identities = identities.into_iter().map(|login| EntryKind::Identity { login });
    let entries = plan::recover(ctx.policy, &left, &gone, us, &targets, release);
    Ok(identities.chain(entries).collect())
}
