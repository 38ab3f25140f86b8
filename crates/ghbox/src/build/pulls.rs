//! Test API: pull requests.

use std::time::Duration;

use jiff::SignedDuration;

use super::Repo;
use crate::git::NewCommit;
use crate::issues::IssueRecord;
use crate::merge_queue::{MergeQueue, QUEUE_BOT, QueuedPull};
use crate::misuse;
use crate::people::UserKind;
use crate::pulls::MergeMethod;
use crate::timeline::{EventKind, Remark, Review};

impl Repo {
    /// Opens a pull request and returns its number. A head in a fork is `owner:branch`.
    pub fn open_pull_request(&self, head: &str, base: &str, title: &str, by: &str) -> u64 {
        self.with(|world| world.user(by));
        let fork = head.split_once(':').map(|(owner, _)| {
            let name = self.here(|repository| repository.name.clone());
            self.fork(&format!("{owner}/{name}"))
        });
        let number = self.change(|repository, now, ids| {
            repository.open_pull(head, base, title, by, fork, now, ids)
        });
        number.unwrap_or_else(|| misuse(format_args!("the branches {head} and {base}")))
    }

    /// Merges a pull request and returns the new tip of its base branch.
    pub fn merge_pull_request(&self, number: u64, method: MergeMethod, by: &str) -> String {
        self.with(|world| world.user(by));
        let sha =
            self.change(|repository, now, ids| repository.merge_pull(number, method, by, now, ids));
        sha.unwrap_or_else(|| {
            misuse(format_args!("the pull request #{number}, open and not empty"))
        })
    }

    /// Enables a merge queue with this merge method for a branch.
    pub fn use_merge_queue(&self, branch: &str, method: MergeMethod) {
        self.with(|world| world.user_of_kind(QUEUE_BOT, UserKind::Bot));
        self.here(|repository| {
            repository.merge_queues.insert(branch.to_owned(), MergeQueue::new(method))
        });
    }

    /// Adds a pull request to its branch's merge queue, which starts the `merge_group` runs.
    /// Once they have all passed, the branch moves to the very commit that was tested. That
    /// push starts a workflow only if [`Repo::runs_on_push`] says so. A pull request whose runs
    /// fail leaves the queue, and those behind it are tested again.
    pub fn queue_pull_request(&self, number: u64, by: &str) -> QueuedPull {
        self.with(|world| world.user(by));
        let queued = self.change(|repository, now, ids| repository.enqueue(number, by, now, ids));
        queued.unwrap_or_else(|| {
            misuse(format_args!("the open pull request #{number} of a branch with a queue"))
        })
    }

    /// The pull requests queued for this branch, next to be merged first.
    #[must_use]
    pub fn merge_queue(&self, branch: &str) -> Vec<QueuedPull> {
        self.here(|repository| repository.queued(branch))
    }

    /// Submits a review of a pull request's current head: `approved`, `changes_requested`,
    /// `commented` or `dismissed`.
    pub fn review(&self, number: u64, verdict: &str, body: &str, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| {
            let (verdict, body) = (verdict.to_owned(), body.to_owned());
            let review = Review { verdict, body, sha: head_of(issue) };
            issue.note(EventKind::Reviewed(review), by, now, ids);
        });
    }

    /// Requests a review.
    pub fn request_review(&self, number: u64, reviewer: &str, by: &str) {
        self.with(|world| world.user(reviewer));
        let asked = EventKind::ReviewRequested { reviewer: reviewer.to_owned() };
        self.issue_mut(number, by, |issue, now, ids| issue.note(asked, by, now, ids));
    }

    /// Comments on a line of a pull request's diff.
    pub fn comment_on_line(&self, number: u64, path: &str, body: &str, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| {
            let remark = remark(issue, Some(path), body);
            issue.note(EventKind::LineCommented(remark), by, now, ids);
        });
    }

    /// Comments on a pull request's newest commit.
    pub fn comment_on_commit(&self, number: u64, body: &str, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| {
            let remark = remark(issue, None, body);
            issue.note(EventKind::CommitCommented(remark), by, now, ids);
        });
    }

    /// Records that another issue or pull request mentions this one.
    pub fn refer_to(&self, number: u64, from: u64, by: &str) {
        let refers = EventKind::CrossReferenced(from);
        self.issue_mut(number, by, |issue, now, ids| issue.note(refers, by, now, ids));
    }

    /// Changes a pull request's base branch, and with it the commits it contains.
    pub fn retarget(&self, number: u64, base: &str, by: &str) {
        let tip = self.tip(base);
        self.with(|world| world.user(by));
        self.change(|repository, now, ids| {
            let git = &repository.git;
            let record = repository.issues.by_number.get_mut(&number);
            let Some(record) = record else { misuse(format_args!("the pull request #{number}")) };
            record.note(EventKind::Plain("base_ref_changed".to_owned()), by, now, ids);
            if let Some(pull) = &mut record.pull {
                base.clone_into(&mut pull.base_branch);
                pull.base_sha = tip;
                pull.commits = pull.commits_in(git);
            }
        });
    }

    /// Deletes a branch but keeps its commits. Pull requests from it record that, and open ones
    /// close.
    pub fn delete_branch(&self, name: &str, by: &str) {
        self.with(|world| world.user(by));
        self.change(|repository, now, ids| {
            repository.git.branches.remove(name);
            let records = repository.issues.by_number.values_mut();
            let from_it = records
                .filter(|record| record.pull.as_ref().is_some_and(|one| one.head_branch == name));
            for record in from_it {
                let deleted = EventKind::Plain("head_ref_deleted".to_owned());
                record.note(deleted, by, now, ids);
                record.set_open(false, None, by, now, ids);
            }
        });
    }

    /// Reverts a commit on a branch, as `git revert` does, and returns the new sha.
    pub fn revert(&self, branch: &str, sha: &str, by: &str) -> String {
        let undone = self.here(|repository| {
            let commit = repository.git.commit(sha).cloned()?;
            let before = repository.git.tree_of(commit.parents.first().map(String::as_str));
            Some((commit, before))
        });
        let Some((commit, before)) = undone else { misuse(format_args!("the commit {sha}")) };
        let title = commit.message.lines().next().unwrap_or_default();
        let message = format!("Revert \"{title}\"\n\nThis reverts commit {sha}.");
        let revert = NewCommit::on(branch).message(&message).author(by);
        let paths = before.keys().chain(commit.tree.keys());
        let changed = paths.filter(|&path| before.get(path) != commit.tree.get(path));
        self.push(changed.fold(revert, |revert, path| match before.get(path) {
            Some(blob) => revert.file(path, &blob.content),
            None => revert.delete(path),
        }))
    }

    /// Sets the content that pull request merges give this file from now on, as if the base
    /// branch had changed other lines of it.
    pub fn merge_makes(&self, path: &str, content: &str) {
        self.here(|repository| repository.merges_make.insert(path.to_owned(), content.to_owned()));
    }

    /// Renames a branch. The old name redirects to the new one.
    pub fn rename_branch(&self, from: &str, to: &str) {
        self.here(|repository| repository.rename_branch(from, to));
    }

    /// Whether the server signs the merge commits it creates. github.com does; Enterprise
    /// Server may not.
    pub fn sign_merges(&self, signs: bool) {
        self.here(|repository| repository.signs_merges = signs);
    }

    /// How long after a merge its commits have no associated pull request yet.
    pub fn lag_associations(&self, by: Duration) {
        let lag = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.here(|repository| repository.association_lag = lag);
    }

    /// How long after a push timelines show its commits. Mostly reported for forks
    /// (palantir/policy-bot#54).
    pub fn lag_commits_in_timelines(&self, by: Duration) {
        let lag = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.here(|repository| repository.commits_show.after = lag);
    }

    /// Whether timelines order commits by their dates, which the pusher chooses, or by when
    /// they were pushed. GitHub did the former when policy-bot stopped using timelines
    /// (palantir/policy-bot#54), and documents neither.
    pub fn place_commits_by_date(&self, by_date: bool) {
        self.here(|repository| repository.commits_show.by_date = by_date);
    }
}

fn head_of(issue: &IssueRecord) -> String {
    match &issue.pull {
        Some(pull) => pull.head_sha.clone(),
        None => misuse(format_args!("the pull request #{}", issue.number)),
    }
}

fn remark(issue: &IssueRecord, path: Option<&str>, body: &str) -> Remark {
    let (path, body) = (path.map(str::to_owned), body.to_owned());
    Remark { path, body, sha: head_of(issue) }
}
