//! Repositories, branches and users' permissions.

use serde_json::{Map, Value, json};

use super::{Wire, merged, time};
use crate::ids::node_id;
use crate::people::{Role, Standing, User};
use crate::repository::Repository;

/// URLs below a repository's API URL, by key. Braces are GitHub's own URI templates.
const ADDRESSES: [(&str, &str); 36] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

impl Wire<'_> {
    /// A repository as it appears inside runs and combined statuses.
    pub(crate) fn minimal_repository(&self, repository: &Repository) -> Value {
        let api = self.api_of(repository);
        let mut fields = Map::new();
        for (key, below) in ADDRESSES {
            fields.insert(key.to_owned(), Value::from(format!("{api}{below}")));
        }
        let own = json!({
            "id": repository.id,
            "node_id": node_id("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name(),
            "private": repository.private,
            "owner": self.login(&repository.owner),
            "html_url": self.pages_of(repository),
            "description": null,
            "fork": repository.fork,
            "url": api,
        });
        merged(Value::Object(fields), own)
    }

    /// A repository as it appears in the head and base of a pull request.
    pub(crate) fn repository(&self, repository: &Repository) -> Value {
        let pages = self.pages_of(repository);
        let open = repository.issues.by_number.values().filter(|issue| issue.open).count();
        let host = pages.split_once("://").map_or(pages.as_str(), |(_, rest)| rest);
        let more = json!({
            "git_url": format!("git://{host}.git"),
            "ssh_url": format!("git@{}.git", host.replacen('/', ":", 1)),
            "clone_url": format!("{pages}.git"),
            "svn_url": pages,
            "mirror_url": null,
            "homepage": null,
            "language": "Rust",
            "forks_count": 0, "forks": 0,
            "stargazers_count": 0,
            "watchers_count": 0, "watchers": 0,
            "size": repository.git.commits.len(),
            "default_branch": repository.default_branch,
            "open_issues_count": open, "open_issues": open,
            "is_template": false,
            "topics": [],
            "has_issues": repository.has_issues,
            "has_projects": true,
            "has_wiki": false,
            "has_pages": false,
            "has_downloads": true,
            "has_discussions": false,
            "archived": repository.archived,
            "disabled": false,
            "visibility": if repository.private { "private" } else { "public" },
            "license": null,
            "allow_forking": true,
            "web_commit_signoff_required": false,
            "pushed_at": time(repository.pushed_at),
            "created_at": time(repository.created_at),
            "updated_at": time(repository.updated_at),
        });
        merged(self.minimal_repository(repository), more)
    }

    /// A repository as its own endpoint answers.
    pub(crate) fn full_repository(&self, repository: &Repository, role: Option<Role>) -> Value {
        let more = json!({
            "network_count": 0,
            "subscribers_count": 1,
            "permissions": permissions(role),
            "temp_clone_token": null,
        });
        merged(self.repository(repository), more)
    }

    pub(crate) fn branch(&self, repository: &Repository, name: &str, tip: Value) -> Value {
        let api = self.api_of(repository);
        json!({
            "name": name,
            "commit": tip,
            "_links": {
                "self": format!("{api}/branches/{name}"),
                "html": format!("{}/tree/{name}", self.pages_of(repository)),
            },
            "protected": false,
            "protection": {
                "enabled": false,
                "required_status_checks":
                    { "enforcement_level": "off", "contexts": [], "checks": [] },
            },
            "protection_url": format!("{api}/branches/{name}/protection"),
        })
    }

    /// A user's permission: `permission` has three roles, `role_name` all of them.
    pub(crate) fn permission(&self, user: &User, standing: Option<&Standing>) -> Value {
        let role_name = standing.map_or("", Standing::name);
        let role = standing.map(|standing| standing.role);
        let collaborator = json!({ "permissions": permissions(role), "role_name": role_name });
        json!({
            "permission": role.map_or("none", Role::permission),
            "user": merged(self.user(user), collaborator),
            "role_name": role_name,
        })
    }
}

pub(super) fn permissions(role: Option<Role>) -> Value {
    json!({
        "admin": role >= Some(Role::Admin),
        "maintain": role >= Some(Role::Maintain),
        "push": role >= Some(Role::Write),
        "triage": role >= Some(Role::Triage),
        "pull": role >= Some(Role::Read),
    })
}
