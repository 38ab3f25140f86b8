//! What `status` shows people: how the repositories stand, and how to unblock what is held.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::controller::{Controller, LastStanding, StandingDecision};
use crate::domain::{Outcome, RepoName};
use crate::store::Store;

use super::status::{StatusRequest, StoredRows};
use super::view::{self, HeldCandidate, RepositoryStatus};
use crate::request::StoreRequest;
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// How do the repositories stand, and what would unblock them?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OverviewRequest {
    /// This one; none: all.
    pub repository: Option<RepoName>,
}

impl ControllerRequest for OverviewRequest {
    const NAME: &'static str = "overview";
    type Answer = view::Overview;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(
        self,
        controller: Controller,
        by: Caller,
    ) -> Result<view::Overview, CommandFailure> {
        let kept = StoredRows::of(&controller.shared().store).await;
        let ask = StatusRequest { repository: self.repository };
        let status = ask.carry_out(controller.clone(), by).await?;
        let standing = |name: &RepoName| {
            let shown = controller.snapshot(name).map(|snapshot| snapshot.standing);
            // Before its first pass, what is known is what the last process left.
            shown
                .filter(|standing| standing.last_pass.is_some())
                .unwrap_or_else(|| kept.standing(name))
        };
        Ok(overview(status, standing))
    }
}

impl StoreRequest for OverviewRequest {
    async fn of_store(
        self,
        config: &Config,
        store: Option<&Store>,
    ) -> Result<view::Overview, CommandFailure> {
        let status = StatusRequest { repository: self.repository }.of_store(config, store).await?;
        let kept = match store {
            Some(store) => Some(StoredRows::of(store).await),
            None => None,
        };
        let standing = |name: &RepoName| kept.as_ref().map(|kept| kept.standing(name));
        Ok(overview(status, |name| standing(name).unwrap_or_default()))
    }
}

fn overview(
    status: view::FleetStatus,
    standing: impl Fn(&RepoName) -> LastStanding,
) -> view::Overview {
    let held = status.repositories.iter().flat_map(|row| held(row, standing(&row.repository)));
    view::Overview { held: held.collect(), status }
}

/// What is held of a repository: its candidate, and its head, if they may not ship.
fn held(row: &RepositoryStatus, standing: LastStanding) -> impl Iterator<Item = HeldCandidate> {
    let candidate = standing.decision.and_then(|one| Some((row.candidate_sha.clone()?, one)));
    let may_not = |one: &StandingDecision| matches!(one.outcome, Outcome::Hold | Outcome::Wait);
    let repository = row.repository.clone();
    let spoken_of = candidate.into_iter().chain(standing.above.head);
    spoken_of.filter(move |(_, decision)| may_not(decision)).map(move |(sha, decision)| {
        HeldCandidate {
            repository: repository.clone(),
            sha,
            decision: decision.outcome,
            reason: decision.reason,
            hints: decision.hints,
        }
    })
}
