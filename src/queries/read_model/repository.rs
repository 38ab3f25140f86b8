//! One repository, whole.

use super::attempts::{attempt_view, run_view};
use super::judged::{by_last_pass, by_ledger};
use super::{NotShown, ReadModel};
use crate::config::effective_policy;
use crate::controller::RepoSnapshot;
use crate::domain::{
    Approval, EnvironmentApproval, Policy, Production, ReleaseState, RepoName, Sha,
};
use crate::queries::status::row;
use crate::queries::view::{
    ApprovalView, ByEnvironment, Certainty, InFlight, JudgedView, PauseView, ProductionSetView,
    ProductionView, RefusedView, RepositoryDetail, StandingWords,
};

impl ReadModel {
    /// One repository, whole.
    ///
    /// # Errors
    /// [`NotShown`].
    pub async fn repository(&self, name: &RepoName) -> Result<RepositoryDetail, NotShown> {
        let snapshot = self.shown(name).await?;
        let release = snapshot.release.as_deref();
        let rejection = release.and_then(|release| release.rejection.as_ref());
        let refused = release.and_then(|release| release.issues_unavailable.as_ref());
        Ok(RepositoryDetail {
            status: row(&snapshot.policy, &snapshot.standing, release),
            governed_since: release.and_then(|release| release.governed_since),
            poll_interval_seconds: snapshot.interval.map(|interval| interval.as_secs_f64()),
            production: release.map_or(NOT_ASKED, production),
            judgements: self.judgements(&snapshot).await?,
            in_flight: release.map(in_flight).unwrap_or_default(),
            words: words(&snapshot.policy, release),
            rejection: rejection.map(|rejection| RefusedView {
                words: rejection.words.clone(),
                at: Some(rejection.at),
                retry_at: None,
            }),
            issues_unavailable: refused.map(|(words, at)| RefusedView {
                words: words.clone(),
                at: Some(*at),
                retry_at: None,
            }),
            policy: effective_policy(&snapshot.policy),
        })
    }

    /// What the last pass decided; where this process made none yet, the candidate's decision as
    /// the ledger holds it.
    async fn judgements(&self, snapshot: &RepoSnapshot) -> Result<Vec<JudgedView>, NotShown> {
        let decisions = &snapshot.decisions;
        let leading: Vec<&Sha> = decisions.candidate.iter().chain(&decisions.head).collect();
        let others = decisions.by_sha.keys().filter(|sha| !leading.contains(sha));
        let shas = leading.iter().copied().chain(others);
        let judged: Vec<JudgedView> = shas.filter_map(|sha| by_last_pass(snapshot, sha)).collect();
        let release = snapshot.release.as_deref();
        let candidate = release.and_then(|release| release.candidate.as_ref());
        match candidate {
            Some(candidate) if decisions.at.is_none() => {
                let entry = self.decided_of(&snapshot.policy.repository, candidate).await?;
                Ok(by_ledger(release, candidate, entry.as_ref()).into_iter().collect())
            }
            Some(_) | None => Ok(judged),
        }
    }
}

const NOT_ASKED: ProductionView = ProductionView {
    certainty: Certainty::NotAsked,
    sha: None,
    since: None,
    run: None,
    run_url: None,
};

fn production(release: &ReleaseState) -> ProductionView {
    let production = release.production();
    let (certainty, since) = match &production {
        Production::None => (Certainty::None, None),
        Production::Known { since, .. } => (Certainty::Known, Some(*since)),
        Production::Uncertain { .. } => (Certainty::Uncertain, None),
    };
    let run = production.run();
    let known = run.and_then(|run| release.runs.get(&run.id));
    ProductionView {
        certainty,
        sha: production.sha().cloned(),
        since,
        run,
        run_url: known.map(|run| run.html_url.clone()),
    }
}

fn in_flight(release: &ReleaseState) -> InFlight {
    InFlight {
        attempts: release.open_attempts().map(|one| attempt_view(one, release)).collect(),
        runs: release.runs_in_flight().map(run_view).collect(),
    }
}

fn words(policy: &Policy, release: Option<&ReleaseState>) -> StandingWords {
    let by_config = policy.paused.iter().map(|why| PauseView {
        source: "config",
        why: why.clone(),
        by: None,
        since: None,
    });
    let pause = release.and_then(|release| release.pause.as_ref());
    let by_operator = pause.map(|pause| PauseView {
        source: if pause.by.is_some() { "operator" } else { "recovered" },
        why: pause.why.clone(),
        by: pause.by.as_ref().map(crate::domain::Operator::display),
        since: Some(pause.since),
    });
    let production = release.map(ReleaseState::production);
    let production_set = match production {
        Some(Production::Known { sha, since, run: None }) => {
            Some(ProductionSetView { sha, at: since })
        }
        Some(Production::Known { .. } | Production::Uncertain { .. } | Production::None) | None => {
            None
        }
    };
    StandingWords {
        pauses: by_config.chain(by_operator).collect(),
        approvals: release.map(|release| approvals(&release.approvals)).unwrap_or_default(),
        approved_by_environment: by_environment(&policy.approved_by_environment),
        production_set,
    }
}

/// Approvals as they are shown.
pub(super) fn approvals<'a>(all: impl IntoIterator<Item = &'a Approval>) -> Vec<ApprovalView> {
    let view = |one: &Approval| ApprovalView {
        sha: one.sha.clone(),
        why: one.why.clone(),
        by: one.by.display(),
    };
    all.into_iter().map(view).collect()
}

fn by_environment(approval: &EnvironmentApproval) -> ByEnvironment {
    match approval {
        EnvironmentApproval::Nothing => ByEnvironment::default(),
        EnvironmentApproval::Everything => ByEnvironment { everything: true, shas: Vec::new() },
        EnvironmentApproval::Shas(shas) => ByEnvironment { everything: false, shas: shas.clone() },
    }
}
