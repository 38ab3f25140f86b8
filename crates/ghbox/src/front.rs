//! The pipeline of every request: faults, token, limits, redirects, permissions, ETags.

mod asker;
mod leaving;
mod taken;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use serde_json::Value;

use super::access::{Access, Denied, Need, Permission, check};
use super::faults::Fault;
use super::log::{Exchange, Fate};
use super::people::Role;
use super::reply::{Asked, Body, Reply};
use super::repository::Repository;
use super::routes::{Call, Place};
use super::world::World;
use asker::Asker;
use leaving::{after_effect, finish};
use taken::Taken;

/// The existing versions of the REST API (docs.github.com, "API Versions").
const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// An answer as it leaves the box.
pub(super) struct Leaving {
    pub(super) response: Response<Bytes>,
    pub(super) manner: Manner,
}

/// How the answer is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Whole,
    Cut,
    Late(Duration),
    Never,
    Broken,
    Refused,
}

/// Carries out a request, as far as its fault permits.
pub(super) fn handle(world: &mut World, request: Request<Bytes>) -> Leaving {
    let taken = Taken::new(request, world.server.root_is_pages);
    let fault = world.faults.strike(&taken.method, &taken.path, taken.operation());
    let asker = Asker::of(world, &taken);
    let (login, meter) = match &asker {
        Ok(asker) => (asker.login().map(str::to_owned), asker.meter()),
        Err(_) => (None, String::new()),
    };
    let headers = asker.as_ref().map_or_else(|_| Vec::new(), Asker::headers);
    let installation = asker.as_ref().ok().and_then(|asker| Some(asker.within()?.installation));
    let instead = fault.as_ref().and_then(|fault| without_effect(world, &meter, fault));
    let spoiled_before = instead.is_some();
    let mut reply = match instead {
        Some(reply) => reply,
        None => carry_out(world, &taken, asker),
    };
    // The answer's own headers take precedence over those common to all answers to this token.
    reply.headers.splice(0..0, headers);
    let points = if taken.is_write() { 5 } else { 1 };
    let (mut response, charged) = finish(world, &taken, reply, &meter);
    let manner = after_effect(&mut response, fault.as_ref());
    let fate = match manner {
        Manner::Broken | Manner::Refused if spoiled_before => Fate::RequestLost,
        Manner::Broken | Manner::Refused | Manner::Never => Fate::AnswerLost,
        Manner::Cut => Fate::Spoiled,
        Manner::Late(_) => Fate::Answered,
        Manner::Whole if fault.is_some() => Fate::Spoiled,
        Manner::Whole => Fate::Answered,
    };
    let operation = taken.operation();
    world.log.count(operation, taken.is_write(), response.status().as_u16());
    if !world.log.keeps() {
        return Leaving { response, manner };
    }
    let mut request_headers = taken.headers;
    request_headers.remove(header::AUTHORIZATION);
    world.log.add(Exchange {
        at: world.now,
        method: taken.method,
        path: taken.path,
        operation,
        login,
        installation,
        request_headers,
        request_body: taken.raw_body,
        response_status: response.status().as_u16(),
        response_headers: response.headers().clone(),
        response_body: response.body().clone(),
        points,
        charged,
        fate,
    });
    Leaving { response, manner }
}

/// The answer that a fault puts in place of GitHub's. The request is not carried out.
fn without_effect(world: &mut World, meter: &str, fault: &Fault) -> Option<Reply> {
    match fault {
        Fault::Status(status) => Some(Reply::error(*status, "Server Error")),
        Fault::Refuse { status, message } => Some(Reply::error(*status, message.clone())),
        Fault::LoseRequest | Fault::RefuseConnection => Some(Reply::no_content()),
        Fault::PrimaryLimit => {
            let now = world.now;
            let window = world.meters.window(meter, now);
            window.used = window.limit;
            let reset = window.resets_at.as_second().to_string();
            Some(
                Reply::error(403, format!("API rate limit exceeded for {meter}."))
                    .with("x-ratelimit-remaining", "0")
                    .with("x-ratelimit-reset", reset),
            )
        }
        Fault::SecondaryLimit { status, retry_after } => {
            Some(secondary(*status, retry_after.map(|seconds| seconds.to_string())))
        }
        Fault::StatusAfter(_)
        | Fault::LoseAnswer
        | Fault::Delay(_)
        | Fault::Hang
        | Fault::Truncate
        | Fault::MalformedJson
        | Fault::EmptyList
        | Fault::Html(_) => None,
    }
}

fn secondary(status: u16, retry_after: Option<String>) -> Reply {
    let words = "You have exceeded a secondary rate limit. Please wait a few minutes before you \
                 try again.";
    let mut reply = Reply::error(status, words);
    reply.headers.extend(retry_after.map(|seconds| ("retry-after", seconds)));
    reply
}

/// Answers as GitHub does.
fn carry_out(world: &mut World, taken: &Taken, asker: Result<Asker, Reply>) -> Reply {
    if taken.for_people {
        return no_page();
    }
    let version = taken.header("x-github-api-version");
    if !version.is_empty() && !VERSIONS.contains(&version) {
        let words = format!("\"{version}\" is not a supported version.");
        return Reply::error(400, words);
    }
    let asker = match asker {
        Ok(asker) => asker,
        Err(refused) => return refused,
    };
    let meter = asker.meter();
    if let Some(refused) = over_limits(world, taken, &meter) {
        return refused;
    }
    let Some((place, call)) = &taken.call else { return Reply::not_found() };
    let body = if taken.raw_body.is_empty() {
        Value::Null
    } else {
        match serde_json::from_slice(&taken.raw_body) {
            Ok(body) => body,
            Err(_) => return Reply::error(400, "Problems parsing JSON"),
        }
    };
    let (id, role) = match locate(world, taken, place, &asker) {
        Ok(Some(found)) => found,
        Ok(None) if matches!(asker, Asker::Nobody) && *call == Call::User => {
            return Reply::error(401, "Requires authentication");
        }
        Ok(None) => (0, None),
        Err(reply) => return reply,
    };
    if let Some(refused) = may_not(world, call, &asker, id, role) {
        return refused;
    }
    if taken.is_write() {
        world.wake(id);
    }
    let asked = Asked {
        api: &taken.api,
        path: &taken.path,
        query: &taken.query,
        body: &body,
        login: asker.login().unwrap_or_default(),
        meter: &meter,
        app: asker.app(),
        within: asker.within(),
        token: taken.token().unwrap_or_default(),
        can_push: asker.can_push(role),
        installation: asker.is_installation(),
        accept: taken.header(header::ACCEPT),
        version,
    };
    call.answer(world, id, &asked)
}

/// Enterprise Server's answer where its web pages are and no page exists.
fn no_page() -> Reply {
    let page = "<!DOCTYPE html><html><body><h1>404</h1></body></html>".to_owned();
    Reply { status: 404, ..Reply::text("text/html; charset=utf-8", page) }
}

/// GitHub's refusal, if the caller may not do this in the repository.
fn may_not(
    world: &World,
    call: &Call,
    asker: &Asker,
    id: u64,
    role: Option<Role>,
) -> Option<Reply> {
    let repository = world.repositories.get(&id)?;
    // An App that authenticates as itself can only ask where it is installed; those routes do
    // their own checks.
    if asker.app().is_some() {
        return None;
    }
    let denied = denied(call, asker, role, repository);
    let archived = repository.archived && call.need().access == Access::Write;
    let read_only = || Reply::error(403, "Repository was archived so is read-only.");
    denied.map(refusal).or_else(|| archived.then(read_only))
}

/// Why GitHub refuses. Either permission suffices for an issue endpoint that is called with a
/// pull request's number.
fn denied(
    call: &Call,
    asker: &Asker,
    role: Option<Role>,
    repository: &Repository,
) -> Option<Denied> {
    let by = |need| check(asker.token(), need, role, repository.private).err();
    let denied = by(call.need())?;
    let Some(number) = call.issue() else { return Some(denied) };
    let instead = by(Need { permission: Permission::PullRequests, ..call.need() });
    let about = repository.issues.by_number.get(&number);
    if instead.is_none() && about.is_some_and(|issue| issue.pull.is_some()) {
        return None;
    }
    Some(denied.or_also(Permission::PullRequests, call.need().access))
}

fn over_limits(world: &mut World, taken: &Taken, meter: &str) -> Option<Reply> {
    let now = world.now;
    let call = taken.call.as_ref().map(|(_, call)| call);
    if call == Some(&Call::RateLimit) {
        return None;
    }
    let window = world.meters.window(meter, now);
    if world.server.sends_limit_headers && window.remaining() == 0 {
        let words = format!("API rate limit exceeded for {meter}.");
        return Some(Reply::error(403, words));
    }
    let points = if taken.is_write() { 5 } else { 1 };
    let content = call.is_some_and(Call::creates_content);
    let wait = world.meters.spend(meter, points, content, now).err()?;
    Some(secondary(403, Some(wait.to_string())))
}

/// The repository that the request names and the caller's role in it. An error answer if the
/// repository has moved or is invisible to the caller.
fn locate(
    world: &World,
    taken: &Taken,
    place: &Place,
    asker: &Asker,
) -> Result<Option<(u64, Option<Role>)>, Reply> {
    let found = match place {
        Place::Nowhere => return Ok(None),
        Place::Numbered(id) => world.repositories.get(id),
        Place::Named(owner, name) => world.repository_named(&format!("{owner}/{name}")),
    };
    let repository = found.filter(|found| world.is_there(found)).ok_or_else(Reply::not_found)?;
    if let Place::Named(owner, name) = place {
        let asked = format!("{owner}/{name}");
        if !repository.full_name().eq_ignore_ascii_case(&asked) {
            return Err(moved(taken, repository));
        }
    }
    let role = match asker.within() {
        Some(within) => world.role_within(within, repository),
        None => asker.login().and_then(|login| world.role_in(repository, login)),
    };
    Ok(Some((repository.id, role)))
}

/// Redirects from an old name to the repository's id. A 307 makes clients repeat writes as
/// writes.
fn moved(taken: &Taken, repository: &Repository) -> Reply {
    let rest = taken.path.trim_start_matches('/').splitn(4, '/').nth(3);
    let rest = rest.map_or_else(String::new, |rest| format!("/{rest}"));
    let query = taken.path.split_once('?').filter(|_| rest.is_empty());
    let query = query.map_or_else(String::new, |(_, query)| format!("?{query}"));
    let location = format!("{}/repositories/{}{rest}{query}", taken.api, repository.id);
    let (status, words) =
        if taken.is_write() { (307, "Temporary Redirect") } else { (301, "Moved Permanently") };
    let body = serde_json::json!({
        "message": words,
        "url": location,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    });
    Reply { status, body: Body::Json(body), headers: vec![("location", location)] }
}

pub(super) fn refusal(denied: Denied) -> Reply {
    match denied {
        Denied::Hidden => Reply::not_found(),
        Denied::Forbidden { message, accepted } => {
            let mut reply = Reply::error(403, message);
            let named = accepted.map(|accepted| ("x-accepted-github-permissions", accepted));
            reply.headers.extend(named);
            reply
        }
    }
}
