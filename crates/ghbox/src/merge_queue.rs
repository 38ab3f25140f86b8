//! Merge queues: a pull request waits on a branch of its own until the merge result is tested,
//! then the base branch moves to that very commit.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ids::Ids;
use super::pulls::MergeMethod;
use super::repository::Repository;
use super::runs::Origin;
use super::workflow_file::parse;

/// The account that creates the queue's branches and merges.
pub(super) const QUEUE_BOT: &str = "github-merge-queue[bot]";

/// The queue of one branch.
#[derive(Clone, Debug)]
pub(super) struct MergeQueue {
    method: MergeMethod,
    /// In merge order.
    entries: Vec<Entry>,
}

/// A queued pull request, as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedPull {
    pub number: u64,
    /// The branch that the queue created for it, `gh-readonly-queue/main/pr-1-…`.
    pub branch: String,
    /// The commit that is tested, and that the base branch moves to.
    pub sha: String,
    /// The ids of the `merge_group` runs on that commit.
    pub runs: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Entry {
    pull: QueuedPull,
    landed: Vec<String>,
    by: String,
}

impl MergeQueue {
    pub(super) fn new(method: MergeMethod) -> Self {
        MergeQueue { method, entries: Vec::new() }
    }
}

impl Repository {
    /// Adds a pull request to the end of its branch's queue. `None` if there is no queue or the
    /// pull request is not open.
    pub(super) fn enqueue(
        &mut self,
        number: u64,
        by: &str,
        now: Timestamp,
        ids: &mut Ids,
    ) -> Option<QueuedPull> {
        let record = self.issues.by_number.get(&number).filter(|record| record.open)?;
        let base = record.pull.as_ref()?.base_branch.clone();
        let queue = self.merge_queues.get(&base)?;
        let last = queue.entries.last().map(|entry| entry.pull.sha.clone());
        let (method, tip) = (queue.method, last.or_else(|| self.git.branches.get(&base).cloned())?);
        let landed = self.land(number, &tip, method, QUEUE_BOT, now)?;
        let sha = landed.last()?.clone();
        // The branch name ends in the commit that this merge is based on.
        let branch = format!("gh-readonly-queue/{base}/pr-{number}-{tip}");
        self.move_branch(&branch, &sha, QUEUE_BOT, now, ids);
        let runs = self.run_in_queue(&branch, &sha, now, ids);
        let pull = QueuedPull { number, branch, sha, runs };
        let entry = Entry { pull: pull.clone(), landed, by: by.to_owned() };
        self.merge_queues.get_mut(&base)?.entries.push(entry);
        Some(pull)
    }

    /// Starts all workflows with a `merge_group` trigger.
    fn run_in_queue(&mut self, branch: &str, sha: &str, now: Timestamp, ids: &mut Ids) -> Vec<u64> {
        let tree = self.git.tree_of(Some(sha));
        let workflows = self.actions.workflows.iter();
        let starting: Vec<u64> = workflows
            .filter(|workflow| workflow.activity == "active")
            .filter(|workflow| {
                let file = tree.get(&workflow.path).map(|blob| parse(&blob.content));
                file.is_some_and(|file| file.triggers.iter().any(|one| one == "merge_group"))
            })
            .map(|workflow| workflow.id)
            .collect();
        let origin = |title| Origin {
            event: "merge_group".to_owned(),
            head_branch: Some(branch.to_owned()),
            head_sha: sha.to_owned(),
            head_repository: None,
            title,
            actor: QUEUE_BOT.to_owned(),
            input_sha: None,
        };
        let start = |workflow| {
            let origin = origin(self.title_of_commit(sha));
            self.start_run(workflow, origin, &BTreeMap::new(), now, ids)
        };
        starting.into_iter().filter_map(start).collect()
    }

    /// Merges what passed, removes what failed, and rebuilds the entries that were based on it.
    pub(super) fn settle_queues(&mut self, now: Timestamp, ids: &mut Ids) {
        let bases: Vec<String> = self.merge_queues.keys().cloned().collect();
        for base in bases {
            // If somebody pushed directly, the queued merges are no longer based on the tip.
            let tip = self.git.branches.get(&base).cloned().unwrap_or_default();
            if self.queued(&base).first().is_some_and(|first| !first.branch.ends_with(&tip)) {
                self.queue_again(&base, now, ids);
            }
            while self.settle_first(&base, ids).is_some() {}
        }
    }

    fn settle_first(&mut self, base: &str, ids: &mut Ids) -> Option<()> {
        let entry = self.merge_queues.get(base)?.entries.first()?.clone();
        let runs: Vec<_> =
            entry.pull.runs.iter().filter_map(|id| self.actions.runs.get(id)).collect();
        let ended = runs.iter().map(|run| run.current.updated_at).max();
        let passed = |run: &&super::runs::Run| {
            matches!(run.current.conclusion.as_deref(), Some("success" | "skipped" | "neutral"))
        };
        let failed = runs.iter().any(|run| run.is_finished() && !passed(run));
        let tested = runs.iter().all(passed);
        let at = ended.filter(|_| failed || tested)?;
        self.merge_queues.get_mut(base)?.entries.remove(0);
        if failed {
            self.git.branches.remove(&entry.pull.branch);
            self.queue_again(base, at, ids);
        } else {
            self.land_queued(&entry, at, ids);
        }
        Some(())
    }

    fn land_queued(&mut self, entry: &Entry, at: Timestamp, ids: &mut Ids) {
        let landed = entry.landed.clone();
        self.finish_merge(entry.pull.number, landed, QUEUE_BOT, at, ids);
        self.git.branches.remove(&entry.pull.branch);
    }

    fn queue_again(&mut self, base: &str, at: Timestamp, ids: &mut Ids) {
        let Some(queue) = self.merge_queues.get_mut(base) else { return };
        for entry in std::mem::take(&mut queue.entries) {
            self.git.branches.remove(&entry.pull.branch);
            self.enqueue(entry.pull.number, &entry.by, at, ids);
        }
    }

    /// The pull requests queued for this branch, next to be merged first.
    pub(super) fn queued(&self, base: &str) -> Vec<QueuedPull> {
        let entries = self.merge_queues.get(base).map_or(&[][..], |queue| &queue.entries);
        entries.iter().map(|entry| entry.pull.clone()).collect()
    }
}
