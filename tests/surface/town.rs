//! A fake GitHub on a local port, and the real program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ghbox::{GhBox, GhClock, Repo, story};
use release_governor::clock::Clock;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "ghp_the-token-of-the-town";
/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A fake GitHub, and a directory with a configuration.
pub(crate) struct Town {
    pub(crate) github: GhBox,
    pub(crate) directory: TempDir,
    api_url: String,
    token: String,
    ca_file: Option<PathBuf>,
    credential: Option<String>,
    /// `controller.poll_interval` and `active_poll_interval`. Takes effect with the next
    /// configuration.
    pub(crate) intervals: (&'static str, &'static str),
    environment: Vec<(&'static str, String)>,
    pub(crate) runtime: tokio::runtime::Runtime,
}

/// A running controller.
pub(crate) struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Town {
    pub(crate) fn new() -> Self {
        let clock = Clock::system();
        let github = GhBox::new(GhClock::following(Arc::new(move || clock.now())));
        github.add_token(TOKEN, story::GOVERNOR);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let api_url = format!("http://{}", listener.local_addr().unwrap());
        let served = github.clone();
        runtime.spawn(async move { served.serve(listener, std::future::pending()).await });
        let directory = tempfile::tempdir().unwrap();
        Self {
            github,
            directory,
            api_url,
            token: TOKEN.to_owned(),
            ca_file: None,
            credential: None,
            intervals: ("300ms", "150ms"),
            environment: Vec::new(),
            runtime,
        }
    }

    /// One configured repository, `acme/shop`, with a commit in production.
    pub(crate) fn with_shop() -> (Self, Repo, String) {
        let town = Self::new();
        let shop = story::repository(&town.github, "acme/shop");
        let production = shop.in_production();
        town.configure("repositories: [{name: acme/shop}]\n");
        (town, shop, production)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.state().join("release-governor.sock")
    }

    pub(crate) fn use_token(&mut self, token: &str) {
        self.token = token.to_owned();
    }

    /// Makes GitHub unreachable. Takes effect with the next configuration.
    pub(crate) fn lose_github(&mut self) {
        self.find_github_at("http://127.0.0.1:9".to_owned());
    }

    /// Sets GitHub's address. Takes effect with the next configuration.
    pub(crate) fn find_github_at(&mut self, api_url: String) {
        self.api_url = api_url;
    }

    /// GitHub's address.
    pub(crate) fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Sets `github.ca_file`. Takes effect with the next configuration.
    pub(crate) fn trust(&mut self, ca_file: Option<PathBuf>) {
        self.ca_file = ca_file;
    }

    /// Sets the credential, as keys of `github`. Takes effect with the next configuration.
    pub(crate) fn authenticate(&mut self, keys: &str) {
        self.credential = Some(keys.to_owned());
    }

    /// Sets a variable in the program's environment.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// Writes the configuration: the common part, and `more`.
    pub(crate) fn configure(&self, more: &str) {
        self.configure_at(&self.state(), "127.0.0.1:0", more);
    }

    pub(crate) fn configure_at(&self, state: &Path, listen: &str, more: &str) {
        std::fs::write(self.config(), self.text_at(state, listen, more)).unwrap();
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("governor.yaml")
    }

    /// The text of a configuration: the common part, and `more`.
    pub(crate) fn text(&self, more: &str) -> String {
        self.text_at(&self.state(), "127.0.0.1:0", more)
    }

    fn text_at(&self, state: &Path, listen: &str, more: &str) -> String {
        let ca_file =
            self.ca_file.as_ref().map(|file| format!(", ca_file: \"{}\"", file.display()));
        let (settled, active) = self.intervals;
        let credential = self.credential.as_ref().map(|keys| format!(", {keys}"));
        format!(
            "github: {{api_url: \"{}\", max_requests_per_minute: 0{}{}}}\n\
             controller: {{poll_interval: {settled}, active_poll_interval: {active}}}\n\
             server: {{listen: \"{listen}\"}}\n\
             state: {{dir: \"{}\"}}\n{more}",
            self.api_url,
            ca_file.unwrap_or_default(),
            credential.unwrap_or_default(),
            state.display()
        )
    }

    /// The program with these arguments, this configuration and token.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_release-governor"));
        command
            .args(arguments)
            .env_clear()
            .env("RELEASE_GOVERNOR_CONFIG", self.config())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path());
        if !self.token.is_empty() {
            command.env("GITHUB_TOKEN", &self.token);
        }
        command
    }

    /// Runs a command to completion.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let output = self.command(arguments).output().unwrap();
        let done = Done(output);
        assert!(!done.text().contains(TOKEN) && !done.error().contains(TOKEN), "the token shows");
        assert!(!done.error().contains("panicked"), "{}", done.error());
        done
    }

    /// Runs a command as a user does. Returns both outputs combined, in order, and the exit
    /// code.
    pub(crate) fn on_a_terminal(&self, arguments: &[&str]) -> (String, i32) {
        let path = self.directory.path().join("terminal");
        let screen = std::fs::File::create(&path).unwrap();
        let mut command = self.command(arguments);
        command.stdout(screen.try_clone().unwrap()).stderr(screen);
        let code = command.status().unwrap().code().expect("an exit code");
        (std::fs::read_to_string(path).unwrap(), code)
    }

    /// Starts a command in the background.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts the controller, and waits until it answers commands.
    pub(crate) fn govern(&self) -> Running {
        let running = self.govern_at_once();
        running.until_said("governing");
        running
    }

    /// Starts the controller.
    pub(crate) fn govern_at_once(&self) -> Running {
        let mut child = self.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Running { child, lines }
    }

    /// The row of a repository in `status --json`.
    pub(crate) fn row(&self, repository: &str) -> Value {
        let status = self.run(&["status", "--json"]).json();
        let rows = status["repositories"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["repository"] == repository).expect("a row")
    }

    /// Waits until `what` holds for the row, and returns it.
    pub(crate) fn row_when(&self, repository: &str, what: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        until(|| {
            last = self.row(repository);
            what(&last)
        });
        assert!(what(&last), "it did not come to pass: {last:#}");
        last
    }
}

/// Waits until `what` holds, up to a time limit. Returns whether it holds.
#[expect(clippy::disallowed_methods, reason = "the program under test runs in real time")]
pub(crate) fn until(mut what: impl FnMut() -> bool) -> bool {
    let clock = Clock::system();
    while clock.monotonic() < PATIENCE {
        if what() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    what()
}

/// A completed command.
pub(crate) struct Done(Output);

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        Self(output)
    }

    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().expect("an exit code")
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{}\n{}", self.text(), self.error());
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn error(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|_| {
            panic!("no JSON: {}\n{}", self.text(), self.error());
        })
    }
}

impl Running {
    pub(crate) fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Waits for the first log line that contains this word.
    #[track_caller]
    pub(crate) fn until_said(&self, word: &str) -> String {
        let find = || {
            let lines = self.lines.lock().unwrap();
            lines.iter().find(|line| line.contains(word)).cloned()
        };
        until(|| find().is_some());
        find().unwrap_or_else(|| panic!("`{word}` was never said:\n{}", self.log()))
    }

    /// The address of its pages.
    pub(crate) fn address(&self) -> SocketAddr {
        let line: Value = serde_json::from_str(&self.until_said("governing")).unwrap();
        line["address"].as_str().unwrap().parse().unwrap()
    }

    /// Sends a request. Returns the status code, headers and body.
    pub(crate) fn ask(&self, method: &str, path: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, head.to_ascii_lowercase(), body.to_owned())
    }

    /// The value of a series in its metrics; `None` if it does not exist.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let (_, _, body) = self.ask("GET", "/metrics");
        let of = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
        body.lines().find_map(of)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits until it exits. Returns the exit code, and how long that took.
    pub(crate) fn ended(mut self) -> (i32, Duration) {
        let clock = Clock::system();
        let code = self.child.wait().unwrap().code().expect("an exit code");
        (code, clock.monotonic())
    }

    /// Ends it as Kubernetes does.
    pub(crate) fn end(self) -> (i32, Duration) {
        self.signal("-TERM");
        self.ended()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
