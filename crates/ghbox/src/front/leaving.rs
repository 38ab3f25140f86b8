//! The HTTP side of an answer: ETags, rate limits, dates, and what faults do to it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, header};

use super::Manner;
use super::taken::Taken;
use crate::faults::Fault;
use crate::ids::next;
use crate::reply::{Body, Reply};
use crate::routes::Call;
use crate::wire::http_date;
use crate::world::World;

/// Makes the HTTP response with ETag or 304, rate limits and date. Also returns whether it was
/// charged to the primary limit.
pub(super) fn finish(
    world: &mut World,
    taken: &Taken,
    reply: Reply,
    meter: &str,
) -> (Response<Bytes>, bool) {
    let (media_type, body) = match reply.body {
        Body::Empty => (None, Bytes::new()),
        Body::Json(value) => {
            (Some("application/json; charset=utf-8"), Bytes::from(value.to_string()))
        }
        Body::Text { media_type, text } => (Some(media_type), Bytes::from(text)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or_default();
    for (name, value) in &reply.headers {
        put(response.headers_mut(), name, value);
    }
    if let Some(media_type) = media_type {
        put(response.headers_mut(), "content-type", media_type);
    }
    if taken.method == Method::GET && reply.status == 200 {
        // ETags depend on the token; those of another token never match.
        let token = taken.header(header::AUTHORIZATION);
        // GitHub does not document that ETags cover the `Link` header: a page can keep its ETag
        // although another page now follows it. The hash need not be cryptographic: nobody
        // attacks the box, and its bodies are large.
        let mut hash = DefaultHasher::new();
        token.hash(&mut hash);
        hash.write(response.body());
        let etag = format!("W/\"{:016x}{:x}\"", hash.finish(), response.body().len());
        put(response.headers_mut(), "etag", &etag);
        put(response.headers_mut(), "cache-control", "private, max-age=60, s-maxage=60");
        put(response.headers_mut(), "vary", "Accept, Authorization, Cookie, X-GitHub-OTP");
        let strong = etag.trim_start_matches("W/");
        let known = taken.header(header::IF_NONE_MATCH).split(',').map(str::trim);
        if known.into_iter().any(|known| known.trim_start_matches("W/") == strong) {
            *response.status_mut() = http::StatusCode::NOT_MODIFIED;
            *response.body_mut() = Bytes::new();
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
    }
    let charged = charge(world, taken, &mut response, meter);
    let id = format!("GHBX:{:08X}", next(&mut world.ids.request));
    put(response.headers_mut(), "x-github-request-id", &id);
    put(response.headers_mut(), "x-github-media-type", "github.v3; format=json");
    put(response.headers_mut(), "server", "github.com");
    if let Some(version) = &world.server.enterprise {
        put(response.headers_mut(), "x-github-enterprise-version", version);
    }
    put(response.headers_mut(), "date", &http_date(world.now));
    (response, charged)
}

fn charge(world: &mut World, taken: &Taken, response: &mut Response<Bytes>, meter: &str) -> bool {
    let free = response.status() == http::StatusCode::NOT_MODIFIED
        || response.status() == http::StatusCode::UNAUTHORIZED
        || taken.call.as_ref().is_some_and(|(_, call)| *call == Call::RateLimit);
    let now = world.now;
    let window = world.meters.window(meter, now);
    if !free {
        window.used = window.used.saturating_add(1).min(window.limit);
    }
    if world.server.sends_limit_headers {
        let headers = response.headers_mut();
        put(headers, "x-ratelimit-limit", &window.limit.to_string());
        put(headers, "x-ratelimit-remaining", &window.remaining().to_string());
        put(headers, "x-ratelimit-used", &window.used.to_string());
        put(headers, "x-ratelimit-reset", &window.resets_at.as_second().to_string());
        put(headers, "x-ratelimit-resource", "core");
    }
    !free
}

/// Applies a fault to the answer of a request that was carried out.
pub(super) fn after_effect(response: &mut Response<Bytes>, fault: Option<&Fault>) -> Manner {
    match fault {
        Some(Fault::LoseAnswer | Fault::LoseRequest) => Manner::Broken,
        Some(Fault::RefuseConnection) => Manner::Refused,
        Some(Fault::Hang) => Manner::Never,
        Some(Fault::Delay(length)) => Manner::Late(*length),
        Some(Fault::Truncate) => Manner::Cut,
        Some(Fault::MalformedJson) => {
            let broken = format!("{{\"message\": {}", response.body().len());
            *response.body_mut() = Bytes::from(broken);
            Manner::Whole
        }
        Some(Fault::EmptyList) => {
            empty_list(response);
            Manner::Whole
        }
        Some(Fault::Html(status)) => {
            page_for_people(response, *status);
            Manner::Whole
        }
        Some(Fault::StatusAfter(status)) => {
            let text = serde_json::json!({ "message": "Server Error" }).to_string();
            *response.body_mut() = Bytes::from(text);
            *response.status_mut() = http::StatusCode::from_u16(*status).unwrap_or_default();
            put(response.headers_mut(), "content-type", "application/json; charset=utf-8");
            Manner::Whole
        }
        Some(
            Fault::Status(_)
            | Fault::Refuse { .. }
            | Fault::PrimaryLimit
            | Fault::SecondaryLimit { .. },
        )
        | None => Manner::Whole,
    }
}

fn page_for_people(response: &mut Response<Bytes>, status: u16) {
    let page = "<!DOCTYPE html><html><body><h1>Unicorn!</h1></body></html>";
    *response.body_mut() = Bytes::from_static(page.as_bytes());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    put(response.headers_mut(), "content-type", "text/html; charset=utf-8");
}

/// Sets a header, or omits it if it is not valid in HTTP.
fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = http::HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// Removes the items of a counted list but keeps its count.
fn empty_list(response: &mut Response<Bytes>) {
    let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(response.body()) else { return };
    let Some(fields) = body.as_object_mut().filter(|fields| fields.contains_key("total_count"))
    else {
        return;
    };
    for items in fields.values_mut().filter_map(serde_json::Value::as_array_mut) {
        items.clear();
    }
    *response.body_mut() = Bytes::from(body.to_string());
    // They describe the original list.
    response.headers_mut().remove("etag");
    response.headers_mut().remove("link");
}
