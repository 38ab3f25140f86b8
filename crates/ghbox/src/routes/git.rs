//! Branches, commits, comparisons, trees and files.

use std::sync::Arc;

use jiff::Timestamp;

use serde_json::json;

use super::Call;
use crate::git::{Commit, Tree};
use crate::ids::node_id;
use crate::reply::{Asked, Body, Page, Reply};
use crate::repository::Repository;
use crate::wire::Wire;
use crate::world::World;

/// The maximum number of files in a comparison, on whatever page (docs.github.com, REST
/// "Compare two commits").
const MOST_FILES: usize = 300;
/// The maximum number of commits in a comparison if no page was requested.
const MOST_COMMITS: usize = 250;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each room answers its own operations and leaves the rest to the next"
)]
pub(super) fn answer(call: &Call, world: &World, id: u64, asked: &Asked<'_>) -> Option<Reply> {
    let repository = world.repositories.get(&id)?;
    let wire = Wire { world, api: asked.api };
    let empty = repository.git.commits.is_empty();
    let reply = match call {
        Call::Branch(name) => branch(wire, repository, name),
        Call::GitRef(_) | Call::Commits | Call::Commit(_) | Call::Tree(_) if empty => {
            Reply::error(409, "Git Repository is empty.")
        }
        Call::GitRef(name) => git_ref(wire, repository, name),
        Call::Commits => commits(wire, repository, asked),
        Call::Commit(name) => commit(wire, repository, name, asked),
        Call::Compare(range) => compare(wire, repository, range, asked),
        Call::Tree(name) => tree(wire, repository, name, asked),
        Call::Contents(path) => contents(wire, repository, path, asked),
        _ => return None,
    };
    Some(reply)
}

fn branch(wire: Wire<'_>, repository: &Repository, name: &str) -> Reply {
    match repository.git.tip(name) {
        Some(tip) => Reply::ok(wire.branch(repository, name, wire.commit(repository, tip))),
        None => match repository.git.renamed.get(name) {
            Some(now) => renamed(&format!("{}/branches/{now}", wire.api_of(repository))),
            None => Reply::error(404, "Branch not found"),
        },
    }
}

/// Redirects from a branch's former name to its current one.
fn renamed(location: &str) -> Reply {
    let documentation = "https://docs.github.com/rest/branches/branches#get-a-branch";
    let body = json!({
        "message": "Moved Permanently", "url": location, "documentation_url": documentation,
    });
    let headers = vec![("location", location.to_owned())];
    Reply { status: 301, body: Body::Json(body), headers }
}

fn git_ref(wire: Wire<'_>, repository: &Repository, name: &str) -> Reply {
    let git = &repository.git;
    let sha = match name.split_once('/') {
        Some(("heads", branch)) => git.branches.get(branch),
        Some(("tags", tag)) => git.tags.get(tag),
        Some(_) | None => None,
    };
    let Some(sha) = sha else { return Reply::not_found() };
    let api = wire.api_of(repository);
    Reply::ok(json!({
        "ref": format!("refs/{name}"),
        "node_id": node_id("REF", name),
        "url": format!("{api}/git/refs/{name}"),
        "object": { "type": "commit", "sha": sha, "url": format!("{api}/git/commits/{sha}") },
    }))
}

fn commits(wire: Wire<'_>, repository: &Repository, asked: &Asked<'_>) -> Reply {
    let from = asked.param("sha").unwrap_or(&repository.default_branch);
    let Some(from) = repository.git.resolve(from) else { return Reply::not_found() };
    let time = |name| asked.param(name).and_then(|text| text.parse::<Timestamp>().ok());
    let (since, until, path) = (time("since"), time("until"), asked.param("path"));
    let wanted = |commit: &Arc<Commit>| {
        since.is_none_or(|since| commit.date >= since)
            && until.is_none_or(|until| commit.date <= until)
            && path.is_none_or(|path| touches(repository, commit, path))
    };
    let listed: Vec<_> = repository.git.log(&from.sha).into_iter().filter(wanted).collect();
    Reply::list(&asked.page(&listed), |commit| wire.commit(repository, commit))
}

fn touches(repository: &Repository, commit: &Commit, path: &str) -> bool {
    let below = format!("{path}/");
    repository.git.changes_of(commit).iter().any(|change| {
        [Some(&change.path), change.previous.as_ref()]
            .into_iter()
            .flatten()
            .any(|changed| changed == path || changed.starts_with(&below))
    })
}

fn commit(wire: Wire<'_>, repository: &Repository, name: &str, asked: &Asked<'_>) -> Reply {
    let Some(commit) = repository.git.resolve(name) else {
        return Reply::error(422, format!("No commit found for SHA: {name}"));
    };
    if asked.accept.contains("application/vnd.github.sha")
        || asked.accept.contains("application/vnd.github.v3.sha")
    {
        return Reply::text("application/vnd.github.sha; charset=utf-8", commit.sha.clone());
    }
    let files = repository.git.changes_of(commit);
    let page = asked.page_of(&files, MOST_FILES, MOST_FILES);
    Reply::ok(wire.whole_commit(repository, commit, page.items)).linked(page.links)
}

fn compare(wire: Wire<'_>, repository: &Repository, range: &str, asked: &Asked<'_>) -> Reply {
    let Some((base, head)) = range.split_once("...") else { return Reply::not_found() };
    // `owner:branch` with this repository's owner names a branch of this repository.
    let own = format!("{}:", repository.owner);
    let git = &repository.git;
    let forked = |name: &str| git.commit(git.forked.get(name)?);
    let named =
        |name: &str| forked(name).or_else(|| git.resolve(name.strip_prefix(&own).unwrap_or(name)));
    let (Some(base), Some(head)) = (named(base), named(head)) else {
        return Reply::not_found();
    };
    let Some(comparison) = repository.git.compare(base, head) else {
        return Reply::error(404, format!("No common ancestor between {}.", range));
    };
    let page = compared_page(&comparison.ahead, wire.world.server.compare_page, asked);
    let mut shown = wire.comparison(repository, (base, head), &comparison, page.items);
    let first_page = asked.number("page").is_none_or(|page| page <= 1);
    if let Some(fields) = shown.as_object_mut() {
        let most = if first_page { MOST_FILES } else { 0 };
        let files = comparison.files.get(..most.min(comparison.files.len())).unwrap_or_default();
        fields.insert("files".to_owned(), wire.files(repository, &head.sha, files));
    }
    Reply::ok(shown).linked(page.links)
}

/// The commits to list: the newest ones if no page was requested, else the requested page,
/// counted from the oldest.
fn compared_page<'c>(
    ahead: &'c [Arc<Commit>],
    most: usize,
    asked: &Asked<'_>,
) -> Page<'c, Arc<Commit>> {
    if asked.param("page").is_some() || asked.param("per_page").is_some() {
        return asked.page_of(ahead, 30, most);
    }
    let from = ahead.len().saturating_sub(MOST_COMMITS);
    Page { items: ahead.get(from..).unwrap_or_default(), links: None }
}

fn tree(wire: Wire<'_>, repository: &Repository, name: &str, asked: &Asked<'_>) -> Reply {
    let git = &repository.git;
    let tree: Option<Tree> = match git.resolve(name) {
        Some(commit) => Some(Tree::clone(&commit.tree)),
        None => git.tree_named(name),
    };
    let Some(tree) = tree else { return Reply::not_found() };
    // Any value of `recursive` turns it on, even "0" and "false".
    let recursive = asked.param("recursive").is_some();
    Reply::ok(wire.tree(repository, &tree, recursive, wire.world.server.tree_limit))
}

fn contents(wire: Wire<'_>, repository: &Repository, path: &str, asked: &Asked<'_>) -> Reply {
    let name = asked.param("ref").unwrap_or(&repository.default_branch);
    let Some(commit) = repository.git.resolve(name) else {
        return if repository.git.commits.is_empty() {
            Reply::error(404, "This repository is empty.")
        } else {
            Reply::error(404, format!("No commit found for the ref {name}"))
        };
    };
    let path = path.trim_matches('/');
    let Some(found) = wire.contents(repository, commit, path) else { return Reply::not_found() };
    let raw = asked.accept.contains("application/vnd.github.raw");
    match commit.tree.get(path).filter(|_| raw) {
        Some(blob) => {
            Reply::text("application/vnd.github.raw; charset=utf-8", blob.content.to_string())
        }
        None => Reply::ok(found),
    }
}
