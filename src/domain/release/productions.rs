//! All that production ever was, and which runs moved it that no pass of ours decided on.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fold::keep_last;
use super::questions::{moves_of, place_of_word};
use super::{KnownRun, ReleaseState};
use crate::domain::{Attempt, RunId, RunKind, RunRef, Sha};

/// Commits that are kept of what production was before the runs that are kept, the newest.
const KEPT_PRODUCTIONS: usize = 1_000;
/// Times at which operators said what is in production that are kept, the newest.
const KEPT_TIMES: usize = 200;
/// Commits whose `trigger` or `set-production` is kept. Without its word, a rollback holds.
const KEPT_LIFTS: usize = 500;

/// A place in the order of production's moves.
pub type MovePosition = (Timestamp, RunId);

/// A move of production by a run that no pass of ours decided on: somebody's, any re-run, or an
/// operator's `trigger --rollback`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignMove {
    /// What production became; none where that cannot be told.
    pub to: Option<Sha>,
    /// The run attempt.
    pub run: RunRef,
    /// Its place among the moves.
    pub place: MovePosition,
    /// When it had ended for certain: whoever spoke before could not know of it.
    pub ended_by: Timestamp,
}

/// A commit that was in production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastProduction {
    /// When it became production for the first time.
    pub first: MovePosition,
    /// When it became production last.
    pub last: MovePosition,
    /// The newest move by others that led to it.
    pub led_by: Option<ForeignMove>,
}

/// What production was before the runs that are kept, and what operators said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductionHistory {
    /// Commits whose run, or whose word, is kept no more.
    past: BTreeMap<Sha, PastProduction>,
    /// When operators said what is in production, oldest first.
    pub(super) words: Vec<Timestamp>,
    /// The newest such move by others to an unknown commit.
    past_untold: Option<ForeignMove>,
    /// When an operator last lifted rollbacks with `resume`.
    resumed_at: Option<Timestamp>,
    /// When an operator last triggered a commit, or set it as production: what it contains is
    /// lost no more.
    lifted: BTreeMap<Sha, Timestamp>,
}

/// What production was, and who moved it, since an operator last lifted rollbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Productions {
    /// Every commit that was in production, and when for the first time, newest first.
    pub commits: Vec<(Sha, MovePosition)>,
    /// The newest move by others to each commit, newest first.
    pub foreign: Vec<ForeignMove>,
    /// Commits that an operator triggered or set as production, and when.
    pub lifted: Vec<(Sha, Timestamp)>,
}

impl ReleaseState {
    /// All that production was, and who moved it.
    #[must_use]
    pub fn past_productions(&self) -> Productions {
        let mut all = self.history.clone();
        self.runs.values().for_each(|run| all.add_run(run, self));
        if let Some((sha, since)) = &self.production_set {
            all.add(Some(sha), place_of_word(*since), None);
            // Stores of earlier versions kept no other trace of the word.
            all.lifted.entry(sha.clone()).or_insert(*since);
        }
        for trigger in self.triggers().filter(|trigger| !trigger.rollback) {
            all.lift(trigger.sha, trigger.at);
        }
        all.since_lifted()
    }

    /// Whether this commit was ever in production, as far as it is known.
    #[must_use]
    pub fn was_production(&self, sha: &Sha) -> bool {
        self.past_productions().commits.iter().any(|(commit, _)| commit == sha)
    }

    /// Keeps what a run says of production that is about to be forgotten.
    pub(super) fn remember_production_of(&mut self, run: &KnownRun) {
        let mut history = std::mem::take(&mut self.history);
        history.add_run(run, self);
        history.drop_oldest();
        self.history = history;
    }

    /// An operator says what runs in production; the word before is kept as what production was.
    pub(super) fn set_production(&mut self, sha: &Sha, at: Timestamp) {
        if let Some((before, since)) = self.production_set.replace((sha.clone(), at)) {
            self.history.add(Some(&before), place_of_word(since), None);
            self.history.drop_oldest();
        }
        self.history.words.push(at);
        keep_last(&mut self.history.words, KEPT_TIMES);
        self.lift(sha, at);
    }

    /// From now on nothing that this commit contains is lost by what happened until now.
    pub(super) fn lift(&mut self, sha: &Sha, at: Timestamp) {
        self.history.lift(sha, at);
        super::fold::drop_oldest(&mut self.history.lifted, KEPT_LIFTS, |at| *at);
    }

    /// An operator's `resume`: it undoes a pause, and where there is none, it lifts rollbacks.
    pub(super) fn resume(&mut self, at: Timestamp) {
        if self.pause.take().is_none() {
            self.history.resumed_at = Some(at);
        }
        self.rejection = None;
    }

    /// Whether a run attempt was started by somebody else than a pass of ours. A re-run always
    /// is, as nobody but people start one. One that showed after its attempt was given up may be
    /// anybody's who has our account, and what it moved back, no pass decided to.
    fn is_foreign(&self, run: RunRef) -> bool {
        let by_a_pass = |ours: &Attempt| !ours.begun.rollback && !ours.late;
        run.attempt > 1 || !self.attempt_of(run.id).is_some_and(by_a_pass)
    }
}

impl ProductionHistory {
    /// The moves of production that a run made.
    fn add_run(&mut self, run: &KnownRun, release: &ReleaseState) {
        // A stray run makes production uncertain and moves nothing.
        let words = std::mem::take(&mut self.words);
        for (moved, attempt) in moves_of(run, &words).filter(|_| run.kind != RunKind::Stray) {
            let (sha, place) = (moved.sha, moved.place);
            // GitHub's times have no fractions.
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

    /// Adds a move. Of several moves by others to one commit the newest counts: what was in
    /// production before an older one was so before it. Who spoke after both had ended spoke after
    /// it.
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

/// Keeps the newer of two moves, which lasts as long as the one that ended last: runs overlap, and
/// one that began first may end last.
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
