//! Hostile clients, and a hostile GitHub: the program continues, within its memory limit.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ghbox::{Fault, FaultOn, Limits, story};
use release_governor::clock::Clock;

use crate::town::{Running, Town, until};

/// How long a probe may take; the default timeout of Kubernetes is one second.
const PROBE: Duration = Duration::from_secs(1);
/// How long ten thousand requests may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
/// Half of the chart's memory limit.
const MOST_MEMORY_KIB: u64 = 256 * 1024;

#[expect(clippy::disallowed_methods, reason = "the program under test runs in real time")]
fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// Sends a probe as Kubernetes does. Returns the status code and the time it took.
fn probe(address: SocketAddr, path: &str) -> (u16, Duration) {
    let clock = Clock::system();
    let asked = || -> std::io::Result<u16> {
        let mut stream = TcpStream::connect_timeout(&address, PROBE * 5)?;
        stream.set_read_timeout(Some(PROBE * 5))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default())
    };
    (asked().unwrap_or_default(), clock.monotonic())
}

/// Opens a connection that sends nothing, sends very slowly, or requests much and reads
/// nothing.
fn hostile(address: SocketAddr, number: usize) -> Option<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE * 5).ok()?;
    match number % 3 {
        0 => {}
        1 => stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\nX-Slow: ").ok()?,
        _ => {
            let ask = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: here\r\n\r\n".repeat(200);
            stream.set_write_timeout(Some(Duration::from_millis(100))).ok()?;
            // The server may close the connection during the request.
            let _ = stream.write_all(ask.as_bytes());
        }
    }
    Some(stream)
}

fn peak_memory_kib(running: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.process())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Sets the flag when dropped, also when an assertion fails: threads that wait for it would
/// otherwise keep the test from ending.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Keeps five hundred hostile connections open until `done`.
fn besiege(address: SocketAddr, done: &AtomicBool) {
    let mut open: Vec<Option<TcpStream>> =
        (0..500).map(|number| hostile(address, number)).collect();
    while !done.load(Ordering::Relaxed) {
        let mut again = 0;
        for (number, stream) in open.iter_mut().enumerate() {
            let still = stream.as_mut().map(|stream| match number % 3 {
                1 => stream.write_all(b"x"),
                _ => Ok(()),
            });
            if !matches!(still, Some(Ok(()))) && again < 50 {
                again += 1;
                // Reopen connections that were closed.
                *stream = hostile(address, number);
            }
        }
        pause(Duration::from_millis(100));
    }
}

/// Checks that probes are answered in time, as long as `more` returns true.
fn probes_are_answered(address: SocketAddr, mut more: impl FnMut() -> bool) {
    let (mut probes, mut slow, mut failed) = (0, 0, Vec::new());
    while more() {
        for path in ["/healthz", "/readyz"] {
            let (code, took) = probe(address, path);
            probes += 1;
            slow += usize::from(took > PROBE);
            failed.extend((code != 200).then(|| format!("{path}: {code} after {took:?}")));
        }
        pause(Duration::from_millis(50));
    }
    assert!(failed.is_empty(), "{failed:#?}");
    // The machine may be busy.
    assert!(slow <= 2 + probes / 100, "{slow} of {probes} probes took more than {PROBE:?}");
}

#[test]
fn five_hundred_hostile_connections_keep_no_probe_from_its_answer() {
    let (town, _, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    let address = running.address();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| besiege(address, &done));
        let _done = Done(&done);
        let mut rounds = 0..60;
        probes_are_answered(address, || rounds.next().is_some());
    });
    assert!(peak_memory_kib(&running) < MOST_MEMORY_KIB / 2, "{}", peak_memory_kib(&running));
    assert!(running.ask("GET", "/metrics").2.contains("release_governor_passes_total"));
    assert_eq!(running.end().0, 0);
}

/// Successful and failed passes of each repository.
fn passes(running: &Running, repositories: usize) -> Vec<(f64, f64)> {
    let metrics = running.ask("GET", "/metrics").2;
    let count = |number: usize, result: &str| -> f64 {
        let labels = format!("repository=\"acme/r{number}\",result=\"{result}\"");
        let series = format!("release_governor_passes_total{{{labels}}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        line.and_then(|value| value.parse().ok()).unwrap_or_default()
    };
    (0..repositories).map(|number| (count(number, "ok"), count(number, "failed"))).collect()
}

#[test]
fn ten_thousand_requests_beside_hostile_connections_slow_no_probe_and_no_pass() {
    const REPOSITORIES: usize = 100;
    const REQUESTS: usize = 10_000;
    const INTERVAL: f64 = 5.0;
    let mut town = Town::new();
    for number in 0..REPOSITORIES {
        story::repository(&town.github, &format!("acme/r{number}")).in_production();
    }
    let limits = Limits { requests_per_hour: 1_000_000, ..Limits::default() };
    town.github.set_limits(limits);
    town.intervals = ("5s", "5s");
    let names: String =
        (0..REPOSITORIES).map(|number| format!("- name: acme/r{number}\n")).collect();
    town.configure(&format!("repositories:\n{names}"));
    let running = town.govern();
    let all_passed = || passes(&running, REPOSITORIES).iter().all(|(good, _)| *good >= 2.0);
    assert!(until(all_passed), "{:?}", passes(&running, REPOSITORIES));
    let (address, before) = (running.address(), passes(&running, REPOSITORIES));
    let (done, answered, clock) = (AtomicBool::new(false), AtomicUsize::new(0), Clock::system());
    std::thread::scope(|scope| {
        scope.spawn(|| besiege(address, &done));
        for client in 0..4 {
            let (done, answered) = (&done, &answered);
            scope.spawn(move || {
                let mut number = client;
                while !done.load(Ordering::Relaxed) {
                    number += 1;
                    let path = match number % 50 {
                        0 => "/metrics".to_owned(),
                        1..10 => "/api/v1/repos".to_owned(),
                        _ => format!("/api/v1/repos/acme/r{}", number % REPOSITORIES),
                    };
                    answered
                        .fetch_add(usize::from(probe(address, &path).0 == 200), Ordering::Relaxed);
                }
            });
        }
        let _done = Done(&done);
        probes_are_answered(address, || {
            answered.load(Ordering::Relaxed) < REQUESTS && clock.monotonic() < PATIENCE
        });
    });
    let took = clock.monotonic();
    assert!(answered.into_inner() >= REQUESTS, "in {took:?}");
    // Half of the expected passes, because the machine may be busy: no repository stood still.
    let due = took.as_secs_f64() / INTERVAL / 2.0 - 1.0;
    for (before, after) in before.iter().zip(passes(&running, REPOSITORIES)) {
        assert!(after.0 - before.0 >= due, "{before:?} became {after:?} in {took:?}");
        assert!((after.1 - before.1).abs() < 0.5, "{before:?} became {after:?}");
    }
    assert!(peak_memory_kib(&running) < MOST_MEMORY_KIB / 2, "{}", peak_memory_kib(&running));
    assert_eq!(running.end().0, 0);
}

/// A GitHub that answers every request with this, each on its own connection.
fn server_of(answers: impl Fn(&str) -> (u16, Arc<str>) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(answers);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || {
                let mut asked = [0; 8192];
                let length = stream.read(&mut asked).unwrap_or_default();
                let text = String::from_utf8_lossy(&asked[..length]).into_owned();
                let (status, body) = answers(text.split(' ').nth(1).unwrap_or_default());
                let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n");
                let _ = stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes());
                let _ = stream.write_all(body.as_bytes());
            });
        }
    });
    url
}

/// Governs twenty repositories at such a GitHub for some seconds.
fn survives(answers: impl Fn(&str) -> (u16, Arc<str>) + Send + Sync + 'static) {
    let mut town = Town::new();
    town.find_github_at(server_of(answers));
    let names: Vec<String> = (0..20).map(|number| format!("{{name: acme/r{number}}}")).collect();
    let workflows =
        "defaults: {verification_workflow_name: ci.yml, deploy_workflow_name: deploy.yml}";
    town.configure(&format!("{workflows}\nrepositories: [{}]\n", names.join(", ")));
    let running = town.govern();
    let address = running.address();
    let clock = Clock::system();
    let mut slowest = Duration::ZERO;
    while clock.monotonic() < Duration::from_secs(12) {
        let (code, took) = probe(address, "/healthz");
        assert_eq!(code, 200, "after {took:?}");
        slowest = slowest.max(took);
        pause(Duration::from_millis(50));
    }
    let peak = peak_memory_kib(&running);
    assert!(peak < MOST_MEMORY_KIB, "{peak} KiB");
    assert!(slowest < PROBE, "{slowest:?}");
    assert_eq!(running.end().0, 0);
}

#[test]
fn lists_of_errors_without_end_take_no_memory_and_no_time() {
    let errors = vec![r#"{"message":"no"}"#; 2_000_000].join(",");
    let body: Arc<str> = format!(r#"{{"message":"no","errors":[{errors}]}}"#).into();
    survives(move |_| (422, Arc::clone(&body)));
}

#[test]
fn thirty_megabytes_of_small_json_everywhere_take_no_memory_and_no_time() {
    let small: Arc<str> = format!("[{}]", vec!["{}"; 10_000_000].join(",")).into();
    let run = r#"{"id":1,"workflow_id":1,"event":"push","head_sha":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","created_at":"2026-11-01T11:00:00Z","updated_at":"2026-11-01T11:00:00Z","html_url":"x"}"#;
    let runs = vec![run; 150_000].join(",");
    let runs: Arc<str> = format!(r#"{{"workflow_runs":[{runs}]}}"#).into();
    survives(move |path| {
        let name = path.split('/').nth(3).unwrap_or_default();
        let small_answer = |text: String| (200, text.into());
        if path == "/user" {
            small_answer(r#"{"login":"gov"}"#.to_owned())
        } else if path == format!("/repos/acme/{name}") {
            let id = name.trim_start_matches('r').parse::<u32>().unwrap_or_default() + 1;
            small_answer(format!(
                r#"{{"id":{id},"full_name":"acme/{name}","default_branch":"main","html_url":"x"}}"#
            ))
        } else if path.contains("/actions/workflows?") {
            let one = |id: u8, file: &str| {
                format!(
                    r#"{{"id":{id},"name":"{file}","path":".github/workflows/{file}","state":"active","html_url":"x"}}"#
                )
            };
            small_answer(format!(
                r#"{{"workflows":[{},{}]}}"#,
                one(1, "ci.yml"),
                one(2, "deploy.yml")
            ))
        } else if path.contains("/branches/") {
            let sha = "a".repeat(40);
            small_answer(format!(r#"{{"commit":{{"sha":"{sha}"}}}}"#))
        } else if path.contains("/runs") {
            (200, Arc::clone(&runs))
        } else {
            (200, Arc::clone(&small))
        }
    });
}

#[test]
fn a_github_that_does_not_know_the_version_of_its_api_is_not_ready_to_be_used() {
    let (town, _, _) = Town::with_shop();
    let message = "The 'X-GitHub-Api-Version' header specified an unsupported version.".to_owned();
    let fault = town.github.fail(FaultOn::any().always(), Fault::Refuse { status: 400, message });
    let running = town.govern();
    let not_ready = || running.ask("GET", "/readyz").0 == 503;
    assert!(until(|| running.ask("GET", "/readyz").2.contains("version of its API")));
    assert!(not_ready());
    town.github.mend(fault);
    assert!(until(|| !not_ready()), "{}", running.ask("GET", "/readyz").2);
    assert_eq!(running.end().0, 0);
}
