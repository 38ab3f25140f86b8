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

/// What is kept of a repository between passes and across restarts. All of it can be read
/// again: losing it only costs requests, and nothing is dispatched on it. It is valid only for
/// what it was read for ([`ReadFor`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// What everything below except `slow_changing` was read for. `None`: nothing below is
    /// valid.
    read_for: Option<ReadFor>,
    pub(super) slow_changing: Option<SlowChanging>,
    pub(super) branch_commits: BranchCommits,
    /// The tip that `branch_commits` were read from.
    pub(super) commits_of: Option<Sha>,
    /// Passes since the unfiltered verification runs were read. 0 before the first pass.
    pub(super) passes: u32,
    pub(super) counted: CountedRuns,
    /// By commit, the newest run that succeeded but does not count.
    pub(super) uncounted: BTreeMap<Sha, UncountedRun>,
    /// The newest run in the list of the branch's runs. If a page begins above it, the runs in
    /// between were not seen.
    pub(super) newest_listed: Option<RunId>,
    /// The last unfinished run that was read by id. The next ones follow in rotation.
    pub(super) reread_after: Option<RunId>,
    /// Verified shas that were looked for on the branch, and the tip that did not contain them.
    pub(super) not_shown_by: BTreeMap<Sha, Sha>,
    /// The tip under which the last search for a verified commit stopped at its limit.
    pub(super) search_ended_under: Option<Sha>,
    /// Known answers about which commits contain which.
    #[serde(skip_serializing_if = "Ancestry::is_empty")]
    pub ancestry: Ancestry,
    /// The last commit that was checked for being contained in production.
    pub last_asked_shipped: Option<Sha>,
    /// Failing reads, and in how many consecutive passes each failed: those about the origin of
    /// commits and what was said there, and those that only add detail.
    pub(super) failing_reads: BTreeMap<String, u32>,
    /// When the deploy runs of the last 30 days were last swept.
    pub(super) swept_at: Option<Timestamp>,
    /// The last succeeded deploy run beyond the swept pages that was read by id. The next ones
    /// follow in rotation.
    pub(super) reasked_after: Option<RunId>,
    /// Workflows whose runs were read to the oldest one without finding a success.
    read_to_the_end: BTreeMap<WorkflowId, DeployScope>,
    /// Commits that the branch or the deploy ref pointed at, newest last.
    tips: Vec<(Branch, Sha)>,
    /// Runs for which GitHub answered 404 by id, and when it first did.
    missing_runs: BTreeMap<RunId, Timestamp>,
    /// Workflows whose run list was answered with 404, and when it first was.
    missing_lists: BTreeMap<WorkflowId, Timestamp>,
    /// Commits that hex words in run titles name.
    commits_named: BTreeMap<ShaPrefix, Sha>,
}

/// The most named commits that are kept.
const KEPT_NAMES: usize = 50;
/// The most missing runs that are kept; those with the highest ids stay.
const KEPT_MISSING: usize = 100;

/// The minimum time between two reads that together prove absence: a fifth of
/// `dispatch_confirm_seconds` (design, section 5, steps 4 and 5).
pub(super) fn between_proofs(dispatch_confirm: Duration) -> SignedDuration {
    SignedDuration::try_from(dispatch_confirm / 5).unwrap_or(SignedDuration::MAX)
}

/// When a request was made that GitHub answered with 404.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missed {
    /// The earliest time of the request.
    pub(super) asked: Timestamp,
    /// The latest time of the answer.
    pub(super) answered: Timestamp,
    /// The minimum time between two such answers.
    pub(super) apart: SignedDuration,
}

/// Notes a 404. Returns whether an earlier one was answered long enough before this request.
fn is_missing_again<K: Ord>(missing: &mut BTreeMap<K, Timestamp>, key: K, miss: Missed) -> bool {
    let first = *missing.entry(key).or_insert(miss.answered);
    miss.asked.duration_since(first) >= miss.apart
}

/// The most former tips that are kept. A run first seen after a force push started on one of
/// the last tips.
const KEPT_TIPS: usize = 100;

/// What the facts in [`Memory`] were read for. It is compared with what a pass asks now, and
/// facts that were read for something else are dropped before anything is decided on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReadFor {
    /// Which verification runs count, in which repository and branch.
    pub(super) verification: VerificationScope,
    pub(super) deploy: Option<WorkflowId>,
    /// The ref that the deploy workflow is dispatched on.
    pub(super) deploy_ref: Branch,
}

impl Memory {
    /// Drops what was not read for `asked`. Runs are kept with the properties that decide
    /// whether they count, so those that count now stay. The lists are read as in a first pass,
    /// because they may show more runs.
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
        // The branch also determines which runs are deploys.
        self.swept_at = None;
    }

    /// The commits that may be released, from what is known.
    pub(super) fn candidates(&self) -> Candidates {
        candidates::candidates(&self.counted, &self.branch_commits)
    }

    /// Which verification runs count. `None` before anything was read.
    pub(super) fn scope(&self) -> Option<&VerificationScope> {
        self.read_for.as_ref().map(|read_for| &read_for.verification)
    }

    /// A run that succeeded on this commit but does not count.
    #[must_use]
    pub fn uncounted(&self, sha: &Sha) -> Option<&UncountedRun> {
        self.uncounted.get(sha)
    }

    /// The memory to store for the next start. The count of passes starts over, so that a
    /// restart alone is no reason to read more.
    #[must_use]
    pub fn for_the_next_start(&self) -> Self {
        Self { passes: self.passes.min(1), ..self.clone() }
    }

    /// When the first known verification run of `sha` began, which is about when it was merged.
    #[must_use]
    pub fn first_verified_at(&self, sha: &Sha) -> Option<Timestamp> {
        self.counted.values().filter_map(|run| run.began_for(sha)).min()
    }

    /// The newest commits of the branch.
    #[must_use]
    pub const fn commits(&self) -> &BranchCommits {
        &self.branch_commits
    }

    /// Notes that the ledger holds what a pass saw of workflows without a success under this
    /// scope.
    pub fn note_read_to_the_end(&mut self, workflows: &BTreeSet<WorkflowId>, scope: &DeployScope) {
        for workflow in workflows {
            self.read_to_the_end.insert(*workflow, scope.clone());
        }
    }

    /// Whether all runs of a workflow were read without finding a success under this scope.
    pub(super) fn was_read_to_the_end(&self, workflow: WorkflowId, scope: &DeployScope) -> bool {
        self.read_to_the_end.get(&workflow) == Some(scope)
    }

    /// Notes the current tips of the branch and the deploy ref.
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

    /// Notes a 404 for a run by id. Returns whether the run is deleted: only a second 404, some
    /// time later, proves it.
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

    /// Notes a 404 for a workflow's run list. Returns whether the list is gone for good.
    pub(super) fn is_list_gone(&mut self, workflow: WorkflowId, miss: Missed) -> bool {
        is_missing_again(&mut self.missing_lists, workflow, miss)
    }

    /// Notes that GitHub shows this list.
    pub(super) fn has_list(&mut self, workflow: WorkflowId) {
        self.missing_lists.remove(&workflow);
    }

    /// The commit that a hex word in a title is known to name.
    pub(super) fn commit_named(&self, name: &ShaPrefix) -> Option<&Sha> {
        self.commits_named.get(name)
    }

    /// Notes which commit a hex word in a title names. Kept without a time limit, because
    /// commits do not change.
    pub(super) fn note_name(&mut self, name: ShaPrefix, sha: Sha) {
        while self.commits_named.len() >= KEPT_NAMES {
            self.commits_named.pop_first();
        }
        self.commits_named.insert(name, sha);
    }

    /// Notes a pass that found nothing changed and read nothing.
    pub const fn note_unchanged(&mut self) {
        self.passes = self.passes.saturating_add(1);
    }

    /// Notes that the ledger holds what a sweep of the deploy runs showed. Until then, a failed
    /// pass must leave the sweep to the next one.
    pub fn note_sweep(&mut self, swept_at: Option<Timestamp>) {
        self.swept_at = swept_at.or(self.swept_at);
    }

    /// Forgets slow-changing facts, so that they are read again next time.
    pub fn distrust(&mut self) {
        self.slow_changing = None;
        self.swept_at = None;
    }

    /// Forgets the repository's name if GitHub answers that it has moved, so that the
    /// repository is looked up again and checked by its id. Returns whether there was a name to
    /// forget: without one, it is the repository itself that cannot be followed.
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

    /// A memory read for workflow 7 on `main`: run 1 by a push and run 2 by a schedule.
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

    /// What is left of it when `asked` is read: runs, commits of the branch, and the sweep.
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
