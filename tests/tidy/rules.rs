//! The rules of the layout.

use crate::reading::{Source, block_end, line_of, sources, words};

/// A violation: file, line and description.
type Finding = String;

/// The top-level modules that each one may use. A module that is not listed may use none.
const KNOWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    // It counts reasons and outcomes, which the domain defines.
    ("telemetry", &["domain"]),
    ("decide", &["domain"]),
    ("messages", &["domain"]),
    ("config", &["domain"]),
    ("store", &["domain", "clock", "telemetry"]),
    // `backtest` replays decisions; `plan` works on judgements.
    ("backtest", &["domain", "decide"]),
    ("plan", &["domain", "messages", "decide"]),
    ("network", &["clock"]),
    ("github", &["domain", "network", "store", "clock", "telemetry"]),
    ("signals", &["domain", "network", "clock", "telemetry"]),
    ("observe", &["domain", "decide", "github", "store", "clock", "telemetry"]),
    // The actions and messages that it carries out come from pure modules.
    ("apply", &["domain", "github", "store", "plan", "messages", "clock", "telemetry"]),
    (
        "controller",
        &[
            "domain",
            "observe",
            "decide",
            "backtest",
            "plan",
            "apply",
            "messages",
            "github",
            "signals",
            "store",
            "config",
            "clock",
            "telemetry",
        ],
    ),
    // What every request has: who asks, why it failed, and the two ways to be carried out.
    ("request", &["domain", "messages", "config", "controller", "store"]),
    // From a configuration to a controller; the process that governs needs it, and any command.
    (
        "bootstrap",
        &["domain", "request", "config", "controller", "github", "store", "clock", "telemetry"],
    ),
    (
        "queries",
        &["domain", "request", "controller", "config", "store", "backtest", "messages", "clock"],
    ),
    // What `trigger` shows is a simulation.
    ("operations", &["domain", "request", "queries", "controller", "messages"]),
    (
        "preflight",
        &[
            "domain",
            "request",
            "bootstrap",
            "controller",
            "config",
            "github",
            "store",
            "messages",
            "clock",
        ],
    ),
    // It carries requests and knows none: the daemon gives it its routes.
    (
        "rpc",
        &["domain", "request", "bootstrap", "controller", "config", "store", "network", "clock"],
    ),
    ("http", &["domain", "request", "queries", "messages", "config", "clock", "telemetry"]),
    (
        "daemon",
        &[
            "domain",
            "request",
            "bootstrap",
            "queries",
            "operations",
            "rpc",
            "http",
            "controller",
            "config",
            "messages",
            "network",
            "clock",
        ],
    ),
    (
        "cli",
        &[
            "domain",
            "request",
            "queries",
            "operations",
            "preflight",
            "rpc",
            "daemon",
            "messages",
            "config",
            "clock",
            "telemetry",
        ],
    ),
    ("demo", EVERYBODY),
    ("main", EVERYBODY),
    ("lib", EVERYBODY),
];

const EVERYBODY: &[&str] = &[
    "domain",
    "decide",
    "backtest",
    "plan",
    "messages",
    "apply",
    "github",
    "network",
    "observe",
    "signals",
    "store",
    "config",
    "controller",
    "request",
    "bootstrap",
    "queries",
    "operations",
    "preflight",
    "rpc",
    "daemon",
    "http",
    "cli",
    "clock",
    "telemetry",
    "demo",
];

const PURE: &[&str] = &["domain", "decide", "backtest", "messages", "plan"];

/// Words that a pure module may not contain.
const IMPURE: &[&str] = &[
    "async",
    ".await",
    "std::fs",
    "std::io",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::os",
    "tokio",
    "tracing",
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "dbg!",
    "Instant",
    "SystemTime",
    "static mut",
    "thread_local!",
    "OnceLock",
    "LazyLock",
    "Mutex",
    "RwLock",
];

/// The functions that provide time and randomness.
const CLOCKS: &[&str] = &[
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "tokio::time",
    "thread::sleep",
    "getrandom",
    "rand",
];

const LONGEST_FUNCTION: usize = 60;
const LONGEST_FILE: usize = 400;

fn found(source: &Source, at: usize, what: &str) -> Finding {
    format!("src/{}:{}: {what}", source.path, line_of(&source.code, at))
}

/// Every top-level module that the file refers to, with the location.
fn rooms_named(source: &Source) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for at in words(&source.code, "crate::") {
        named.extend(names_at(&source.code[at + "crate::".len()..]).map(|name| (at, name)));
    }
    // `super::super::…` can also lead out of the module.
    let up = "super::".repeat(source.depth());
    for at in words(&source.code, up.as_str()) {
        named.extend(names_at(&source.code[at + up.len()..]).map(|name| (at, name)));
    }
    named
}

/// The first names in `a::…` or `{a::…, b}`.
fn names_at(path: &str) -> impl Iterator<Item = String> + use<> {
    let name = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let names: Vec<String> = match path.strip_prefix('{') {
        None => vec![name(path)],
        Some(_) => {
            let inside = &path[1..block_end(path, 0).unwrap_or(path.len()).saturating_sub(1)];
            let mut depth = 0;
            let top = inside.split(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                c == ',' && depth == 0
            });
            top.map(name).collect()
        }
    };
    names.into_iter().filter(|name| !name.is_empty())
}

fn foreign_rooms(source: &Source) -> Vec<Finding> {
    let room = source.room();
    let known = KNOWS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, known)| known);
    rooms_named(source)
        .into_iter()
        .filter(|(_, name)| EVERYBODY.contains(&name.as_str()))
        .filter(|(_, name)| name != room && !known.contains(&name.as_str()))
        .map(|(at, name)| found(source, at, &format!("`{room}` may not know `{name}`")))
        .collect()
}

fn impurities(source: &Source) -> Vec<Finding> {
    if !PURE.contains(&source.room()) {
        return Vec::new();
    }
    banned(source, IMPURE, "has no place in a pure room")
}

fn clocks(source: &Source) -> Vec<Finding> {
    if source.path == "clock.rs" {
        return Vec::new();
    }
    let each = |word: &&str| {
        let bare =
            words(&source.code, word).filter(|at| !excused(source, *at, "disallowed_methods"));
        let what = format!("`{word}` comes in through clock::Clock");
        bare.map(|at| found(source, at, &what)).collect::<Vec<_>>()
    };
    CLOCKS.iter().flat_map(each).collect()
}

/// `backoff` is unmaintained: only one file may use it, so that only that file has to change
/// when the crate is replaced.
fn backoff_elsewhere(source: &Source) -> Vec<Finding> {
    if source.path == "clock/retry_intervals.rs" {
        return Vec::new();
    }
    banned(source, &["backoff::"], "comes in through clock::RetryIntervals")
}

/// The fake GitHub is for tests and the demo: a build for production leaves it out.
fn fake_elsewhere(source: &Source) -> Vec<Finding> {
    if source.room() == "demo" {
        return Vec::new();
    }
    banned(source, &["ghbox::"], "is used only by the demo and by tests")
}

fn banned(source: &Source, list: &[&str], why: &str) -> Vec<Finding> {
    let each = |word: &&str| {
        let message = format!("`{word}` {why}");
        words(&source.code, word).map(|at| found(source, at, &message)).collect::<Vec<_>>()
    };
    list.iter().flat_map(each).collect()
}

fn writes(source: &Source) -> Vec<Finding> {
    // An App requests its token with a POST. `client` talks to our own controller's socket, and
    // never to GitHub.
    let may =
        ["github/writer.rs", "apply/writes.rs", "github/auth/installation.rs", "rpc/client.rs"];
    let may = may.contains(&source.path.as_str());
    if may {
        return Vec::new();
    }
    let methods = ["POST", "PATCH", "PUT", "DELETE"].map(|method| format!("Method::{method}"));
    let sent = ["WriteMethod", "WriteRequest"].map(str::to_owned);
    let own = source.path == "github.rs";
    let words: Vec<&str> =
        methods.iter().chain(sent.iter().filter(|_| !own)).map(String::as_str).collect();
    banned(source, &words, "belongs to github/writer.rs and apply/writes.rs")
}

fn wire_types(source: &Source) -> Vec<Finding> {
    if source.path != "github.rs" {
        return Vec::new();
    }
    banned(source, &["pub mod wire", "pub use wire", "pub(crate) mod wire"], "lets wire types out")
}

fn long_functions(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in words(&source.code, "fn") {
        let after = &source.code[at..];
        let named = after["fn".len()..].trim_start().starts_with(|c: char| c.is_alphabetic());
        let (body, declared) = (after.find('{'), after.find(';').unwrap_or(usize::MAX));
        let Some(body) = body.filter(|body| named && *body < declared) else { continue };
        let Some(end) = block_end(&source.code, at + body) else { continue };
        let lines = line_of(&source.code, end) - line_of(&source.code, at) + 1;
        if lines > LONGEST_FUNCTION {
            let what = format!("a function of {lines} lines, {LONGEST_FUNCTION} are the most");
            findings.push(found(source, at, &what));
        }
    }
    findings
}

fn long_files(source: &Source) -> Vec<Finding> {
    let end = source.code.trim_end().len();
    let lines = line_of(&source.code, end);
    if lines <= LONGEST_FILE {
        return Vec::new();
    }
    vec![found(source, end, &format!("a file of {lines} lines, {LONGEST_FILE} are the most"))]
}

/// The maximum distance of a reason above its exception, in lines.
const REASON_WITHIN: usize = 6;

/// Whether an `#[expect(…, reason = "…")]` of this lint is directly above.
fn excused(source: &Source, at: usize, lint: &str) -> bool {
    let above: Vec<&str> = source.text.lines().take(line_of(&source.code, at)).collect();
    let near = above[above.len().saturating_sub(REASON_WITHIN)..].join(" ");
    near.contains("expect(") && near.contains(lint) && near.contains("reason = \"")
}

fn careless(source: &Source) -> Vec<Finding> {
    let mut findings = banned(source, &["todo!", "unimplemented!"], "is not done yet");
    for (call, lint) in [(".unwrap()", "unwrap_used"), (".expect(", "expect_used")] {
        let bare = words(&source.code, call).filter(|at| !excused(source, *at, lint));
        let what = format!("`{call}` may panic, and gives no reason");
        findings.extend(bare.map(|at| found(source, at, &what)));
    }
    for start in ["#[allow(", "#![allow("] {
        findings.extend(banned(source, &[start], "is `#[expect(…, reason = \"…\")]` here"));
    }
    findings
}

/// Files of modules that are missing from the table.
fn unknown_rooms(source: &Source) -> Vec<Finding> {
    let known = KNOWS.iter().any(|(name, _)| *name == source.room());
    if known { Vec::new() } else { vec![found(source, 0, "a room that the table does not know")] }
}

const CHECKS: &[fn(&Source) -> Vec<Finding>] = &[
    unknown_rooms,
    foreign_rooms,
    impurities,
    clocks,
    backoff_elsewhere,
    fake_elsewhere,
    writes,
    wire_types,
    long_functions,
    long_files,
    careless,
];

#[test]
fn the_code_keeps_its_layout() {
    let sources = sources();
    let findings: Vec<Finding> =
        CHECKS.iter().flat_map(|check| sources.iter().flat_map(check)).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn refused(check: fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> bool {
    !check(&Source::new(path, text)).is_empty()
}

#[test]
fn a_room_that_knows_a_forbidden_one_is_found() {
    assert!(refused(foreign_rooms, "decide/risk.rs", "use crate::github::Reader;"));
    assert!(refused(foreign_rooms, "decide.rs", "use crate::{domain::{Sha, Why}, store};"));
    assert!(refused(foreign_rooms, "plan/follow.rs", "fn f() -> super::super::apply::Hand {}"));
    assert!(refused(fake_elsewhere, "controller/pass.rs", "use ghbox::GhBox;"));
    assert!(!refused(fake_elsewhere, "demo/stage.rs", "use ghbox::GhBox;"));
    assert!(refused(foreign_rooms, "github/reads.rs", "use crate::apply::Hand;"));
    assert!(refused(unknown_rooms, "webhooks/http.rs", ""));
    assert!(!refused(foreign_rooms, "plan/follow.rs", "use super::super::words; // crate::github"));
    assert!(!refused(foreign_rooms, "decide.rs", "use crate::{domain::{Sha, github}, decide::x};"));
}

#[test]
fn impurity_in_a_pure_room_is_found() {
    assert!(refused(impurities, "decide.rs", "async fn f() {}"));
    assert!(refused(impurities, "plan/follow.rs", "tracing::info!(\"x\");"));
    assert!(refused(impurities, "messages.rs", "let x = std::env::var(\"x\");"));
    assert!(!refused(impurities, "messages.rs", "/// async\nfn asynchronous() { \"std::fs\"; }"));
    assert!(!refused(impurities, "store.rs", "async fn f() {}"));
}

#[test]
fn a_clock_or_a_write_outside_its_door_is_found() {
    assert!(refused(clocks, "github/pace.rs", "let now = Instant::now();"));
    assert!(refused(clocks, "observe.rs", "tokio::time::sleep(x).await;"));
    assert!(!refused(clocks, "clock.rs", "Timestamp::now()"));
    let excused = "#[expect(clippy::disallowed_methods, reason = \"x\")]\nfn f() { tokio::time }";
    assert!(!refused(clocks, "demo/stage.rs", excused));
    assert!(refused(writes, "observe.rs", "request(Method::POST)"));
    assert!(refused(writes, "controller/ship.rs", "WriteRequest { method }"));
    assert!(!refused(writes, "apply/writes.rs", "WriteMethod::Post"));
    assert!(!refused(writes, "observe.rs", "Method::GET"));
    assert!(refused(wire_types, "github.rs", "pub mod wire;"));
    assert!(!refused(wire_types, "github.rs", "mod wire;"));
}

#[test]
fn backoff_outside_its_file_is_found() {
    assert!(refused(backoff_elsewhere, "github/retry.rs", "use backoff::ExponentialBackoff;"));
    assert!(!refused(backoff_elsewhere, "clock/retry_intervals.rs", "use backoff::backoff::X;"));
    assert!(!refused(backoff_elsewhere, "apply/statuses.rs", "after(now, backoff(times))"));
}

#[test]
fn what_is_too_long_is_found() {
    let body = "    let x = 1;\n".repeat(LONGEST_FUNCTION - 2);
    let longest = format!("fn f(\n) {{\n{body}");
    assert!(refused(long_functions, "plan.rs", &format!("{longest}    x;\n}}\n")));
    assert!(!refused(long_functions, "plan.rs", &format!("fn f() {{\n{body}}}\n")));
    let lines = "const X: u8 = 1;\n".repeat(LONGEST_FILE);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    // x\n".repeat(100));
    assert!(!refused(long_files, "plan.rs", &format!("{lines}{tests}")));
    assert!(refused(long_files, "plan.rs", &format!("{lines}const Y: u8 = 1;\n{tests}")));
}

#[test]
fn carelessness_is_found() {
    assert!(refused(careless, "plan.rs", "fn f() { x.unwrap() }"));
    assert!(refused(careless, "plan.rs", "fn f() { x.expect(\"x\") }"));
    assert!(refused(careless, "plan.rs", "fn f() { todo!() }"));
    assert!(refused(careless, "plan.rs", "#[allow(dead_code)]\nfn f() {}"));
    let excused =
        "#[expect(clippy::expect_used, reason = \"a constant\")]\nfn f() { x.expect(\"\") }";
    assert!(!refused(careless, "plan.rs", excused));
    assert!(!refused(careless, "plan.rs", "fn f() { x.unwrap_or_default() } // .unwrap()"));
}
