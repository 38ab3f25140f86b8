//! `simulate`: what would be decided about a commit, and why.

use serde::{Deserialize, Serialize};

use crate::controller::Controller;
use crate::domain::{Decision, RepoName, ShaPrefix};
use crate::words;

use super::view::{PathView, Simulation};
use super::{Ask, Caller, Failure};

/// What would be decided about this commit? Writes nothing to GitHub.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Simulate {
    /// The repository.
    pub repository: RepoName,
    /// The commit.
    pub sha: ShaPrefix,
}

impl Ask for Simulate {
    const NAME: &'static str = "simulate";
    type Answer = Simulation;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(self, controller: Controller, _: Caller) -> Result<Simulation, Failure> {
        let decision = controller.simulate(&self.repository, &self.sha).await?;
        Ok(simulation(&self.repository, &decision))
    }
}

/// A decision as it is shown.
#[must_use]
pub(super) fn simulation(repository: &RepoName, decision: &Decision) -> Simulation {
    let path = |path: &crate::domain::RiskyPath| PathView {
        path: path.path.clone(),
        risk_class: path.risk_class,
        pattern: path.pattern.clone(),
        pull_request: path.pull_request,
    };
    Simulation {
        repository: repository.clone(),
        decision: decision.outcome(),
        risk_class: decision.risk.class,
        reason: decision.reason(),
        sha: decision.sha.clone(),
        unblock_hints: words::hints(decision, repository),
        evidence: words::evidence(decision, repository),
        paths: decision.risk.paths.iter().map(path).collect(),
    }
}
