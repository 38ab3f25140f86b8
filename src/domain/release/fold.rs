//! Applies the ledger's entries to the release state.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    CountedApprovals, FailedRange, HealthRecord, IssueRecord, IssueRefusal, KnownRun, LastDecision,
    Pause, Rejection, ReleaseState, StatusRecord, StatusRefusal, TrackedStatus,
};
use crate::domain::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Entry, EntryKind, GivenApproval, IssueStep,
    Mark, NewAttempt, OperatorAction, RunId, RunKind, RunRef, Sha,
};

/// Number of shas whose last decision, status, refusal or issue is kept. Older ones are in the
/// history.
const KEPT_SHAS: usize = 500;
/// Number of deploy runs that are kept in addition to those that production rests on.
const KEPT_RUNS: usize = 1_000;
/// Number of closed attempts that are kept.
const KEPT_ATTEMPTS: usize = 500;
/// Number of operators' approvals and triggers that are kept.
const KEPT_WORDS: usize = 200;
/// Number of failed comparisons that are counted at the same time.
const KEPT_RANGES: usize = 100;

impl ReleaseState {
    /// Applies one entry.
    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.kind {
            EntryKind::Governed { name } => {
                self.governed_since.get_or_insert(at);
                self.name = Some(name.clone());
            }
            EntryKind::Recovered { attempts, paused } => self.recover(attempts, paused, at),
            EntryKind::Identity { login } => {
                self.identities.insert(login.clone());
            }
            EntryKind::MergeQueueSeen => self.merge_queue_seen = true,
            EntryKind::Candidate { sha } => self.candidate.clone_from(sha),
            EntryKind::Decided { sha, outcome, reason, risk, evidence: _ } => {
                let last = LastDecision { at, outcome: *outcome, reason: *reason, risk: *risk };
                self.decided.insert(sha.clone(), last);
                drop_oldest(&mut self.decided, KEPT_SHAS, |last| last.at);
            }
            EntryKind::ApprovalCounted { sha, approval } => self.count(sha, approval, at),
            EntryKind::RunSeen { run } => self.see(run),
            EntryKind::AttemptBegun { attempt } => self.begin(attempt, at),
            EntryKind::AttemptMarked { id, mark } => self.mark(id, mark),
            EntryKind::AttemptSending { id } => self.set_phase(id, AttemptPhase::Sending),
            EntryKind::AttemptAccepted { id } => {
                self.set_phase(id, AttemptPhase::Accepted);
                self.rejection = None;
            }
            EntryKind::AttemptAbsent { id } => {
                self.change(id, |attempt| attempt.absent_at.push(at));
            }
            EntryKind::AttemptRun { id, run, late } => self.find_run(id, *run, *late),
            EntryKind::AttemptClosed { id, outcome } => self.close(id, outcome, at),
            EntryKind::AttemptAdopted { attempt } => self.adopt(attempt),
            EntryKind::StatusWritten { sha, status } => self.status_written(sha, status),
            EntryKind::StatusRefused { sha, words, retry_at } => {
                let times = self.status_refusals.get(sha).map_or(0, |refusal| refusal.times);
                let refusal = StatusRefusal {
                    words: words.clone(),
                    times: times.saturating_add(1),
                    retry_at: *retry_at,
                };
                self.status_refusals.insert(sha.clone(), refusal);
                drop_oldest(&mut self.status_refusals, KEPT_SHAS, |refusal| refusal.retry_at);
            }
            EntryKind::StatusForged { .. } => {}
            EntryKind::RangeFailed { base, head, words } => self.range_failed(base, head, words),
            EntryKind::Operator(word) => self.operator_spoke(word, at),
            EntryKind::HealthChecked { health, since, run, found, signals } => {
                let (health, since, run) = (*health, *since, *run);
                let (found, signals) = (found.clone(), signals.clone());
                self.note_health(HealthRecord { at, health, since, run, found, signals });
            }
            EntryKind::Issue(step) => self.issue(step, at),
        }
    }

    fn count(&mut self, sha: &Sha, approval: &GivenApproval, at: Timestamp) {
        let counted = self.counted_approvals.entry(sha.clone());
        let counted =
            counted.or_insert_with(|| CountedApprovals { approvals: Vec::new(), counted_at: at });
        counted.counted_at = at;
        if !counted.approvals.contains(approval) {
            counted.approvals.push(approval.clone());
            keep_last(&mut counted.approvals, KEPT_WORDS);
        }
        drop_oldest(&mut self.counted_approvals, KEPT_SHAS, |counted| counted.counted_at);
    }

    fn recover(&mut self, attempts: &[Attempt], paused: &Option<String>, at: Timestamp) {
        self.recovered = true;
        for attempt in attempts {
            self.adopt(attempt);
        }
        if let Some(why) = paused {
            self.pause.get_or_insert(Pause { why: why.clone(), by: None, since: at });
        }
    }

    fn see(&mut self, run: &KnownRun) {
        self.runs.insert(run.id, Arc::new(run.clone()));
        if self.runs.len() > KEPT_RUNS {
            let anchor = self.production().run().map(|run| run.id);
            let oldest = self.runs.values().find(|run| Some(run.id) != anchor && !run.in_flight());
            if let Some(id) = oldest.map(|run| run.id)
                && let Some(run) = self.runs.remove(&id)
            {
                self.remember_production_of(&run);
            }
        }
    }

    fn begin(&mut self, attempt: &NewAttempt, at: Timestamp) {
        self.attempts.push(Attempt {
            begun: attempt.clone(),
            at,
            phase: AttemptPhase::Intent,
            mark: None,
            run: None,
            absent_at: Vec::new(),
            late: false,
        });
        self.drop_oldest_attempt();
    }

    fn drop_oldest_attempt(&mut self) {
        if self.attempts.len() <= KEPT_ATTEMPTS {
            return;
        }
        // While a run is kept, production's history asks which attempt owns it.
        let is_over = |attempt: &Attempt| {
            attempt.closed() && attempt.run.is_none_or(|run| !self.runs.contains_key(&run))
        };
        if let Some(oldest) = self.attempts.iter().position(is_over) {
            let oldest = self.attempts.remove(oldest);
            if oldest.trigger().is_some() && !oldest.begun.rollback {
                self.lift(&oldest.begun.sha, oldest.at);
            }
        }
    }

    fn adopt(&mut self, attempt: &Attempt) {
        if self.attempt(&attempt.begun.id).is_some() {
            self.change(&attempt.begun.id, |known| known.learn(attempt));
            return;
        }
        self.attempts.push(attempt.clone());
        self.attempts.sort_by_key(|attempt| attempt.at);
        self.drop_oldest_attempt();
    }

    fn change(&mut self, id: &AttemptId, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.begun.id == *id) {
            change(attempt);
        }
    }

    fn set_phase(&mut self, id: &AttemptId, phase: AttemptPhase) {
        self.change(id, |attempt| attempt.phase = phase);
    }

    fn mark(&mut self, id: &AttemptId, mark: &Mark) {
        self.change(id, |attempt| attempt.mark = Some(mark.clone()));
    }

    fn find_run(&mut self, id: &AttemptId, run: RunId, late: bool) {
        self.rejection = None;
        let mut sha = None;
        self.change(id, |attempt| {
            attempt.run = Some(run);
            attempt.late = late;
            attempt.phase = AttemptPhase::Running;
            sha = Some(attempt.begun.sha.clone());
        });
        // The attempt that owns the run is the most reliable source for the run's sha.
        if let (Some(sha), Some(known)) = (sha, self.runs.get_mut(&run)) {
            let known = Arc::make_mut(known);
            known.attribute_to(sha);
            if !known.kind.can_fail() && known.kind != RunKind::OtherWorkflow {
                known.kind = RunKind::Deploy;
            }
        }
    }

    fn close(&mut self, id: &AttemptId, outcome: &AttemptOutcome, at: Timestamp) {
        let mut rejected = None;
        self.change(id, |attempt| {
            attempt.phase = AttemptPhase::Closed(outcome.clone());
            if let AttemptOutcome::Rejected(words) = outcome {
                let key = attempt.begun.rejection_key.clone();
                rejected = Some(Rejection { words: words.clone(), at, key });
            }
        });
        if rejected.is_some() {
            self.rejection = rejected;
        }
    }

    fn operator_spoke(&mut self, word: &OperatorAction, at: Timestamp) {
        match word {
            OperatorAction::Approved { approval } => {
                self.approvals.push(approval.clone());
                keep_last(&mut self.approvals, KEPT_WORDS);
            }
            OperatorAction::Paused { why, by } => {
                let pause = Pause { why: why.clone(), by: Some(by.clone()), since: at };
                self.pause = Some(pause);
            }
            OperatorAction::Resumed { .. } => {
                self.resume(at);
                self.resumed_at = Some(at);
            }
            OperatorAction::ProductionSet { sha, .. } => {
                self.set_production(sha, at);
            }
            OperatorAction::Triggered { sha, .. } => {
                self.triggered.push((sha.clone(), at));
                keep_last(&mut self.triggered, KEPT_WORDS);
                self.rejection = None;
            }
        }
    }

    fn status_written(&mut self, sha: &Sha, status: &StatusRecord) {
        self.status_refusals.remove(sha);
        let hour_before =
            status.at.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(status.at);
        let attempt = self.newest_attempt_of(sha).map(|one| (one.begun.id.clone(), &one.phase));
        let (run_of, outcome_of) = match attempt {
            Some((id, AttemptPhase::Running)) => (Some(id), None),
            Some((id, AttemptPhase::Closed(_))) => (None, Some(id)),
            Some((_, AttemptPhase::Intent | AttemptPhase::Sending | AttemptPhase::Accepted))
            | None => (None, None),
        };
        let tracked = self.statuses.entry(sha.clone()).or_insert_with(|| {
            Arc::new(TrackedStatus {
                newest: status.clone(),
                written: 0,
                recent: Vec::new(),
                shown_run_of: None,
                shown_outcome_of: None,
            })
        });
        let tracked = Arc::make_mut(tracked);
        tracked.newest = status.clone();
        tracked.written = tracked.written.saturating_add(1);
        tracked.recent.retain(|at| *at > hour_before);
        tracked.recent.push(status.at);
        tracked.shown_run_of = run_of.or(tracked.shown_run_of.take());
        tracked.shown_outcome_of = outcome_of.or(tracked.shown_outcome_of.take());
        drop_oldest(&mut self.statuses, KEPT_SHAS, |tracked| tracked.newest.at);
    }

    fn range_failed(&mut self, base: &Sha, head: &Sha, words: &str) {
        let same = |range: &FailedRange| range.base == *base && range.head == *head;
        match self.failed_ranges.iter_mut().find(|range| same(range)) {
            Some(range) => {
                range.times = range.times.saturating_add(1);
                words.clone_into(&mut range.words);
            }
            None => {
                let range = FailedRange {
                    base: base.clone(),
                    head: head.clone(),
                    times: 1,
                    words: words.to_owned(),
                };
                self.failed_ranges.push(range);
                keep_last(&mut self.failed_ranges, KEPT_RANGES);
            }
        }
    }

    fn issue(&mut self, step: &IssueStep, at: Timestamp) {
        match step {
            IssueStep::Intent { sha, run } => {
                self.issue_of(sha).intent = Some((*run, at));
            }
            IssueStep::Written { sha, run, number } => {
                self.issues_unavailable = None;
                let deleted = self.runs.get(&run.id).is_some_and(|known| known.deleted);
                let issue = self.issue_of(sha);
                issue.number = Some(*number);
                issue.said.insert(*run);
                if deleted {
                    issue.said_deleted.insert(*run);
                }
                issue.intent = None;
                issue.recovered = false;
                issue.refused = None;
            }
            IssueStep::RecoveryIntent { sha } => {
                self.issue_of(sha).recovery_intent = Some(at);
            }
            IssueStep::RecoveryWritten { sha } => {
                let issue = self.issue_of(sha);
                issue.recovery_intent = None;
                issue.recovered = true;
                issue.refused = None;
            }
            IssueStep::Refused { sha, words: _ } => {
                let issue = self.issue_of(sha);
                let times = issue.refused.map_or(0, |before| before.times).saturating_add(1);
                issue.refused = Some(IssueRefusal { at, times });
            }
            IssueStep::Unavailable { words } => {
                self.issues_unavailable = Some((words.clone(), at));
            }
        }
        let newest_said = |issue: &IssueRecord| issue.said.last().copied();
        drop_oldest(&mut self.issues, KEPT_SHAS, |issue| {
            newest_said(issue).unwrap_or(RunRef { id: RunId::from(u64::MAX), attempt: 0 })
        });
    }

    fn issue_of(&mut self, sha: &Sha) -> &mut IssueRecord {
        self.issues.entry(sha.clone()).or_default()
    }
}

/// Removes entries with the smallest keys until at most `kept` are left.
pub(super) fn drop_oldest<T, K: Ord>(
    map: &mut std::collections::BTreeMap<Sha, T>,
    kept: usize,
    key: impl Fn(&T) -> K,
) {
    while map.len() > kept {
        let oldest = map.iter().min_by_key(|(_, value)| key(value)).map(|(sha, _)| sha.clone());
        match oldest {
            Some(sha) => map.remove(&sha),
            None => break,
        };
    }
}

pub(super) fn keep_last<T>(list: &mut Vec<T>, kept: usize) {
    let surplus = list.len().saturating_sub(kept);
    list.drain(..surplus);
}
