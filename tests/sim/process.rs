//! The program as a process: on a disk, over a wire that can be cut, on a clock that only the
//! simulation moves.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use release_governor::apply::Hand;
use release_governor::clock::{Clock, ManualTime};
use release_governor::config;
use release_governor::controller::{Controller, Intervals, PassReport, Shared, Terms};
use release_governor::domain::{EntryKind, OperatorWord, RepoName};
use release_governor::ghbox::{BoxService, GhBox, story};
use release_governor::github::{self, HttpService, Settings, TokenSource};
use release_governor::store::{MemoryDisk, Store};
use release_governor::telemetry::Metrics;
use tokio::sync::Notify;

pub(crate) const TOKEN: &str = "ghp_the-token-of-the-simulation";

/// Its config, as far as it differs from the defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) policies: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) approved: Vec<String>,
    pub(crate) identified: bool,
}

/// A process, or none where its disk cannot be opened for now.
pub(crate) struct Process {
    pub(crate) controller: Controller,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) wire: Wire,
}

/// How a pass ended.
#[derive(Debug)]
pub(crate) enum Passed {
    Well(Box<PassReport>),
    Badly(String),
    /// The process was killed.
    Cut,
}

impl Process {
    pub(crate) fn start(
        github: &GhBox,
        time: &ManualTime,
        disk: &MemoryDisk,
        wanted: &Wanted,
        seed: u64,
    ) -> Result<Self, String> {
        let config = wanted.config();
        let store = Store::in_memory_on(disk).map_err(|error| error.to_string())?;
        let metrics = Arc::new(Metrics::new());
        let clock = Clock::over_manual(time, seed);
        let settings = Settings {
            api_url: "http://127.0.0.1:1".into(),
            token: TokenSource::Value(TOKEN.into()),
            max_requests_per_minute: 0,
            request_timeout: Duration::from_secs(30),
        };
        let wire = Wire { to: github.service(), cut: Arc::default() };
        let service = HttpService::new(wire.clone());
        let cache = store.cache();
        let (readers, writer) =
            github::connect(&settings, service, clock.clone(), cache, Arc::clone(&metrics))
                .unwrap();
        let shared =
            Shared::new(readers, Some(Hand::new(writer)), store.clone(), clock.clone(), metrics);
        let terms = Terms {
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
        Ok(Self { controller, store, clock, wire })
    }

    /// One pass, or as much of it as there is before the wire is cut.
    pub(crate) async fn pass(&self, name: &RepoName) -> Passed {
        let bell = Arc::clone(&self.wire.cut.lock().unwrap().bell);
        tokio::select! {
            biased;
            () = bell.notified() => Passed::Cut,
            result = self.controller.pass(name) => match result.unwrap() {
                Ok(report) => Passed::Well(Box::new(report)),
                Err(error) => Passed::Badly(error.to_string()),
            },
        }
    }

    /// An operator's word, while no controller runs.
    pub(crate) async fn say(&self, name: &RepoName, word: OperatorWord) -> bool {
        let Ok(Some(id)) = self.store.repo_id(name).await else { return false };
        let Ok(mut ledger) = self.store.ledger(id).await else { return false };
        ledger.record(self.clock.now(), vec![EntryKind::Operator(word)]).await.is_ok()
    }
}

impl Wanted {
    fn config(&self) -> config::Config {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.yaml");
        let mut text = String::new();
        if self.identified {
            text.push_str(&format!("github: {{identities: [\"{}\"]}}\n", story::GOVERNOR));
        }
        text.push_str("repositories:\n");
        for (name, policy) in &self.policies {
            text.push_str(&format!("  - name: {name}\n"));
            for (key, value) in policy {
                text.push_str(&format!("    {key}: {value}\n"));
            }
        }
        std::fs::write(&file, text).unwrap();
        let mut environment = vec![("GITHUB_TOKEN".to_owned(), TOKEN.to_owned())];
        if !self.approved.is_empty() {
            environment.push(("RELEASE_GOVERNOR_APPROVED".to_owned(), self.approved.join(",")));
        }
        config::load(&file, environment.into_iter()).unwrap_or_else(|errors| panic!("{errors}"))
    }
}

/// The way to the box. It can be cut at a request: then the process is dead.
#[derive(Clone)]
pub(crate) struct Wire {
    to: BoxService,
    cut: Arc<Mutex<Cut>>,
}

#[derive(Default)]
struct Cut {
    /// Requests that still get through, and whether the last of them is carried out.
    left: Option<(u64, bool)>,
    bell: Arc<Notify>,
}

enum Fate {
    Through,
    CutBefore,
    CutAfter,
}

impl Wire {
    pub(crate) fn cut_at(&self, requests: u64, after: bool) {
        self.cut.lock().unwrap().left = Some((requests, after));
    }

    pub(crate) fn mend(&self) {
        self.cut.lock().unwrap().left = None;
    }

    fn fate(&self) -> Fate {
        let mut cut = self.cut.lock().unwrap();
        match cut.left {
            None => Fate::Through,
            Some((0, _)) => Fate::CutBefore,
            Some((1, after)) => {
                cut.left = Some((0, after));
                if after { Fate::CutAfter } else { Fate::CutBefore }
            }
            Some((left, after)) => {
                cut.left = Some((left - 1, after));
                Fate::Through
            }
        }
    }
}

impl<R> tower::Service<R> for Wire
where
    R: Send + 'static,
    BoxService: tower::Service<R>,
    <BoxService as tower::Service<R>>::Future: Send + 'static,
    <BoxService as tower::Service<R>>::Response: Send + 'static,
    <BoxService as tower::Service<R>>::Error: Send + 'static,
{
    type Response = <BoxService as tower::Service<R>>::Response;
    type Error = <BoxService as tower::Service<R>>::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send + 'static>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.to.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let bell = Arc::clone(&self.cut.lock().unwrap().bell);
        match self.fate() {
            Fate::Through => Box::pin(self.to.call(request)),
            Fate::CutBefore => Box::pin(async move {
                bell.notify_one();
                std::future::pending().await
            }),
            Fate::CutAfter => {
                let carried_out = self.to.call(request);
                Box::pin(async move {
                    drop(carried_out.await);
                    bell.notify_one();
                    std::future::pending().await
                })
            }
        }
    }
}
