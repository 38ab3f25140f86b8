//! Test API: issues, and what pull requests share with them.

use super::{GhApp, Repo};
use crate::ids::Ids;
use crate::issues::{CommentView, Gone, IssueRecord};
use crate::misuse;
use crate::timeline::EventKind;

/// An issue or a pull request, as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub author: String,
    pub open: bool,
    pub labels: Vec<String>,
    /// Oldest first.
    pub comments: Vec<CommentView>,
    pub is_pull_request: bool,
}

impl Repo {
    /// Opens an issue as the given user and returns its number.
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

    /// Adds a label to an issue or pull request.
    pub fn add_label(&self, number: u64, label: &str, by: &str) {
        self.with(|world| world.user(by));
        self.change(|repository, now, ids| {
            let label = repository.issues.label(label, ids);
            if let Some(issue) = repository.issues.by_number.get_mut(&number) {
                issue.add_label(&label, by, now, ids);
            }
        });
    }

    /// Removes a label.
    pub fn remove_label(&self, number: u64, label: &str, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| issue.remove_label(label, by, now, ids));
    }

    /// Writes a comment and returns its id.
    pub fn comment(&self, number: u64, body: &str, by: &str) -> u64 {
        self.issue_mut(number, by, |issue, now, ids| issue.comment(body, by, now, ids).id)
    }

    /// Writes a comment as a person through an App, which the comment names.
    pub fn comment_through(&self, number: u64, body: &str, by: &str, app: &GhApp) -> u64 {
        let slug = app.slug().to_owned();
        self.issue_mut(number, by, |issue, now, ids| {
            let id = issue.comment(body, by, now, ids).id;
            let written = issue.comments.iter_mut().find(|comment| comment.id == id);
            written.into_iter().for_each(|comment| comment.through = Some(slug.clone()));
            id
        })
    }

    /// Edits a comment. It keeps its place; only `updated_at` shows the edit.
    pub fn edit_comment(&self, number: u64, comment: u64, body: &str) {
        self.issue_mut(number, "dev", |issue, now, _| {
            let found = issue.comments.iter_mut().find(|found| found.id == comment);
            let Some(found) = found else { misuse(format_args!("the comment {comment}")) };
            body.clone_into(&mut found.body);
            found.updated_at = now;
            issue.updated_at = now;
        });
    }

    /// Deletes a comment. The timeline loses it, but gains a `comment_deleted` event.
    pub fn delete_comment(&self, number: u64, comment: u64, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| {
            let before = issue.comments.len();
            issue.comments.retain(|found| found.id != comment);
            if issue.comments.len() == before {
                misuse(format_args!("the comment {comment}"));
            }
            issue.note(EventKind::Plain("comment_deleted".to_owned()), by, now, ids);
        });
    }

    /// Adds an event that consists of a kind and an actor only: `mentioned`, `subscribed`, or
    /// an unknown kind.
    pub fn note_event(&self, number: u64, kind: &str, by: &str) {
        let kind = EventKind::Plain(kind.to_owned());
        self.issue_mut(number, by, |issue, now, ids| issue.note(kind, by, now, ids));
    }

    /// Renames a label.
    pub fn rename_label(&self, from: &str, to: &str) {
        let renamed = self.here(|repository| repository.issues.rename_label(from, to));
        renamed.unwrap_or_else(|| misuse(format_args!("the label {from}")));
    }

    /// Deletes a label, even if it is in use.
    pub fn delete_label(&self, name: &str) {
        let deleted = self.here(|repository| repository.issues.delete_label(name));
        deleted.unwrap_or_else(|| misuse(format_args!("the label {name}")));
    }

    /// Changes the title of an issue or pull request.
    pub fn retitle(&self, number: u64, title: &str, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| {
            let (from, to) = (std::mem::take(&mut issue.title), title.to_owned());
            issue.title.clone_from(&to);
            issue.note(EventKind::Renamed { from, to }, by, now, ids);
        });
    }

    /// Closes an issue or pull request.
    pub fn close_issue(&self, number: u64, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| issue.set_open(false, None, by, now, ids));
    }

    /// Reopens an issue or pull request.
    pub fn reopen_issue(&self, number: u64, by: &str) {
        self.issue_mut(number, by, |issue, now, ids| issue.set_open(true, None, by, now, ids));
    }

    /// Deletes an issue: it gets 410 from now on.
    pub fn delete_issue(&self, number: u64) {
        let taken = self.here(|repository| repository.issues.take(number, Gone::Deleted));
        taken.unwrap_or_else(|| misuse(format_args!("the issue #{number}")));
    }

    /// Transfers an issue to another repository and returns its number there. The old number
    /// gets 301 for anyone who can see the new repository.
    pub fn transfer_issue(&self, number: u64, to: &Repo) -> u64 {
        let moving = self.issue_mut(number, "dev", |issue, _, _| issue.clone());
        let there = to.here(|repository| repository.issues.take_in(moving));
        let gone = Gone::Transferred { to: to.id(), number: there };
        self.here(|repository| repository.issues.take(number, gone));
        there
    }

    pub(super) fn issue_mut<R>(
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

    /// All issues without pull requests, oldest first.
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
