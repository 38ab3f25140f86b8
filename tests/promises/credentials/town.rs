//! Repositories of two owners, one GitHub App, one governor for both, and time that only the
//! story advances.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ghbox::{
    APP_TEST_KEY, Exchange, GhApp, GhBox, GhClock, Installed, NewApp, Repo, UserKind,
    story as stage,
};
use jiff::{SignedDuration, Timestamp};
use release_governor::apply::WriteHandle;
use release_governor::clock::{Clock, ManualTime};
use release_governor::config::{self, TokenConfig};
use release_governor::controller::{
    Controller, ControllerSettings, Intervals, PassError, PassReport, Shared,
};
use release_governor::domain::RepoName;
use release_governor::github::{
    self, AppSource, GithubSettings, HttpService, Readers, TokenSource,
};
use release_governor::store::{MemoryDisk, Store};
use release_governor::telemetry::Metrics;

/// The repository of an organization, and that of a user.
pub(crate) const SHOP: &str = "acme/shop";
pub(crate) const SITE: &str = "globex/site";

/// The two owners, the App that both have installed, and its governor.
pub(crate) struct Town {
    pub(crate) github: GhBox,
    pub(crate) time: ManualTime,
    pub(crate) app: GhApp,
    pub(crate) acme: Installed,
    pub(crate) globex: Installed,
    pub(crate) shop: Repo,
    pub(crate) site: Repo,
    pub(crate) runtime: tokio::runtime::Runtime,
    directory: tempfile::TempDir,
    api_url: &'static str,
    governs: Vec<&'static str>,
    only: Option<u64>,
    disk: MemoryDisk,
    governor: Option<Governor>,
    seed: u64,
}

struct Governor {
    controller: Controller,
    readers: Readers,
    store: Store,
    metrics: Arc<Metrics>,
}

impl Town {
    /// Both repositories have a commit in production, and are not governed yet.
    pub(crate) fn new() -> Self {
        Self::whose_github_is_ahead_by(SignedDuration::ZERO)
    }

    /// The same, with GitHub's clock ahead of this machine's.
    pub(crate) fn whose_github_is_ahead_by(ahead: SignedDuration) -> Self {
        let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let (_, time) = Clock::manual(start, 0);
        let ticking = time.clone();
        let now = move || ticking.wall().checked_add(ahead).unwrap();
        let github = GhBox::new(GhClock::following(Arc::new(now)));
        github.add_user("acme", UserKind::Organization);
        github.add_user("globex", UserKind::User);
        let app = github.register_app(NewApp::new("shipper"));
        let (acme, globex) = (app.install("acme"), app.install("globex"));
        let (shop, site) = (stage::repository(&github, SHOP), stage::repository(&github, SITE));
        shop.in_production();
        site.in_production();
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut town = Self {
            github,
            time,
            app,
            acme,
            globex,
            shop,
            site,
            runtime,
            directory,
            api_url: "http://127.0.0.1:1",
            governs: vec![SHOP, SITE],
            only: None,
            disk: MemoryDisk::new(),
            governor: None,
            seed: 1,
        };
        town.write_key(APP_TEST_KEY);
        town.later(60);
        town
    }

    /// Sets the address of the API.
    pub(crate) fn at(mut self, api_url: &'static str) -> Self {
        self.api_url = api_url;
        self
    }

    /// Governs only acme's repository, with its installation id in the configuration.
    pub(crate) fn by_number(mut self) -> Self {
        self.only = Some(self.acme.id());
        self.governs = vec![SHOP];
        self
    }

    /// Replaces the App's private key file as a kubelet updates a Secret: through a symlink to
    /// a symlink that is swapped.
    pub(crate) fn write_key(&self, pem: &str) {
        let at = |name: &str| self.directory.path().join(name);
        let before = std::fs::read_dir(self.directory.path()).unwrap().count();
        let new = at(&format!("..{before}"));
        std::fs::create_dir(&new).unwrap();
        std::fs::write(new.join("key.pem"), pem).unwrap();
        std::os::unix::fs::symlink(&new, at("..young")).unwrap();
        std::fs::rename(at("..young"), at("..data")).unwrap();
        if !self.key_file().is_symlink() {
            std::os::unix::fs::symlink("..data/key.pem", self.key_file()).unwrap();
        }
    }

    fn key_file(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// Pushes a verified commit, and lets some seconds pass.
    pub(crate) fn verified(&mut self, repo: &Repo) -> String {
        let sha = repo.verified(&["src/cart.rs"]);
        self.later(5);
        sha
    }

    pub(crate) fn later(&mut self, seconds: u64) -> &mut Self {
        self.time.advance(Duration::from_secs(seconds));
        self
    }

    /// Runs one pass of one repository.
    pub(crate) fn try_pass(&mut self, name: &str) -> Result<PassReport, PassError> {
        let controller = self.running().controller.clone();
        let name: RepoName = name.parse().unwrap();
        self.runtime.block_on(async { controller.pass(&name).await.unwrap() })
    }

    /// Runs one successful pass of each repository.
    pub(crate) fn good_passes(&mut self) -> &mut Self {
        for name in self.governs.clone() {
            if let Err(error) = self.try_pass(name) {
                panic!("the pass of {name} failed: {}", error.in_words());
            }
        }
        self
    }

    /// Runs `count` passes of each repository, `seconds` apart, whatever their results.
    pub(crate) fn passes(&mut self, count: usize, seconds: u64) -> &mut Self {
        for _ in 0..count {
            for name in self.governs.clone() {
                let _ = self.try_pass(name);
            }
            self.later(seconds);
        }
        self
    }

    /// The governor's readers.
    pub(crate) fn readers(&mut self) -> Readers {
        self.running().readers.clone()
    }

    /// The value of one series, or zero if it does not exist.
    pub(crate) fn series(&mut self, series: &str) -> f64 {
        let text = self.running().metrics.encode();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Stops the process and discards its state directory.
    pub(crate) fn lose_the_disk(&mut self) -> &mut Self {
        if let Some(governor) = self.governor.take() {
            self.runtime.block_on(async { governor.store.close().await }).unwrap();
        }
        self.disk = MemoryDisk::new();
        self
    }

    /// Takes all requests since the last call.
    pub(crate) fn requests(&self) -> Vec<Exchange> {
        self.github.take_requests()
    }

    /// Asserts that another pass of each repository writes nothing and gets only 304s.
    pub(crate) fn settled(&mut self) {
        self.later(30).good_passes().later(30).good_passes();
        let mut fewest = Vec::new();
        // Slow-changing facts add requests to one of the passes.
        for pass in 0..3 {
            drop(self.requests());
            self.later(30).good_passes();
            let requests = self.requests();
            assert!(!requests.iter().any(Exchange::is_write), "not settled: {requests:#?}");
            let charged = requests.iter().filter(|one| one.response_status != 304);
            let charged: Vec<String> = charged.map(told).collect();
            if pass == 0 || charged.len() < fewest.len() {
                fewest = charged;
            }
        }
        assert!(fewest.is_empty(), "not settled: {fewest:#?}");
    }

    fn running(&mut self) -> &Governor {
        if self.governor.is_none() {
            self.governor = Some(self.start());
        }
        self.governor.as_ref().unwrap()
    }

    fn start(&mut self) -> Governor {
        self.seed += 1;
        let config = self.config();
        let TokenConfig::App(app) = &config.github.token else { panic!("an App is configured") };
        let settings = GithubSettings {
            api_url: config.github.api_url.clone(),
            token: TokenSource::App(AppSource {
                app_id: app.app_id.clone(),
                private_key_file: app.private_key_file.clone(),
                installation_id: app.installation_id,
            }),
            max_requests_per_minute: 0,
            request_timeout: Duration::from_secs(30),
        };
        let store = Store::in_memory_on(&self.disk).unwrap();
        let metrics = Arc::new(Metrics::new());
        let clock = Clock::over_manual(&self.time, self.seed);
        let service = HttpService::new(self.github.service());
        let (cache, counted) = (store.cache(), Arc::clone(&metrics));
        let _inside = self.runtime.enter();
        let connected = github::connect(&settings, service, clock.clone(), cache, counted);
        let (readers, writer) = connected.unwrap();
        let hand = Some(WriteHandle::new(writer));
        let (all, measured) = (readers.clone(), Arc::clone(&metrics));
        let shared = Shared::new(all, hand, store.clone(), clock, measured);
        let terms = ControllerSettings {
            policies: config.repositories,
            intervals: Intervals {
                settled: Duration::from_secs(60),
                active: Duration::from_secs(10),
            },
            max_concurrency: 4,
            config_digest: config.digest,
            public_url: None,
        };
        let controller = Controller::new(shared, terms);
        Governor { controller, readers, store, metrics }
    }

    fn config(&self) -> config::Config {
        let file = self.directory.path().join("config.yaml");
        let mut text = format!(
            "github:\n  api_url: {}\n  app:\n    app_id: {}\n    private_key_file: {}\n",
            self.api_url,
            self.app.id(),
            self.key_file().display(),
        );
        if let Some(number) = self.only {
            text.push_str(&format!("    installation_id: {number}\n"));
        }
        text.push_str("repositories:\n");
        for name in &self.governs {
            text.push_str(&format!("  - name: {name}\n"));
        }
        std::fs::write(&file, text).unwrap();
        config::load(&file, std::iter::empty()).unwrap_or_else(|errors| panic!("{errors}"))
    }
}

/// A request and its status code, on one line.
pub(crate) fn told(one: &Exchange) -> String {
    format!("{} {} → {}", one.method, one.path, one.response_status)
}

/// Whether the App sent the request as itself.
pub(crate) fn is_by_the_app(one: &Exchange) -> bool {
    one.operation.is_some_and(|operation| operation.starts_with("apps/"))
}
