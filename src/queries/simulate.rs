//! `simulate`: what would be decided about a commit, and why.

use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Suppositions};
use crate::domain::{
    Counting, Decision, GivenApproval, ReleaseState, RepoName, RiskyPath, RuleFound, SeenApproval,
    Sha, ShaPrefix, Supposed,
};
use crate::messages;

use super::view::{BroughtView, PathView, RuleView, SeenApprovalView, Simulation};
use crate::queries::PolicyFile;
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// What would be decided about this commit? Writes nothing to GitHub.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SimulateRequest {
    /// The repository.
    pub repository: RepoName,
    /// The commit.
    pub sha: ShaPrefix,
    /// What production is supposed to be.
    #[serde(default)]
    pub production: Option<ShaPrefix>,
    /// The policy that is supposed.
    #[serde(default)]
    pub policy: Option<PolicyFile>,
}

impl ControllerRequest for SimulateRequest {
    const NAME: &'static str = "simulate";
    const LARGEST: usize = PolicyFile::LARGEST_MESSAGE;
    type Answer = Simulation;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(
        self,
        controller: Controller,
        _: Caller,
    ) -> Result<Simulation, CommandFailure> {
        let name = self.repository.clone();
        let mut simulation = self.asked(&controller).await?;
        let snapshot = controller.snapshot(&name);
        let release = snapshot.as_ref().and_then(|snapshot| snapshot.release.as_deref());
        simulation.counted_approvals = counted_approvals(release, &simulation.sha);
        Ok(simulation)
    }
}

impl SimulateRequest {
    async fn asked(self, controller: &Controller) -> Result<Simulation, CommandFailure> {
        let name = &self.repository;
        if self.policy.is_none() && self.production.is_none() {
            let decision = controller.simulate(name, &self.sha).await?;
            return Ok(supposing(name, &decision, Supposed::default()));
        }
        let file = self.policy.as_ref();
        let policy = file.map(|file| file.policy(controller, name)).transpose()?;
        let what = Suppositions { policy, production: self.production };
        let would_be = controller.suppose(name, &self.sha, what).await?;
        let policy = self.policy.map(|file| file.name);
        let supposed = Supposed { production: would_be.production, policy };
        Ok(supposing(name, &would_be.decision, supposed))
    }
}

fn supposing(repository: &RepoName, decision: &Decision, supposed: Supposed) -> Simulation {
    let evidence = messages::evidence_supposing(decision, repository, &supposed);
    Simulation { evidence, supposed: Some(supposed), ..simulation(repository, decision) }
}

/// A decision as it is shown.
#[must_use]
pub(crate) fn simulation(repository: &RepoName, decision: &Decision) -> Simulation {
    Simulation {
        repository: repository.clone(),
        decision: decision.outcome(),
        risk_class: decision.risk.class,
        reason: decision.reason(),
        sha: decision.sha.clone(),
        unblock_hints: messages::hints(decision, repository),
        ships_at: decision.ships_at.as_ref().map(|time| time.at),
        forecast: decision.ships_at.as_ref().map(messages::forecast),
        evidence: messages::evidence(decision, repository),
        paths: decision.risk.paths.iter().map(path).collect(),
        rules: rules(repository, decision),
        approvals: decision.approvals.iter().map(approval).collect(),
        counted_approvals: Vec::new(),
        supposed: None,
    }
}

/// The approvals that decisions about a commit rested on.
pub(super) fn counted_approvals(
    release: Option<&ReleaseState>,
    sha: &Sha,
) -> Vec<SeenApprovalView> {
    let counted = release.and_then(|release| release.counted_approvals.get(sha));
    let approvals = counted.iter().flat_map(|counted| &counted.approvals);
    approvals.map(|given| view_of(given, true, messages::approval_given(given))).collect()
}

fn path(path: &RiskyPath) -> PathView {
    let newest = path.brought.first();
    PathView {
        path: path.path.clone(),
        risk_class: path.risk_class,
        pattern: path.pattern.clone(),
        pull_request: newest.and_then(|newest| newest.pulls.first().copied()),
        commit: newest.map(|newest| newest.commit.clone()),
        brought_by: path
            .brought
            .iter()
            .map(|one| BroughtView { commit: one.commit.clone(), pull_requests: one.pulls.clone() })
            .collect(),
    }
}

fn rules(repository: &RepoName, decision: &Decision) -> Vec<RuleView> {
    let subject =
        messages::Subject { repository, sha: &decision.sha, place: messages::HintPlace::Anywhere };
    let rules = decision.rules().map(|(reason, found)| {
        let (found, cause) = match found {
            RuleFound::Decides(cause) => ("decides", Some(cause)),
            RuleFound::SpeaksToo(cause) => ("speaks_too", Some(cause)),
            RuleFound::Silent => ("silent", None),
            RuleFound::NotAsked => ("not_asked", None),
        };
        RuleView {
            reason,
            decision: reason.outcome(),
            found: found.to_owned(),
            said: cause.and_then(|cause| messages::found(cause, subject)),
        }
    });
    rules.collect()
}

fn approval(seen: &SeenApproval) -> SeenApprovalView {
    view_of(&seen.given, seen.counting == Counting::Counts, messages::approval_seen(seen))
}

fn view_of(given: &GivenApproval, counts: bool, said: String) -> SeenApprovalView {
    SeenApprovalView {
        mode: given.mode,
        pull_request: given.pull,
        sha: given.sha.clone(),
        by: given.by.clone(),
        at: given.at,
        counts,
        said,
    }
}
