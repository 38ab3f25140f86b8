//! Issues, and what pull requests share with them: labels, comments, the timeline.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::git::Git;
use super::ids::{Ids, next};
use super::pulls::Pull;
use super::timeline::{Event, EventKind};

/// The maximum length of a comment in characters (danger/danger#424 quotes the refusal).
pub(super) const LONGEST_BODY: usize = 65_536;

/// A comment, as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentView {
    pub id: u64,
    pub author: String,
    pub body: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The slug of the App through which a person wrote it.
    pub through: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) id: u64,
    pub(super) name: String,
}

#[derive(Clone, Debug)]
pub(super) struct IssueRecord {
    pub(super) number: u64,
    pub(super) id: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) author: String,
    pub(super) open: bool,
    pub(super) reason: Option<String>,
    pub(super) labels: Vec<String>,
    pub(super) comments: Vec<CommentView>,
    pub(super) events: Vec<Event>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) closed_by: Option<String>,
    pub(super) pull: Option<Pull>,
}

impl IssueRecord {
    pub(super) fn note(&mut self, kind: EventKind, actor: &str, at: Timestamp, ids: &mut Ids) {
        self.updated_at = at;
        self.events.push(Event { id: next(&mut ids.event), kind, actor: actor.to_owned(), at });
    }

    pub(super) fn is_merged(&self) -> bool {
        self.pull.as_ref().is_some_and(|pull| pull.merged_at.is_some())
    }

    pub(super) fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| same_label(label, name))
    }

    pub(super) fn add_label(&mut self, name: &str, by: &str, at: Timestamp, ids: &mut Ids) {
        if !self.has_label(name) {
            self.labels.push(name.to_owned());
            self.note(EventKind::Labeled(name.to_owned()), by, at, ids);
        }
    }

    pub(super) fn remove_label(&mut self, name: &str, by: &str, at: Timestamp, ids: &mut Ids) {
        // The event has the label's own spelling, not the request's.
        let borne = self.labels.iter().position(|label| same_label(label, name));
        if let Some(borne) = borne {
            let label = self.labels.remove(borne);
            self.note(EventKind::Unlabeled(label), by, at, ids);
        }
    }

    pub(super) fn comment(
        &mut self,
        body: &str,
        by: &str,
        at: Timestamp,
        ids: &mut Ids,
    ) -> CommentView {
        let comment = CommentView {
            id: next(&mut ids.comment),
            author: by.to_owned(),
            body: body.to_owned(),
            created_at: at,
            updated_at: at,
            through: None,
        };
        self.comments.push(comment.clone());
        self.note(EventKind::Commented(comment.id), by, at, ids);
        comment
    }

    pub(super) fn set_open(
        &mut self,
        open: bool,
        reason: Option<&str>,
        by: &str,
        at: Timestamp,
        ids: &mut Ids,
    ) {
        if self.open == open {
            return;
        }
        self.open = open;
        let default_reason = if open { "reopened" } else { "completed" };
        self.reason = Some(reason.unwrap_or(default_reason).to_owned());
        self.closed_at = (!open).then_some(at);
        self.closed_by = (!open).then(|| by.to_owned());
        self.note(if open { EventKind::Reopened } else { EventKind::Closed }, by, at, ids);
    }
}

/// Why an issue no longer exists under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    Deleted,
    /// It is now an issue of another repository.
    Transferred {
        /// The id of the other repository.
        to: u64,
        number: u64,
    },
}

#[derive(Default)]
pub(super) struct Issues {
    pub(super) by_number: BTreeMap<u64, IssueRecord>,
    /// Deleted and transferred issues. Their numbers are not reused.
    pub(super) gone: BTreeMap<u64, Gone>,
    /// By lower-case name.
    pub(super) labels: BTreeMap<String, Label>,
}

impl Issues {
    /// Opens an issue, or creates the issue side of a new pull request.
    pub(super) fn open(
        &mut self,
        title: &str,
        body: Option<&str>,
        author: &str,
        at: Timestamp,
        ids: &mut Ids,
    ) -> &mut IssueRecord {
        let number = self.next_number();
        let record = IssueRecord {
            number,
            id: next(&mut ids.issue),
            title: title.to_owned(),
            body: body.map(str::to_owned),
            author: author.to_owned(),
            open: true,
            reason: None,
            labels: Vec::new(),
            comments: Vec::new(),
            events: Vec::new(),
            created_at: at,
            updated_at: at,
            closed_at: None,
            closed_by: None,
            pull: None,
        };
        self.by_number.entry(number).or_insert(record)
    }

    fn next_number(&self) -> u64 {
        let last = self.by_number.last_key_value().map(|(last, _)| *last);
        last.max(self.gone.last_key_value().map(|(last, _)| *last)).map_or(1, |last| last + 1)
    }

    /// Removes an issue and records why.
    pub(super) fn take(&mut self, number: u64, gone: Gone) -> Option<IssueRecord> {
        let issue = self.by_number.remove(&number)?;
        self.gone.insert(number, gone);
        Some(issue)
    }

    /// Adds an issue from another repository, without its labels. Returns its new number.
    pub(super) fn take_in(&mut self, issue: IssueRecord) -> u64 {
        let number = self.next_number();
        self.by_number.insert(number, IssueRecord { number, labels: Vec::new(), ..issue });
        number
    }

    /// The label with this name, created if necessary. The first spelling is kept.
    pub(super) fn label(&mut self, name: &str, ids: &mut Ids) -> String {
        let label = self
            .labels
            .entry(name.to_lowercase())
            .or_insert_with(|| Label { id: next(&mut ids.label), name: name.to_owned() });
        label.name.clone()
    }

    /// Renames a label wherever it is in use. Past events keep the old name.
    pub(super) fn rename_label(&mut self, from: &str, to: &str) -> Option<()> {
        let mut label = self.labels.remove(&from.to_lowercase())?;
        to.clone_into(&mut label.name);
        self.labels.insert(to.to_lowercase(), label);
        let borne = self.by_number.values_mut().flat_map(|record| &mut record.labels);
        for name in borne.filter(|name| same_label(name, from)) {
            to.clone_into(name);
        }
        Some(())
    }

    /// Deletes a label and removes it from all issues, without events.
    pub(super) fn delete_label(&mut self, name: &str) -> Option<()> {
        self.labels.remove(&name.to_lowercase())?;
        for record in self.by_number.values_mut() {
            record.labels.retain(|label| !same_label(label, name));
        }
        Some(())
    }

    /// Updates open pull requests whose head branch moved: new commits are added, and a force
    /// push is recorded.
    #[expect(clippy::too_many_arguments, reason = "a push is told whole: what, where, who, when")]
    pub(super) fn head_moved(
        &mut self,
        git: &Git,
        branch: &str,
        before: Option<&str>,
        after: &str,
        by: &str,
        at: Timestamp,
        ids: &mut Ids,
    ) {
        for record in self.by_number.values_mut().filter(|record| record.open) {
            let Some(pull) = record.pull.as_mut().filter(|pull| pull.head_branch == branch) else {
                continue;
            };
            let known: Vec<String> = std::mem::take(&mut pull.commits);
            after.clone_into(&mut pull.head_sha);
            if let Some(base) = git.branches.get(&pull.base_branch) {
                base.clone_into(&mut pull.base_sha);
            }
            pull.commits = pull.commits_in(git);
            let current = pull.commits.clone();
            let fresh: Vec<String> =
                pull.commits.iter().filter(|sha| !known.contains(sha)).cloned().collect();
            if before.is_some_and(|before| before != after && !git.is_ancestor(before, after)) {
                let sha = after.to_owned();
                record.note(EventKind::HeadForcePushed { sha }, by, at, ids);
            }
            // A timeline shows only the current commits.
            let is_there = |sha: &str| current.iter().any(|one| one == sha);
            record.events.retain(|event| event.commit().is_none_or(is_there));
            for sha in fresh {
                record.note(EventKind::Committed(sha), by, at, ids);
            }
        }
    }
}

/// Label names are case-insensitive.
fn same_label(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
