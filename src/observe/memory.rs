//! What is kept of a repository between passes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ObserveError, SlowChanging};
use crate::decide::candidates::{self, not_counted};
use crate::domain::{
    Ancestry, Branch, BranchCommits, Candidates, CountedRuns, DeployScope, RunId, Sha, ShaPrefix,
    UncountedRun, VerificationScope, WorkflowId,
};
use crate::github::ReadError;

/// What is kept of a repository between passes, and over a restart. All of it can be read again:
/// losing it costs requests and nothing else, and nothing is dispatched on it. It answers only what
/// it was read for ([`ReadFor`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// What everything below but `slow_changing` was read for; none: nothing below counts.
    read_for: Option<ReadFor>,
    pub(super) slow_changing: Option<SlowChanging>,
    pub(super) branch_commits: BranchCommits,
    /// The tip that `branch_commits` were read from.
    pub(super) commits_of: Option<Sha>,
    /// Passes since the unfiltered verification runs were read; none: there was no pass yet.
    pub(super) passes: u32,
    pub(super) counted: CountedRuns,
    /// By commit, the newest run that succeeded and does not count.
    pub(super) uncounted: BTreeMap<Sha, UncountedRun>,
    /// The newest run that the list of the branch's runs showed: where a page begins above it, runs
    /// between the two were not seen.
    pub(super) newest_listed: Option<RunId>,
    /// The last of the unfinished runs that were asked for by their id: the next have their turn.
    pub(super) reread_after: Option<RunId>,
    /// Verified shas that were looked for on the branch, and the tip that did not show them.
    pub(super) not_shown_by: BTreeMap<Sha, Sha>,
    /// The tip under which the last search for a verified commit ended at its limit.
    pub(super) search_ended_under: Option<Sha>,
    /// Which commits contain which, as far as somebody asked.
    #[serde(skip_serializing_if = "Ancestry::is_empty")]
    pub ancestry: Ancestry,
    /// The commit of which it was asked last whether production contains it.
    pub last_asked_shipped: Option<Sha>,
    /// Reads that fail, and in how many passes running: of who brought what and what was said there,
    /// and those that only add detail.
    pub(super) failing_reads: BTreeMap<String, u32>,
    /// When the deploy runs of the last thirty days were swept.
    pub(super) swept_at: Option<Timestamp>,
    /// The last of the succeeded deploy runs beyond the swept pages that were asked for by their id:
    /// the next have their turn.
    pub(super) reasked_after: Option<RunId>,
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

/// When something was asked for that GitHub answered with 404.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missed {
    /// Not before this.
    pub(super) asked: Timestamp,
    /// Not after this.
    pub(super) answered: Timestamp,
    /// How far apart two such answers must be.
    pub(super) apart: SignedDuration,
}

/// Notes a 404. Whether another one was answered long enough before this one was asked for.
fn is_missing_again<K: Ord>(missing: &mut BTreeMap<K, Timestamp>, key: K, miss: Missed) -> bool {
    let first = *missing.entry(key).or_insert(miss.answered);
    miss.asked.duration_since(first) >= miss.apart
}

/// Former tips that are kept: a run that is seen first after a force push began on one of the last.
const KEPT_TIPS: usize = 100;

/// What the facts of [`Memory`] were read for. Its parts are compared with what a pass asks now:
/// what was read for something else is dropped before anything is decided on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReadFor {
    /// Which verification runs count, of which repository and branch.
    pub(super) verification: VerificationScope,
    /// The deploy workflow.
    pub(super) deploy: Option<WorkflowId>,
    /// The ref that it is started on.
    pub(super) deploy_ref: Branch,
}

impl Memory {
    /// Drops what was not read for `asked`. Runs are kept with what decides whether they count, so
    /// those that count now stay; the lists are read as in a first pass, for they may show more.
    pub(super) fn keep_only(&mut self, asked: &ReadFor) {
        if self.read_for.as_ref() == Some(asked) {
            return;
        }
        let known = self.read_for.replace(asked.clone());
        let of_this_repository =
            |known: &ReadFor| known.verification.repository == asked.verification.repository;
        let Some(known) = known.filter(of_this_repository) else {
            let (slow_changing, read_for) = (self.slow_changing.take(), self.read_for.take());
            *self = Self { slow_changing, read_for, ..Self::default() };
            return;
        };
        if known.verification != asked.verification {
            self.counted.retain(|_, run| not_counted(&asked.verification, &run.origin).is_none());
            self.uncounted.clear();
            self.not_shown_by.clear();
            (self.newest_listed, self.reread_after, self.passes) = (None, None, 0);
        }
        if known.verification.branch != asked.verification.branch {
            self.branch_commits = BranchCommits::default();
            (self.commits_of, self.search_ended_under) = (None, None);
        }
        // Which runs are deploys depends on the branch as well.
        self.swept_at = None;
    }

    /// Which verification runs count; none before anything was read.
    /// Which commits may be released, by what is known.
    pub(super) fn candidates(&self) -> Candidates {
        candidates::candidates(&self.counted, &self.branch_commits)
    }

    pub(super) fn scope(&self) -> Option<&VerificationScope> {
        self.read_for.as_ref().map(|read_for| &read_for.verification)
    }

    /// A run that succeeded on this commit and does not count.
    #[must_use]
    pub fn uncounted(&self, sha: &Sha) -> Option<&UncountedRun> {
        self.uncounted.get(sha)
    }

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
        let Some(slow_changing) = &self.slow_changing else { return };
        let refs = [
            (&slow_changing.branch, &slow_changing.tip),
            (&slow_changing.deploy_ref, &slow_changing.deploy_ref_tip),
        ];
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
    pub(super) fn is_deleted(&mut self, run: RunId, miss: Missed) -> bool {
        while self.missing_runs.len() >= KEPT_MISSING && !self.missing_runs.contains_key(&run) {
            self.missing_runs.pop_first();
        }
        is_missing_again(&mut self.missing_runs, run, miss)
    }

    /// Forgets the 404 of runs that GitHub shows.
    pub(super) fn are_shown(&mut self, runs: &BTreeSet<RunId>) {
        self.missing_runs.retain(|run, _| !runs.contains(run));
    }

    /// Notes that GitHub answered 404 for a workflow's list of runs. Whether it is gone for good.
    pub(super) fn is_list_gone(&mut self, workflow: WorkflowId, miss: Missed) -> bool {
        is_missing_again(&mut self.missing_lists, workflow, miss)
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
        self.slow_changing = None;
        self.swept_at = None;
    }

    /// Forgets the repository's name where GitHub says that what is asked for by it has moved, so
    /// that the repository is looked up anew and by its id is known again, or is not. Whether there
    /// was a name to forget: without one, it was the repository itself that cannot be followed.
    pub fn forgets_its_name(&mut self, error: &ObserveError) -> bool {
        let moved = matches!(error, ObserveError::Read(ReadError::Moved { .. }));
        let forgets = moved && self.slow_changing.is_some();
        if forgets {
            self.distrust();
        }
        forgets
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(workflow: u64, branch: &str, events: &[&str]) -> ReadFor {
        ReadFor {
            verification: VerificationScope {
                repository: 1.into(),
                workflow: workflow.into(),
                branch: branch.into(),
                events: events.iter().map(|&event| event.to_owned()).collect(),
            },
            deploy: Some(9.into()),
            deploy_ref: "main".into(),
        }
    }

    fn sha(digit: char) -> Sha {
        digit.to_string().repeat(40).parse().unwrap()
    }

    /// What was read of workflow 7 on `main`: run 1 by a push and run 2 by a schedule.
    fn kept() -> Memory {
        let run = |event: &str, digit: char| {
            json!({
                "origin": {
                    "workflow": 7, "head_repository": 1, "event": event, "head_branch": "main",
                },
                "sha": sha(digit), "html_url": "",
                "attempts": { "1": {
                    "started_at": "2026-11-02T09:00:00Z", "progress": { "finished": "success" },
                    "ended_at": "2026-11-02T09:05:00Z",
                } },
            })
        };
        let counted = json!({ "1": run("push", 'a'), "2": run("schedule", 'b') });
        let mut memory: Memory =
            serde_json::from_value(json!({ "passes": 3, "counted": counted })).unwrap();
        memory.read_for = Some(asked(7, "main", &["push", "schedule"]));
        memory.branch_commits = BranchCommits::of_tip(&sha('b'), [(sha('b'), vec![sha('a')])]);
        memory.commits_of = Some(sha('b'));
        memory.swept_at = Some("2026-11-02T09:10:00Z".parse().unwrap());
        memory
    }

    /// What of it stays where this is asked: runs, commits of the branch, and the sweep.
    fn stays(asked: &ReadFor) -> (Vec<u64>, usize, bool) {
        let mut memory = kept();
        memory.keep_only(asked);
        let runs = memory.counted.keys().map(|id| id.get()).collect();
        (runs, memory.branch_commits.commits.len(), memory.swept_at.is_some())
    }

    #[test]
    fn what_was_read_for_something_else_is_dropped() {
        let events = &["push", "schedule"];
        assert_eq!(stays(&asked(7, "main", events)), (vec![1, 2], 1, true));
        assert_eq!(stays(&asked(7, "main", &["push"])), (vec![1], 1, false));
        assert_eq!(stays(&asked(7, "main", &["push", "merge_group"])), (vec![1], 1, false));
        assert_eq!(stays(&asked(8, "main", events)), (vec![], 1, false));
        assert_eq!(stays(&asked(7, "release", events)), (vec![], 0, false));
        let mut of_another = asked(7, "main", events);
        of_another.verification.repository = 2.into();
        assert_eq!(stays(&of_another), (vec![], 0, false));
        let mut deploys = asked(7, "main", events);
        deploys.deploy = Some(10.into());
        assert_eq!(stays(&deploys), (vec![1, 2], 1, false));
    }

    #[test]
    fn lists_are_read_as_in_a_first_pass_where_other_runs_count() {
        let passes = |asked: &ReadFor| {
            let mut memory = kept();
            memory.keep_only(asked);
            memory.passes
        };
        assert_eq!(passes(&asked(7, "main", &["push", "schedule"])), 3);
        assert_eq!(passes(&asked(7, "main", &["push"])), 0);
    }

    #[test]
    fn what_an_earlier_version_kept_without_saying_what_for_counts_for_nothing() {
        let of_a_run = json!({ "counted": { "1": {
            "sha": sha('a'), "html_url": "", "manual": false,
            "attempts": { "1": {
                "started_at": "2026-11-02T09:00:00Z", "progress": { "finished": "success" },
            } },
        } } });
        assert!(serde_json::from_value::<Memory>(of_a_run).is_err());
        let of_a_branch = json!({
            "branch_commits": { "commits": [[sha('a'), []]], "complete": true },
            "commits_of": sha('a'), "swept_at": "2026-11-02T09:00:00Z", "passes": 1,
        });
        let mut memory: Memory = serde_json::from_value(of_a_branch).unwrap();
        memory.keep_only(&asked(7, "main", &["push"]));
        let read_for = memory.read_for.clone();
        assert_eq!(memory, Memory { read_for, ..Memory::default() });
    }
}
