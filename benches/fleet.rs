//! Measures the cost of governing: passes over 1, 100 and 1,000 settled repositories, compared
//! with a bare client that sends the same requests; and the real program over ten minutes.
//!
//! `cargo bench --bench fleet` measures the passes. `cargo bench --bench fleet -- settled 1000
//! 10` runs the program over 1,000 repositories for ten minutes, restarts it, and runs it for
//! as long again. Two optional arguments follow: the poll interval in seconds (default 60) and
//! the rate limit in requests per minute (default 0, which means none). The fake GitHub runs in
//! a process of its own, over plain HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark ends where it cannot measure, prints what it measured, and reads the clock"
)]

use std::alloc::System;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ghbox::{GhBox, GhClock, Limits, story};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use octocrab::OctoBody;
use release_governor::bootstrap;
use release_governor::bootstrap::Dependencies;
use release_governor::clock::Clock;
use release_governor::config::{self, Config};
use release_governor::controller::Controller;
use release_governor::domain::RepoName;
use release_governor::github::HttpService;
use release_governor::store::{Store, StoreOptions};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::task::JoinSet;
use tower::{Service as _, service_fn};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TOKEN: &str = "a-token-of-the-benchmark";
/// Concurrent passes, as in the default configuration.
const AT_ONCE: usize = 16;
const ROUNDS: u32 = 10;
/// Upper bound of a first round over ten thousand repositories.
const FIRST_ROUND: Duration = Duration::from_secs(10 * 60);

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["box", count] => serve_box(count.parse().unwrap()),
        [] => {
            println!(
                "| repositories | requests per pass | bytes per pass | governor | bare client | ratio | CPU per pass | CPU bare | allocations per pass |"
            );
            println!("|---|---|---|---|---|---|---|---|---|");
            [1, 100, 1_000].into_iter().for_each(passes);
        }
        ["settled", count, minutes, rest @ ..] => {
            let number = |place: usize| rest.get(place).map(|number| number.parse().unwrap());
            let terms = Terms { interval: number(0).unwrap_or(60), pace: number(1).unwrap_or(0) };
            settled(count.parse().unwrap(), minutes.parse().unwrap(), terms);
        }
        other => panic!("nothing is measured by {other:?}"),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Serves the fake GitHub with `count` repositories, each with a verified commit in production.
/// Prints its address. For each line it reads, it prints how many requests it has served, and
/// how many of them count towards GitHub's rate limit.
fn serve_box(count: usize) {
    let now = Clock::system();
    let github = GhBox::new(GhClock::following(Arc::new(move || now.now())));
    github.add_token(TOKEN, story::GOVERNOR);
    for number in 0..count {
        story::repository(&github, &format!("acme/r{number}")).in_production();
    }
    let requests_per_hour = u64::from(u32::MAX);
    github.set_limits(Limits { requests_per_hour, enforce_secondary: false, ..Limits::default() });
    github.keep_requests(0);
    let runtime = runtime();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    println!("{}", listener.local_addr().unwrap());
    let served = github.clone();
    runtime.spawn(async move { served.serve(listener, std::future::pending()).await });
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            return;
        }
        let counts = github.request_counts();
        println!("{} {}", counts.all, counts.all - counts.not_modified);
    }
}

/// Requests that the fake GitHub has answered.
#[derive(Clone, Copy)]
struct Requests {
    all: u64,
    /// Requests that count towards GitHub's rate limit: all but those answered with 304.
    charged: u64,
}

/// Settings of the real program.
#[derive(Clone, Copy)]
struct Terms {
    /// The poll interval in seconds.
    interval: u32,
    /// Requests per minute; 0 means no limit.
    pace: u32,
}

/// The fake GitHub in a process of its own.
struct Box {
    child: Child,
    ask: ChildStdin,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Box {
    fn start(count: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["box", &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ask = child.stdin.take().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        said.read_line(&mut address).unwrap();
        Self { child, ask, said, address: address.trim().to_owned() }
    }

    fn requests(&mut self) -> Requests {
        writeln!(self.ask).unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let (all, charged) = line.trim().split_once(' ').unwrap();
        Requests { all: all.parse().unwrap(), charged: charged.parse().unwrap() }
    }
}

impl Drop for Box {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configured(directory: &std::path::Path, address: &str, count: usize, terms: Terms) -> Config {
    let Terms { interval, pace } = terms;
    let names: String = (0..count).map(|n| format!("- {{name: acme/r{n}}}\n")).collect();
    let text = format!(
        "github: {{api_url: 'http://{address}', max_requests_per_minute: {pace}}}\n\
         controller: {{poll_interval: {interval}s}}\nserver: {{listen: '127.0.0.1:0'}}\n\
         state: {{dir: {}}}\nrepositories:\n{names}",
        directory.join("state").display()
    );
    let file = directory.join("governor.yaml");
    std::fs::write(&file, text).unwrap();
    config::load(&file, [("GITHUB_TOKEN".to_owned(), TOKEN.to_owned())].into_iter()).unwrap()
}

/// A recorded request.
#[derive(Clone)]
struct Sent {
    method: http::Method,
    uri: http::Uri,
    headers: http::HeaderMap,
}

#[derive(Default)]
struct Wire {
    /// Whether requests are recorded. Off in the rounds that are timed.
    takes_down: AtomicBool,
    requests: AtomicU64,
    bytes: AtomicU64,
    in_flight: AtomicUsize,
    /// The maximum number of concurrent requests seen.
    most_at_once: AtomicUsize,
    sent: Mutex<Vec<Sent>>,
}

fn size(headers: &http::HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| name.as_str().len() as u64 + value.len() as u64 + 4).sum()
}

/// A client for the network that counts its requests.
fn counted(wire: Arc<Wire>) -> HttpService {
    let client: Client<HttpConnector, OctoBody> =
        Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    HttpService::new(service_fn(move |request: http::Request<OctoBody>| {
        let (wire, mut client) = (Arc::clone(&wire), client.clone());
        async move {
            if !wire.takes_down.load(Ordering::Relaxed) {
                return client.call(request).await;
            }
            let line = request.uri().to_string().len() as u64 + 16;
            wire.requests.fetch_add(1, Ordering::Relaxed);
            wire.bytes.fetch_add(line + size(request.headers()), Ordering::Relaxed);
            let (method, uri) = (request.method().clone(), request.uri().clone());
            wire.sent.lock().unwrap().push(Sent {
                method,
                uri,
                headers: request.headers().clone(),
            });
            let in_flight = wire.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
            wire.most_at_once.fetch_max(in_flight, Ordering::Relaxed);
            let response = client.call(request).await;
            wire.in_flight.fetch_sub(1, Ordering::Relaxed);
            let response = response?;
            let body = hyper::body::Body::size_hint(response.body()).lower();
            wire.bytes.fetch_add(size(response.headers()) + body, Ordering::Relaxed);
            Ok::<_, hyper_util::client::legacy::Error>(response)
        }
    }))
}

/// CPU seconds that this process has used. Source: proc_pid_stat(5), fields 14 and 15.
fn cpu(pid: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = text.rsplit_once(')').unwrap().1;
    let ticks: f64 =
        after.split_whitespace().skip(11).take(2).map(|t| t.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

/// Runs `rounds` passes over each repository, back to back.
async fn pass_over_all(controller: &Controller, names: &Arc<Vec<RepoName>>, rounds: u32) {
    let next = Arc::new(AtomicUsize::new(0));
    let all = names.len() * rounds as usize;
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE.min(names.len()) {
        let (controller, names, next) = (controller.clone(), Arc::clone(names), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let name = names.get(number % names.len()).filter(|_| number < all);
                let Some(name) = name else { return };
                controller.pass(name).await.unwrap().unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// Sends all of these requests with a fixed concurrency.
async fn send_all(
    client: &Client<HttpConnector, Empty<bytes::Bytes>>,
    sent: &Arc<Vec<Sent>>,
    at_once: usize,
) {
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (client, sent, next) = (client.clone(), Arc::clone(sent), Arc::clone(&next));
        tasks.spawn(async move {
            while let Some(one) = sent.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                let mut request = http::Request::new(Empty::new());
                *request.method_mut() = one.method.clone();
                *request.uri_mut() = one.uri.clone();
                *request.headers_mut() = one.headers.clone();
                let response = client.request(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// Measures settled passes over `count` repositories.
fn passes(count: usize) {
    let directory = tempfile::tempdir().unwrap();
    let github = Box::start(count);
    let config =
        configured(directory.path(), &github.address, count, Terms { interval: 60, pace: 0 });
    let names = config.repositories.iter().map(|policy| policy.repository.clone());
    let names: Arc<Vec<RepoName>> = Arc::new(names.collect());
    let runtime = runtime();
    runtime.block_on(async {
        let wire = Arc::new(Wire::default());
        let store = Store::open(&config.state_dir, StoreOptions::default()).unwrap();
        let clock = Clock::system();
        let surroundings = Dependencies { service: counted(Arc::clone(&wire)), clock, store };
        let controller = bootstrap::controller(&config, surroundings, true).unwrap();
        // The first passes write statuses and read slow-changing facts.
        pass_over_all(&controller, &names, 3).await;
        // Use multiples of ten, because one in ten passes reads an unfiltered list: the timed
        // passes then send as much as those whose requests are recorded.
        let rounds = ROUNDS * u32::try_from((400 / count).clamp(1, 100)).unwrap();
        wire.takes_down.store(true, Ordering::Relaxed);
        pass_over_all(&controller, &names, rounds).await;
        wire.takes_down.store(false, Ordering::Relaxed);
        let requests = wire.requests.load(Ordering::Relaxed);
        let bytes = wire.bytes.load(Ordering::Relaxed);
        let (region, began, used) = (Region::new(ALLOCATOR), Instant::now(), cpu("self"));
        pass_over_all(&controller, &names, rounds).await;
        let (took, used) = (began.elapsed(), cpu("self") - used);
        let allocations = region.change().allocations;
        let sent = Arc::new(std::mem::take(&mut *wire.sent.lock().unwrap()));
        assert_eq!(sent.len() as u64, requests);

        let bare = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        // Use the highest concurrency that the passes reached: a single repository has three.
        let at_once = wire.most_at_once.load(Ordering::Relaxed);
        // By then its connections are open, as those of the passes were.
        send_all(&bare, &sent, at_once).await;
        let (began, bare_used) = (Instant::now(), cpu("self"));
        send_all(&bare, &sent, at_once).await;
        let (bare_took, bare_used) = (began.elapsed(), cpu("self") - bare_used);

        let all = f64::from(rounds) * count as f64;
        let each = |took: Duration| took.as_secs_f64() / all * 1e6;
        println!(
            "| {count} | {:.2} | {:.0} | {:.0} µs | {:.0} µs | {:.2} | {:.0} µs | {:.0} µs | {:.0} |",
            requests as f64 / all,
            bytes as f64 / all,
            each(took),
            each(bare_took),
            took.as_secs_f64() / bare_took.as_secs_f64(),
            used / all * 1e6,
            bare_used / all * 1e6,
            allocations as f64 / all,
        );
    });
}

fn resident_kib(pid: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Runs the real program over `count` settled repositories for some minutes, and again after a
/// restart.
fn settled(count: usize, minutes: u64, terms: Terms) {
    let directory = tempfile::tempdir().unwrap();
    let mut github = Box::start(count);
    configured(directory.path(), &github.address, count, terms);
    let store = directory.path().join("state/release-governor.redb");
    println!(
        "| minute | resident KiB | CPU % of a core | requests | of them charged | fewest and most in ten seconds | store KiB |"
    );
    println!("|---|---|---|---|---|---|---|");
    for start in ["first", "second"] {
        let program = Program::start(directory.path());
        // Wait for the first passes, and for one interval in which the polls spread out.
        github.until_settled(terms.interval);
        for minute in 1..=minutes {
            let (used, before) = (cpu(&program.pid()), github.requests());
            let tens = github.tens();
            let now = github.requests();
            println!(
                "| {start} start, {minute} | {} | {:.2} | {} | {} | {} to {} | {} |",
                resident_kib(&program.pid()),
                (cpu(&program.pid()) - used) / 60.0 * 100.0,
                now.all - before.all,
                now.charged - before.charged,
                tens.iter().min().unwrap(),
                tens.iter().max().unwrap(),
                std::fs::metadata(&store).unwrap().len() / 1_024,
            );
        }
        program.stop();
    }
}

impl Box {
    /// Waits for the first round of passes and one more interval. Prints their cost.
    fn until_settled(&mut self, interval: u32) {
        let (began, before) = (Instant::now(), self.requests());
        let mut last = before;
        while began.elapsed() < FIRST_ROUND {
            std::thread::sleep(Duration::from_secs(10));
            let now = self.requests();
            // The round is over when almost all answers are 304.
            if now.all > before.all && (now.charged - last.charged) * 100 <= now.all - last.all {
                break;
            }
            last = now;
        }
        std::thread::sleep(Duration::from_secs(u64::from(interval)));
        let now = self.requests();
        println!(
            "| first round, {} s | | | {} | {} | | |",
            began.elapsed().as_secs(),
            now.all - before.all,
            now.charged - before.charged,
        );
    }

    /// The number of requests in each ten seconds of a minute.
    fn tens(&mut self) -> Vec<u64> {
        let mut last = self.requests().all;
        (0..6)
            .map(|_| {
                std::thread::sleep(Duration::from_secs(10));
                let now = self.requests().all;
                now - std::mem::replace(&mut last, now)
            })
            .collect()
    }
}

/// The real program.
struct Program(Child);

impl Program {
    fn start(directory: &std::path::Path) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_release-governor"))
            .args(["run", "--config"])
            .arg(directory.join("governor.yaml"))
            .env("GITHUB_TOKEN", TOKEN)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(program)
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    /// Stops it as Kubernetes does.
    fn stop(mut self) {
        let sent = Command::new("kill").arg(self.pid()).status().unwrap();
        assert!(sent.success() && self.0.wait().unwrap().success(), "it ends well");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
