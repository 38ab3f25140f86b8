//! The history of production, including the moves that no pass of ours decided on.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fold::keep_last;
use super::questions::{moves_of, place_of_word};
use super::{KnownRun, ReleaseState};
use crate::domain::{Attempt, RunId, RunKind, RunRef, Sha};

/// Number of past production commits that are kept in addition to those of kept runs. The
/// oldest are dropped first.
const KEPT_PRODUCTIONS: usize = 1_000;
/// Number of `set-production` times that are kept. The oldest are dropped first.
const KEPT_TIMES: usize = 200;
/// Number of commits whose `trigger` or `set-production` is kept. If one is dropped, the
/// rollback that it lifted holds again.
const KEPT_LIFTS: usize = 500;

/// A position in the order of production's moves.
pub type MovePosition = (Timestamp, RunId);

/// A move of production that no pass of ours decided on: by somebody else's run, by any re-run,
/// or by an operator's `trigger --rollback`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignMove {
    /// The new production; `None` if unknown.
    pub to: Option<Sha>,
    pub run: RunRef,
    /// Its position among the moves.
    pub place: MovePosition,
    /// A time at which the run had certainly ended. Operators' actions before it could not take
    /// the move into account.
    pub ended_by: Timestamp,
}

/// A commit that was in production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastProduction {
    /// When it first became production.
    pub first: MovePosition,
    /// When it last became production.
    pub last: MovePosition,
    /// The newest foreign move that led to it.
    pub led_by: Option<ForeignMove>,
}

/// What production was before the oldest run that is kept, and operators' actions concerning
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductionHistory {
    /// Commits whose run or `set-production` is no longer kept.
    past: BTreeMap<Sha, PastProduction>,
    /// When operators ran `set-production`, oldest first.
    pub(super) words: Vec<Timestamp>,
    /// The newest foreign move to an unknown commit.
    past_untold: Option<ForeignMove>,
    /// When an operator last lifted rollbacks with `resume`.
    resumed_at: Option<Timestamp>,
    /// When an operator last ran `trigger` or `set-production` for each commit. What the commit
    /// contains no longer counts as lost.
    lifted: BTreeMap<Sha, Timestamp>,
}

/// What production was, and foreign moves since an operator last lifted rollbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Productions {
    /// Every commit that was in production, with its first move there, newest first.
    pub commits: Vec<(Sha, MovePosition)>,
    /// The newest foreign move to each commit, newest first.
    pub foreign: Vec<ForeignMove>,
    /// Commits that an operator triggered or set as production, and when.
    pub lifted: Vec<(Sha, Timestamp)>,
}

impl ReleaseState {
    /// The history of production.
    #[must_use]
    pub fn past_productions(&self) -> Productions {
        let mut all = self.history.clone();
        self.runs.values().for_each(|run| all.add_run(run, self));
        if let Some((sha, since)) = &self.production_set {
            all.add(Some(sha), place_of_word(*since), None);
            // Stores of earlier versions kept no other record of the `set-production`.
            all.lifted.entry(sha.clone()).or_insert(*since);
        }
        for trigger in self.triggers().filter(|trigger| !trigger.rollback) {
            all.lift(trigger.sha, trigger.at);
        }
        all.since_lifted()
    }

    /// Whether this commit is known to have been in production.
    #[must_use]
    pub fn was_production(&self, sha: &Sha) -> bool {
        self.past_productions().commits.iter().any(|(commit, _)| commit == sha)
    }

    /// Keeps what a run contributes to production's history before the run is dropped.
    pub(super) fn remember_production_of(&mut self, run: &KnownRun) {
        let mut history = std::mem::take(&mut self.history);
        history.add_run(run, self);
        history.drop_oldest();
        self.history = history;
    }

    /// Records an operator's `set-production`. The previous one moves into the history.
    pub(super) fn set_production(&mut self, sha: &Sha, at: Timestamp) {
        if let Some((before, since)) = self.production_set.replace((sha.clone(), at)) {
            self.history.add(Some(&before), place_of_word(since), None);
            self.history.drop_oldest();
        }
        self.history.words.push(at);
        keep_last(&mut self.history.words, KEPT_TIMES);
        self.lift(sha, at);
    }

    /// Lifts rollbacks before `at` for everything that this commit contains.
    pub(super) fn lift(&mut self, sha: &Sha, at: Timestamp) {
        self.history.lift(sha, at);
        super::fold::drop_oldest(&mut self.history.lifted, KEPT_LIFTS, |at| *at);
    }

    /// Applies an operator's `resume`: it ends a pause or, if there is none, lifts rollbacks.
    pub(super) fn resume(&mut self, at: Timestamp) {
        if self.pause.take().is_none() {
            self.history.resumed_at = Some(at);
        }
        self.rejection = None;
    }

    /// Whether a run attempt was started other than by a pass of ours. A re-run always is,
    /// because only people start re-runs. A run that appeared after its attempt was closed may
    /// have been started by anybody with access to our account, so no pass is known to have
    /// decided on it.
    fn is_foreign(&self, run: RunRef) -> bool {
        let by_a_pass = |ours: &Attempt| !ours.begun.rollback && !ours.late;
        run.attempt > 1 || !self.attempt_of(run.id).is_some_and(by_a_pass)
    }
}

impl ProductionHistory {
    /// Adds the moves of production that a run made.
    fn add_run(&mut self, run: &KnownRun, release: &ReleaseState) {
        // A stray run makes production uncertain but does not move it.
        let words = std::mem::take(&mut self.words);
        for (moved, attempt) in moves_of(run, &words).filter(|_| run.kind != RunKind::Stray) {
            let (sha, place) = (moved.sha, moved.place);
            // GitHub's times have no fractions, so the run may have ended up to a second later.
            let ended_by = attempt.updated_at.saturating_add(SignedDuration::from_secs(1));
            let by_others = moved.run.filter(|run| release.is_foreign(*run));
            let foreign = by_others.map(|run| ForeignMove {
                to: sha.cloned(),
                run,
                place,
                ended_by: ended_by.unwrap_or(Timestamp::MAX),
            });
            self.add(sha, place, foreign);
        }
        self.words = words;
    }

    fn lift(&mut self, sha: &Sha, at: Timestamp) {
        let last = self.lifted.entry(sha.clone()).or_insert(at);
        *last = at.max(*last);
    }

    /// Adds a move. Of several foreign moves to one commit, only the newest matters: every
    /// production before an older one also precedes the newest, and an action after both have
    /// ended is after the newest.
    fn add(&mut self, sha: Option<&Sha>, place: MovePosition, foreign: Option<ForeignMove>) {
        let Some(sha) = sha else {
            keep_newer(&mut self.past_untold, foreign);
            return;
        };
        let known = self.past.entry(sha.clone());
        let known = known.or_insert(PastProduction { first: place, last: place, led_by: None });
        known.first = known.first.min(place);
        known.last = known.last.max(place);
        keep_newer(&mut known.led_by, foreign);
    }

    fn drop_oldest(&mut self) {
        super::fold::drop_oldest(&mut self.past, KEPT_PRODUCTIONS, |past| past.last);
    }

    fn since_lifted(self) -> Productions {
        let counts = |foreign: &ForeignMove| self.resumed_at.is_none_or(|at| at < foreign.ended_by);
        let mut commits: Vec<(Sha, MovePosition)> =
            self.past.iter().map(|(sha, past)| (sha.clone(), past.first)).collect();
        commits.sort_by_key(|(_, first)| std::cmp::Reverse(*first));
        let foreign = self.past.values().filter_map(|past| past.led_by.as_ref());
        let mut foreign: Vec<ForeignMove> =
            foreign.chain(&self.past_untold).filter(|foreign| counts(foreign)).cloned().collect();
        foreign.sort_by_key(|foreign| std::cmp::Reverse(foreign.place));
        let lifted = self.lifted.into_iter().collect();
        Productions { commits, foreign, lifted }
    }
}

/// Keeps the newer of two moves, with the later end of the two. Runs overlap, so the one that
/// began first may end last.
fn keep_newer(kept: &mut Option<ForeignMove>, other: Option<ForeignMove>) {
    let Some(other) = other else { return };
    *kept = Some(match kept.take() {
        None => other,
        Some(kept) => {
            let ended_by = kept.ended_by.max(other.ended_by);
            let newer = if other.place > kept.place { other } else { kept };
            ForeignMove { ended_by, ..newer }
        }
    });
}
