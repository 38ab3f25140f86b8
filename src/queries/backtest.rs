//! `backtest`: what a policy would have made of the past, against what happened.

use serde::{Deserialize, Serialize};

use crate::backtest::{Summary, waited};
use crate::controller::{Backtested, Controller, Since};
use crate::domain::{Really, Replayed, RepoName, Ships, Supposed};
use crate::messages::backtest as sentences;

use super::view::backtest::{BacktestCommit, BacktestView as View, HeldFor, Numbers, Truth};
use crate::queries::PolicyFile;
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// What would have shipped, or been held? Writes nothing to GitHub.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BacktestRequest {
    /// The repository.
    pub repository: RepoName,
    /// How far back.
    pub since: Since,
    /// The policy; none: the one in force.
    pub policy: Option<PolicyFile>,
}

impl ControllerRequest for BacktestRequest {
    const NAME: &'static str = "backtest";
    const LARGEST: usize = PolicyFile::LARGEST_MESSAGE;
    type Answer = View;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(self, controller: Controller, _: Caller) -> Result<View, CommandFailure> {
        let (name, file) = (&self.repository, self.policy.as_ref());
        let policy = file.map(|file| file.policy(&controller, name)).transpose()?;
        let backtested = controller.backtest(name, policy, self.since).await?;
        Ok(view(self.repository, self.policy.map(|file| file.name), &backtested))
    }
}

fn view(repository: RepoName, policy: Option<String>, backtested: &Backtested) -> View {
    let commits = backtested.commits.iter().map(|one| commit(&repository, one)).collect();
    View {
        since: backtested.since,
        until: backtested.until,
        supposed: Supposed { production: None, policy },
        production_at_start: backtested.production.sha().cloned(),
        commits,
        summary: numbers(&Summary::of(&backtested.commits)),
        notes: notes(backtested),
        repository,
    }
}

fn commit(repository: &RepoName, replayed: &Replayed) -> BacktestCommit {
    let decision = &replayed.decision;
    let with =
        if let Ships::Along { with, .. } = &replayed.ships { Some(with.clone()) } else { None };
    BacktestCommit {
        verified_at: replayed.verified_at,
        sha: decision.sha.clone(),
        risk_class: decision.risk.class,
        decision: decision.outcome(),
        reason: decision.reason(),
        why: sentences::why(decision, repository),
        ships_at: replayed.ships.at(),
        ships_with: with,
        ships_told: sentences::ships(replayed),
        waited_seconds: waited(replayed).map(|wait| wait.as_secs()),
        really: truth(&replayed.really),
    }
}

fn truth(really: &Really) -> Truth {
    let (outcome, deploy, with) = match really {
        Really::Deployed(deploy) => ("deployed", Some(deploy), None),
        Really::Along { with, deploy } => ("went_along", Some(deploy), Some(with.clone())),
        Really::Failed { deploy, .. } => ("failed", Some(deploy), None),
        Really::Never => ("never", None, None),
    };
    Truth {
        outcome: outcome.to_owned(),
        at: deploy.map(|deploy| deploy.at),
        with,
        run: deploy.map(|deploy| deploy.run.id),
        run_url: deploy.map(|deploy| deploy.html_url.clone()),
        told: sentences::really(really),
    }
}

fn numbers(summary: &Summary) -> Numbers {
    let held = summary.would_be_held.iter();
    Numbers {
        verified: summary.verified,
        would_ship: summary.would_ship,
        would_go_along: summary.would_go_along,
        would_not_ship: summary.would_not_ship,
        would_be_held: held
            .map(|(reason, commits)| HeldFor { reason: *reason, commits: *commits })
            .collect(),
        held_for_their_own: summary.held_for_their_own,
        held_and_shipped: summary.waits.len(),
        median_wait_seconds: summary.median_wait().map(|wait| wait.as_secs()),
        longest_wait_seconds: summary.waits.last().map(|wait| wait.as_secs()),
        really_deployed: summary.really_deployed,
        deployed_although_held: summary.deployed_although_held,
    }
}

fn notes(backtested: &Backtested) -> Vec<String> {
    let reach = &backtested.reach;
    let mut notes = vec![sentences::production(&backtested.production)];
    let stopped =
        [("verification", reach.verifications_stopped_at), ("deploy", reach.deploys_stopped_at)];
    notes.extend(stopped.iter().filter_map(|(what, at)| at.map(|at| sentences::stopped(what, at))));
    if reach.commits_not_shown > 0 {
        notes.push(sentences::not_shown(reach.commits_not_shown));
    }
    notes.extend(sentences::not_replayed(!backtested.policy.degraded.is_empty()));
    notes
}
