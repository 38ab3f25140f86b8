//! Which shas are judged in a pass, and which of them ships.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::facts::each_once;
use super::{Question, decide};
use crate::domain::{
    Decision, Lack, Observation, Outcome, Policy, ReleaseState, Sha, Verdict, Why,
};

/// How many older verified commits are judged below a candidate that is held for its own range
/// (design, section 4).
pub const JUDGED_BELOW: usize = 10;

/// All decisions of one pass.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// By sha: the candidate, the head, and every commit whose attempt still has something to
    /// show.
    pub decisions: BTreeMap<Sha, Decision>,
    /// The one that ships now, if any.
    pub ships: Option<Decision>,
}

/// What comes of judging.
#[derive(Debug)]
pub enum Judged {
    /// Every decision.
    Done(Box<Judgement>),
    /// These facts are needed first.
    Lacks(Vec<Lack>),
    /// A fact cannot be read for now.
    Unreadable(Why),
}

/// Judges the candidate, the head and `others`, and picks what ships: the candidate, or, where it
/// is held for its own range, the newest verified commit below it that may.
#[must_use]
pub fn judge(
    policy: &Policy,
    observation: &Observation,
    release: &ReleaseState,
    others: &[Sha],
    now: Timestamp,
) -> Judged {
    let ask = |sha| {
        let (triggered, supposed_production) = (false, None);
        decide(&Question { sha, policy, observation, release, triggered, supposed_production, now })
    };
    let candidates = &observation.candidates;
    let mut judgement = Judgement::default();
    let mut lacks = Vec::new();
    for sha in candidates.candidate.iter().chain(&candidates.head).chain(others) {
        match ask(sha) {
            Verdict::Decided(decision) => {
                judgement.decisions.insert(sha.clone(), *decision);
            }
            Verdict::Lacks(more) => lacks.extend(more),
            Verdict::Unreadable(why) => return Judged::Unreadable(why),
        }
    }
    if !lacks.is_empty() {
        return Judged::Lacks(each_once(lacks));
    }
    let candidate = candidates.candidate.as_ref().and_then(|sha| judgement.decisions.get(sha));
    let Some(candidate) = candidate else { return Judged::Done(Box::new(judgement)) };
    if candidate.reason().starts_a_deploy() {
        judgement.ships = Some(candidate.clone());
        return Judged::Done(Box::new(judgement));
    }
    if candidate.outcome() != Outcome::Hold || !candidate.reason().is_of_the_range() {
        return Judged::Done(Box::new(judgement));
    }
    for sha in candidates.verified_below.iter().take(JUDGED_BELOW) {
        match ask(sha) {
            Verdict::Decided(decision) if decision.reason().starts_a_deploy() => {
                judgement.ships = Some(*decision);
                break;
            }
            Verdict::Decided(_) => {}
            Verdict::Lacks(lacks) => return Judged::Lacks(lacks),
            Verdict::Unreadable(why) => return Judged::Unreadable(why),
        }
    }
    Judged::Done(Box::new(judgement))
}
