//! What is kept of a repository between passes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CountedRun, ObserveError, Seldom};
use crate::domain::{
    Ancestry, Branch, BranchCommits, DeployScope, RunId, Sha, ShaPrefix, WorkflowId,
};
use crate::github::ReadError;

/// What is kept of a repository between passes, and over a restart. All of it can be read again:
/// losing it costs requests and nothing else, and nothing is dispatched on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    pub(super) seldom: Option<Seldom>,
    pub(super) branch_commits: BranchCommits,
    /// The tip that `branch_commits` were read from.
    pub(super) commits_of: Option<Sha>,
    /// Passes since the unfiltered verification runs were read; none: there was no pass yet.
    pub(super) passes: u32,
    pub(super) counted: BTreeMap<RunId, CountedRun>,
    /// Verified shas that were looked for on the branch, and the tip that did not show them.
    pub(super) not_shown_by: BTreeMap<Sha, Sha>,
    /// Which commits contain which, as far as somebody asked.
    #[serde(skip_serializing_if = "Ancestry::is_empty")]
    pub ancestry: Ancestry,
    /// The commit of which it was asked last whether production contains it.
    pub last_asked_shipped: Option<Sha>,
    /// Reads of who brought what and what was said there that fail, and in how many passes running.
    pub(super) failing_reads: BTreeMap<String, u32>,
    /// When the deploy runs of the last thirty days were swept.
    pub(super) swept_at: Option<Timestamp>,
    /// Workflows whose runs were read to the oldest one, and none of them succeeded.
    read_to_the_end: BTreeMap<WorkflowId, DeployScope>,
    /// Commits that the branch or the deploy ref pointed at, the newest last.
    tips: Vec<(Branch, Sha)>,
    /// Runs that GitHub answered 404 for by their ids, and when it did so first.
    missing_runs: BTreeMap<RunId, Timestamp>,
    /// Workflows whose list of runs GitHub answered 404 for, and when it did so first.
    missing_lists: BTreeMap<WorkflowId, Timestamp>,
    /// Commits that hex words in runs' titles name.
    commits_named: BTreeMap<ShaPrefix, Sha>,
}

/// Commits that titles name and that are kept.
const KEPT_NAMES: usize = 50;
/// Missing runs that are kept; those with the highest numbers.
const KEPT_MISSING: usize = 100;

/// How far apart two looks are that prove absence together: a fifth of `dispatch_confirm_seconds`
/// (design, section 5, steps 4 and 5).
pub(super) fn between_proofs(dispatch_confirm: Duration) -> SignedDuration {
    SignedDuration::try_from(dispatch_confirm / 5).unwrap_or(SignedDuration::MAX)
}

/// Notes a 404. Whether another one was answered at least `apart` before.
fn is_missing_again<K: Ord>(
    missing: &mut BTreeMap<K, Timestamp>,
    key: K,
    now: Timestamp,
    apart: SignedDuration,
) -> bool {
    let first = *missing.entry(key).or_insert(now);
    now.duration_since(first) >= apart
}

/// Former tips that are kept: a run that is seen first after a force push began on one of the last.
const KEPT_TIPS: usize = 100;

impl Memory {
    /// What a start can go on from: the count of passes begins anew, so that a restart alone is
    /// no reason to read more.
    #[must_use]
    pub fn for_the_next_start(&self) -> Self {
        Self { passes: self.passes.min(1), ..self.clone() }
    }

    /// When the first verification run of `sha` that is still known began: about when it was
    /// merged.
    #[must_use]
    pub fn first_verified_at(&self, sha: &Sha) -> Option<Timestamp> {
        self.counted.values().filter_map(|run| run.began_for(sha)).min()
    }

    /// The newest commits of the branch.
    #[must_use]
    pub const fn commits(&self) -> &BranchCommits {
        &self.branch_commits
    }

    /// Notes that what a pass saw of workflows without a success is in the ledger, and by which
    /// scope nothing of it was one.
    pub fn note_read_to_the_end(&mut self, workflows: &BTreeSet<WorkflowId>, scope: &DeployScope) {
        for workflow in workflows {
            self.read_to_the_end.insert(*workflow, scope.clone());
        }
    }

    /// Whether all runs of a workflow were read, and none was a success by this scope.
    pub(super) fn was_read_to_the_end(&self, workflow: WorkflowId, scope: &DeployScope) -> bool {
        self.read_to_the_end.get(&workflow) == Some(scope)
    }

    /// Notes where the branch and the deploy ref point now.
    pub(super) fn note_tips(&mut self) {
        let Some(seldom) = &self.seldom else { return };
        let refs = [(&seldom.branch, &seldom.tip), (&seldom.deploy_ref, &seldom.deploy_ref_tip)];
        for (name, tip) in refs {
            let Some(tip) = tip else { continue };
            if !self.tips.iter().any(|(of, sha)| of == name && sha == tip) {
                self.tips.push((name.clone(), tip.clone()));
            }
        }
        let surplus = self.tips.len().saturating_sub(KEPT_TIPS);
        self.tips.drain(..surplus);
    }

    /// Whether the branch of this name is known to have pointed at `sha`.
    pub(super) fn was_tip(&self, name: &Branch, sha: &Sha) -> bool {
        self.tips.iter().any(|(of, tip)| of == name && tip == sha)
    }

    /// Notes that GitHub answered 404 for a run by its id. Whether the run is deleted: only a
    /// second 404, some time later, says so.
    pub(super) fn is_deleted(&mut self, run: RunId, now: Timestamp, apart: SignedDuration) -> bool {
        while self.missing_runs.len() >= KEPT_MISSING && !self.missing_runs.contains_key(&run) {
            self.missing_runs.pop_first();
        }
        is_missing_again(&mut self.missing_runs, run, now, apart)
    }

    /// Forgets the 404 of runs that GitHub shows.
    pub(super) fn are_shown(&mut self, runs: &BTreeSet<RunId>) {
        self.missing_runs.retain(|run, _| !runs.contains(run));
    }

    /// Notes that GitHub answered 404 for a workflow's list of runs. Whether it is gone for good.
    pub(super) fn is_list_gone(
        &mut self,
        workflow: WorkflowId,
        now: Timestamp,
        apart: SignedDuration,
    ) -> bool {
        is_missing_again(&mut self.missing_lists, workflow, now, apart)
    }

    /// Notes that GitHub has this list.
    pub(super) fn has_list(&mut self, workflow: WorkflowId) {
        self.missing_lists.remove(&workflow);
    }

    /// The commit that is known to be named so in a title.
    pub(super) fn commit_named(&self, name: &ShaPrefix) -> Option<&Sha> {
        self.commits_named.get(name)
    }

    /// Notes which commit a word in a title names: commits do not change.
    pub(super) fn note_name(&mut self, name: ShaPrefix, sha: Sha) {
        while self.commits_named.len() >= KEPT_NAMES {
            self.commits_named.pop_first();
        }
        self.commits_named.insert(name, sha);
    }

    /// Notes a pass that found nothing new and so read nothing.
    pub const fn note_unchanged(&mut self) {
        self.passes = self.passes.saturating_add(1);
    }

    /// Notes that what a sweep of the deploy runs showed is in the ledger. Before that, a pass
    /// that fails must leave the next one to sweep again.
    pub fn note_sweep(&mut self, swept_at: Option<Timestamp>) {
        self.swept_at = swept_at.or(self.swept_at);
    }

    /// Forgets what changes seldom, so that the next look reads it.
    pub fn distrust(&mut self) {
        self.seldom = None;
        self.swept_at = None;
    }

    /// Forgets the repository's name where GitHub says that what is asked for by it has moved, so
    /// that the repository is looked up anew and by its id is known again, or is not. Whether there
    /// was a name to forget: without one, it was the repository itself that cannot be followed.
    pub fn forgets_its_name(&mut self, error: &ObserveError) -> bool {
        let moved = matches!(error, ObserveError::Read(ReadError::Moved { .. }));
        let forgets = moved && self.seldom.is_some();
        if forgets {
            self.distrust();
        }
        forgets
    }
}
