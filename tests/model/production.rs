//! What is in production, what was there before, and who moved it (section 2; rules 2, 7 and
//! 9).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use release_governor::decide::Question;
use release_governor::domain::*;
use serde::Deserialize;

use super::facts::{Asked, contains, is_on_branch};
use super::{Availability, Check, all, any, both, failures};

/// GitHub's times have a resolution of one second: an event may be up to a second later.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// What is in production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Certain {
    None,
    Sha(Sha),
    Uncertain,
}

/// A move of production: a run attempt that succeeded, or an operator's `set-production`.
#[derive(Clone, Debug)]
struct Moved {
    order: Order,
    /// `None` if the commit is unknown.
    to: Option<Sha>,
    is_stray: bool,
    /// If no pass of ours decided on it: a time by which it had certainly ended.
    foreign_until: Option<Timestamp>,
}

/// The order of moves: by start, then by number. An operator's action comes after the runs that
/// had ended by then: an action during a run cannot refer to what the run does later.
type Order = (Timestamp, bool, Timestamp, RunId, u32);

/// The moves of production, and the actions that lift rollbacks.
#[derive(Debug, Default)]
pub(super) struct Moves {
    moves: Vec<Moved>,
    /// Earlier productions, from before the retained moves, each with the latest time it began.
    before: Vec<(Sha, Timestamp)>,
    resumed_at: Option<Timestamp>,
    /// Commits that an operator triggered or set as production, and when.
    lifted: Vec<(Sha, Timestamp)>,
}

/// The part of the release state that is only accessible in its stored form.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept {
    past: BTreeMap<Sha, PastProduction>,
    words: Vec<Timestamp>,
    past_untold: Option<ForeignMove>,
    resumed_at: Option<Timestamp>,
    lifted: BTreeMap<Sha, Timestamp>,
}

impl Moves {
    /// Every commit that occurs here.
    pub(super) fn shas(&self) -> Vec<Sha> {
        let moved = self.moves.iter().filter_map(|moved| moved.to.clone());
        let before = self.before.iter().chain(&self.lifted).map(|(sha, _)| sha.clone());
        moved.chain(before).collect()
    }
}

/// All moves of production, whoever made them.
pub(super) fn moves(release: &ReleaseState) -> Moves {
    let kept = serde_json::to_value(&release.history).unwrap();
    let kept: Kept = serde_json::from_value(kept).unwrap();
    let mut moves = Moves { resumed_at: kept.resumed_at, ..Moves::default() };
    for run in release.runs.values() {
        let is_stray = match run.kind {
            RunKind::Deploy | RunKind::OtherDeploy => false,
            RunKind::Stray => true,
            RunKind::Phantom | RunKind::OtherWorkflow | RunKind::NotADeploy => continue,
        };
        for (number, attempt) in &run.attempts {
            if attempt.progress != RunProgress::Finished(Conclusion::Success) {
                continue;
            }
            let started = attempt.started_at + SECOND;
            let spoken =
                kept.words.iter().filter(|at| **at >= started && **at < attempt.updated_at);
            let spoken = spoken.max().copied();
            moves.moves.push(Moved {
                order: (spoken.unwrap_or(started), spoken.is_some(), started, run.id, *number),
                to: run.attribution.sha().cloned().filter(|_| !is_stray),
                is_stray,
                foreign_until: is_foreign(release, run.id, *number)
                    .then(|| attempt.updated_at + SECOND),
            });
        }
    }
    if let Some((sha, at)) = &release.production_set {
        let order = (*at, false, Timestamp::MAX, RunId::from(u64::MAX), 0);
        let to = Some(sha.clone());
        moves.moves.push(Moved { order, to, is_stray: false, foreign_until: None });
        moves.lifted.push((sha.clone(), *at));
    }
    for (sha, past) in kept.past {
        moves.before.push((sha, past.first.0));
        moves.moves.extend(past.led_by.map(kept_move));
    }
    moves.moves.extend(kept.past_untold.map(kept_move));
    moves.lifted.extend(kept.lifted);
    moves.lifted.extend(
        failures::words(release)
            .into_iter()
            .filter_map(|word| (!word.rollback).then_some((word.sha, word.at))),
    );
    moves
}

fn kept_move(moved: ForeignMove) -> Moved {
    let order = (moved.place.0, false, moved.place.0, moved.place.1, moved.run.attempt);
    Moved { order, to: moved.to, is_stray: false, foreign_until: Some(moved.ended_by) }
}

/// Whether no pass of ours decided on a run attempt: one by others, any re-run, or a `trigger
/// --rollback`. A run that appeared after its attempt was closed may be somebody else's with
/// our account.
fn is_foreign(release: &ReleaseState, run: RunId, number: u32) -> bool {
    let owner = release.attempts.iter().find(|attempt| attempt.run == Some(run));
    number > 1 || owner.is_none_or(|owner| owner.begun.rollback || owner.late)
}

/// Production: the sha of the run attempt that succeeded last, or of a later `set-production`.
/// It is none only if nothing indicates a deploy.
pub(super) fn production(question: &Question<'_>, moves: &Moves) -> Certain {
    if let Some(supposed) = question.supposed_production {
        return match supposed {
            Production::None => Certain::None,
            Production::Known { sha, .. } => Certain::Sha(sha.clone()),
            Production::Uncertain { .. } => Certain::Uncertain,
        };
    }
    let release = question.release;
    let kept = moves.moves.iter().filter(|one| is_of_the_kept(release, one));
    if let Some(last) = kept.max_by_key(|one| one.order) {
        return last.to.clone().map_or(Certain::Uncertain, Certain::Sha);
    }
    let by_us = release.attempts.iter().any(|attempt| {
        let ended = |outcome| attempt.phase == AttemptPhase::Closed(outcome);
        ended(AttemptOutcome::Succeeded) || ended(AttemptOutcome::RunDeleted)
    });
    let by_another_workflow = release.runs.values().any(|run| {
        let mut all = run.attempts.values();
        let success = RunProgress::Finished(Conclusion::Success);
        run.kind == RunKind::OtherWorkflow && all.any(|one| one.progress == success)
    });
    if by_us || by_another_workflow || release.runs_unread {
        Certain::Uncertain
    } else {
        Certain::None
    }
}

/// Whether a move belongs to a retained run, or is an operator's action. Older history precedes
/// all of them.
fn is_of_the_kept(release: &ReleaseState, moved: &Moved) -> bool {
    let (.., run, _) = moved.order;
    run == RunId::from(u64::MAX) || release.runs.contains_key(&run)
}

/// Every commit that was certainly in production at some time.
pub(super) fn certain_productions(asked: &Asked<'_>) -> BTreeSet<Sha> {
    let moved = asked.moves.moves.iter().filter_map(|moved| moved.to.clone());
    moved.chain(asked.moves.before.iter().map(|(sha, _)| sha.clone())).collect()
}

/// Rule 9: a run that no pass of ours decided on moved production to an unknown commit, or to
/// one that does not contain an earlier production. Production still lacks that one, and the
/// branch still contains it.
pub(super) fn is_rolled_back(asked: &Asked<'_>) -> Availability<bool> {
    if !asked.policy.hold_after_rollback {
        return Ok(false);
    }
    let is_lifted = |until: Timestamp| {
        let words = asked.moves.lifted.iter().filter(|(_, at)| *at >= until);
        any(words, |(sha, _)| contains(asked, sha, asked.sha))
    };
    let is_resumed = |until| asked.moves.resumed_at.is_some_and(|at| at >= until);
    any(asked.moves.moves.iter().filter(|moved| !moved.is_stray), |moved| {
        let Some(until) = moved.foreign_until.filter(|until| !is_resumed(*until)) else {
            return Ok(false);
        };
        both(is_lifted(until).map(|is_lifted| !is_lifted), || {
            any(earlier(asked, moved), |lost| is_lost(asked, moved, &lost))
        })
    })
}

/// What was in production before a move.
fn earlier(asked: &Asked<'_>, moved: &Moved) -> BTreeSet<Sha> {
    let Moves { moves, before, .. } = &asked.moves;
    let kept = moves.iter().filter(|one| one.order < moved.order);
    let forgotten = before.iter().filter(|(_, since)| *since < moved.order.0);
    kept.filter_map(|one| one.to.clone()).chain(forgotten.map(|(sha, _)| sha.clone())).collect()
}

fn is_lost(asked: &Asked<'_>, moved: &Moved, lost: &Sha) -> Availability<bool> {
    let lacks = |to: &Sha| contains(asked, to, lost).map(|contains| !contains);
    let still_lacks = || match &asked.production {
        Certain::Sha(production) => lacks(production),
        Certain::None | Certain::Uncertain => Ok(true),
    };
    let is_back = moved.to.as_ref().map_or(Ok(true), lacks);
    let is_held = || is_on_branch(asked, lost);
    let checks: [Check<'_>; 3] = [&|| is_back.clone(), &still_lacks, &is_held];
    all(checks, |holds| holds())
}
