//! Events and the timeline, which contains more than the events.

use serde_json::{Value, json};

use super::git::verification;
use super::issues::COLOR;
use super::{Wire, merged, time};
use crate::ids::node_id;
use crate::issues::IssueRecord;
use crate::repository::Repository;
use crate::timeline::{Event, EventKind, Remark, Review};

impl Wire<'_> {
    /// An event; `None` for kinds that only the timeline shows.
    pub(crate) fn event(&self, repository: &Repository, event: &Event) -> Option<Value> {
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
            EventKind::ReviewRequested { reviewer } => {
                let by = self.login(&event.actor);
                let of = json!({
                    "review_requester": by, "requested_reviewer": self.login(reviewer),
                });
                ("review_requested", None, of)
            }
            EventKind::Plain(word) => (word.as_str(), None, json!({})),
            EventKind::Committed(_)
            | EventKind::Commented(_)
            | EventKind::Reviewed(_)
            | EventKind::CrossReferenced(_)
            | EventKind::LineCommented(_)
            | EventKind::CommitCommented(_) => return None,
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
            "performed_via_github_app": self.app_behind(&event.actor, None),
        });
        Some(merged(shown, more))
    }

    /// A timeline entry; `None` if what it is about no longer exists.
    pub(crate) fn timeline(
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
            EventKind::Reviewed(review) => Some(self.reviewed(repository, issue, event, review)),
            EventKind::CrossReferenced(number) => {
                let source = repository.issues.by_number.get(number)?;
                Some(json!({
                    "event": "cross-referenced",
                    "actor": self.login(&event.actor),
                    "created_at": time(event.at),
                    "updated_at": time(event.at),
                    "source": { "type": "issue", "issue": self.issue(repository, source) },
                }))
            }
            EventKind::LineCommented(remark) => Some(json!({
                "event": "line-commented",
                "node_id": node_id("PRRT", event.id),
                "comments": [self.line_comment(repository, issue, event, remark)],
            })),
            EventKind::CommitCommented(remark) => Some(json!({
                "event": "commit-commented",
                "node_id": node_id("CCT", event.id),
                "commit_id": remark.sha,
                "comments": [self.commit_comment(repository, event, remark)],
            })),
            EventKind::Labeled(_)
            | EventKind::Unlabeled(_)
            | EventKind::Closed
            | EventKind::Reopened
            | EventKind::Renamed { .. }
            | EventKind::Merged { .. }
            | EventKind::HeadForcePushed { .. }
            | EventKind::ReviewRequested { .. }
            | EventKind::Plain(_) => self.event(repository, event),
        }
    }

    /// A commit in the timeline has its author's date and no actor.
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

    fn reviewed(
        &self,
        repository: &Repository,
        issue: &IssueRecord,
        event: &Event,
        review: &Review,
    ) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let page = format!("{pages}/pull/{}#pullrequestreview-{}", issue.number, event.id);
        let pull = format!("{api}/pulls/{}", issue.number);
        json!({
            "event": "reviewed",
            "id": event.id,
            "node_id": node_id("PRR", event.id),
            "user": self.login(&event.actor),
            "body": review.body,
            "state": review.verdict,
            "html_url": page,
            "pull_request_url": pull,
            "_links": { "html": { "href": page }, "pull_request": { "href": pull } },
            "submitted_at": time(event.at),
            "commit_id": review.sha,
            "author_association": self.association(repository, &event.actor),
        })
    }

    fn line_comment(
        &self,
        repository: &Repository,
        issue: &IssueRecord,
        event: &Event,
        remark: &Remark,
    ) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let url = format!("{api}/pulls/comments/{}", event.id);
        let page = format!("{pages}/pull/{}#discussion_r{}", issue.number, event.id);
        let pull = format!("{api}/pulls/{}", issue.number);
        let of_a_line = json!({
            "pull_request_review_id": null,
            "diff_hunk": "@@ -0,0 +1 @@",
            "path": remark.path,
            "position": 1,
            "original_position": 1,
            "original_commit_id": remark.sha,
            "pull_request_url": pull,
            "_links": {
                "self": { "href": url }, "html": { "href": page }, "pull_request": { "href": pull },
            },
        });
        merged(self.remark(repository, event, remark, &url, &page), of_a_line)
    }

    fn commit_comment(&self, repository: &Repository, event: &Event, remark: &Remark) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let url = format!("{api}/comments/{}", event.id);
        let page = format!("{pages}/commit/{}#commitcomment-{}", remark.sha, event.id);
        let of_a_commit = json!({ "path": remark.path, "position": null, "line": null });
        merged(self.remark(repository, event, remark, &url, &page), of_a_commit)
    }

    fn remark(
        &self,
        repository: &Repository,
        event: &Event,
        remark: &Remark,
        url: &str,
        page: &str,
    ) -> Value {
        json!({
            "url": url,
            "id": event.id,
            "node_id": node_id("RC", event.id),
            "commit_id": remark.sha,
            "user": self.login(&event.actor),
            "body": remark.body,
            "created_at": time(event.at),
            "updated_at": time(event.at),
            "html_url": page,
            "author_association": self.association(repository, &event.actor),
        })
    }
}

fn label(name: &str) -> Value {
    json!({ "name": name, "color": COLOR })
}
