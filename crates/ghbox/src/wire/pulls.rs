//! Pull requests.

use serde_json::{Value, json};

use super::{Wire, maybe_time, merged, time};
use crate::ids::node_id;
use crate::issues::IssueRecord;
use crate::pulls::Pull;
use crate::repository::Repository;

impl Wire<'_> {
    /// A pull request as it appears in lists.
    pub(crate) fn pull(&self, repository: &Repository, issue: &IssueRecord, pull: &Pull) -> Value {
        let (api, pages) = (self.api_of(repository), self.pages_of(repository));
        let number = issue.number;
        let (url, page) = (format!("{api}/pulls/{number}"), format!("{pages}/pull/{number}"));
        let issue_url = format!("{api}/issues/{number}");
        let statuses = format!("{api}/statuses/{}", pull.head_sha);
        let shown = json!({
            "url": url,
            "id": issue.id,
            "node_id": node_id("PR", issue.id),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "issue_url": issue_url,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
            "comments_url": format!("{issue_url}/comments"),
            "statuses_url": statuses,
            "number": number,
            "state": if issue.open { "open" } else { "closed" },
            "locked": false,
            "active_lock_reason": null,
            "title": issue.title,
            "user": self.login(&issue.author),
            "body": issue.body,
            "labels": self.labels_of(repository, issue),
            "milestone": null,
            "created_at": time(issue.created_at),
            "updated_at": time(issue.updated_at),
            "closed_at": maybe_time(issue.closed_at),
            "merged_at": maybe_time(pull.merged_at),
            "merge_commit_sha": pull.merge_commit(),
            "assignee": null,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
        });
        let links = json!({
            "_links": {
                "self": { "href": url },
                "html": { "href": page },
                "issue": { "href": issue_url },
                "comments": { "href": format!("{issue_url}/comments") },
                "review_comments": { "href": format!("{url}/comments") },
                "review_comment": { "href": format!("{api}/pulls/comments{{/number}}") },
                "commits": { "href": format!("{url}/commits") },
                "statuses": { "href": statuses },
            },
        });
        merged(merged(shown, self.ends(repository, issue, pull)), links)
    }

    fn ends(&self, repository: &Repository, issue: &IssueRecord, pull: &Pull) -> Value {
        json!({
            "head": self.head(repository, pull),
            "base": self.end(repository, &pull.base_branch, &pull.base_sha),
            "author_association": self.association(repository, &issue.author),
            "auto_merge": null,
            "draft": false,
        })
    }

    /// A pull request as the single pull request endpoint answers.
    pub(crate) fn whole_pull(
        &self,
        repository: &Repository,
        issue: &IssueRecord,
        pull: &Pull,
    ) -> Value {
        let files = pull.files(&repository.git);
        let more = json!({
            "merged": pull.merged_at.is_some(),
            "mergeable": issue.open.then_some(true),
            "rebaseable": issue.open.then_some(true),
            "mergeable_state": if issue.open { "clean" } else { "unknown" },
            "merged_by": pull.merged_by.as_ref().map(|login| self.login(login)),
            "comments": issue.comments.len(),
            "review_comments": 0,
            "maintainer_can_modify": false,
            "commits": pull.commits.len(),
            "additions": files.iter().map(|file| file.additions).sum::<usize>(),
            "deletions": files.iter().map(|file| file.deletions).sum::<usize>(),
            "changed_files": files.len(),
        });
        merged(self.pull(repository, issue, pull), more)
    }

    /// The head of a pull request. `repo` is null if the fork was deleted.
    fn head(&self, repository: &Repository, pull: &Pull) -> Value {
        let Some(fork) = pull.fork else {
            return self.end(repository, &pull.head_branch, &pull.head_sha);
        };
        let (owner, branch) = pull.head_of(&repository.owner);
        let fork = self.world.repositories.get(&fork).filter(|fork| self.world.is_there(fork));
        json!({
            "label": pull.head_branch,
            "ref": branch,
            "sha": pull.head_sha,
            "user": self.login(owner),
            "repo": fork.map(|fork| self.repository(fork)),
        })
    }

    fn end(&self, repository: &Repository, branch: &str, sha: &str) -> Value {
        json!({
            "label": format!("{}:{branch}", repository.owner),
            "ref": branch,
            "sha": sha,
            "user": self.login(&repository.owner),
            "repo": self.repository(repository),
        })
    }
}
