//! The client against a scripted GitHub in the same process.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion: it names the line that was wrong"
)]

mod hostile;
mod reading;
mod waiting;
mod writing;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, Limited, combinators::BoxBody};
use jiff::Timestamp;
use octocrab::OctoBody;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

use super::*;
use crate::clock::ManualTime;
use crate::domain::{RepoName, Sha};

impl Writer {
    /// Sends a write without a check.
    async fn send(&self, write: WriteRequest) -> Result<WriteAnswer, WriteFailure> {
        self.send_if(write, Arc::new(|| Ok(()))).await
    }
}

/// How the service answers a request.
enum Reply {
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The body is cut off.
    Cut(u16),
    /// No answer ever comes.
    Silence,
    /// The connection breaks after the request was sent.
    Reset,
    /// The connection is refused.
    NobodyListens,
}

fn answer(status: u16, body: Value) -> Reply {
    Reply::Answer(status, Vec::new(), body.to_string())
}

fn problem(status: u16, message: &str) -> Reply {
    answer(status, json!({ "message": message }))
}

impl Reply {
    fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        let Self::Answer(status, mut headers, body) = self else { return self };
        headers.push((name, value.into()));
        Self::Answer(status, headers, body)
    }
}

/// A request as the service received it.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    url: String,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Clone, Default)]
struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = Arc::new(Mutex::new(replies.into_iter().collect()));
        Self { replies, seen: Arc::default() }
    }

    fn then(&self, reply: Reply) {
        self.replies.lock().unwrap().push_back(reply);
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn urls(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.url).collect()
    }

    async fn reply(
        self,
        request: Request<OctoBody>,
    ) -> Result<Response<BoxBody<Bytes, BoxError>>, io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        self.seen.lock().unwrap().push(Seen {
            method: parts.method.to_string(),
            url: parts.uri.to_string(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        let reply = self.replies.lock().unwrap().pop_front().expect("a request too many");
        let whole = |text: String| Full::new(Bytes::from(text)).map_err(Into::into).boxed();
        match reply {
            Reply::Answer(status, headers, text) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Ok(response.body(whole(text)).unwrap())
            }
            Reply::Cut(status) => {
                let cut = Limited::new(Full::new(Bytes::from_static(b"{\"id\": 12")), 3);
                Ok(Response::builder().status(status).body(cut.boxed()).unwrap())
            }
            Reply::Silence => std::future::pending().await,
            Reply::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            Reply::NobodyListens => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, CachedResponse>>);

impl ResponseCache for Memory {
    fn get<'a>(&'a self, key: &'a str) -> Getting<'a> {
        Box::pin(async { self.0.lock().unwrap().get(key).cloned() })
    }
    fn put(&self, key: &str, response: CachedResponse) -> CachePut {
        self.0.lock().unwrap().insert(key.to_owned(), response);
        CachePut::Anew
    }
}

/// A client and everything around it.
struct World {
    script: Script,
    reader: Reader,
    writer: Writer,
    clock: Clock,
    time: ManualTime,
    cache: Arc<Memory>,
    metrics: Arc<Metrics>,
}

fn settings() -> GithubSettings {
    GithubSettings {
        api_url: "https://ghe.example.com/api/v3".into(),
        token: TokenSource::Value("ghp_secret".into()),
        max_requests_per_minute: 0,
        request_timeout: REQUEST_TIMEOUT,
    }
}

fn world(replies: impl IntoIterator<Item = Reply>) -> World {
    world_of(settings(), replies)
}

fn world_of(settings: GithubSettings, replies: impl IntoIterator<Item = Reply>) -> World {
    let script = Script::new(replies);
    let (clock, time) = Clock::manual(noon(), 1);
    let cache = Arc::new(Memory::default());
    let metrics = Arc::new(Metrics::new());
    let service = {
        let script = script.clone();
        HttpService::new(service_fn(move |request| script.clone().reply(request)))
    };
    let (readers, writer) =
        connect(&settings, service, clock.clone(), cache.clone(), Arc::clone(&metrics)).unwrap();
    let reader = readers.of(&shop());
    World { script, reader, writer, clock, time, cache, metrics }
}

/// An endpoint that refuses connections, and its clock.
pub(super) fn line() -> (Endpoint, ManualTime) {
    let (clock, time) = Clock::manual(noon(), 1);
    let nobody = service_fn(async |_| {
        Err::<Response<String>, _>(io::Error::from(io::ErrorKind::ConnectionRefused))
    });
    let (url, metrics) = ("https://api.github.com", Arc::new(Metrics::new()));
    let line = Endpoint::new(url, REQUEST_TIMEOUT, HttpService::new(nobody), clock, metrics);
    (line.unwrap(), time)
}

fn noon() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

fn shop() -> RepoName {
    "acme/shop".parse().unwrap()
}

fn sha(digit: char) -> Sha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn repository(id: u64, name: &str) -> Value {
    json!({
        "id": id, "full_name": name, "default_branch": "main", "archived": false,
        "has_issues": true, "html_url": format!("https://ghe.example.com/{name}"),
    })
}

fn run(id: u64) -> Value {
    json!({
        "id": id, "run_attempt": 2, "workflow_id": 7, "event": "push", "head_branch": "main",
        "head_sha": sha('a'), "head_repository": { "id": 1 }, "display_title": "Fix the cart",
        "status": "completed", "conclusion": "success",
        "created_at": "2026-11-01T11:00:00Z", "run_started_at": "2026-11-01T11:30:00Z",
        "updated_at": "2026-11-01T11:40:00Z", "actor": { "login": "Ann" },
        "triggering_actor": { "login": "ann" }, "html_url": "https://ghe.example.com/run",
    })
}

#[test]
fn outside_a_runtime_there_is_an_error_and_no_panic() {
    let (clock, _) = Clock::manual(noon(), 1);
    let service = {
        let script = Script::default();
        HttpService::new(service_fn(move |request| script.clone().reply(request)))
    };
    let error = connect(&settings(), service, clock, Arc::new(NoCache), Arc::new(Metrics::new()));
    assert!(matches!(error.err(), Some(ConnectError::NoRuntime)));
}

#[tokio::test]
async fn a_token_is_sent_over_tls_or_to_this_very_machine_only() {
    let try_url = |url: &str| {
        let settings = GithubSettings { api_url: url.into(), ..settings() };
        let script = Script::default();
        let service = HttpService::new(service_fn(move |request| script.clone().reply(request)));
        let (clock, _) = Clock::manual(noon(), 1);
        connect(&settings, service, clock, Arc::new(NoCache), Arc::new(Metrics::new())).is_ok()
    };
    for good in [
        "https://api.github.com",
        "http://127.0.0.1:80/api/v3",
        "http://[::1]:1",
        "http://localhost",
    ] {
        assert!(try_url(good), "{good}");
    }
    for bad in ["http://ghe.example.com", "ghe.example.com", "https://a:b@c", "https://c?x=1", ""] {
        assert!(!try_url(bad), "{bad}");
    }
}
