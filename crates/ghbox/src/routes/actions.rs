//! Workflows, their runs, and dispatches.

use jiff::Timestamp;

use serde_json::{Value, json};

use super::Call;
use crate::actions::Workflow;
use crate::dispatch::{Refused, dispatch, given_inputs};
use crate::reply::{Asked, Reply};
use crate::repository::Repository;
use crate::runs::Run;
use crate::wire::{Wire, time};
use crate::world::World;

/// The maximum length of a filtered list (docs.github.com, REST "List workflow runs").
const MOST_FILTERED: usize = 1_000;
/// The parameters that make a list a query of the search index.
const FILTERS: [&str; 7] =
    ["branch", "status", "event", "head_sha", "actor", "created", "check_suite_id"];

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each room answers its own operations and leaves the rest to the next"
)]
pub(super) fn answer(call: &Call, world: &mut World, id: u64, asked: &Asked<'_>) -> Option<Reply> {
    if let Call::Dispatch(key) = call {
        return Some(post_dispatch(world, id, key, asked));
    }
    let repository = world.repositories.get(&id)?;
    let wire = Wire { world, api: asked.api };
    let reply = match call {
        Call::Workflows => {
            let all: Vec<&Workflow> = repository.actions.workflows.iter().collect();
            let page = asked.page(&all);
            Reply::counted(all.len(), "workflows", &page, |one| wire.workflow(repository, one))
        }
        Call::Workflow(key) => match repository.actions.workflow(key) {
            Some(workflow) => Reply::ok(wire.workflow(repository, workflow)),
            None => Reply::not_found(),
        },
        Call::WorkflowRuns(key) => match repository.actions.workflow(key) {
            Some(workflow) => runs(wire, repository, Some(workflow.id), asked),
            None => Reply::not_found(),
        },
        Call::Runs => runs(wire, repository, None, asked),
        Call::Run(run) => of_run(repository, *run, |run| {
            Some(wire.run(repository, run, run.attempt_number(), &run.current))
        }),
        Call::RunAttempt(run, number) => of_run(repository, *run, |run| {
            Some(wire.run(repository, run, *number, run.attempt(*number)?))
        }),
        Call::RunJobs(run) => jobs(wire, repository, *run, None, asked),
        Call::AttemptJobs(run, number) => jobs(wire, repository, *run, Some(*number), asked),
        _ => return None,
    };
    Some(reply)
}

fn of_run(repository: &Repository, id: u64, show: impl Fn(&Run) -> Option<Value>) -> Reply {
    let shown = repository.actions.runs.get(&id).and_then(show);
    shown.map_or_else(Reply::not_found, Reply::ok)
}

/// Lists runs, newest first by creation: a re-run does not move up.
fn runs(
    wire: Wire<'_>,
    repository: &Repository,
    workflow: Option<u64>,
    asked: &Asked<'_>,
) -> Reply {
    let (now, actions) = (wire.world.now, &repository.actions);
    let filtered = FILTERS.iter().any(|filter| asked.param(filter).is_some());
    let of_workflow = actions
        .runs
        .values()
        .rev()
        .filter(|run| workflow.is_none_or(|workflow| run.workflow_id == workflow))
        .filter(|run| run.hidden_until.is_none_or(|until| until <= now));
    let mut listed: Vec<&Run> = if filtered {
        let known = now.checked_sub(actions.index_lag).unwrap_or(Timestamp::MIN);
        let known = actions.index_stopped_at.map_or(known, |stopped| stopped.min(known));
        of_workflow.filter(|run| index_finds(run, known, asked)).collect()
    } else {
        let shown = now.checked_sub(actions.list_lag).unwrap_or(Timestamp::MIN);
        // The clock that dates runs may be ahead. That hides no run.
        of_workflow.filter(|run| run.known_at(shown).is_some()).collect()
    };
    let total = listed.len();
    if filtered {
        listed.truncate(MOST_FILTERED);
    }
    let page = asked.page(&listed);
    let texts: Vec<_> = page.items.iter().map(|run| wire.run_text(repository, run)).collect();
    let text = format!("{{\"total_count\":{total},\"workflow_runs\":[{}]}}", texts.join(","));
    Reply::json_text(text).linked(page.links)
}

/// Whether the search index finds a run, with the knowledge it had at `known`. Runs it finds
/// are shown as they are now.
fn index_finds(run: &Run, known: Timestamp, asked: &Asked<'_>) -> bool {
    let Some((status, conclusion)) = run.known_at(known) else { return false };
    let is = |filter: &str, value: Option<&str>| {
        asked.param(filter).is_none_or(|wanted| Some(wanted) == value)
    };
    let wanted = asked.param("status");
    !run.missed_by_index
        && is("branch", run.head_branch.as_deref())
        && is("event", Some(&run.event))
        && is("head_sha", Some(&run.head_sha))
        && is("actor", Some(&run.actor))
        && wanted.is_none_or(|wanted| wanted == status || Some(wanted) == conclusion)
        && asked.param("created").is_none_or(|range| created_in(run.created_at, range))
        && asked.param("check_suite_id").is_none()
}

/// Evaluates `created` in search syntax: a day or a time, `>=`, `<`, or a range with `..` and
/// `*`.
fn created_in(at: Timestamp, range: &str) -> bool {
    let at = time(at);
    let on = |day: &str| at.starts_with(day);
    let normal = |text: &str| text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), time);
    if let Some((from, until)) = range.split_once("..") {
        let (from, until) = (normal(from), normal(until));
        return (from == "*" || at >= from) && (until == "*" || at <= until || on(&until));
    }
    if let Some(from) = range.strip_prefix(">=") {
        return at >= normal(from);
    }
    if let Some(until) = range.strip_prefix("<=") {
        return at <= normal(until) || on(until);
    }
    if let Some(from) = range.strip_prefix('>') {
        return at > normal(from) && !on(from);
    }
    if let Some(until) = range.strip_prefix('<') {
        return at < normal(until);
    }
    on(&normal(range))
}

fn jobs(
    wire: Wire<'_>,
    repository: &Repository,
    run: u64,
    attempt: Option<u64>,
    asked: &Asked<'_>,
) -> Reply {
    let Some(run) = repository.actions.runs.get(&run) else { return Reply::not_found() };
    let numbers = match attempt {
        Some(number) if run.attempt(number).is_none() => return Reply::not_found(),
        Some(number) => number..=number,
        None if asked.param("filter") == Some("all") => 1..=run.attempt_number(),
        None => run.attempt_number()..=run.attempt_number(),
    };
    let all: Vec<_> = numbers
        .filter_map(|number| Some((number, run.attempt(number)?)))
        .flat_map(|(number, attempt)| attempt.jobs.iter().map(move |job| (number, job)))
        .collect();
    Reply::counted(all.len(), "jobs", &asked.page(&all), |(number, job)| {
        wire.job(repository, run, *number, job)
    })
}

fn post_dispatch(world: &mut World, id: u64, key: &str, asked: &Asked<'_>) -> Reply {
    // ISO dates sort as text. From this version on, the answer always has details.
    let always_details = asked.version >= "2026-03-10";
    let details = asked.body.get("return_run_details");
    let known = !world.server.refuses_run_details && !always_details;
    if details.is_some() && !known {
        let words = "Invalid request.\n\n\"return_run_details\" is not a permitted key.";
        return Reply::error(400, words);
    }
    let Some(reference) = asked.body.get("ref").and_then(Value::as_str) else {
        return Reply::error(422, "Invalid request.\n\n\"ref\" wasn't supplied.");
    };
    let (now, by) = (world.now, asked.login);
    let Some(repository) = world.repositories.get_mut(&id) else { return Reply::not_found() };
    let inputs = given_inputs(asked.body);
    match dispatch(repository, key, reference, &inputs, by, now, &mut world.ids) {
        Err(Refused::NotFound) => Reply::not_found(),
        Err(Refused::Unprocessable(words)) => Reply::error(422, words),
        Ok(run_id) if always_details || details == Some(&Value::Bool(true)) => {
            let wire = Wire { world, api: asked.api };
            let Some(repository) = world.repositories.get(&id) else { return Reply::not_found() };
            Reply::ok(json!({
                "workflow_run_id": run_id,
                "run_url": format!("{}/actions/runs/{run_id}", wire.api_of(repository)),
                "html_url": wire.run_page(repository, run_id),
            }))
        }
        Ok(_) => Reply::no_content(),
    }
}
