//! Queries that the rules make on the release state.

use jiff::{SignedDuration, Timestamp};

use super::{
    FailedDeploy, KnownRun, KnownRunAttempt, MovePosition, OperatorTrigger, Production,
    ReleaseState, Uncertainty,
};
use crate::domain::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Conclusion, RuleClock, RunId, RunKind,
    RunProgress, RunRef, Sha,
};

/// GitHub's times have no fractions: a run may start up to a second later than reported.
const FRACTION: SignedDuration = SignedDuration::from_secs(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl ReleaseState {
    /// What runs in production, according to the newest move: a successful run attempt or an
    /// operator's `set-production`. If there is no move, a pass has read every run of the
    /// workflow.
    #[must_use]
    pub fn production(&self) -> Production {
        match self.moves().max_by_key(|one| one.place) {
            Some(newest) => newest.production(),
            None if self.deployed_otherwise() => {
                Production::Uncertain { why: Uncertainty::DeployedOtherwise }
            }
            None if self.runs_unread => Production::Uncertain { why: Uncertainty::RunsUnread },
            None => Production::None,
        }
    }

    /// Whether any run of the current workflows, or an operator, ever moved production.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.moves().next().is_some()
    }

    /// Whether there was, or may have been, a deploy that no run of the current workflows
    /// shows.
    fn deployed_otherwise(&self) -> bool {
        let by_us = |attempt: &Attempt| {
            matches!(
                attempt.outcome(),
                Some(AttemptOutcome::Succeeded | AttemptOutcome::RunDeleted)
            )
        };
        self.attempts.iter().any(by_us)
            || self.runs.values().any(|run| run.kind == RunKind::OtherWorkflow && run.succeeded())
    }

    /// All moves of production, in any order.
    fn moves(&self) -> impl Iterator<Item = Move<'_>> {
        let words = &self.history.words;
        let by_runs = self.runs.values();
        let by_runs = by_runs.flat_map(move |run| moves_of(run, words).map(|(one, _)| one));
        let by_word = self.production_set.iter();
        by_runs.chain(by_word.map(|(sha, since)| Move {
            sha: Some(sha),
            since: *since,
            place: place_of_word(*since),
            run: None,
            is_stray: false,
        }))
    }

    /// The last certain production before the current one, if there is one.
    #[must_use]
    pub fn previous_production(&self) -> Option<Sha> {
        let now = self.moves().max_by_key(|one| one.place)?.sha;
        let others = self.moves().filter(|other| other.sha.is_some() && other.sha != now);
        others.max_by_key(|other| other.place)?.sha.cloned()
    }

    /// Operators' `trigger`s that started a deploy or may have, in any order. Excludes triggers
    /// whose attempt was withdrawn or refused.
    pub fn triggers(&self) -> impl Iterator<Item = OperatorTrigger<'_>> {
        let recorded_apart = self.triggered.iter();
        let recorded_apart = recorded_apart.map(|(sha, at)| OperatorTrigger {
            sha,
            at: *at,
            attempt: None,
            rollback: false,
        });
        let attempts = self.attempts.iter().filter(|attempt| attempt.trigger().is_some());
        recorded_apart.chain(attempts.map(|attempt| OperatorTrigger {
            sha: &attempt.begun.sha,
            at: attempt.at,
            attempt: Some(&attempt.begun.id),
            rollback: attempt.begun.rollback,
        }))
    }

    /// Our attempt that owns this run.
    #[must_use]
    pub fn attempt_of(&self, run: RunId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.run == Some(run))
    }

    #[must_use]
    pub fn attempt(&self, id: &AttemptId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.begun.id == *id)
    }

    /// Attempts without an outcome.
    pub fn open_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| !attempt.closed())
    }

    /// Runs that are not completed and that block other deploys.
    pub fn runs_in_flight(&self) -> impl Iterator<Item = &KnownRun> {
        let blocking = |run: &&KnownRun| run.kind.blocks() && run.in_flight();
        self.runs.values().map(|run| &**run).filter(blocking)
    }

    /// Whether this run's failure counts as a failed deploy. For a run that an attempt of ours
    /// started, it always does, whatever the workflow.
    #[must_use]
    pub fn can_fail(&self, run: &KnownRun) -> bool {
        run.kind.can_fail() || self.attempt_of(run.id).is_some()
    }

    /// Failed runs of `sha` that are not yet known to be deploys.
    #[must_use]
    pub fn undetermined_failures(&self, sha: &Sha) -> Vec<RunId> {
        let failed = self.failed_deploys(sha);
        let ids: std::collections::BTreeSet<RunId> = failed.iter().map(|one| one.run.id).collect();
        let is_open = |id: &RunId| {
            self.attempt_of(*id).is_none()
                && self.runs.get(id).is_some_and(|run| run.may_be_no_deploy())
        };
        ids.into_iter().filter(is_open).collect()
    }

    /// Whether any deploy is in flight.
    #[must_use]
    pub fn deploy_in_flight(&self) -> bool {
        self.open_attempts().next().is_some() || self.runs_in_flight().next().is_some()
    }

    /// Attempts whose dispatch GitHub accepted but whose run never appeared, unless a later
    /// `trigger` has cleared them.
    pub fn unconfirmed(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| {
            attempt.outcome() == Some(&AttemptOutcome::Unconfirmed)
                && attempt.run.is_none()
                && !self.triggers().any(|trigger| trigger.at > attempt.at)
        })
    }

    /// The failed deploys of `sha` since its last success, whoever started them, oldest first.
    /// Superseded runs are excluded. A success of a workflow that the policy no longer names
    /// does not count as one.
    #[must_use]
    pub fn failed_deploys(&self, sha: &Sha) -> Vec<FailedDeploy> {
        let mut ended: Vec<(Timestamp, RunRef, Conclusion)> = Vec::new();
        for run in self.runs.values().filter(|run| run.attribution.sha() == Some(sha)) {
            let (can_fail, moves) = (self.can_fail(run), run.kind.moves_production());
            for (number, attempt) in &run.attempts {
                let at = RunRef { id: run.id, attempt: *number };
                let conclusion = match &attempt.progress {
                    RunProgress::Finished(Conclusion::Success) if moves => Conclusion::Success,
                    RunProgress::Finished(Conclusion::Success) => continue,
                    RunProgress::Finished(other)
                        if can_fail && attempt.superseded != Some(true) =>
                    {
                        other.clone()
                    }
                    RunProgress::Unfinished(_) if run.deleted && can_fail => {
                        Conclusion::Other("deleted".into())
                    }
                    RunProgress::Finished(_) | RunProgress::Unfinished(_) => continue,
                };
                ended.push((attempt.updated_at, at, conclusion));
            }
        }
        ended.sort_by_key(|(at, run, _)| (*at, *run));
        let since = ended
            .iter()
            .rposition(|(_, _, conclusion)| *conclusion == Conclusion::Success)
            .map_or(0, |last| last + 1);
        ended
            .into_iter()
            .skip(since)
            .map(|(ended_at, run, conclusion)| FailedDeploy { run, ended_at, conclusion })
            .collect()
    }

    /// The number of deploys that failed since production last moved, whoever started them.
    /// Excludes superseded runs, and failures from before the repository was governed.
    #[must_use]
    pub fn failed_since_success(&self) -> usize {
        let attempt_of = |one: &Move<'_>| one.run.map_or(u32::MAX, |run| run.attempt);
        let moved = self.moves().map(|one| (one.place, attempt_of(&one))).max();
        let words = &self.history.words;
        let attempts = self.runs.values().filter(|run| self.can_fail(run)).flat_map(|run| {
            let numbered = run.attempts.iter();
            numbered.map(move |(number, attempt)| {
                ((place_of_run(run.id, attempt, words), *number), attempt, run)
            })
        });
        let later = attempts.filter(|(at, _, _)| Some(*at) > moved);
        // GitHub's times have whole seconds, so an attempt of ours may seem to end before
        // governing began.
        let governed = later.filter(|(_, attempt, run)| {
            self.attempt_of(run.id).is_some()
                || self.governed_since.is_some_and(|since| attempt.updated_at >= since)
        });
        let failed = governed.filter(|(_, attempt, run)| match &attempt.progress {
            RunProgress::Finished(conclusion) => {
                *conclusion != Conclusion::Success && attempt.superseded != Some(true)
            }
            RunProgress::Unfinished(_) => run.deleted,
        });
        failed.count()
    }

    /// When our attempts of the last hour started a run, oldest first.
    #[must_use]
    pub fn starts_within_the_hour(&self, at: &RuleClock) -> Vec<Timestamp> {
        let mut starts: Vec<Timestamp> = self
            .attempts
            .iter()
            .filter(|attempt| started_a_run(attempt))
            .map(Attempt::began_at)
            .filter(|start| at.is_within(HOUR, *start))
            .collect();
        starts.sort_unstable();
        starts
    }

    /// The newest attempt for `sha`.
    #[must_use]
    pub fn newest_attempt_of(&self, sha: &Sha) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|attempt| attempt.begun.sha == *sha)
    }

    /// The number of attempts for `sha`.
    #[must_use]
    pub fn attempts_of(&self, sha: &Sha) -> usize {
        self.attempts.iter().filter(|attempt| attempt.begun.sha == *sha).count()
    }
}

/// The moves of production that a run made, with the attempts that made them. This is the only
/// definition of what moves production.
pub(super) fn moves_of<'a>(
    run: &'a KnownRun,
    words: &'a [Timestamp],
) -> impl Iterator<Item = (Move<'a>, &'a KnownRunAttempt)> {
    let may_move = run.kind.moves_production();
    let succeeded = run.attempts.iter();
    let succeeded = succeeded.filter(move |(_, one)| may_move && one.progress.succeeded());
    succeeded.map(move |(number, attempt)| {
        let moved = Move {
            sha: run.attribution.sha(),
            since: attempt.started_at,
            place: place_of_run(run.id, attempt, words),
            run: Some(RunRef { id: run.id, attempt: *number }),
            is_stray: run.kind == RunKind::Stray,
        };
        (moved, &**attempt)
    })
}

/// The position of an operator's `set-production` among the moves.
pub(super) fn place_of_word(since: Timestamp) -> MovePosition {
    (since, RunId::from(u64::MAX))
}

/// The position of a run attempt among the moves. Runs are ordered by their start. `words`
/// holds the times of operators' `set-production`. A `set-production` during a run cannot take
/// the run's result into account, so the run comes after the last one before the run's end.
fn place_of_run(id: RunId, attempt: &KnownRunAttempt, words: &[Timestamp]) -> MovePosition {
    let started_by = attempt.started_at.saturating_add(FRACTION).unwrap_or(attempt.started_at);
    let spoken = words.iter().filter(|at| started_by <= **at && **at < attempt.updated_at).max();
    let after = |word: &Timestamp| word.saturating_add(SignedDuration::from_nanos(1)).ok();
    (spoken.and_then(after).unwrap_or(started_by), id)
}

/// A move of production: by a run attempt that succeeded, or by an operator's `set-production`.
pub(super) struct Move<'a> {
    pub(super) sha: Option<&'a Sha>,
    since: Timestamp,
    /// Its position among the moves.
    pub(super) place: MovePosition,
    pub(super) run: Option<RunRef>,
    is_stray: bool,
}

impl Move<'_> {
    fn production(&self) -> Production {
        match (self.sha, self.run) {
            (Some(sha), run) => Production::Known { sha: sha.clone(), since: self.since, run },
            (None, Some(run)) if self.is_stray => {
                Production::Uncertain { why: Uncertainty::Stray(run) }
            }
            (None, Some(run)) => Production::Uncertain { why: Uncertainty::Unattributed(run) },
            (None, None) => Production::None,
        }
    }
}

/// Whether GitHub is known to have accepted the dispatch.
fn started_a_run(attempt: &Attempt) -> bool {
    let accepted = match &attempt.phase {
        AttemptPhase::Accepted | AttemptPhase::Running => true,
        AttemptPhase::Intent | AttemptPhase::Sending => false,
        AttemptPhase::Closed(outcome) => *outcome == AttemptOutcome::Unconfirmed,
    };
    accepted || attempt.run.is_some()
}
