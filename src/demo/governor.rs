//! The real controller, put together as `run` does, with a handle for the narrator.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::home::Home;
use crate::apply::Hand;
use crate::clock::Clock;
use crate::commands::Failure;
use crate::config::{self, TokenConfig};
use crate::controller::{Controller, Intervals, Shared};
use crate::domain::{Approval, EntryKind, Operator, OperatorWord, RepoName};
use crate::github::{self, REQUEST_TIMEOUT, Settings, TokenSource};
use crate::store::{Store, StoreOptions};
use crate::telemetry::Metrics;

/// The running controller.
pub(super) struct Governor {
    controller: Controller,
    clock: Clock,
}

impl Governor {
    pub(super) async fn start(
        home: &Home,
        _pages: TcpListener,
        ended: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, Failure> {
        let dependency = |error: String| Failure::Dependency(error);
        let config = config::load(&home.config(), std::iter::empty())
            .map_err(|mistakes| Failure::Usage(mistakes.to_string()))?;
        let clock = Clock::system();
        let metrics = Arc::new(Metrics::new());
        let store = Store::open(&config.state_dir, StoreOptions::default())
            .map_err(|error| dependency(error.to_string()))?;
        let token = match config.github.token.clone() {
            TokenConfig::File(path) => TokenSource::File(path),
            TokenConfig::Value(value) => TokenSource::Value(value),
            TokenConfig::Missing => return Err(dependency("no token".into())),
        };
        let settings = Settings {
            api_url: config.github.api_url.clone(),
            token,
            max_requests_per_minute: config.github.max_requests_per_minute,
            request_timeout: REQUEST_TIMEOUT,
        };
        let network = github::network().map_err(|error| dependency(error.to_string()))?;
        let (reader, writer) =
            github::connect(settings, network, clock.clone(), store.cache(), Arc::clone(&metrics))
                .map_err(|error| dependency(error.to_string()))?;
        let mut shared =
            Shared::new(reader, Some(Hand::new(writer)), store, clock.clone(), metrics);
        shared.config_digest.clone_from(&config.digest);
        let intervals = Intervals {
            settled: config.controller.poll_interval,
            active: config.controller.active_poll_interval,
        };
        let controller = Controller::new(
            shared,
            config.repositories,
            intervals,
            config.controller.max_concurrency,
        );
        let (running, stop) = (controller.clone(), ended.clone());
        tasks.spawn(async move { running.run(stop).await });
        Ok(Self { controller, clock })
    }

    pub(super) async fn production(&self, name: &str) -> Option<String> {
        let name: RepoName = name.parse().ok()?;
        self.controller
            .with(&name, async |_, governed| {
                let release = governed.release()?;
                release.production().sha().map(|sha| sha.as_str().to_owned())
            })
            .await?
    }

    pub(super) async fn approve(
        &self,
        name: &str,
        sha: &str,
        why: &str,
        by: &str,
    ) -> Result<(), Failure> {
        let bad = || Failure::Usage("a name".into());
        let name: RepoName = name.parse().map_err(|_| bad())?;
        let sha = sha.parse().map_err(|_| bad())?;
        let by = Operator { peer: "demo".into(), name: Some(by.into()) };
        let approval = Approval { sha, deploy_file: None, why: why.into(), by };
        let kinds = vec![EntryKind::Operator(OperatorWord::Approved { approval })];
        let now = self.clock.now();
        self.controller
            .with(&name, async |shared, governed| {
                drop(governed);
                let Ok(Some(id)) = shared.store.repo_id(&name).await else { return };
                if let Ok(mut ledger) = shared.store.ledger(id).await {
                    let _ = ledger.record(now, kinds).await;
                }
            })
            .await;
        Ok(())
    }
}
