//! What one deploy run is, from what is known of it.

use super::{Attribution, KnownRun, KnownRunAttempt};
use crate::domain::{
    Attempt, AttributionRule, Conclusion, DeployScope, RefHistory, RunKind, RunProgress, RunRef,
};

impl KnownRun {
    /// Its newest attempt.
    #[must_use]
    pub fn newest(&self) -> Option<(RunRef, &KnownRunAttempt)> {
        self.attempts
            .last_key_value()
            .map(|(number, attempt)| (RunRef { id: self.id, attempt: *number }, &**attempt))
    }

    /// Whether it is not completed.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        !self.deleted && self.newest().is_some_and(|(_, attempt)| !attempt.progress.finished())
    }

    /// Whether any attempt of it succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.progress.succeeded())
    }

    /// What it is by this scope. `owner` is the attempt of ours that owns it.
    #[must_use]
    pub fn kind_in(&self, scope: &DeployScope, owner: Option<&Attempt>) -> RunKind {
        if let Some(owner) = owner {
            let workflow =
                self.source.as_ref().map_or(owner.begun.workflow, |source| source.workflow);
            // Neither its title nor its commit makes a run of ours anything else.
            return if workflow == scope.workflow {
                RunKind::Deploy
            } else if scope.other_workflows.contains(&workflow) {
                RunKind::OtherDeploy
            } else {
                RunKind::OtherWorkflow
            };
        }
        let Some(source) = &self.source else { return self.kind };
        let kind = scope.kind_by_source(&self.event, source);
        if kind != RunKind::Deploy {
            return kind;
        }
        if scope.claims_a_ref(source) && self.history == RefHistory::Lacks {
            RunKind::Stray
        } else if self.is_phantom() {
            RunKind::Phantom
        } else {
            RunKind::Deploy
        }
    }

    /// Sets what it is. A stray run tells nothing of what runs in production.
    pub fn classify(&mut self, scope: &DeployScope, owner: Option<&Attempt>) {
        self.kind = self.kind_in(scope, owner);
        if self.kind == RunKind::Stray {
            self.attribution = Attribution::Unknown;
            self.attributed_by = AttributionRule::Own;
        }
    }

    /// By a push, ended in failure, and without any job, in every attempt.
    fn is_phantom(&self) -> bool {
        self.event.is_push()
            && !self.attempts.is_empty()
            && self
                .attempts
                .values()
                .all(|attempt| attempt.failed_like_a_phantom() && attempt.has_jobs == Some(false))
    }

    /// Whether it is not known yet if the run's failure is one of a deploy at all.
    #[must_use]
    pub fn may_be_no_deploy(&self) -> bool {
        if self.kind != RunKind::Deploy {
            return false;
        }
        let jobs_are_missing = self.event.is_push()
            && self.attempts.values().all(|attempt| attempt.failed_like_a_phantom())
            && self.attempts.values().any(|attempt| attempt.has_jobs.is_none());
        jobs_are_missing || self.lacks_its_history()
    }

    /// Whether nobody asked if the ref has its commit. Of a run of an earlier version's entry
    /// nothing can be asked before it is seen again.
    #[must_use]
    pub fn lacks_its_history(&self) -> bool {
        self.history == RefHistory::NotAsked
            && self.source.as_ref().is_some_and(|source| source.head_branch.is_some())
    }
}

impl KnownRunAttempt {
    fn failed_like_a_phantom(&self) -> bool {
        matches!(
            self.progress,
            RunProgress::Finished(Conclusion::Failure | Conclusion::StartupFailure)
        )
    }
}
