//! What is kept of a repository between passes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::counted::Counted;
use super::{ObserveError, Seldom};
use crate::domain::{
    Branch, BranchCommits, RunId, Sha, UncountedRun, VerificationScope, WorkflowId,
};
use crate::github::ReadError;

/// What is kept of a repository between passes, and over a restart. All of it can be read again:
/// losing it costs requests and nothing else, and nothing is dispatched on it. It answers only what
/// it was read for ([`ReadFor`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// What everything below but `seldom` was read for; none: nothing below counts.
    read_for: Option<ReadFor>,
    pub(super) seldom: Option<Seldom>,
    pub(super) branch_commits: BranchCommits,
    /// The tip that `branch_commits` were read from.
    pub(super) commits_of: Option<Sha>,
    /// Passes since the unfiltered verification runs were read; none: there was no pass yet.
    pub(super) passes: u32,
    pub(super) counted: Counted,
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
    /// Commits that GitHub cannot compare with the production of then.
    incomparable_with: BTreeMap<Sha, Sha>,
    /// When the deploy runs of the last thirty days were swept.
    pub(super) swept_at: Option<Timestamp>,
}

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
            let (seldom, read_for) = (self.seldom.take(), self.read_for.take());
            *self = Self { seldom, read_for, ..Self::default() };
            return;
        };
        if known.verification != asked.verification {
            self.counted.retain(|_, run| asked.verification.counts(run.origin()));
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

    /// Notes a pass that found nothing new and so read nothing.
    pub const fn note_unchanged(&mut self) {
        self.passes = self.passes.saturating_add(1);
    }

    /// Whether GitHub said that it cannot compare `sha` with `production`.
    #[must_use]
    pub fn is_incomparable(&self, sha: &Sha, production: &Sha) -> bool {
        self.incomparable_with.get(sha) == Some(production)
    }

    /// Notes that GitHub cannot compare `sha` with `production`: one of them is gone, or they have
    /// no common ancestor.
    pub fn note_incomparable(&mut self, sha: Sha, production: &Sha) {
        self.incomparable_with.retain(|_, with| with == production);
        self.incomparable_with.insert(sha, production.clone());
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
