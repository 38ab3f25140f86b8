//! `status`: how the repositories stand. It waits for no pass, and asks GitHub for nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::beside_others;
use crate::config::Config;
use crate::controller::{Controller, LastStanding, RepoSnapshot};
use crate::domain::{AttemptOutcome, OperatorAction, Policy, ReleaseState, RepoName};
use crate::messages;
use crate::store::{Ledger, Store, StoreError};

use super::simulate::counted_approvals;
use super::view::{self, RepositoryStatus};
use crate::request::StoreRequest;
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// How do the repositories stand?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusRequest {
    /// This one; none: all.
    pub repository: Option<RepoName>,
}

impl ControllerRequest for StatusRequest {
    const NAME: &'static str = "status";
    type Answer = view::FleetStatus;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(
        self,
        controller: Controller,
        _: Caller,
    ) -> Result<view::FleetStatus, CommandFailure> {
        let governed = controller.repositories();
        let names = asked(&self, governed.iter())?;
        let shown: Vec<RepoSnapshot> =
            names.into_iter().filter_map(|name| controller.snapshot(name)).collect();
        // Before its first pass, what is known is what the last process left.
        let kept = if shown.iter().any(is_new) {
            Some(StoredRows::of(&controller.shared().store).await)
        } else {
            None
        };
        let of = |snapshot: &RepoSnapshot| {
            row(&snapshot.policy, &snapshot.standing, snapshot.release.as_deref())
        };
        // A fleet may have many thousands.
        let about_bytes = view::FleetStatus::about_bytes_of(shown.len());
        let mut repositories: Vec<RepositoryStatus> =
            beside_others(about_bytes, || shown.iter().map(of).collect());
        for (row, snapshot) in repositories.iter_mut().zip(shown) {
            if let Some(kept) = kept.as_ref().filter(|_| is_new(&snapshot)) {
                *row = kept.row(&snapshot.policy).await?;
            }
            row.paused = row.paused.take().or(snapshot.paused);
        }
        Ok(view::FleetStatus { controller_running: true, repositories })
    }
}

impl StoreRequest for StatusRequest {
    /// How they stood when the last controller ended.
    async fn of_store(
        self,
        config: &Config,
        store: Option<&Store>,
    ) -> Result<view::FleetStatus, CommandFailure> {
        let kept = match store {
            Some(store) => Some(StoredRows::of(store).await),
            None => None,
        };
        let names = config.repositories.iter().map(|policy| &policy.repository);
        let mut repositories = Vec::new();
        for name in asked(&self, names)? {
            let policy = config.repositories.iter().find(|policy| policy.repository == *name);
            let Some(policy) = policy else { continue };
            repositories.push(match &kept {
                Some(kept) => kept.row(policy).await?,
                None => row(policy, &LastStanding::default(), None),
            });
        }
        Ok(view::FleetStatus { controller_running: false, repositories })
    }
}

/// The names that are asked for.
fn asked<'a>(
    ask: &StatusRequest,
    known: impl Iterator<Item = &'a RepoName>,
) -> Result<Vec<&'a RepoName>, CommandFailure> {
    let wanted = |name: &&RepoName| ask.repository.as_ref().is_none_or(|one| one == *name);
    let names: Vec<&RepoName> = known.filter(wanted).collect();
    match &ask.repository {
        Some(one) if names.is_empty() => Err(CommandFailure::NotFound(format!(
            "{one} is not governed here: it is not in the configuration"
        ))),
        Some(_) | None => Ok(names),
    }
}

/// Whether this process has made no pass over it yet.
pub(super) const fn is_new(snapshot: &RepoSnapshot) -> bool {
    snapshot.standing.last_pass.is_none()
}

/// What the store holds.
pub(super) struct StoredRows<'a> {
    store: &'a Store,
    standings: BTreeMap<RepoName, LastStanding>,
}

impl<'a> StoredRows<'a> {
    pub(super) async fn of(store: &'a Store) -> Self {
        let views = store.views().await.into_iter();
        // A row of another version is no row.
        let standing = |(name, row)| Some((name, serde_json::from_value(row).ok()?));
        Self { store, standings: views.filter_map(standing).collect() }
    }

    /// How a repository stood.
    pub(super) fn standing(&self, name: &RepoName) -> LastStanding {
        self.standings.get(name).cloned().unwrap_or_default()
    }

    async fn row(&self, policy: &Policy) -> Result<RepositoryStatus, StoreError> {
        let name = &policy.repository;
        let ledger = self.ledger(name).await?;
        let mut row = row(policy, &self.standing(name), ledger.as_ref().map(Ledger::state));
        if ledger.is_none() {
            row.paused = row.paused.or(self.pause_before_the_ledger(name).await?);
        }
        Ok(row)
    }

    /// Why an operator paused a repository that no pass has reached yet.
    async fn pause_before_the_ledger(&self, name: &RepoName) -> Result<Option<String>, StoreError> {
        let words = self.store.kept_words(name).await?;
        Ok(words.into_iter().rev().find_map(|word| match word {
            OperatorAction::Paused { why, .. } => Some(why),
            // Without a ledger nothing but a pause is recorded.
            OperatorAction::Approved { .. }
            | OperatorAction::Resumed { .. }
            | OperatorAction::ProductionSet { .. }
            | OperatorAction::Triggered { .. } => None,
        }))
    }

    /// Its ledger, if it ever had one.
    pub(super) async fn ledger(&self, name: &RepoName) -> Result<Option<Ledger>, StoreError> {
        match self.store.repo_id(name).await? {
            Some(id) => Ok(Some(self.store.ledger(id).await?)),
            None => Ok(None),
        }
    }
}

pub(super) fn row(
    policy: &Policy,
    standing: &LastStanding,
    release: Option<&ReleaseState>,
) -> RepositoryStatus {
    let mut row = RepositoryStatus::unknown(policy.repository.clone(), policy.enabled);
    row.dry_run = policy.dry_run;
    row.paused.clone_from(&policy.paused);
    row.last_pass = standing.last_pass;
    row.error = standing.trouble().map(str::to_owned);
    if let Some(decision) = &standing.decision {
        row.decision = Some(decision.outcome);
        row.reason = Some(decision.reason);
        row.risk_class = Some(decision.risk);
        if policy.enabled {
            row.ships_at = decision.ships_at.as_ref().map(|time| time.at);
            row.forecast = decision.ships_at.as_ref().map(messages::forecast);
        }
    }
    let above = &standing.above;
    if let Some((sha, decision)) = &above.head {
        (row.head_sha, row.head_reason) = (Some(sha.clone()), Some(decision.reason));
    }
    row.unverified_commits = above.unverified_commits;
    row.branch_tip.clone_from(&above.branch_tip);
    let Some(release) = release else { return row };
    row.production_sha_current = release.production().sha().cloned();
    let approved = row.production_sha_current.as_ref();
    row.production_approvals =
        approved.map(|sha| counted_approvals(Some(release), sha)).unwrap_or_default();
    row.production_sha_previous = release.previous_production();
    row.candidate_sha.clone_from(&release.candidate);
    row.paused = row.paused.or_else(|| release.pause.as_ref().map(|pause| pause.why.clone()));
    // What signals said that nobody follows any more says nothing of production now.
    let is_watched = !policy.degraded.is_empty() || policy.health_check.is_some();
    let health = release.last_health().filter(|_| is_watched);
    row.last_health_check = health.map(|last| last.health.as_str().to_owned());
    if let Some(attempt) = release.attempts.iter().max_by_key(|attempt| attempt.at) {
        row.last_deploy_attempt_sha = Some(attempt.begun.sha.clone());
        row.last_deploy_time = Some(attempt.at);
        row.last_deploy_result = attempt.outcome().map(result);
    }
    row
}

/// A word for scripts: GitHub's conclusion where there is one.
pub(super) fn result(outcome: &AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::Succeeded => "success",
        AttemptOutcome::Failed(conclusion) => conclusion.as_str(),
        AttemptOutcome::Superseded => "superseded",
        AttemptOutcome::RunDeleted => "run_deleted",
        AttemptOutcome::Unconfirmed => "unconfirmed",
        AttemptOutcome::Rejected(_) => "rejected",
        AttemptOutcome::NotStarted => "not_started",
        AttemptOutcome::NotSent(_) => "not_sent",
        AttemptOutcome::Withdrawn(_) => "withdrawn",
    }
    .to_owned()
}
