//! What a pass says and counts.

use std::error::Error;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Shared;
use super::governed::Governed;
use crate::decide::Judgement;
use crate::domain::{
    AttemptOutcome, Decision, EntryKind, Outcome, Policy, ReleaseState, RunRef, StatusPurpose,
};
use crate::plan::{StatusBudget, budget};
use crate::words;

/// An error with all that caused it, in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    words::plain(&text, 1_000)
}

/// One line for a decision that changed.
pub(super) fn decision_changed(release: &ReleaseState, decision: &Decision, policy: &Policy) {
    let repository = &policy.repository;
    let before = release.decided.get(&decision.sha);
    let was = before.map_or_else(String::new, |last| {
        format!("{} {} became ", last.outcome.as_str(), last.reason.code())
    });
    let hint = words::hints(decision, repository).join("; ");
    tracing::info!(
        repository = %repository,
        sha = %decision.sha,
        decision = decision.outcome().as_str(),
        reason = decision.reason().code(),
        risk = decision.risk.class.as_str(),
        evidence = words::evidence(decision, repository).join("; "),
        "{repository} {}: {was}{} {} {hint}",
        decision.sha.short(),
        decision.outcome().as_str(),
        decision.reason().code(),
    );
}

/// Counts and says what the deploy runs did.
pub(super) fn followed(
    shared: &Shared,
    policy: &Policy,
    release: &ReleaseState,
    entry: &EntryKind,
) {
    let name = &policy.repository;
    match entry {
        EntryKind::AttemptClosed { id, outcome } => {
            let attempt = release.attempt(id);
            let took = attempt.and_then(|attempt| run_time(release, attempt.run?));
            shared.metrics.deploy(name, outcome, took);
            let sha = attempt.map_or("", |attempt| attempt.begun.sha.short());
            let level_is_bad = !matches!(outcome, AttemptOutcome::Succeeded);
            if level_is_bad {
                tracing::warn!(repository = %name, attempt = %id, "{name} {sha}: the deploy ended: {outcome:?}");
            } else {
                tracing::info!(repository = %name, attempt = %id, "{name} {sha}: the deploy succeeded");
            }
        }
        EntryKind::AttemptRun { id, run, late: true } => {
            shared.metrics.late_run(name);
            tracing::error!(
                repository = %name, attempt = %id, run = %run,
                "{name}: run {run} showed after its attempt was given up; it is followed, look at it"
            );
        }
        EntryKind::AttemptRun { id, run, late: false } => {
            tracing::info!(repository = %name, attempt = %id, run = %run, "{name}: run {run} was started");
        }
        _ => {}
    }
}

fn run_time(release: &ReleaseState, run: crate::domain::RunId) -> Option<Duration> {
    let (_, attempt) = release.runs.get(&run)?.newest()?;
    Duration::try_from(attempt.updated_at.duration_since(attempt.started_at)).ok()
}

impl Governed {
    /// Sets the gauges of this repository.
    pub(super) fn measure(&self, shared: &Shared) {
        let name = &self.policy.repository;
        let Some(release) = self.release() else { return };
        let held = self
            .standing
            .decision
            .as_ref()
            .filter(|decision| decision.outcome == Outcome::Hold)
            .map(|decision| decision.reason);
        shared.metrics.holding(name, held);
        shared.metrics.production(name, release.production().sha());
        shared.metrics.issues_unavailable(name, release.issues_unavailable.is_some());
        shared.metrics.deploy_overdue(name, self.overdue(release, shared.clock.now()).is_some());
    }

    /// The run that takes longer than `deploy_timeout_minutes`, if one does.
    pub(super) fn overdue(&self, release: &ReleaseState, now: Timestamp) -> Option<RunRef> {
        let limit = SignedDuration::try_from(self.policy.deploy_timeout).ok()?;
        let late = |since: Timestamp| now.duration_since(since) > limit;
        release
            .runs_in_flight()
            .filter_map(crate::domain::KnownRun::newest)
            .find(|(_, attempt)| late(attempt.started_at))
            .map(|(at, _)| at)
    }

    /// Says what a commit's spent budget keeps unsaid.
    pub(super) fn warn_of_budgets(&self, shared: &Shared, judgement: &Judgement) {
        let Some(release) = self.release() else { return };
        let now = shared.clock.now();
        for sha in judgement.decisions.keys() {
            if budget(release, sha, now) == StatusBudget::Spent {
                shared.metrics.status_budget_spent(&self.policy.repository);
                tracing::warn!(
                    repository = %self.policy.repository, sha = %sha,
                    "{} bears too many statuses of ours: only those of a dispatch ({:?}) are still written",
                    sha.short(), StatusPurpose::Dispatch,
                );
            }
        }
    }
}
