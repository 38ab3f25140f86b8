//! Detects that a run used deploy files other than those its attempt was judged on. GitHub
//! takes them from the tip of the ref at the time of the dispatch. This cannot be prevented, so
//! it is reported.

use super::governed::Governed;
use super::{PassError, Shared};
use crate::domain::{EntryKind, KnownRun, MovedDeployFiles, ReleaseState, Run};
use crate::messages;
use crate::observe::{self, ReadContext, RepoFacts};

/// The most attempts that are checked, newest first.
const MOST_LOOKED_AT: usize = 10;

impl Governed {
    /// Records each of our runs that started on another tip than was judged, with different
    /// deploy files.
    pub(super) async fn note_moved_deploy_files(
        &mut self,
        shared: &Shared,
        ctx: &ReadContext<'_>,
        repo_facts: &RepoFacts,
        runs: &[Run],
    ) -> Result<(), PassError> {
        for (run, moved) in on_another_tip(self.opened()?.state(), runs) {
            let (judged, ran) = (&moved.judged, &moved.ran);
            let files = match observe::deploy_files_between(ctx, repo_facts, judged, ran).await {
                Ok(files) if files.is_empty() => continue,
                Ok(files) => files.into_iter().collect(),
                Err(error) if error.is_transient() => {
                    tracing::debug!(repository = %ctx.policy.repository, "{error}");
                    continue;
                }
                Err(_) => Vec::new(),
            };
            let moved = MovedDeployFiles { files, ..moved };
            let name = &ctx.policy.repository;
            shared.metrics.moved_deploy_files(name);
            tracing::error!(
                repository = %name, run = %run.id,
                "{name}: run {}: {}", run.id, messages::moved_deploy_files(&moved)
            );
            let run = KnownRun { moved_deploy_files: Some(moved), ..run };
            let entry = EntryKind::RunSeen { run };
            self.opened()?.record(shared.clock.now(), vec![entry]).await?;
        }
        Ok(())
    }
}

/// Our runs that started on another tip than was judged, unless already recorded.
fn on_another_tip(state: &ReleaseState, runs: &[Run]) -> Vec<(KnownRun, MovedDeployFiles)> {
    let newest = state.attempts.iter().rev().take(MOST_LOOKED_AT);
    newest
        .filter_map(|attempt| {
            let run = runs.iter().find(|run| Some(run.at.id) == attempt.run)?;
            let known = state.runs.get(&run.at.id)?;
            let judged = attempt.begun.judged_tip.clone()?;
            let is_noted = known.moved_deploy_files.is_some();
            let moved = MovedDeployFiles { judged, ran: run.head_sha.clone(), files: Vec::new() };
            (!is_noted && moved.ran != moved.judged).then(|| (KnownRun::clone(known), moved))
        })
        .collect()
}
