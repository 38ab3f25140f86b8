//! Whether the ledger is as new as GitHub: a state directory may have been put back from a copy
//! (design, section 5, step 6).

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

/// Commits verified since the ledger's last entry whose statuses are read.
const MOST_VERIFIED: usize = 20;
/// A verification that began this long before the last entry may have ended after it.
const VERIFICATION_TAKES: SignedDuration = SignedDuration::from_hours(1);

/// What is known of a ledger's age since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LedgerAge {
    /// Whether it was held against GitHub.
    known: bool,
    /// When its last entry was recorded, as it was opened.
    ends_at: Option<Timestamp>,
    /// Whether GitHub showed a deploy run of ours that it did not know.
    unknown_run: bool,
}

impl LedgerAge {
    /// The newest entries that tell up to when a ledger was held against GitHub.
    pub(super) const ENTRIES: usize = 50;

    /// Of a ledger that was just opened, by its newest entries, the newest first. An operator's
    /// word may have been recorded without a look at GitHub: it does not tell up to when the rest
    /// was.
    pub(super) fn of_opened<'e>(newest: impl Iterator<Item = &'e Entry> + Clone) -> Self {
        let is_word = |entry: &&Entry| matches!(entry.kind, EntryKind::Operator(_));
        let seen = newest.clone().find(|entry| !is_word(entry));
        let ends_at = seen.or_else(|| newest.last()).map(|entry| entry.at);
        Self { known: false, ends_at, unknown_run: false }
    }

    /// Whether all that GitHub knows is in it.
    pub(super) const fn is_known(&self) -> bool {
        self.known
    }

    /// All that GitHub knows is in it from here on.
    pub(super) const fn set_known(&mut self) {
        self.known = true;
    }

    pub(super) const fn note_unknown_run(&mut self, shown: bool) {
        self.unknown_run |= shown && !self.known;
    }
}

impl Governed {
    /// Once for each start: where GitHub shows a status of ours, or a deploy run by us, that the
    /// ledger does not know, what GitHub knows is read as for a lost ledger, and merged into what
    /// is there. Whether anything was. Before that, nothing is dispatched or written.
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
        // A ledger that is older than its first write does not say who we are.
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

    /// The candidate and the head, the ledger's last candidate, the newest known deploy, and what was
    /// verified since the ledger's last entry.
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

/// The commits that runs are seen to have deployed for certain.
pub(super) fn certain_deploys(seen: &SeenRuns) -> BTreeSet<Sha> {
    let succeeded = seen.runs.iter().filter(|run| run.progress.succeeded());
    succeeded.filter_map(|run| seen.attributions.get(&run.at.id)?.sha().cloned()).collect()
}

/// What GitHub knows that the ledger, which is lost or older, does not, as entries. The statuses
/// are read down to the newest of the `certain` deploys.
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
