//! Whether a run took the deploy files that its attempt was judged on. GitHub takes them from the
//! tip of the ref at the moment of the dispatch: that cannot be prevented, so it is said.

use super::governed::Governed;
use super::{PassError, Shared};
use crate::domain::{EntryKind, MovedDeployFiles, ReleaseState, Run, Sha};
use crate::observe::{self, Basics, Look};
use crate::words;

/// Newest attempts that are looked at.
const MOST_LOOKED_AT: usize = 10;

impl Governed {
    /// Notes each run of ours that started on another tip than was judged, with other deploy files.
    pub(super) async fn note_moved_deploy_files(
        &mut self,
        shared: &Shared,
        look: &Look<'_>,
        basics: &Basics,
        runs: &[Run],
    ) -> Result<(), PassError> {
        for started in on_another_tip(self.opened()?.state(), runs) {
            let MovedDeployFiles { judged, ran, .. } = &started;
            let files = match observe::deploy_files_between(look, basics, judged, ran).await {
                Ok(files) if files.is_empty() => continue,
                Ok(files) => files.into_iter().collect(),
                Err(error) if error.is_transient() => {
                    tracing::debug!(repository = %look.policy.repository, "{error}");
                    continue;
                }
                Err(_) => Vec::new(),
            };
            let moved = MovedDeployFiles { files, ..started };
            let name = &look.policy.repository;
            shared.metrics.moved_deploy_files(name);
            tracing::error!(
                repository = %name, sha = %moved.sha, attempt = %moved.id, run = %moved.run,
                "{name}: {}", words::moved_deploy_files(&moved)
            );
            let entry = EntryKind::DeployFilesMoved { moved };
            self.opened()?.record(shared.clock.now(), vec![entry]).await?;
        }
        Ok(())
    }
}

/// Runs of ours that started on another tip than was judged, and that were not looked at to the
/// end.
fn on_another_tip(state: &ReleaseState, runs: &[Run]) -> Vec<MovedDeployFiles> {
    let newest = state.attempts.iter().rev().take(MOST_LOOKED_AT);
    let known = |attempt| state.moved_deploy_files.iter().any(|one| one.id == attempt);
    newest
        .filter(|attempt| !known(attempt.begun.id.clone()))
        .filter_map(|attempt| {
            let run = runs.iter().find(|run| Some(run.at.id) == attempt.run)?;
            let judged: &Sha = attempt.begun.judged_tip.as_ref()?;
            (run.head_sha != *judged).then(|| MovedDeployFiles {
                id: attempt.begun.id.clone(),
                run: run.at.id,
                sha: attempt.begun.sha.clone(),
                judged: judged.clone(),
                ran: run.head_sha.clone(),
                files: Vec::new(),
            })
        })
        .collect()
}
