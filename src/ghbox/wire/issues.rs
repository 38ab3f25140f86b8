//! Issues, labels, comments, events and the timeline.

use serde_json::{Value, json};

use super::git::verification;
use super::{Wire, maybe_time, merged, time};
use crate::ghbox::ids::node_id;
use crate::ghbox::issues::{CommentView, Event, EventKind, IssueRecord, Label};
use crate::ghbox::repository::Repository;

/// The colour of labels that nobody chose one for.
const COLOR: &str = "ededed";

impl Wire<'_> {
    pub(in crate::ghbox) fn label(&self, repository: &Repository, label: &Label) -> Value {
        json!({
            "id": label.id,
            "node_id": node_id("LA", label.id),
            "url": format!("{}/labels/{}", self.api_of(repository), label.name),
            "name": label.name,
            "color": COLOR,
            "default": false,
            "description": null,
        })
    }

    pub(in crate::ghbox) fn labels_of(&self, repository: &Repository, of: &IssueRecord) -> Value {
        of.labels
            .iter()
            .filter_map(|name| repository.issues.labels.get(&name.to_lowercase()))
            .map(|label| self.label(repository, label))
            .collect()
    }

    pub(in crate::ghbox) fn issue(&self, repository: &Repository, issue: &IssueRecord) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let number = issue.number;
        let url = format!("{api}/issues/{number}");
        let folder = if issue.pull.is_some() { "pull" } else { "issues" };
        let shown = json!({
            "url": url,
            "repository_url": api,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"),
            "html_url": format!("{pages}/{folder}/{number}"),
            "id": issue.id,
            "node_id": node_id("I", issue.id),
            "number": number,
            "title": issue.title,
            "user": self.login(&issue.author),
            "labels": self.labels_of(repository, issue),
            "state": if issue.open { "open" } else { "closed" },
            "state_reason": issue.reason,
            "locked": false,
            "active_lock_reason": null,
            "assignee": null,
            "assignees": [],
            "milestone": null,
            "comments": issue.comments.len(),
            "created_at": time(issue.created_at),
            "updated_at": time(issue.updated_at),
            "closed_at": maybe_time(issue.closed_at),
            "closed_by": issue.closed_by.as_ref().map(|login| self.login(login)),
            "author_association": self.association(repository, &issue.author),
            "body": issue.body,
            "performed_via_github_app": null,
        });
        let Some(pull) = &issue.pull else { return shown };
        let link = json!({ "pull_request": {
            "url": format!("{api}/pulls/{number}"),
            "html_url": format!("{pages}/pull/{number}"),
            "diff_url": format!("{pages}/pull/{number}.diff"),
            "patch_url": format!("{pages}/pull/{number}.patch"),
            "merged_at": maybe_time(pull.merged_at),
        }});
        merged(shown, link)
    }

    pub(in crate::ghbox) fn association(&self, repository: &Repository, login: &str) -> &str {
        if repository.owner.eq_ignore_ascii_case(login) {
            "OWNER"
        } else if repository.collaborators.contains_key(&login.to_lowercase()) {
            "COLLABORATOR"
        } else {
            "NONE"
        }
    }

    pub(in crate::ghbox) fn comment(
        &self,
        repository: &Repository,
        issue: &IssueRecord,
        comment: &CommentView,
    ) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let (id, number) = (comment.id, issue.number);
        json!({
            "url": format!("{api}/issues/comments/{id}"),
            "html_url": format!("{pages}/issues/{number}#issuecomment-{id}"),
            "issue_url": format!("{api}/issues/{number}"),
            "id": id,
            "node_id": node_id("IC", id),
            "user": self.login(&comment.author),
            "created_at": time(comment.created_at),
            "updated_at": time(comment.updated_at),
            "author_association": self.association(repository, &comment.author),
            "body": comment.body,
            "performed_via_github_app": null,
        })
    }

    /// An event; None for what only the timeline shows.
    pub(in crate::ghbox) fn event(&self, repository: &Repository, event: &Event) -> Option<Value> {
        let (word, commit, more) = match &event.kind {
            EventKind::Labeled(name) => ("labeled", None, json!({ "label": label(name) })),
            EventKind::Unlabeled(name) => ("unlabeled", None, json!({ "label": label(name) })),
            EventKind::Closed => ("closed", None, json!({ "state_reason": null })),
            EventKind::Reopened => ("reopened", None, json!({})),
            EventKind::Renamed { from, to } => {
                ("renamed", None, json!({ "rename": { "from": from, "to": to } }))
            }
            EventKind::Merged { sha } => ("merged", Some(sha), json!({})),
            EventKind::HeadForcePushed { sha } => ("head_ref_force_pushed", Some(sha), json!({})),
            EventKind::Committed(_) | EventKind::Commented(_) => return None,
        };
        let api = self.api_of(repository);
        let shown = json!({
            "id": event.id,
            "node_id": node_id("EV", event.id),
            "url": format!("{api}/issues/events/{}", event.id),
            "actor": self.login(&event.actor),
            "event": word,
            "commit_id": commit,
            "commit_url": commit.map(|sha| format!("{api}/commits/{sha}")),
            "created_at": time(event.at),
            "performed_via_github_app": null,
        });
        Some(merged(shown, more))
    }

    /// The timeline: events, comments and, for pull requests, commits, in the order in which
    /// GitHub learned of them.
    pub(in crate::ghbox) fn timeline(
        &self,
        repository: &Repository,
        issue: &IssueRecord,
        event: &Event,
    ) -> Option<Value> {
        match &event.kind {
            EventKind::Committed(sha) => self.committed(repository, sha),
            EventKind::Commented(id) => {
                let comment = issue.comments.iter().find(|comment| comment.id == *id)?;
                let event = json!({
                    "event": "commented",
                    "actor": self.login(&comment.author),
                });
                Some(merged(self.comment(repository, issue, comment), event))
            }
            EventKind::Labeled(_)
            | EventKind::Unlabeled(_)
            | EventKind::Closed
            | EventKind::Reopened
            | EventKind::Renamed { .. }
            | EventKind::Merged { .. }
            | EventKind::HeadForcePushed { .. } => self.event(repository, event),
        }
    }

    /// A commit in the timeline has a date of its author's, and no actor.
    fn committed(&self, repository: &Repository, sha: &str) -> Option<Value> {
        let commit = repository.git.commit(sha)?;
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let parents = commit.parents.iter().map(|parent| {
            json!({
                "sha": parent,
                "url": format!("{api}/git/commits/{parent}"),
                "html_url": format!("{pages}/commit/{parent}"),
            })
        });
        Some(json!({
            "event": "committed",
            "sha": sha,
            "node_id": node_id("C", sha),
            "url": format!("{api}/git/commits/{sha}"),
            "html_url": format!("{pages}/commit/{sha}"),
            "author": self.person(commit),
            "committer": self.person(commit),
            "tree": self.tree_link(repository, commit),
            "message": commit.message,
            "parents": parents.collect::<Value>(),
            "verification": verification(),
        }))
    }
}

fn label(name: &str) -> Value {
    json!({ "name": name, "color": COLOR })
}
