//! The JSON API below `/api/v1`: the data of `status` and `history`, and details of repositories
//! and commits. `openapi.json` describes it; a test validates every response against it.

use std::future::Future;

use axum::Router;
use axum::extract::State;
use axum::routing::{MethodRouter, get};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{self, HandlerAnswer};
use super::problem::HttpProblem;
use super::question::RequestQuery;
use super::within;
use crate::clock::beside_others;
use crate::domain::{AttemptId, Outcome, Reason, ShaPrefix};
use crate::queries::view::FleetStatus;
use crate::queries::{EntryWord, Filter, ReadModel, Wanted};

const INDEX: &str = "/api/v1";
/// The index with a trailing slash, as people type it.
const INDEX_TOO: &str = "/api/v1/";
const OPENAPI: &str = "/api/v1/openapi.json";
const REPOSITORIES: &str = "/api/v1/repositories";
const REPOS: &str = "/api/v1/repos";
const REPOSITORY: &str = "/api/v1/repos/{owner}/{name}";
const COMMIT: &str = "/api/v1/repos/{owner}/{name}/commits/{sha}";
const CALENDAR: &str = "/api/v1/calendar";
const ATTEMPTS: &str = "/api/v1/repos/{owner}/{name}/attempts";
const LEDGER: &str = "/api/v1/repos/{owner}/{name}/ledger";

type RouteEntry = (&'static str, fn() -> MethodRouter<ReadModel>);

const ROUTES: [RouteEntry; 10] = [
    (INDEX, || get(index)),
    (INDEX_TOO, || get(index)),
    (OPENAPI, || get(openapi)),
    (REPOSITORIES, || get(repositories)),
    (REPOS, || get(repositories)),
    (REPOSITORY, || get(repository)),
    (CALENDAR, || get(calendar)),
    (COMMIT, || get(commit)),
    (ATTEMPTS, || get(attempts)),
    (LEDGER, || get(ledger)),
];

/// The OpenAPI document, which is also served.
const DESCRIPTION: &str = include_str!("openapi.json");

/// The documented paths of the API, with `{parameters}`.
pub fn paths() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|(path, _)| *path).filter(|path| *path != INDEX_TOO)
}

/// Whether a path belongs to the API, so that errors are JSON problems.
pub(super) fn is_below(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

pub(super) fn routes() -> Router<ReadModel> {
    ROUTES.iter().fold(Router::new(), |router, (path, route)| router.route(path, route()))
}

async fn index(State(window): State<ReadModel>, asked: RequestQuery) -> HandlerAnswer {
    asked.takes(&[])?;
    let all = within(&window, window.repositories()).await?;
    let index: Value = json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "openapi": OPENAPI,
        "links": {
            "repositories": REPOSITORIES,
            "calendar": CALENDAR,
            "repository": REPOSITORY,
            "commit": COMMIT,
            "attempts": ATTEMPTS,
            "ledger": LEDGER,
        },
        "repositories": all.repositories,
    });
    beside_others(all.about_bytes(), || answer::json(&asked.headers, &index))
}

async fn openapi(asked: RequestQuery) -> HandlerAnswer {
    asked.takes(&[])?;
    Ok(answer::tagged(&asked.headers, DESCRIPTION.to_owned()))
}

async fn repositories(State(window): State<ReadModel>, asked: RequestQuery) -> HandlerAnswer {
    asked.takes(&["decision", "reason", "error"])?;
    let only = RepositoryFilter::of(&asked)?;
    let all = within(&window, window.repositories()).await?;
    beside_others(all.about_bytes(), || answer::json(&asked.headers, &only.narrow(all)))
}

async fn calendar(State(window): State<ReadModel>, asked: RequestQuery) -> HandlerAnswer {
    asked.takes(&[])?;
    answer::json(&asked.headers, &window.calendar(window.clock().now()))
}

/// Filters on repositories. A repository must match all that are set.
struct RepositoryFilter {
    decision: Option<Outcome>,
    reason: Option<Reason>,
    error: Option<bool>,
}

impl RepositoryFilter {
    fn of(asked: &RequestQuery) -> Result<Self, HttpProblem> {
        let outcome = |word: &str| Outcome::ALL.into_iter().find(|one| one.as_str() == word);
        Ok(Self {
            decision: named(asked, "decision", outcome, "ALLOW, HOLD, WAIT or NONE")?,
            reason: named(asked, "reason", Reason::from_code, "a reason's code, as in cooldown")?,
            error: asked.in_query("error", "true, for those whose last pass failed, or false")?,
        })
    }

    fn narrow(&self, mut all: FleetStatus) -> FleetStatus {
        all.repositories.retain(|row| {
            self.decision.is_none_or(|decision| row.decision == Some(decision))
                && self.reason.is_none_or(|reason| row.reason == Some(reason))
                && self.error.is_none_or(|error| row.error.is_some() == error)
        });
        all
    }
}

/// Reads an optional query parameter that takes one of a fixed set of values.
fn named<T>(
    asked: &RequestQuery,
    parameter: &str,
    read: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, HttpProblem> {
    let Some(text) = asked.text(parameter) else { return Ok(None) };
    read(text).map(Some).ok_or_else(|| HttpProblem::parameter(parameter, text, expected))
}

async fn repository(State(window): State<ReadModel>, asked: RequestQuery) -> HandlerAnswer {
    asked.takes(&[])?;
    let name = asked.repository()?;
    answered(&window, &asked, window.repository(&name)).await
}

async fn commit(State(window): State<ReadModel>, asked: RequestQuery) -> HandlerAnswer {
    asked.takes(&[])?;
    let name = asked.repository()?;
    let sha: ShaPrefix = asked.in_path("sha", "7 to 64 hex digits of a commit's id")?;
    answered(&window, &asked, window.commit(&name, &sha)).await
}

async fn attempts(State(window): State<ReadModel>, asked: RequestQuery) -> HandlerAnswer {
    asked.takes(&["limit", "before"])?;
    let (name, limit) = (asked.repository()?, asked.limit()?);
    let before: Option<AttemptId> = asked.in_query("before", "an attempt's id, six hex digits")?;
    let page = within(&window, window.attempts(&name, before.as_ref(), limit)).await?;
    let next = page.next.as_ref().map(|id| asked.page_before(&id.to_string()));
    answer::page(&asked.headers, &page, next.as_deref())
}

async fn ledger(State(window): State<ReadModel>, asked: RequestQuery) -> HandlerAnswer {
    asked.takes(&["limit", "before", "kind", "sha", "since", "until", "by"])?;
    let name = asked.repository()?;
    let wanted = Wanted {
        before: asked.in_query("before", "the number of an entry")?,
        limit: asked.limit()?,
        filter: filter(&asked)?,
    };
    let page = within(&window, window.ledger(&name, wanted)).await?;
    let next = page.next.map(|number| asked.page_before(&number.to_string()));
    answer::page(&asked.headers, &page, next.as_deref())
}

/// Filters on ledger entries, named like the options of `history`.
fn filter(asked: &RequestQuery) -> Result<Filter, HttpProblem> {
    let a_time = "a time as in 2026-11-02T09:00:00Z";
    let filter = Filter {
        since: asked.in_query::<Timestamp>("since", a_time)?,
        until: asked.in_query::<Timestamp>("until", a_time)?,
        kinds: kinds(asked)?,
        sha: asked.in_query("sha", "7 to 64 hex digits of a commit's id")?,
        by: asked.text("by").map(str::to_owned),
    };
    if filter.is_never() {
        let until = asked.text("until").unwrap_or_default();
        return Err(HttpProblem::parameter("until", until, "a time after `since`"));
    }
    Ok(filter)
}

/// Parses `kind`: entry groups and kinds, separated by commas.
fn kinds(asked: &RequestQuery) -> Result<Vec<EntryWord>, HttpProblem> {
    let Some(text) = asked.text("kind") else { return Ok(Vec::new()) };
    let kinds: Result<Vec<EntryWord>, _> = text.split(',').map(str::parse).collect();
    kinds.map_err(|_| {
        let groups = EntryWord::GROUPS.map(EntryWord::as_str).join(", ");
        let expected = format!("any of {groups}, or an entry's own `kind`, with commas between");
        HttpProblem::parameter("kind", text, expected)
    })
}

async fn answered<T: Serialize, E: Into<HttpProblem>>(
    window: &ReadModel,
    asked: &RequestQuery,
    work: impl Future<Output = Result<T, E>>,
) -> HandlerAnswer {
    let value = within(window, work).await?;
    answer::json(&asked.headers, &value)
}
