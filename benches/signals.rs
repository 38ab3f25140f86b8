//! Measures the memory of degraded signals for `count` repositories: all with the same signal,
//! each with its own query, or each with its own server.
//!
//! `cargo bench --bench signals` measures 1,000 repositories; `cargo bench --bench signals --
//! 200` another number. A server in a process of its own answers as Prometheus does, at every
//! loopback address (127.0.0.0/8), so that each address can act as a different server.

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
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use release_governor::clock::Clock;
use release_governor::config;
use release_governor::domain::{Health, Policy};
use release_governor::signals::{Carrier, Following, Signals};
use release_governor::telemetry::Metrics;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The result of a query when nothing is wrong.
const CALM: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
/// Longer than an unused connection is kept open.
const UNTIL_IDLE: Duration = Duration::from_secs(25);

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["server"] => serve(),
        [] => all(1_000),
        [count] => all(count.parse().unwrap()),
        other => panic!("nothing is measured by {other:?}"),
    }
}

fn all(count: usize) {
    let server = Server::start();
    let port = server.port;
    println!("| {count} repositories with | signals | KiB | KiB a signal | first readings |");
    println!("|---|---|---|---|---|");
    measure("the same signal", count, |_| {
        format!("{{type: prometheus, url: 'http://127.0.0.1:{port}', query: up}}")
    });
    measure("a query each of one server", count, |number| {
        format!(
            "{{type: prometheus, name: s{number}, url: 'http://127.0.0.1:{port}', \
             query: 'errors{{service=\"s{number}\"}} > 5'}}"
        )
    });
    measure("a server each", count, |number| {
        let (high, low) = (number / 250, number % 250 + 1);
        format!(
            "{{type: prometheus, name: s{number}, url: 'http://127.1.{high}.{low}:{port}', query: up}}"
        )
    });
}

fn measure(what: &str, count: usize, signal: impl Fn(usize) -> String) {
    let policies = policies(count, signal);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let metrics = Arc::new(Metrics::new());
        let signals = Signals::new(Clock::system(), metrics, Carrier::network());
        let (region, began) = (Region::new(ALLOCATOR), Instant::now());
        let following: Vec<Following> =
            policies.iter().map(|policy| signals.follow(policy)).collect();
        signals.go_live();
        for one in &following {
            while one.seen(false).await.signals.iter().any(|one| one.health() != Health::Healthy) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let took = began.elapsed();
        tokio::time::sleep(UNTIL_IDLE).await;
        let change = region.change();
        let held = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
        let held = held as f64 / 1024.0;
        let distinct: std::collections::BTreeSet<_> =
            policies.iter().flat_map(|policy| &policy.degraded).collect();
        println!(
            "| {what} | {} | {held:.0} | {:.1} | {:.1} s |",
            distinct.len(),
            held / distinct.len() as f64,
            took.as_secs_f64()
        );
    });
}

fn policies(count: usize, signal: impl Fn(usize) -> String) -> Vec<Arc<Policy>> {
    let directory = tempfile::tempdir().unwrap();
    let entries: String = (0..count)
        .map(|number| {
            let degraded = signal(number);
            format!("- {{name: acme/r{number}, degraded: {degraded}}}\n")
        })
        .collect();
    let text = format!("state: {{dir: {}}}\nrepositories:\n{entries}", directory.path().display());
    let file = directory.path().join("governor.yaml");
    std::fs::write(&file, text).unwrap();
    let config = config::load(&file, std::iter::empty());
    config.unwrap_or_else(|errors| panic!("{errors}")).repositories
}

/// Gives every query the same answer, and prints its port.
fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        let answer = || async { ([("content-type", "application/json")], CALM) };
        axum::serve(listener, Router::new().fallback(answer)).await.unwrap();
    });
}

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("server")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
