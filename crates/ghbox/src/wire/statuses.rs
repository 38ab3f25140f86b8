//! Commit statuses, single and combined.

use serde_json::{Value, json};

use super::{Wire, time};
use crate::ids::node_id;
use crate::repository::Repository;
use crate::statuses::CommitStatus;

impl Wire<'_> {
    pub(crate) fn status(
        &self,
        repository: &Repository,
        sha: &str,
        status: &CommitStatus,
    ) -> Value {
        let creator = self.world.known_user(&status.creator);
        json!({
            "url": format!("{}/statuses/{sha}", self.api_of(repository)),
            "avatar_url": self.avatar(creator.id),
            "id": status.id,
            "node_id": node_id("SC", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": time(status.created_at),
            "updated_at": time(status.created_at),
            "creator": self.login(&status.creator),
        })
    }

    /// The newest status of each context. Creators are not part of this answer.
    pub(crate) fn combined_status(
        &self,
        repository: &Repository,
        sha: &str,
        latest: &[&CommitStatus],
        shown: &[&CommitStatus],
    ) -> Value {
        let any = |wanted: &[&str]| latest.iter().any(|one| wanted.contains(&one.state.as_str()));
        let word = if any(&["error", "failure"]) {
            "failure"
        } else if latest.is_empty() || any(&["pending"]) {
            "pending"
        } else {
            "success"
        };
        let api = self.api_of(repository);
        let statuses = shown.iter().map(|status| {
            json!({
                "url": format!("{api}/statuses/{sha}"),
                "avatar_url": self.avatar(self.world.known_user(&status.creator).id),
                "id": status.id,
                "node_id": node_id("SC", status.id),
                "state": status.state,
                "description": status.description,
                "target_url": status.target_url,
                "context": status.context,
                "created_at": time(status.created_at),
                "updated_at": time(status.created_at),
            })
        });
        json!({
            "state": word,
            "statuses": statuses.collect::<Value>(),
            "sha": sha,
            "total_count": latest.len(),
            "repository": self.minimal_repository(repository),
            "commit_url": format!("{api}/commits/{sha}"),
            "url": format!("{api}/commits/{sha}/status"),
        })
    }
}
