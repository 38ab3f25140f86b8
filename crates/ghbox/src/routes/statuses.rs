//! Commit statuses.

use serde_json::Value;

use super::Call;
use crate::reply::{Asked, Reply};
use crate::statuses::{CommitStatus, NewStatus};
use crate::wire::Wire;
use crate::world::World;

pub(super) fn answer(call: &Call, world: &mut World, id: u64, asked: &Asked<'_>) -> Option<Reply> {
    if let Call::CreateStatus(sha) = call {
        return Some(create(world, id, sha, asked));
    }
    let repository = world.repositories.get(&id)?;
    let wire = Wire { world, api: asked.api };
    let (Call::Statuses(name) | Call::CombinedStatus(name)) = call else { return None };
    let Some(commit) = repository.git.resolve(name) else {
        return Some(Reply::error(404, "Not Found"));
    };
    let sha = &commit.sha;
    if matches!(call, Call::Statuses(_)) {
        let newest_first: Vec<&CommitStatus> = repository.statuses.of(sha).iter().rev().collect();
        return Some(Reply::list(&asked.page(&newest_first), |status| {
            wire.status(repository, sha, status)
        }));
    }
    let latest = repository.statuses.latest_of(sha);
    let page = asked.page(&latest);
    let combined = wire.combined_status(repository, sha, &latest, page.items);
    Some(Reply::ok(combined).linked(page.links))
}

fn create(world: &mut World, id: u64, sha: &str, asked: &Asked<'_>) -> Reply {
    let text = |name: &str| asked.body.get(name).and_then(Value::as_str).map(str::to_owned);
    let new = NewStatus {
        state: text("state").unwrap_or_default(),
        context: text("context"),
        description: text("description"),
        target_url: text("target_url").filter(|url| !url.is_empty()),
    };
    let now = world.now;
    let Some(repository) = world.repositories.get_mut(&id) else { return Reply::not_found() };
    // Statuses can only be written to a full sha.
    if repository.git.commit(sha).is_none() {
        return Reply::error(422, format!("No commit found for SHA: {sha}"));
    }
    match repository.statuses.write(sha, new, asked.login, now, &mut world.ids) {
        Err((field, words)) => Reply::invalid("Status", field, &words),
        Ok(status) => {
            let wire = Wire { world, api: asked.api };
            match world.repositories.get(&id) {
                Some(repository) => Reply::created(wire.status(repository, sha, &status)),
                None => Reply::not_found(),
            }
        }
    }
}
