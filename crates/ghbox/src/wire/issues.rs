//! Issues, labels, comments, events and the timeline.

use serde_json::{Value, json};

use super::git::escaped;
use super::{Wire, maybe_time, merged, time};
use crate::ids::node_id;
use crate::issues::{CommentView, IssueRecord, Label};
use crate::repository::Repository;

/// The default color of labels.
pub(super) const COLOR: &str = "ededed";

impl Wire<'_> {
    pub(crate) fn label(&self, repository: &Repository, label: &Label) -> Value {
        json!({
            "id": label.id,
            "node_id": node_id("LA", label.id),
            "url": format!("{}/labels/{}", self.api_of(repository), escaped(&label.name)),
            "name": label.name,
            "color": COLOR,
            "default": false,
            "description": null,
        })
    }

    pub(crate) fn labels_of(&self, repository: &Repository, of: &IssueRecord) -> Value {
        of.labels
            .iter()
            .filter_map(|name| repository.issues.labels.get(&name.to_lowercase()))
            .map(|label| self.label(repository, label))
            .collect()
    }

    pub(crate) fn issue(&self, repository: &Repository, issue: &IssueRecord) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let number = issue.number;
        let url = format!("{api}/issues/{number}");
        let shown = json!({
            "url": url,
            "repository_url": api,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"),
            "html_url": format!("{pages}/{}/{number}", folder(issue)),
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

    /// The `author_association` of a user; `NONE` for deleted accounts.
    pub(crate) fn association(&self, repository: &Repository, login: &str) -> &str {
        let mut issues = repository.issues.by_number.values();
        if self.world.is_gone(login) {
            "NONE"
        } else if repository.owner.eq_ignore_ascii_case(login) {
            "OWNER"
        } else if self.world.teams.is_member(&repository.owner, login) {
            "MEMBER"
        } else if repository.collaborators.contains_key(&login.to_lowercase()) {
            "COLLABORATOR"
        } else if issues.any(|issue| issue.is_merged() && issue.author.eq_ignore_ascii_case(login))
        {
            "CONTRIBUTOR"
        } else {
            "NONE"
        }
    }

    pub(crate) fn comment(
        &self,
        repository: &Repository,
        issue: &IssueRecord,
        comment: &CommentView,
    ) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let (id, number) = (comment.id, issue.number);
        json!({
            "url": format!("{api}/issues/comments/{id}"),
            "html_url": format!("{pages}/{}/{number}#issuecomment-{id}", folder(issue)),
            "issue_url": format!("{api}/issues/{number}"),
            "id": id,
            "node_id": node_id("IC", id),
            "user": self.login(&comment.author),
            "created_at": time(comment.created_at),
            "updated_at": time(comment.updated_at),
            "author_association": self.association(repository, &comment.author),
            "body": comment.body,
            "performed_via_github_app": self.app_behind(&comment.author, comment.through.as_deref()),
        })
    }
}

/// The path segment of an issue's or pull request's web page.
fn folder(issue: &IssueRecord) -> &'static str {
    if issue.pull.is_some() { "pull" } else { "issues" }
}
