//! `trigger`: an operator asks for a deploy, which the policy must allow all the same.

use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Dispatched, Shipped, Triggering};
use crate::domain::{Cause, Decision, RepoName, ShaPrefix};

use super::Triggered;
use crate::queries::simulation;
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// Deploy this commit now, if the policy allows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TriggerRequest {
    /// The repository.
    pub repository: RepoName,
    /// The commit.
    pub sha: ShaPrefix,
    /// `--rollback`: production goes back to it.
    #[serde(default)]
    pub rollback: bool,
    /// `--as NAME`.
    pub name: Option<String>,
}

impl ControllerRequest for TriggerRequest {
    const NAME: &'static str = "trigger";
    type Answer = Triggered;

    fn writes(&self) -> bool {
        true
    }

    async fn carry_out(
        self,
        controller: Controller,
        caller: Caller,
    ) -> Result<Triggered, CommandFailure> {
        let by = caller.named(self.name)?;
        let triggering = controller.trigger(&self.repository, &self.sha, self.rollback, by).await?;
        triggered(&self.repository, triggering)
    }
}

fn triggered(repository: &RepoName, triggering: Triggering) -> Result<Triggered, CommandFailure> {
    let Triggering { shipped, page, at } = triggering;
    let failed = |decision: &Decision, what: &str| {
        CommandFailure::Dependency(format!("{repository} {}: {what}", decision.sha.short()))
    };
    match shipped {
        Shipped::NotAllowed(decision) => Ok(Triggered {
            run_url: page_of(&decision.cause),
            simulation: simulation(repository, &decision),
            time: None,
        }),
        Shipped::NotWanted | Shipped::NeverInProduction { .. } => Err(CommandFailure::Dependency(
            format!("{repository}: another commit is wanted now. Nothing was started; try again"),
        )),
        Shipped::InTheWay { decision, why } => {
            Err(failed(&decision, &format!("{why}. Nothing was started; try again")))
        }
        Shipped::Dispatched { decision, how } => match how {
            Dispatched::Started { .. } => Ok(Triggered {
                simulation: simulation(repository, &decision),
                run_url: page,
                time: at,
            }),
            Dispatched::Unknown { why, .. } => Err(failed(
                &decision,
                &format!(
                    "GitHub's answer to the dispatch was lost ({why}). Whether a run was started \
                     is not known: it is looked for, and nothing is sent again. See `status`"
                ),
            )),
            Dispatched::NotStarted { why } => {
                Err(failed(&decision, &format!("nothing was started: {why}")))
            }
        },
    }
}

/// The run that deploys or deployed the commit already.
fn page_of(cause: &Cause) -> Option<String> {
    if let Cause::Deploying { url, .. } | Cause::Deployed { url, .. } = cause {
        return url.clone();
    }
    None
}
