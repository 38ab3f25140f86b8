//! The program as a process: on a disk, with a connection that can be cut, and a clock that
//! only the simulation advances.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use ghbox::{BoxService, GhBox, story};
use http::{Method, Request};
use jiff::SignedDuration;
use release_governor::apply::WriteHandle;
use release_governor::clock::{Clock, ManualTime};
use release_governor::config;
use release_governor::controller::{
    Controller, ControllerSettings, Intervals, NotDone, PassReport, Shared, Shipped, Witness,
};
use release_governor::domain::{Operator, RepoName, ShaPrefix};
use release_governor::github::{self, GithubSettings, HttpService, TokenSource};
use release_governor::store::{MemoryDisk, Store};
use release_governor::telemetry::Metrics;
use tokio::sync::Notify;

pub(crate) const TOKEN: &str = "ghp_the-token-of-the-simulation";

/// Its configuration, as far as it differs from the defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) policies: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) approved: Vec<String>,
    pub(crate) identified: bool,
    /// `freezes` or `windows`.
    pub(crate) calendar: Option<String>,
    /// The last parsed result, with the text and environment it was parsed from.
    read: RefCell<Option<(ReadFrom, ControllerSettings)>>,
}

/// The text of the configuration, and the approvals in the environment.
type ReadFrom = (String, Vec<String>);

/// A process, or `None` while its disk cannot be opened.
pub(crate) struct Process {
    pub(crate) controller: Controller,
    pub(crate) store: Store,
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
        witness: Witness,
    ) -> Result<Self, String> {
        let store = Store::in_memory_on(disk).map_err(|error| error.to_string())?;
        let metrics = Arc::new(Metrics::new());
        let clock = Clock::over_manual(time, seed);
        let settings = GithubSettings {
            api_url: "http://127.0.0.1:1".into(),
            token: TokenSource::Value(TOKEN.into()),
            max_requests_per_minute: 0,
            request_timeout: Duration::from_secs(30),
        };
        let wire = Wire { to: github.service(), time: time.clone(), cut: Arc::default() };
        let service = HttpService::new(wire.clone());
        let cache = store.cache();
        let (readers, writer) =
            github::connect(&settings, service, clock.clone(), cache, Arc::clone(&metrics))
                .unwrap();
        let shared =
            Shared::new(readers, Some(WriteHandle::new(writer)), store.clone(), clock, metrics);
        let controller = Controller::new(shared.witnessed_by(witness), wanted.terms());
        Ok(Self { controller, store, wire })
    }

    /// Runs one pass, or the part of it before the connection is cut.
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

    /// Executes an operator's request, as the command does.
    pub(crate) async fn ask(&self, name: &RepoName, asked: &Asked) -> Result<bool, NotDone> {
        let by = Operator { peer: "uid 1000".into(), name: Some("ada".into()) };
        let why = "so they said".to_owned();
        let controller = &self.controller;
        let prefix = |sha: &str| sha.parse::<ShaPrefix>().unwrap();
        match asked {
            Asked::Pause => controller.pause(name, why, by).await.map(|_| true),
            Asked::Resume => controller.resume(name, by).await.map(|_| true),
            Asked::Approve(sha) => {
                controller.approve(name, &prefix(sha), why, by).await.map(|_| true)
            }
            Asked::SetProduction(sha) => {
                controller.set_production(name, &prefix(sha), why, by).await.map(|_| true)
            }
            Asked::Trigger { sha, rollback } => {
                let done = controller.trigger(name, &prefix(sha), *rollback, by).await?;
                Ok(matches!(done.shipped, Shipped::Dispatched { .. }))
            }
        }
    }
}

/// An operator's request.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Pause,
    Resume,
    Approve(String),
    SetProduction(String),
    Trigger { sha: String, rollback: bool },
}

impl Wanted {
    pub(crate) fn terms(&self) -> ControllerSettings {
        let of = (self.text(), self.approved.clone());
        let mut read = self.read.borrow_mut();
        if let Some((same, terms)) = &*read
            && *same == of
        {
            return terms.clone();
        }
        let terms = self.terms_of(&of.0);
        *read = Some((of, terms.clone()));
        terms
    }

    fn terms_of(&self, text: &str) -> ControllerSettings {
        let config = self.config(text);
        ControllerSettings {
            policies: config.repositories,
            intervals: Intervals {
                settled: Duration::from_secs(60),
                active: Duration::from_secs(10),
            },
            max_concurrency: 4,
            config_digest: config.digest,
            public_url: None,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.identified {
            text.push_str(&format!("github: {{identities: [\"{}\"]}}\n", story::GOVERNOR));
        }
        text.push_str(self.calendar.as_deref().unwrap_or_default());
        text.push_str("repositories:\n");
        for (name, policy) in &self.policies {
            text.push_str(&format!("  - name: {name}\n"));
            for (key, value) in policy {
                text.push_str(&format!("    {key}: {value}\n"));
            }
        }
        text
    }

    fn config(&self, text: &str) -> config::Config {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.yaml");
        std::fs::write(&file, text).unwrap();
        let mut environment = vec![("GITHUB_TOKEN".to_owned(), TOKEN.to_owned())];
        if !self.approved.is_empty() {
            environment.push(("RELEASE_GOVERNOR_APPROVED".to_owned(), self.approved.join(",")));
        }
        config::load(&file, environment.into_iter()).unwrap_or_else(|errors| panic!("{errors}"))
    }
}

/// The connection to the fake GitHub. It can be cut at a request: then the process is dead.
#[derive(Clone)]
pub(crate) struct Wire {
    to: BoxService,
    time: ManualTime,
    cut: Arc<Mutex<Cut>>,
}

#[derive(Default)]
struct Cut {
    /// The number of requests that still get through, and whether the last of them is executed.
    left: Option<(u64, bool)>,
    freeze: Option<Freeze>,
    /// Whether a status was written since the freeze was requested.
    marked: bool,
    bell: Arc<Notify>,
}

/// The process stops once it has written a status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freeze {
    /// The number of responses that still arrive after that.
    pub(crate) answers: u64,
    pub(crate) seconds: u64,
    /// Whether the machine is suspended, so that its monotonic clock stops, too.
    pub(crate) suspended: bool,
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
        let mut cut = self.cut.lock().unwrap();
        (cut.left, cut.freeze, cut.marked) = (None, None, false);
    }

    pub(crate) fn freeze(&self, freeze: Freeze) {
        self.cut.lock().unwrap().freeze = Some(freeze);
    }

    /// A response has arrived. The process may be stopped before it reads it.
    fn arrived(&self, marks: bool) {
        let mut cut = self.cut.lock().unwrap();
        cut.marked |= marks;
        let marked = cut.marked;
        let Some(freeze) = cut.freeze.as_mut().filter(|_| marked) else { return };
        if let Some(left) = freeze.answers.checked_sub(1) {
            freeze.answers = left;
            return;
        }
        let (seconds, suspended) = (freeze.seconds, freeze.suspended);
        cut.freeze = None;
        if suspended {
            self.time.jump_wall(SignedDuration::from_secs(i64::try_from(seconds).unwrap()));
        } else {
            self.time.advance(Duration::from_secs(seconds));
        }
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

impl<B> tower::Service<Request<B>> for Wire
where
    B: Send + 'static,
    BoxService: tower::Service<Request<B>>,
    <BoxService as tower::Service<Request<B>>>::Future: Send + 'static,
    <BoxService as tower::Service<Request<B>>>::Response: Send + 'static,
    <BoxService as tower::Service<Request<B>>>::Error: Send + 'static,
{
    type Response = <BoxService as tower::Service<Request<B>>>::Response;
    type Error = <BoxService as tower::Service<Request<B>>>::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send + 'static>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.to.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let bell = Arc::clone(&self.cut.lock().unwrap().bell);
        let marks =
            *request.method() == Method::POST && request.uri().path().contains("/statuses/");
        match self.fate() {
            Fate::Through => {
                let (carried_out, wire) = (self.to.call(request), self.clone());
                Box::pin(async move {
                    let answer = carried_out.await;
                    wire.arrived(marks);
                    answer
                })
            }
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
