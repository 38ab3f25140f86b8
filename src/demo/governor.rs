//! The real controller, as `run` starts it, and the requests that operators send to it.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::home::Home;
use crate::bootstrap;
use crate::clock::Clock;
use crate::config;
use crate::daemon;
use crate::daemon::ConfigFile;
use crate::domain::{RepoName, Sha, ShaPrefix};
use crate::operations;
use crate::queries;
use crate::request::CommandFailure;
use crate::rpc;
use crate::rpc::Setup;

pub(super) struct Governor {
    setup: Setup,
    clock: Clock,
}

impl Governor {
    /// Starts the controller with the configuration in `home`. It serves its pages on `pages`.
    pub(super) async fn start(
        home: &Home,
        pages: TcpListener,
        ended: &watch::Receiver<bool>,
        tasks: &mut JoinSet<Result<(), CommandFailure>>,
    ) -> Result<Self, CommandFailure> {
        // Ignore the environment: the user's variables would change the scenario.
        let config = config::load(&home.config(), std::iter::empty())
            .map_err(|mistakes| CommandFailure::Usage(mistakes.to_string()))?;
        let clock = Clock::system();
        let store = bootstrap::open_store(&config.state_dir, &clock).await?;
        let surroundings = bootstrap::surroundings(&config, clock.clone(), store)?;
        let file = ConfigFile::new(&home.config(), Arc::new(Vec::new));
        let (governed, stop) = (config.clone(), ended.clone());
        tasks
            .spawn(async move { daemon::govern(&governed, file, surroundings, pages, stop).await });
        Ok(Self { setup: Setup::checked(config), clock })
    }

    /// The commit that the controller reports as production, as `status` shows it.
    pub(super) async fn production(&self, name: &str) -> Result<Option<String>, CommandFailure> {
        let ask = queries::StatusRequest { repository: Some(repository(name)?) };
        let status = rpc::perform(&self.setup, ask, self.clock.clone()).await?;
        let row = status.repositories.into_iter().next();
        Ok(row.and_then(|row| row.production_sha_current).map(|sha: Sha| sha.as_str().to_owned()))
    }

    /// Approves a commit through the socket, like `release-governor approve`.
    pub(super) async fn approve(
        &self,
        name: &str,
        sha: &str,
        reason: &str,
        by: &str,
    ) -> Result<(), CommandFailure> {
        let sha: ShaPrefix = sha.parse().map_err(|error| unlikely(&error))?;
        let (reason, name, repository) =
            (reason.to_owned(), Some(by.to_owned()), repository(name)?);
        let ask = operations::ApproveRequest { repository, sha, reason, name };
        rpc::perform(&self.setup, ask, self.clock.clone()).await.map(drop)
    }
}

fn repository(name: &str) -> Result<RepoName, CommandFailure> {
    name.parse().map_err(|error| unlikely(&error))
}

fn unlikely(error: &dyn std::fmt::Display) -> CommandFailure {
    CommandFailure::Usage(format!("the story is wrong: {error}"))
}
