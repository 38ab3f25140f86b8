//! Debian's `prometheus`, `promtool` and `prometheus-alertmanager`, started for a test and
//! stopped with it.

#![allow(dead_code, reason = "each test binary uses its own part of the tools")]

use std::ffi::OsStr;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use release_governor::clock::Clock;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to try again when another process takes the free port.
const PORTS: usize = 5;

const INSTALL: &str = "apt-get install --no-install-recommends prometheus prometheus-alertmanager";

/// A Prometheus server.
pub(crate) struct Prometheus {
    pub(crate) url: String,
    server: Server,
}

/// A standalone Alertmanager.
pub(crate) struct Alertmanager {
    pub(crate) url: String,
    server: Server,
}

/// One sample in a query result.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) labels: Value,
    pub(crate) value: f64,
}

/// The output of a tool, and whether it succeeded.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) good: bool,
    /// Standard output and standard error.
    pub(crate) text: String,
}

impl Prometheus {
    /// Starts it with this configuration (YAML), and waits until it is ready.
    pub(crate) fn start(config: &str) -> Self {
        let server = Server::start("prometheus", config, |config, data, address| {
            vec![
                format!("--config.file={}", config.display()),
                format!("--storage.tsdb.path={}", data.display()),
                format!("--web.listen-address={address}"),
            ]
        });
        Self { url: server.url(), server }
    }

    /// Scrapes `targets` (`host:port`) at the interval `every` (such as `250ms`), as job
    /// `release-governor`.
    pub(crate) fn scraping(targets: &[SocketAddr], every: &str) -> Self {
        Self::start(&scrape_config(targets, every))
    }

    /// Scrapes one target, with the label `namespace="releases"`, and evaluates these rules.
    pub(crate) fn watching(target: SocketAddr, rules: &Path) -> Self {
        let config = scrape_config(&[target], "250ms")
            .replace("static_configs: [{", "static_configs: [{labels: {namespace: releases}, ");
        Self::start(&format!("rule_files: [{}]\n{config}", json!(rules)))
    }

    /// The result of an instant query, which must be valid.
    #[track_caller]
    pub(crate) fn query(&self, query: &str) -> Vec<Sample> {
        self.try_query(query).unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Like [`Self::query`], but returns Prometheus' error message if the query is invalid.
    pub(crate) fn try_query(&self, query: &str) -> Result<Vec<Sample>, String> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let (code, body) = self.get(&format!("/api/v1/query?query={query}"))?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        if code != 200 {
            return Err(answer["error"].as_str().unwrap_or(&body).to_owned());
        }
        let data = &answer["data"];
        if data["resultType"] == "scalar" {
            return Ok(vec![sample(&json!({}), &data["result"])]);
        }
        let all = data["result"].as_array().ok_or("no result")?;
        Ok(all.iter().map(|one| sample(&one["metric"], &one["value"])).collect())
    }

    /// The result of a query, once it is not empty.
    #[track_caller]
    pub(crate) fn query_until_found(&self, query: &str) -> Vec<Sample> {
        let mut found = Vec::new();
        wait_until(|| {
            found = self.query(query);
            !found.is_empty()
        });
        assert!(!found.is_empty(), "{query} never returned anything");
        found
    }

    /// Sends a GET request to its API.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, String), String> {
        ask(&self.server.address, "GET", path, "")
    }

    /// Kills it. Its data is kept for [`Self::start_again`].
    pub(crate) fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts it at the same address after [`Self::stop`].
    pub(crate) fn start_again(&mut self) {
        self.server.start_again();
    }
}

impl Alertmanager {
    /// Starts it with this configuration (YAML), and waits until it is ready.
    pub(crate) fn start(config: &str) -> Self {
        let server = Server::start("prometheus-alertmanager", config, |config, data, address| {
            vec![
                format!("--config.file={}", config.display()),
                format!("--storage.path={}", data.display()),
                format!("--web.listen-address={address}"),
                // It is standalone, and opens no port for peers.
                "--cluster.listen-address=".to_owned(),
            ]
        });
        Self { url: server.url(), server }
    }

    /// An Alertmanager that notifies nobody.
    pub(crate) fn silent() -> Self {
        Self::start("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    }

    /// Fires an alert with these labels until `ends_at` (RFC 3339), or until it is not repeated
    /// for five minutes.
    #[track_caller]
    pub(crate) fn fire(&self, labels: &Value, ends_at: Option<&str>) {
        let mut alert = json!({ "labels": labels });
        if let Some(ends_at) = ends_at {
            alert["endsAt"] = ends_at.into();
        }
        self.post("/api/v2/alerts", &json!([alert]));
    }

    /// The active alerts.
    #[track_caller]
    pub(crate) fn active(&self) -> Vec<Value> {
        let path = "/api/v2/alerts?active=true&silenced=false&inhibited=false";
        let (code, body) = self.get(path).unwrap();
        assert_eq!(code, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Silences alerts with this label between two times (RFC 3339). Returns the id of the
    /// silence.
    #[track_caller]
    pub(crate) fn silence(&self, label: &str, value: &str, from: &str, to: &str) -> String {
        let silence = json!({
            "matchers": [{ "name": label, "value": value, "isRegex": false, "isEqual": true }],
            "startsAt": from, "endsAt": to, "createdBy": "ada", "comment": "known",
        });
        let answer: Value = serde_json::from_str(&self.post("/api/v2/silences", &silence)).unwrap();
        answer["silenceID"].as_str().unwrap().to_owned()
    }

    /// Ends a silence.
    #[track_caller]
    pub(crate) fn unsilence(&self, id: &str) {
        let path = format!("/api/v2/silence/{id}");
        let (code, body) = ask(&self.server.address, "DELETE", &path, "").unwrap();
        assert_eq!(code, 200, "{body}");
    }

    /// Sends a GET request to its API.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, String), String> {
        ask(&self.server.address, "GET", path, "")
    }

    /// Kills it. Its data is kept for [`Self::start_again`].
    pub(crate) fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts it at the same address after [`Self::stop`].
    pub(crate) fn start_again(&mut self) {
        self.server.start_again();
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> String {
        let (code, answer) = ask(&self.server.address, "POST", path, &body.to_string()).unwrap();
        assert_eq!(code, 200, "{answer}");
        answer
    }
}

/// Runs `promtool`.
#[track_caller]
pub(crate) fn promtool<A: AsRef<OsStr>>(arguments: &[A], stdin: &str) -> Said {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawned(&mut command);
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(stdin.as_bytes()).unwrap();
    drop(pipe);
    said(&child.wait_with_output().unwrap())
}

/// Waits until `what` holds, up to a time limit. Returns whether it holds.
#[expect(clippy::disallowed_methods, reason = "the programs under test run in real time")]
pub(crate) fn wait_until(mut what: impl FnMut() -> bool) -> bool {
    let clock = Clock::system();
    while clock.monotonic() < PATIENCE {
        if what() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    what()
}

/// A configuration that scrapes these targets as job `release-governor`.
pub(crate) fn scrape_config(targets: &[SocketAddr], every: &str) -> String {
    let targets: Vec<String> = targets.iter().map(SocketAddr::to_string).collect();
    let targets = json!(targets);
    format!(
        "global: {{scrape_interval: {every}, scrape_timeout: {every}, \
         evaluation_interval: {every}}}\n\
         scrape_configs:\n\
         - job_name: release-governor\n  static_configs: [{{targets: {targets}}}]\n"
    )
}

/// Builds the arguments of a server from its configuration file, its data directory and its
/// address.
type Arguments = fn(&Path, &Path, SocketAddr) -> Vec<String>;

/// A server process of one of the tools.
struct Server {
    program: &'static str,
    arguments: Arguments,
    address: SocketAddr,
    child: Option<Child>,
    directory: TempDir,
}

impl Server {
    #[track_caller]
    fn start(program: &'static str, config: &str, arguments: Arguments) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.yaml"), config).unwrap();
        let address = free_address();
        let mut server = Self { program, arguments, address, child: None, directory };
        for _ in 0..PORTS {
            server.spawn();
            if server.is_ready() {
                return server;
            }
            // Another process may have taken the port meanwhile.
            if !server.log().contains("address already in use") {
                break;
            }
            server.address = free_address();
        }
        panic!("{program} did not start:\n{}", server.log());
    }

    #[track_caller]
    fn start_again(&mut self) {
        assert!(self.child.is_none(), "{} runs", self.program);
        self.spawn();
        assert!(self.is_ready(), "{} did not start again:\n{}", self.program, self.log());
    }

    fn spawn(&mut self) {
        let (config, data) = (self.path("config.yaml"), self.path("data"));
        let log = std::fs::File::create(self.path("log")).unwrap();
        let mut command = Command::new(self.program);
        command
            .args((self.arguments)(&config, &data, self.address))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.child = Some(spawned(&mut command));
    }

    /// Waits until it is ready. Returns false if it exits first or the time limit is reached.
    fn is_ready(&mut self) -> bool {
        let (child, address) = (self.child.as_mut().unwrap(), self.address);
        let mut ready = false;
        wait_until(|| {
            let answer = ask(&address, "GET", "/-/ready", "");
            ready = answer.is_ok_and(|(code, _)| code == 200);
            ready || child.try_wait().unwrap().is_some()
        });
        // Another server may have answered on this port: ours must still be running.
        ready && child.try_wait().unwrap().is_none()
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

#[track_caller]
fn spawned(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| {
        let program = command.get_program().display();
        match error.kind() {
            ErrorKind::NotFound => panic!("there is no {program} here: {INSTALL}"),
            _ => panic!("cannot start {program}: {error}"),
        }
    })
}

fn said(output: &Output) -> Said {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Said { good: output.status.success(), text }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn sample(labels: &Value, value: &Value) -> Sample {
    let value = value[1].as_str().unwrap_or_default();
    Sample { labels: labels.clone(), value: value.parse().expect("a number") }
}

/// Sends one request, and returns the status code and body of the response. Uses HTTP/1.0, so
/// that the body is not chunked.
fn ask(
    address: &SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(u16, String), String> {
    let told = |error: std::io::Error| format!("{method} http://{address}{path}: {error}");
    let mut stream = TcpStream::connect_timeout(address, PATIENCE).map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .map_err(told)?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(told)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no head")?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no code")?;
    Ok((code, body.to_owned()))
}
