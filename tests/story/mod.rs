//! A story: one repository at a fake GitHub, one governor, and time that only the story
//! advances.
//!
//! The governor reads its policy from a real configuration, keeps its ledger in the real store
//! (on an in-memory disk), and talks to the fake GitHub over HTTP in process. All assertions
//! are made on what the fake GitHub holds.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test binary uses its own part of the story, and fails by panicking"
)]

mod looking;

pub use looking::{CONTEXT, DEPLOY_FILE};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ghbox::{Exchange, GhBox, GhClock, Repo, story as stage};
use jiff::Timestamp;
use release_governor::apply::WriteHandle;
use release_governor::clock::{Clock, ManualTime};
use release_governor::config;
use release_governor::controller::{
    Controller, ControllerSettings, Intervals, PassError, PassReport, Shared,
};
use release_governor::domain::{EntryKind, Operator, OperatorAction, RepoName};
use release_governor::github::{self, GithubSettings, HttpService, TokenSource};
use release_governor::signals::{Carrier, Signals};
use release_governor::store::{MemoryDisk, Store};
use release_governor::telemetry::Metrics;

mod meanwhile;
mod people;

pub use meanwhile::{a_look_at_statuses, the_dispatch, the_mark};
pub use people::PullRequest;

pub const TOKEN: &str = "ghp_the-token-of-the-story";

/// One repository, one governor.
pub struct Story {
    pub github: GhBox,
    pub repo: Repo,
    pub time: ManualTime,
    name: RepoName,
    settings: BTreeMap<String, String>,
    environment: Vec<(String, String)>,
    public_url: Option<String>,
    identities: Vec<String>,
    disk: MemoryDisk,
    signals: Option<Carrier>,
    /// Top-level keys of the configuration file, such as `freezes`.
    calendar: String,
    governor: Option<Governor>,
    seed: u64,
    runtime: tokio::runtime::Runtime,
}

struct Governor {
    controller: Controller,
    store: Store,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Story {
    /// A repository with its two workflows, and a governor that has not read it yet.
    pub fn repository(name: &str) -> Self {
        let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let (_, time) = Clock::manual(start, 0);
        let ticking = time.clone();
        // GitHub's clock is independent of this machine's, so that one can jump without the
        // other.
        let github = GhBox::new(GhClock::following(Arc::new(move || start + ticking.elapsed())));
        let repo = stage::repository(&github, name);
        github.add_token(TOKEN, stage::GOVERNOR);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut story = Self {
            github,
            repo,
            time,
            name: name.parse().unwrap(),
            settings: BTreeMap::new(),
            environment: Vec::new(),
            public_url: None,
            identities: Vec::new(),
            disk: MemoryDisk::new(),
            signals: None,
            calendar: String::new(),
            governor: None,
            seed: 1,
            runtime,
        };
        story.later(60);
        story
    }

    /// Sets a policy key of this repository.
    pub fn policy(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self.governor = None;
        self
    }

    /// Changes a policy key of a governor that has already run, like an edited configuration.
    pub fn change_policy(&mut self, key: &str, value: &str) -> &mut Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self.restart()
    }

    /// Sets `freezes` and `windows`, as YAML.
    pub fn calendar(mut self, text: &str) -> Self {
        text.clone_into(&mut self.calendar);
        self.governor = None;
        self
    }

    /// Sets the transport for signals.
    pub fn signals(mut self, carrier: Carrier) -> Self {
        self.signals = Some(carrier);
        self
    }

    /// Sets an environment variable.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Approves a commit with `RELEASE_GOVERNOR_APPROVED`, which requires a restart.
    pub fn approve_by_environment(&mut self, sha: &str) -> &mut Self {
        let word = format!("{}@{sha}", self.name);
        self.environment.push(("RELEASE_GOVERNOR_APPROVED".to_owned(), word));
        self.restart()
    }

    /// Sets `server.public_url`.
    pub fn public_url(mut self, url: &str) -> Self {
        self.public_url = Some(url.to_owned());
        self
    }

    /// Lists the governor's account in `github.identities`. An App's token does not reveal its
    /// account, so only this lets a governor that lost its ledger recognize its own statuses.
    pub fn known_by_name(mut self) -> Self {
        self.identities.push(stage::GOVERNOR.to_owned());
        self
    }

    /// Puts a commit in production by a manual deploy. Returns its sha.
    pub fn in_production(&mut self) -> String {
        let sha = self.repo.in_production();
        self.later(60);
        sha
    }

    /// Pushes a commit with these paths to `main`, with a successful verification.
    pub fn verified(&mut self, paths: &[&str]) -> String {
        let sha = self.repo.verified(paths);
        self.later(5);
        sha
    }

    /// Pushes a commit with these paths to `main`, not yet verified.
    pub fn pushed(&mut self, paths: &[&str]) -> String {
        let sha = self.repo.push_paths(paths);
        self.later(5);
        sha
    }

    /// Advances the time.
    pub fn later(&mut self, seconds: u64) -> &mut Self {
        self.time.advance(Duration::from_secs(seconds));
        self
    }

    pub fn minutes_later(&mut self, minutes: u64) -> &mut Self {
        self.later(minutes * 60)
    }

    /// Runs one pass, whatever its result.
    pub fn pass(&mut self) -> &mut Self {
        let _ = self.try_pass();
        self
    }

    /// Runs one pass, which must succeed.
    pub fn good_pass(&mut self) -> &mut Self {
        if let Err(error) = self.try_pass() {
            panic!("the pass failed: {error}");
        }
        self
    }

    /// Runs `count` passes, `seconds` apart.
    pub fn passes(&mut self, count: usize, seconds: u64) -> &mut Self {
        for _ in 0..count {
            self.pass().later(seconds);
        }
        self
    }

    pub fn try_pass(&mut self) -> Result<PassReport, PassError> {
        self.start();
        let name = self.name.clone();
        let controller = self.governor.as_ref().unwrap().controller.clone();
        self.runtime.block_on(async { controller.pass(&name).await.unwrap() })
    }

    /// Restarts the process on the same disk.
    pub fn restart(&mut self) -> &mut Self {
        self.stop();
        self.start();
        self
    }

    /// Stops the process and discards its state directory.
    pub fn lose_the_disk(&mut self) -> &mut Self {
        self.stop();
        self.disk = MemoryDisk::new();
        self
    }

    /// Ends the process as a crash does: nothing is flushed.
    pub fn crash(&mut self) -> &mut Self {
        if let Some(governor) = self.governor.take() {
            self.disk.crash(|_| true);
            drop(governor);
        }
        self
    }

    fn stop(&mut self) {
        if let Some(governor) = self.governor.take() {
            self.runtime.block_on(async { governor.store.close().await }).unwrap();
        }
    }

    /// A second governor of the same repository with its own disk and the same account, like an
    /// accidental second replica.
    pub fn second_governor(&mut self) -> Twin {
        let governor = self.governor(&MemoryDisk::new());
        Twin { controller: governor.controller }
    }

    /// Runs one pass of a twin.
    pub fn pass_of(&mut self, twin: &Twin) -> Result<PassReport, PassError> {
        let name = self.name.clone();
        self.runtime.block_on(async { twin.controller.pass(&name).await.unwrap() })
    }

    fn start(&mut self) {
        if self.governor.is_none() {
            self.governor = Some(self.governor(&self.disk.clone()));
        }
    }

    fn governor(&mut self, disk: &MemoryDisk) -> Governor {
        self.seed += 1;
        let config = self.config();
        let store = Store::in_memory_on(disk).unwrap();
        let metrics = Arc::new(Metrics::new());
        let clock = Clock::over_manual(&self.time, self.seed);
        let settings = GithubSettings {
            api_url: "http://127.0.0.1:1".into(),
            token: TokenSource::Value(TOKEN.into()),
            max_requests_per_minute: 0,
            request_timeout: Duration::from_secs(30),
        };
        let service = HttpService::new(self.github.service());
        let _inside = self.runtime.enter();
        let cache = store.cache();
        let (readers, writer) =
            github::connect(&settings, service, clock.clone(), cache, Arc::clone(&metrics))
                .unwrap();
        let hand = Some(WriteHandle::new(writer));
        let mut shared =
            Shared::new(readers, hand, store.clone(), clock.clone(), Arc::clone(&metrics));
        if let Some(carrier) = &self.signals {
            shared.signals = Signals::new(clock.clone(), Arc::clone(&metrics), carrier.clone());
        }
        let terms = ControllerSettings {
            policies: config.repositories,
            intervals: Intervals {
                settled: Duration::from_secs(60),
                active: Duration::from_secs(10),
            },
            max_concurrency: 4,
            config_digest: config.digest,
            public_url: self.public_url.clone(),
        };
        let controller = Controller::new(shared, terms);
        Governor { controller, store, clock, metrics }
    }

    fn config(&self) -> config::Config {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.yaml");
        let mut text = format!("github:\n  identities: {:?}\n", self.identities);
        text.push_str(&format!("repositories:\n  - name: {}\n", self.name));
        for (key, value) in &self.settings {
            text.push_str(&format!("    {key}: {value}\n"));
        }
        text.push_str(&self.calendar);
        std::fs::write(&file, text).unwrap();
        let mut environment = self.environment.clone();
        environment.push(("GITHUB_TOKEN".into(), TOKEN.into()));
        config::load(&file, environment.into_iter()).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Records an operator's action in the ledger, as a command does.
    pub fn operator_says(&mut self, word: OperatorAction) -> &mut Self {
        self.start();
        let (name, controller) =
            (self.name.clone(), self.governor.as_ref().unwrap().controller.clone());
        let clock = self.governor.as_ref().unwrap().clock.clone();
        let store = self.governor.as_ref().unwrap().store.clone();
        self.runtime.block_on(async {
            let id = store.repo_id(&name).await.unwrap().expect("a pass comes first");
            let kinds = vec![EntryKind::Operator(word)];
            controller
                .with(&name, async |_, _| {
                    let mut ledger = store.ledger(id).await.unwrap();
                    ledger.record(clock.now(), kinds).await.unwrap();
                })
                .await
                .unwrap();
        });
        // Reload the ledger, because it was changed from outside.
        self.restart()
    }

    pub fn operator() -> Operator {
        Operator { peer: "uid 1000".into(), name: Some("ada".into()) }
    }

    /// The number of dispatches of this sha.
    pub fn dispatches_of(&self, sha: &str) -> usize {
        self.repo.dispatches_of(sha)
    }

    /// All dispatches of the governor, by sha, oldest first.
    pub fn dispatched(&self) -> Vec<String> {
        let dispatches = self.repo.dispatches();
        let ours = dispatches.iter().filter(|one| one.by == stage::GOVERNOR);
        ours.filter_map(|one| one.sha().map(str::to_owned)).collect()
    }

    /// The newest status under our context: `state: description`.
    pub fn status(&self, sha: &str) -> String {
        let statuses = self.repo.statuses(sha);
        let ours = statuses.iter().find(|one| one.context == "booty/release-governor");
        ours.map_or_else(
            || "none".to_owned(),
            |one| {
                let description = one.description.as_str();
                format!("{}: {}", one.state, description.replace(&sha[..7], "SHA"))
            },
        )
    }

    /// Ends the run of the newest dispatch of this sha with this conclusion.
    pub fn deploy_ends(&mut self, sha: &str, conclusion: &str) -> &mut Self {
        let dispatches = self.repo.dispatches();
        let of_it = dispatches.iter().rev().find(|one| one.sha() == Some(sha));
        let run = of_it.expect("it was dispatched").run_id;
        self.repo.finish_run(run, conclusion);
        self.later(5)
    }

    /// Takes all requests since the last call.
    #[must_use]
    pub fn requests(&mut self) -> Vec<Exchange> {
        self.github.take_requests()
    }

    /// Asserts that further passes write nothing, send no more requests than settled ones may,
    /// and get only 304s.
    pub fn settled(&mut self) -> &mut Self {
        self.settled_within(3)
    }

    /// The same, with a given number of requests: a head, a merge queue or a hold may each cost
    /// one more.
    pub fn settled_within(&mut self, most: usize) -> &mut Self {
        self.later(30).good_pass().later(30).good_pass();
        let mut cheapest = None;
        // Slow-changing facts and the unfiltered list of the tenth pass add requests to some
        // passes.
        for _ in 0..3 {
            drop(self.github.take_requests());
            self.later(30).good_pass();
            let requests = self.github.take_requests();
            let told: Vec<String> = requests
                .iter()
                .map(|one| format!("{} {} → {}", one.method, one.path, one.response_status))
                .collect();
            assert!(!requests.iter().any(Exchange::is_write), "not settled: {told:#?}");
            let charged = requests.iter().filter(|one| one.response_status != 304).count();
            if cheapest
                .as_ref()
                .is_none_or(|(least, fewest, _)| (charged, told.len()) < (*least, *fewest))
            {
                cheapest = Some((charged, told.len(), told));
            }
        }
        let (charged, count, told) = cheapest.unwrap();
        assert_eq!(charged, 0, "not settled: {told:#?}");
        assert!(count <= most, "too many requests for a settled pass: {told:#?}");
        self
    }
}

/// A second governor of the same repository.
pub struct Twin {
    controller: Controller,
}
