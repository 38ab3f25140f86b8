//! Issues and pull requests, from a story's side.

use super::Repo;
use crate::ghbox::ids::Ids;
use crate::ghbox::issues::{CommentView, IssueRecord};
use crate::ghbox::merge_queue::{MergeQueue, QUEUE_BOT, QueuedPull};
use crate::ghbox::misuse;
use crate::ghbox::people::UserKind;
use crate::ghbox::pulls::MergeMethod;

/// An issue or a pull request as a test sees it when it looks into the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Who opened it.
    pub author: String,
    /// Whether it is open.
    pub open: bool,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its comments, oldest first.
    pub comments: Vec<CommentView>,
    /// Whether it is a pull request.
    pub is_pull_request: bool,
}

impl Repo {
    /// Opens an issue as somebody, and yields its number.
    pub fn open_issue(&self, title: &str, body: &str, labels: &[&str], by: &str) -> u64 {
        self.with(|world| world.user(by));
        self.change(|repository, now, ids| {
            let issues = &mut repository.issues;
            let labels: Vec<String> = labels.iter().map(|name| issues.label(name, ids)).collect();
            let issue = issues.open(title, Some(body), by, now, ids);
            for label in labels {
                issue.add_label(&label, by, now, ids);
            }
            issue.number
        })
    }

    /// Opens a pull request and yields its number.
    pub fn open_pull_request(&self, head: &str, base: &str, title: &str, by: &str) -> u64 {
        self.with(|world| world.user(by));
        let number = self
            .change(|repository, now, ids| repository.open_pull(head, base, title, by, now, ids));
        number.unwrap_or_else(|| misuse(format_args!("the branches {head} and {base}")))
    }

    /// Merges a pull request and yields the sha that its base branch is at then.
    pub fn merge_pull_request(&self, number: u64, method: MergeMethod, by: &str) -> String {
        self.with(|world| world.user(by));
        let sha =
            self.change(|repository, now, ids| repository.merge_pull(number, method, by, now, ids));
        sha.unwrap_or_else(|| {
            misuse(format_args!("the pull request #{number}, open and not empty"))
        })
    }

    /// Gives a branch a merge queue, that merges in this way.
    pub fn use_merge_queue(&self, branch: &str, method: MergeMethod) {
        self.with(|world| world.user_of_kind(QUEUE_BOT, UserKind::Bot));
        self.here(|repository| {
            repository.merge_queues.insert(branch.to_owned(), MergeQueue::new(method))
        });
    }

    /// Puts a pull request into its branch's merge queue, which starts the `merge_group` runs.
    /// Once they all passed, the branch moves to the very commit that they tested. The push that
    /// this is starts a workflow only where [`Repo::runs_on_push`] says so; one that fails leaves
    /// the queue, and those behind it are tested anew.
    pub fn queue_pull_request(&self, number: u64, by: &str) -> QueuedPull {
        self.with(|world| world.user(by));
        let queued = self.change(|repository, now, ids| repository.enqueue(number, by, now, ids));
        queued.unwrap_or_else(|| {
            misuse(format_args!("the open pull request #{number} of a branch with a queue"))
        })
    }

    /// Who waits for this branch, first in line first.
    #[must_use]
    pub fn merge_queue(&self, branch: &str) -> Vec<QueuedPull> {
        self.here(|repository| repository.queued(branch))
    }

    /// Puts a label on an issue or pull request.
    pub fn add_label(&self, number: u64, label: &str, by: &str) {
        self.with(|world| world.user(by));
        self.change(|repository, now, ids| {
            let label = repository.issues.label(label, ids);
            if let Some(issue) = repository.issues.by_number.get_mut(&number) {
                issue.add_label(&label, by, now, ids);
            }
        });
    }

    /// Takes a label off.
    pub fn remove_label(&self, number: u64, label: &str, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| issue.remove_label(label, by, now, ids));
    }

    /// Writes a comment and yields its id.
    pub fn comment(&self, number: u64, body: &str, by: &str) -> u64 {
        self.issue_mut(number, by, |issue, now, ids| issue.comment(body, by, now, ids).id)
    }

    /// Edits a comment: its `updated_at` tells.
    pub fn edit_comment(&self, number: u64, comment: u64, body: &str) {
        self.issue_mut(number, "dev", |issue, now, _| {
            let found = issue.comments.iter_mut().find(|found| found.id == comment);
            let Some(found) = found else { misuse(format_args!("the comment {comment}")) };
            body.clone_into(&mut found.body);
            found.updated_at = now;
            issue.updated_at = now;
        });
    }

    /// Deletes a comment.
    pub fn delete_comment(&self, number: u64, comment: u64) {
        self.issue_mut(number, "dev", |issue, _, _| {
            issue.comments.retain(|found| found.id != comment);
        });
    }

    /// Closes an issue or a pull request.
    pub fn close_issue(&self, number: u64, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| issue.set_open(false, None, by, now, ids));
    }

    /// Opens it again.
    pub fn reopen_issue(&self, number: u64, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| issue.set_open(true, None, by, now, ids));
    }

    fn issue_mut<R>(
        &self,
        number: u64,
        by: &str,
        act: impl FnOnce(&mut IssueRecord, jiff::Timestamp, &mut Ids) -> R,
    ) -> R {
        self.with(|world| world.user(by));
        self.change(|repository, now, ids| match repository.issues.by_number.get_mut(&number) {
            Some(issue) => act(issue, now, ids),
            None => misuse(format_args!("the issue #{number}")),
        })
    }

    /// All issues, oldest first, without pull requests.
    #[must_use]
    pub fn issues(&self) -> Vec<Issue> {
        self.all_issues().into_iter().filter(|issue| !issue.is_pull_request).collect()
    }

    /// One issue or pull request.
    #[must_use]
    pub fn issue(&self, number: u64) -> Issue {
        let found = self.all_issues().into_iter().find(|issue| issue.number == number);
        found.unwrap_or_else(|| misuse(format_args!("the issue #{number}")))
    }

    fn all_issues(&self) -> Vec<Issue> {
        self.here(|repository| repository.issues.by_number.values().map(view).collect())
    }
}

fn view(issue: &IssueRecord) -> Issue {
    Issue {
        number: issue.number,
        title: issue.title.clone(),
        body: issue.body.clone().unwrap_or_default(),
        author: issue.author.clone(),
        open: issue.open,
        labels: issue.labels.clone(),
        comments: issue.comments.clone(),
        is_pull_request: issue.pull.is_some(),
    }
}
