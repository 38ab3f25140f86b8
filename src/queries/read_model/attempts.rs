//! Attempts and deploy runs, as they are shown.

use super::{NotShown, ReadModel};
use crate::domain::{
    Attempt, AttemptId, AttemptPhase, KnownRun, MovedDeployFiles, ReleaseState, RepoName, RunId,
    RunProgress, RunStatus,
};
use crate::messages;
use crate::queries::status::result;
use crate::queries::view::{AttemptView, Attempts, FailedStep, MovedFilesView, RunView};

impl ReadModel {
    /// Attempts of a repository, newest first: those before the one of that id.
    ///
    /// # Errors
    /// [`NotShown`].
    pub async fn attempts(
        &self,
        name: &RepoName,
        before: Option<&AttemptId>,
        limit: usize,
    ) -> Result<Attempts, NotShown> {
        let snapshot = self.shown(name).await?;
        let repository = snapshot.policy.repository.clone();
        let Some(release) = snapshot.release.as_deref() else {
            return match before {
                None => Ok(Attempts { repository, attempts: Vec::new(), next: None }),
                Some(id) => Err(no_such_attempt(id, repository)),
            };
        };
        let end = match before {
            None => release.attempts.len(),
            Some(id) => release
                .attempts
                .iter()
                .position(|attempt| attempt.begun.id == *id)
                .ok_or_else(|| no_such_attempt(id, repository.clone()))?,
        };
        let older = release.attempts.iter().take(end).rev();
        let attempts: Vec<AttemptView> =
            older.take(limit).map(|attempt| attempt_view(attempt, release)).collect();
        let next = attempts.last().filter(|_| attempts.len() < end).map(|last| last.id.clone());
        Ok(Attempts { repository, attempts, next })
    }
}

fn no_such_attempt(id: &AttemptId, repository: RepoName) -> NotShown {
    NotShown::NoSuchAttempt { id: id.clone(), repository }
}

/// An attempt, with its run.
pub(super) fn attempt_view(attempt: &Attempt, release: &ReleaseState) -> AttemptView {
    let begun = &attempt.begun;
    AttemptView {
        id: begun.id.clone(),
        sha: begun.sha.clone(),
        number: begun.number,
        reason: begun.reason,
        risk_class: begun.risk,
        workflow_id: begun.workflow,
        deploy_ref: begun.deploy_ref.clone(),
        phase: phase(&attempt.phase),
        result: attempt.outcome().map(result),
        told: attempt.outcome().map(messages::outcome),
        begun_at: attempt.at,
        marked_at: attempt.mark.as_ref().map(|mark| mark.at),
        mark: attempt.mark.as_ref().map(|mark| mark.id),
        absent_at: attempt.absent_at.clone(),
        late: attempt.late,
        judged_tip: begun.judged_tip.clone(),
        moved_deploy_files: attempt
            .run
            .and_then(|id| release.runs.get(&id)?.moved_deploy_files.as_ref())
            .map(moved_view),
        run: attempt
            .run
            .map(|id| release.runs.get(&id).map_or_else(|| unread(id), |run| run_view(run))),
    }
}

fn moved_view(moved: &MovedDeployFiles) -> MovedFilesView {
    MovedFilesView {
        tip: moved.ran.clone(),
        files: moved.files.clone(),
        told: messages::moved_deploy_files(moved),
    }
}

const fn phase(phase: &AttemptPhase) -> &'static str {
    match phase {
        AttemptPhase::Intent => "intent",
        AttemptPhase::Sending => "sending",
        AttemptPhase::Accepted => "accepted",
        AttemptPhase::Running => "running",
        AttemptPhase::Closed(_) => "closed",
    }
}

/// A deploy run in its newest attempt.
pub(super) fn run_view(run: &KnownRun) -> RunView {
    let mut view = unread(run.id);
    view.url = Some(run.html_url.clone());
    view.event = Some(run.event.0.clone());
    view.sha = run.attribution.sha().cloned();
    view.created_at = Some(run.created_at);
    if let Some((at, attempt)) = run.newest() {
        view.attempt = Some(at.attempt);
        view.started_at = Some(attempt.started_at);
        view.updated_at = Some(attempt.updated_at);
        view.finished = Some(attempt.progress.finished());
        view.progress = Some(progress(&attempt.progress).to_owned());
        let step = attempt.failed_step.clone();
        view.failed_step = step.map(|(job, step)| FailedStep { job, step });
    }
    if run.deleted {
        view.finished = Some(true);
        view.progress = Some("deleted".to_owned());
    }
    view
}

fn progress(progress: &RunProgress) -> &str {
    match progress {
        RunProgress::Finished(conclusion) => conclusion.as_str(),
        RunProgress::Unfinished(RunStatus::Queued) => "queued",
        RunProgress::Unfinished(RunStatus::InProgress) => "in_progress",
        RunProgress::Unfinished(RunStatus::Waiting) => "waiting",
        RunProgress::Unfinished(RunStatus::Pending) => "pending",
        RunProgress::Unfinished(RunStatus::Requested) => "requested",
        RunProgress::Unfinished(RunStatus::Other) => "other",
    }
}

const fn unread(id: RunId) -> RunView {
    RunView {
        id,
        url: None,
        event: None,
        sha: None,
        created_at: None,
        attempt: None,
        started_at: None,
        updated_at: None,
        finished: None,
        progress: None,
        failed_step: None,
    }
}
