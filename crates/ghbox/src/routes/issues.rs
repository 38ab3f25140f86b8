//! Issues, labels, comments, timelines and pull requests.

use jiff::Timestamp;

use serde_json::{Value, json};

use super::Call;
use crate::issues::{CommentView, Gone, IssueRecord, LONGEST_BODY, Label};
use crate::reply::{Asked, Body, Reply};
use crate::repository::Repository;
use crate::timeline::EventKind;
use crate::wire::Wire;
use crate::world::World;

/// The maximum number of files listed for a pull request (docs.github.com, REST "List pull
/// requests files").
const MOST_PULL_FILES: usize = 3_000;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each room answers its own operations and leaves the rest to the next"
)]
pub(super) fn answer(call: &Call, world: &mut World, id: u64, asked: &Asked<'_>) -> Option<Reply> {
    if let Some(reply) = call.issue().and_then(|number| of_one_gone(world, id, number, asked)) {
        return Some(reply);
    }
    match call {
        Call::CreateIssue => return Some(create_issue(world, id, asked)),
        Call::CreateComment(number) => return Some(create_comment(world, id, *number, asked)),
        Call::UpdateIssue(number) => return Some(update_issue(world, id, *number, asked)),
        _ => {}
    }
    let repository = world.repositories.get(&id)?;
    let wire = Wire { world, api: asked.api };
    let reply = match call {
        Call::Labels => {
            let labels: Vec<&Label> = repository.issues.labels.values().collect();
            Reply::list(&asked.page(&labels), |label| wire.label(repository, label))
        }
        Call::Issues => issues(wire, repository, asked),
        Call::CommitPulls(name) => pulls_of_commit(wire, repository, name, asked),
        Call::Issue(number) => {
            of_issue(repository, *number, |issue| Some(Reply::ok(wire.issue(repository, issue))))
        }
        Call::Timeline(number) => of_issue(repository, *number, |issue| {
            let show = |event| wire.timeline(repository, issue, event);
            let events = issue.timeline(&repository.git, repository.commits_show, world.now);
            let shown: Vec<Value> = events.into_iter().filter_map(show).collect();
            Some(Reply::list(&asked.page(&shown), Value::clone))
        }),
        Call::Events(number) => of_issue(repository, *number, |issue| {
            let show = |event| wire.event(repository, event);
            let shown: Vec<Value> = issue.events.iter().filter_map(show).collect();
            Some(Reply::list(&asked.page(&shown), Value::clone))
        }),
        Call::Comments(number) => of_issue(repository, *number, |issue| {
            let since = asked.param("since").and_then(|text| text.parse::<Timestamp>().ok());
            let fresh = |comment: &&CommentView| since.is_none_or(|at| comment.updated_at >= at);
            let listed: Vec<&CommentView> = issue.comments.iter().filter(fresh).collect();
            let page = asked.page(&listed);
            Some(Reply::list(&page, |comment| wire.comment(repository, issue, comment)))
        }),
        Call::Pull(number) => of_issue(repository, *number, |issue| {
            Some(Reply::ok(wire.whole_pull(repository, issue, issue.pull.as_ref()?)))
        }),
        Call::PullFiles(number) => of_issue(repository, *number, |issue| {
            let pull = issue.pull.as_ref()?;
            let files = pull.files(&repository.git);
            let listed = files.get(..MOST_PULL_FILES.min(files.len())).unwrap_or_default();
            let page = asked.page(listed);
            let shown = wire.files(repository, &pull.head_sha, page.items);
            Some(Reply::ok(shown).linked(page.links))
        }),
        Call::PullCommits(number) => of_issue(repository, *number, |issue| {
            Some(pull_commits(wire, repository, issue, asked))
        }),
        _ => return None,
    };
    Some(reply)
}

/// Answers about an issue or pull request. Turning issues off does not affect pull requests.
fn of_issue(
    repository: &Repository,
    number: u64,
    show: impl Fn(&IssueRecord) -> Option<Reply>,
) -> Reply {
    match repository.issues.by_number.get(&number) {
        Some(issue) if issue.pull.is_none() && !repository.has_issues => gone(),
        Some(issue) => show(issue).unwrap_or_else(Reply::not_found),
        None => Reply::not_found(),
    }
}

fn gone() -> Reply {
    Reply::error(410, "Issues has been disabled in this repository.")
}

/// The answer for an issue that is gone: 410 if it was deleted, 301 if it was transferred, or
/// 404 if the new repository is not visible (docs.github.com, REST "Get an issue").
fn of_one_gone(world: &World, id: u64, number: u64, asked: &Asked<'_>) -> Option<Reply> {
    let gone = world.repositories.get(&id)?.issues.gone.get(&number)?;
    let (to, there) = match gone {
        Gone::Deleted => return Some(Reply::error(410, "This issue was deleted")),
        Gone::Transferred { to, number } => (to, number),
    };
    if !world.repositories.get(to).is_some_and(|found| world.is_there(found)) {
        return Some(Reply::not_found());
    }
    let rest = asked.path.split_once(&format!("/issues/{number}")).map_or("", |(_, rest)| rest);
    let location = format!("{}/repositories/{to}/issues/{there}{rest}", asked.api);
    let body = json!({ "message": "Moved Permanently", "url": location });
    Some(Reply { status: 301, body: Body::Json(body), headers: vec![("location", location)] })
}

fn pull_commits(
    wire: Wire<'_>,
    repository: &Repository,
    issue: &IssueRecord,
    asked: &Asked<'_>,
) -> Reply {
    /// The maximum over all pages (docs.github.com, REST "List commits").
    const MOST: usize = 250;
    let Some(pull) = &issue.pull else { return Reply::not_found() };
    let find = |sha: &String| repository.git.commit(sha).cloned();
    let commits: Vec<_> = pull.commits.iter().filter_map(find).take(MOST).collect();
    Reply::list(&asked.page(&commits), |commit| wire.commit(repository, commit))
}

/// The merged pull request that brought a commit to the default branch. For other commits, open
/// pull requests as well.
fn pulls_of_commit(
    wire: Wire<'_>,
    repository: &Repository,
    name: &str,
    asked: &Asked<'_>,
) -> Reply {
    let Some(commit) = repository.git.resolve(name) else {
        return Reply::error(422, format!("No commit found for SHA: {name}"));
    };
    let on_default = repository
        .git
        .tip(&repository.default_branch)
        .is_some_and(|tip| repository.git.is_ancestor(&commit.sha, &tip.sha));
    let brought: Vec<_> = repository
        .issues
        .by_number
        .values()
        .filter_map(|issue| Some((issue, issue.pull.as_ref()?)))
        .filter(|(issue, pull)| {
            let known_from = pull.merged_at.map(|at| at.saturating_add(repository.association_lag));
            let known =
                known_from.is_some_and(|from| from.is_ok_and(|from| from <= wire.world.now));
            let landed = known && pull.landed.contains(&commit.sha);
            // A pull request that was closed without a merge is not listed.
            let on_the_way = (issue.open || known) && pull.commits.contains(&commit.sha);
            landed || !on_default && on_the_way
        })
        .collect();
    Reply::list(&asked.page(&brought), |(issue, pull)| wire.pull(repository, issue, pull))
}

fn issues(wire: Wire<'_>, repository: &Repository, asked: &Asked<'_>) -> Reply {
    let state = asked.param("state").unwrap_or("open");
    let since = asked.param("since").and_then(|text| text.parse::<Timestamp>().ok());
    let labels: Vec<&str> = asked.param("labels").map_or(Vec::new(), |l| l.split(',').collect());
    let mut listed: Vec<&IssueRecord> = repository
        .issues
        .by_number
        .values()
        .rev()
        // With issues turned off, the list still contains pull requests.
        .filter(|issue| repository.has_issues || issue.pull.is_some())
        .filter(|issue| state == "all" || issue.open == (state == "open"))
        .filter(|issue| labels.iter().all(|label| issue.has_label(label)))
        .filter(|issue| {
            asked.param("creator").is_none_or(|login| login.eq_ignore_ascii_case(&issue.author))
        })
        .filter(|issue| since.is_none_or(|since| issue.updated_at >= since))
        .collect();
    match asked.param("sort") {
        Some("updated") => listed.sort_by_key(|issue| std::cmp::Reverse(issue.updated_at)),
        Some("comments") => listed.sort_by_key(|issue| std::cmp::Reverse(issue.comments.len())),
        Some(_) | None => {}
    }
    if asked.param("direction") == Some("asc") {
        listed.reverse();
    }
    Reply::list(&asked.page(&listed), |issue| wire.issue(repository, issue))
}

fn create_issue(world: &mut World, id: u64, asked: &Asked<'_>) -> Reply {
    let Some(title) = asked.body.get("title").and_then(as_title) else {
        return Reply::invalid("Issue", "title", "can't be blank");
    };
    let (now, ids) = (world.now, &mut world.ids);
    let Some(repository) = world.repositories.get_mut(&id) else { return Reply::not_found() };
    if !repository.has_issues {
        return gone();
    }
    let body = asked.body.get("body").and_then(Value::as_str);
    // Without push access, GitHub drops the labels silently.
    let wanted = if asked.can_push { label_names(asked.body) } else { Vec::new() };
    let issues = &mut repository.issues;
    let labels: Vec<String> = wanted.iter().map(|name| issues.label(name, ids)).collect();
    let issue = issues.open(&title, body, asked.login, now, ids);
    let number = issue.number;
    for label in labels {
        issue.add_label(&label, asked.login, now, ids);
    }
    shown(world, id, number, asked, Reply::created)
}

fn create_comment(world: &mut World, id: u64, number: u64, asked: &Asked<'_>) -> Reply {
    let body = asked.body.get("body").and_then(Value::as_str).filter(|body| !body.is_empty());
    let (now, ids) = (world.now, &mut world.ids);
    let Some(repository) = world.repositories.get_mut(&id) else { return Reply::not_found() };
    let off = !repository.has_issues;
    let Some(issue) = repository.issues.by_number.get_mut(&number) else {
        return Reply::not_found();
    };
    if off && issue.pull.is_none() {
        return gone();
    }
    let Some(body) = body else {
        return Reply::invalid("IssueComment", "body", "can't be blank");
    };
    if body.chars().count() > LONGEST_BODY {
        let words = format!("is too long (maximum is {LONGEST_BODY} characters)");
        return Reply::invalid("IssueComment", "body", &words);
    }
    let comment = issue.comment(body, asked.login, now, ids);
    let wire = Wire { world, api: asked.api };
    let found = world
        .repositories
        .get(&id)
        .and_then(|repository| Some((repository, repository.issues.by_number.get(&number)?)));
    found.map_or_else(Reply::not_found, |(repository, issue)| {
        Reply::created(wire.comment(repository, issue, &comment))
    })
}

fn update_issue(world: &mut World, id: u64, number: u64, asked: &Asked<'_>) -> Reply {
    let (now, ids) = (world.now, &mut world.ids);
    let Some(repository) = world.repositories.get_mut(&id) else { return Reply::not_found() };
    if !repository.has_issues {
        return gone();
    }
    let issues = &mut repository.issues;
    let names = asked.body.get("labels").map(|_| label_names(asked.body));
    let labels: Option<Vec<String>> = names
        .filter(|_| asked.can_push)
        .map(|names| names.iter().map(|name| issues.label(name, ids)).collect());
    let Some(issue) = issues.by_number.get_mut(&number) else { return Reply::not_found() };
    if !asked.can_push && !issue.author.eq_ignore_ascii_case(asked.login) {
        return Reply::error(403, "Must have admin rights to Repository.");
    }
    let text = |name: &str| asked.body.get(name).and_then(Value::as_str);
    if let Some(to) = asked.body.get("title").and_then(as_title).filter(|to| *to != issue.title) {
        let from = std::mem::replace(&mut issue.title, to.clone());
        issue.note(EventKind::Renamed { from, to }, asked.login, now, ids);
    }
    if let Some(body) = text("body") {
        issue.body = Some(body.to_owned());
        issue.updated_at = now;
    }
    for label in labels.iter().flatten() {
        issue.add_label(label, asked.login, now, ids);
    }
    if let Some(labels) = labels {
        for label in issue.labels.clone().iter().filter(|label| !labels.contains(label)) {
            issue.remove_label(label, asked.login, now, ids);
        }
    }
    match text("state") {
        Some("open") => issue.set_open(true, text("state_reason"), asked.login, now, ids),
        Some("closed") => issue.set_open(false, text("state_reason"), asked.login, now, ids),
        Some(_) => return Reply::invalid("Issue", "state", "is not included in the list"),
        None => {}
    }
    shown(world, id, number, asked, Reply::ok)
}

fn shown(
    world: &World,
    id: u64,
    number: u64,
    asked: &Asked<'_>,
    reply: fn(Value) -> Reply,
) -> Reply {
    let wire = Wire { world, api: asked.api };
    let Some(repository) = world.repositories.get(&id) else { return Reply::not_found() };
    let issue = repository.issues.by_number.get(&number);
    issue.map_or_else(Reply::not_found, |issue| reply(wire.issue(repository, issue)))
}

/// A title is text, or a number that is converted to text.
fn as_title(value: &Value) -> Option<String> {
    let text = value
        .as_str()
        .map_or_else(|| value.as_i64().map(|n| n.to_string()), |text| Some(text.to_owned()));
    text.filter(|text| !text.trim().is_empty())
}

/// Labels are given as names, or as objects with a name.
fn label_names(body: &Value) -> Vec<String> {
    let labels = body.get("labels").and_then(Value::as_array);
    let name =
        |label: &Value| label.as_str().or_else(|| label.get("name")?.as_str()).map(str::to_owned);
    labels.map(|labels| labels.iter().filter_map(name).collect()).unwrap_or_default()
}
