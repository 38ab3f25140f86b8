//! `reconcile --once`: one pass over the repositories, now.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::controller::{Controller, NotDone, PassReport};
use crate::domain::{EntryKind, IssueWork, Plan, PlannedWrite, RepoName};

use super::{Pass, Passes};
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// One pass over each repository, now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReconcileRequest {
    /// This one; none: all.
    pub repository: Option<RepoName>,
    /// Only say what would be done.
    pub dry_run: bool,
}

impl ControllerRequest for ReconcileRequest {
    const NAME: &'static str = "reconcile";
    type Answer = Passes;

    fn writes(&self) -> bool {
        !self.dry_run
    }

    async fn carry_out(self, controller: Controller, _: Caller) -> Result<Passes, CommandFailure> {
        let names: Vec<RepoName> = match self.repository {
            Some(name) => vec![name],
            None => controller.repositories().to_vec(),
        };
        let mut tasks = JoinSet::new();
        for (place, name) in names.iter().cloned().enumerate() {
            let controller = controller.clone();
            tasks.spawn(async move { (place, one(&controller, name, self.dry_run).await) });
        }
        let mut passes: Vec<Arc<(usize, Pass)>> = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok((place, Ok(pass))) => passes.push(Arc::new((place, pass))),
                Ok((_, Err(failure))) => return Err(failure),
                Err(_) => return Err(CommandFailure::Dependency(BROKEN.to_owned())),
            }
        }
        passes.sort_by_key(|pass| pass.0);
        let repositories = passes.iter().map(|pass| pass.1.clone()).collect();
        Ok(Passes { dry_run: self.dry_run, repositories })
    }
}

const BROKEN: &str = "a pass ended in the middle. This is a defect of release-governor: please \
                      report it. Its ledger holds what was done";

async fn one(
    controller: &Controller,
    name: RepoName,
    dry_run: bool,
) -> Result<Pass, CommandFailure> {
    let report =
        if dry_run { controller.rehearse(&name).await } else { controller.pass_now(&name).await };
    match report {
        Ok(report) => Ok(pass(name, &report)),
        Err(error @ NotDone::NotGoverned(_)) => Err(error.into()),
        Err(error) => Ok(Pass {
            repository: name,
            sha: None,
            decision: None,
            reason: None,
            risk_class: None,
            actions: Vec::new(),
            error: Some(error.to_string()),
        }),
    }
}

fn pass(repository: RepoName, report: &PassReport) -> Pass {
    let decision = report.decision.as_ref();
    Pass {
        repository,
        sha: decision.map(|decision| decision.sha.clone()),
        decision: decision.map(crate::domain::Decision::outcome),
        reason: decision.map(crate::domain::Decision::reason),
        risk_class: decision.map(|decision| decision.risk.class),
        actions: actions(&report.plan),
        error: None,
    }
}

/// What is done at GitHub, in a sentence; what is only written down is left out.
fn actions(plan: &Plan) -> Vec<String> {
    let replaced = plan.records.iter().filter_map(|record| {
        let EntryKind::StatusForged { sha, .. } = record else { return None };
        Some(format!("replace somebody else's status on {}", sha.short()))
    });
    let deploy = plan.deploy.iter().map(|decision| format!("deploy {}", decision.sha.short()));
    replaced.chain(deploy).chain(plan.writes.iter().map(write)).collect()
}

fn write(write: &PlannedWrite) -> String {
    match write {
        PlannedWrite::Status { sha, state, description, .. } => {
            format!("set the status of {} to {}: {description}", sha.short(), state.as_str())
        }
        PlannedWrite::Issue(IssueWork::Failure { sha, number: None, .. }) => {
            format!("open an issue about the failed deploy of {}", sha.short())
        }
        PlannedWrite::Issue(IssueWork::Failure { sha, number: Some(number), .. }) => {
            format!("say on issue #{number} that the deploy of {} failed again", sha.short())
        }
        PlannedWrite::Issue(IssueWork::Recovery { number, .. }) => {
            format!("say on issue #{number} that it is mended")
        }
    }
}
