//! The log lines and metrics of a pass.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::governed::Governed;
use super::{Shared, Survey};
use crate::decide::Judgement;
use crate::domain::{
    AttemptOutcome, Decision, Dora, EntryKind, Outcome, Policy, ReleaseState, Restored, RuleClock,
    RunKind, RunRef, Sha, StatusPurpose, restorations,
};
use crate::messages;
use crate::observe::Memory;
use crate::plan::{StatusBudget, budget};

/// How long the DORA metrics are kept while no run ends. They cover the last 30 days.
const DORA_AGE: SignedDuration = SignedDuration::from_mins(10);

/// An error with its causes, on one line.
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
    messages::plain(&text, 1_000)
}

/// Logs a decision that changed, on one line.
pub(super) fn decision_changed(release: &ReleaseState, decision: &Decision, policy: &Policy) {
    let repository = &policy.repository;
    let before = release.decided.get(&decision.sha);
    let was = before.map_or_else(String::new, |last| {
        format!("{} {} became ", last.outcome.as_str(), last.reason.code())
    });
    let hint = messages::hints(decision, repository).join("; ");
    tracing::info!(
        repository = %repository,
        sha = %decision.sha,
        decision = decision.outcome().as_str(),
        reason = decision.reason().code(),
        risk = decision.risk.class.as_str(),
        evidence = messages::evidence(decision, repository).join("; "),
        "{repository} {}: {was}{} {} {hint}",
        decision.sha.short(),
        decision.outcome().as_str(),
        decision.reason().code(),
    );
}

/// Counts and logs what the deploy runs did.
pub(super) fn followed(
    shared: &Shared,
    policy: &Policy,
    release: &ReleaseState,
    memory: &Memory,
    entry: &EntryKind,
) {
    let name = &policy.repository;
    if let EntryKind::AttemptClosed { id, outcome } = entry {
        let attempt = release.attempt(id);
        let took = attempt.and_then(|attempt| run_time(release, attempt.run?));
        shared.metrics.deploy(name, outcome, took);
        let Some(sha) = attempt.map(|attempt| &attempt.begun.sha) else { return };
        let ended = messages::outcome(outcome);
        if *outcome != AttemptOutcome::Succeeded {
            tracing::warn!(repository = %name, sha = %sha, attempt = %id, "{name} {}: {ended}", sha.short());
            return;
        }
        tracing::info!(repository = %name, sha = %sha, attempt = %id, "{name} {}: {ended}", sha.short());
        // Attempts recorded by an earlier version lack it.
        let merged_at = attempt.and_then(|attempt| attempt.begun.merged_at);
        let merged_at = merged_at.or_else(|| memory.first_verified_at(sha));
        let lead = merged_at.map(|at| shared.clock.now().duration_since(at));
        if let Some(lead) = lead.and_then(|lead| Duration::try_from(lead).ok()) {
            shared.metrics.lead_time(name, lead);
        }
    }
    if let EntryKind::AttemptRun { id, run, late } = entry {
        if *late {
            shared.metrics.late_run(name);
            tracing::error!(
                repository = %name, attempt = %id, run = %run,
                "{name}: run {run} appeared after its attempt had been closed; it is watched to its end: check it"
            );
        } else {
            tracing::info!(repository = %name, attempt = %id, run = %run, "{name}: run {run} started");
        }
    }
}

/// Counts and logs runs that turned out to be stray. `release` is the state before `entries`.
pub(super) fn stray(
    shared: &Shared,
    policy: &Policy,
    release: &ReleaseState,
    entries: &[EntryKind],
) {
    let name = &policy.repository;
    for entry in entries {
        let EntryKind::RunSeen { run } = entry else { continue };
        let before = release.runs.get(&run.id).map(|known| known.kind);
        if run.kind == RunKind::Stray && before != Some(RunKind::Stray) {
            shared.metrics.stray_run(name);
            tracing::error!(
                repository = %name, run = %run.id,
                "{name}: run {} of the deploy workflow bears a branch's name, but its commit was \
                 never on that branch: a tag may be named like it. Look at the run, and delete the \
                 tag: {}", run.id, run.html_url
            );
        }
    }
}

/// Counts the failures that were resolved since `before`, while the repository was governed.
pub(super) fn restored(
    shared: &Shared,
    policy: &Policy,
    before: &[Restored],
    release: &ReleaseState,
) {
    let known: BTreeSet<RunRef> = before.iter().map(|one| one.run).collect();
    for one in restorations(release) {
        if !known.contains(&one.run) && release.governed_since.is_some_and(|since| one.at >= since)
        {
            shared.metrics.restored(&policy.repository, one.took);
        }
    }
}

fn run_time(release: &ReleaseState, run: crate::domain::RunId) -> Option<Duration> {
    let (_, attempt) = release.runs.get(&run)?.newest()?;
    Duration::try_from(attempt.updated_at.duration_since(attempt.started_at)).ok()
}

impl Governed {
    /// Sets the gauges of this repository.
    pub(super) fn measure(&mut self, shared: &Shared) {
        let now = shared.clock.now();
        let Some(release) = self.release() else { return };
        let name = &self.policy.repository;
        let held = self
            .standing
            .decision
            .as_ref()
            .filter(|decision| decision.outcome == Outcome::Hold)
            .and_then(|decision| Some((decision.reason, self.holding.since?)));
        shared.metrics.holding(name, held);
        shared.metrics.dry_run(name, self.policy.dry_run || !self.policy.enabled);
        shared.metrics.degraded(name, self.health);
        shared.metrics.failed_since_success(name, release.failed_since_success());
        shared.metrics.production(name, release.production().sha());
        shared.metrics.issues_unavailable(name, release.issues_unavailable.is_some());
        shared.metrics.deploy_overdue(name, self.overdue(release, now).is_some());
        // Without a new run, only the time window moves.
        if self.dora_at.is_none_or(|at| now.duration_since(at) >= DORA_AGE) {
            shared.metrics.dora(name, &Dora::of(release, now));
            self.dora_at = Some(now);
        }
    }

    /// Logs once that a deploy takes too long, and once that the repository was renamed.
    pub(super) fn warn_of_delays(&mut self, shared: &Shared, survey: &Survey) {
        let name = self.policy.repository.clone();
        let overdue = self.release().and_then(|release| self.overdue(release, shared.clock.now()));
        if let Some(run) = overdue.filter(|run| self.said_overdue != Some(*run)) {
            let minutes = self.policy.deploy_timeout.as_secs() / 60;
            tracing::error!(
                repository = %name, run = %run.id,
                "{name}: deploy run {} takes longer than {minutes} minutes; nothing else is started \
                 meanwhile: look at it, and cancel it if it hangs", run.id
            );
        }
        self.said_overdue = overdue;
        let now_called = &survey.repo_facts.repository.name;
        if *now_called != name && self.said_name.as_ref() != Some(now_called) {
            tracing::warn!(
                repository = %name,
                "{name} was renamed to {now_called} and is still governed: put the new name into the \
                 configuration before somebody takes the old one"
            );
            self.said_name = Some(now_called.clone());
        }
    }

    /// The run that takes longer than `deploy_timeout_minutes`, if any.
    pub(super) fn overdue(&self, release: &ReleaseState, now: Timestamp) -> Option<RunRef> {
        let limit = SignedDuration::try_from(self.policy.deploy_timeout).ok()?;
        let late = |since: Timestamp| now.duration_since(since) > limit;
        release
            .runs_in_flight()
            .filter_map(crate::domain::KnownRun::newest)
            .find(|(_, attempt)| late(attempt.started_at))
            .map(|(at, _)| at)
    }

    /// Logs once for each commit that its status budget is used up.
    pub(super) fn warn_of_budgets(&mut self, shared: &Shared, judgement: &Judgement) {
        let Some(release) = self.release() else { return };
        let at = RuleClock::new(shared.clock.now());
        let is_spent = |sha: &&Sha| budget(release, sha, &at) == StatusBudget::Spent;
        let spent: BTreeSet<Sha> = judgement.decisions.keys().filter(is_spent).cloned().collect();
        for sha in spent.difference(&self.said_spent) {
            shared.metrics.status_budget_spent(&self.policy.repository);
            tracing::warn!(
                repository = %self.policy.repository, sha = %sha,
                "{} has too many statuses of ours: only those of a dispatch ({:?}) are still written",
                sha.short(), StatusPurpose::Dispatch,
            );
        }
        self.said_spent = spent;
    }
}
