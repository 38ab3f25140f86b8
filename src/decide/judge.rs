//! Determines which shas are judged in a pass, and which of them ships.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::facts::each_once;
use super::{Question, decide};
use crate::domain::{
    Candidates, Decision, EnvironmentApproval, Lack, Observation, Outcome, PassedOver, Policy,
    Production, Reason, ReleaseState, Sha, Verdict, Why, earliest,
};

/// How many older verified commits are judged below a candidate that is held because of its own
/// range (design, section 4).
pub const JUDGED_BELOW: usize = 10;

/// All decisions of one pass.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// By sha: the candidate, the head, and every commit with an attempt whose outcome its
    /// status does not show yet.
    pub decisions: BTreeMap<Sha, Decision>,
    /// The decision that ships now, if any.
    pub ships: Option<Decision>,
    /// Commits below a held candidate that may not ship in its place, and why.
    pub held_below: Vec<(Sha, Reason)>,
    /// The earliest time at which a decision may change if nothing else does.
    pub changes_at: Option<Timestamp>,
}

/// The result of judging.
#[derive(Debug)]
pub enum JudgeOutcome {
    /// All decisions are made.
    Done(Box<Judgement>),
    /// These facts are needed first.
    Lacks(Vec<Lack>),
    /// All decisions are made except about commits below the candidate, which lack these facts.
    /// Such a commit is passed over if they cannot be read.
    LacksBelow(Box<Judgement>, Vec<Lack>),
    /// A fact is unreadable for now.
    Unreadable(Why),
}

/// Judges the candidate, the head and `others`, and picks what ships: the candidate, or, if it
/// is held because of its own range, the newest verified commit below it that may ship.
#[must_use]
pub fn judge(
    policy: &Policy,
    observation: &Observation,
    release: &ReleaseState,
    others: &[Sha],
    now: Timestamp,
) -> JudgeOutcome {
    let ask = |sha| decide(&Question::of_a_pass(sha, policy, observation, release, now));
    let candidates = &observation.candidates;
    let mut judgement = Judgement::default();
    let mut lacks = Vec::new();
    let mut asked = BTreeSet::new();
    let all = candidates.candidate.iter().chain(&candidates.head).chain(others);
    for sha in all.filter(|sha| asked.insert(*sha)) {
        match ask(sha) {
            Verdict::Decided(decision) => {
                judgement.changes_at = earliest([judgement.changes_at, decision.changes_at]);
                judgement.decisions.insert(sha.clone(), *decision);
            }
            Verdict::Lacks(more) => lacks.extend(more),
            Verdict::Unreadable(why) => return JudgeOutcome::Unreadable(why),
        }
    }
    if !lacks.is_empty() {
        return JudgeOutcome::Lacks(each_once(lacks));
    }
    let candidate = candidates.candidate.as_ref().and_then(|sha| judgement.decisions.get(sha));
    let Some(candidate) = candidate else { return JudgeOutcome::Done(Box::new(judgement)) };
    if candidate.reason().starts_a_deploy() {
        judgement.ships = Some(candidate.clone());
        return JudgeOutcome::Done(Box::new(judgement));
    }
    if candidate.outcome() != Outcome::Hold || !candidate.reason().is_of_the_range() {
        return JudgeOutcome::Done(Box::new(judgement));
    }
    judge_below(judgement, below(policy, candidates, release), candidates, ask)
}

/// Picks what ships in place of a held candidate. What cannot be judged is passed over, and
/// never affects the candidate's own decision.
fn judge_below<'a>(
    mut judgement: Judgement,
    below: impl Iterator<Item = &'a Sha>,
    candidates: &Candidates,
    ask: impl Fn(&'a Sha) -> Verdict,
) -> JudgeOutcome {
    let (mut lacks, mut passed_over) = (Vec::new(), Vec::new());
    for sha in below {
        match ask(sha) {
            Verdict::Decided(decision) if decision.reason().starts_a_deploy() => {
                judgement.ships = Some(*decision);
                break;
            }
            Verdict::Decided(decision) => {
                judgement.changes_at = earliest([judgement.changes_at, decision.changes_at]);
                judgement.held_below.push((sha.clone(), decision.reason()));
            }
            Verdict::Lacks(more) => {
                let why = Why("what it needs has not been read yet".to_owned());
                passed_over.push(PassedOver { sha: sha.clone(), why });
                lacks.extend(more);
            }
            Verdict::Unreadable(why) => passed_over.push(PassedOver { sha: sha.clone(), why }),
        }
    }
    if let Some(sha) = &candidates.candidate
        && let Some(candidate) = judgement.decisions.get_mut(sha)
    {
        candidate.passed_over = passed_over;
    }
    let judgement = Box::new(judgement);
    if lacks.is_empty() {
        JudgeOutcome::Done(judgement)
    } else {
        JudgeOutcome::LacksBelow(judgement, each_once(lacks))
    }
}

/// The verified commits that may ship if the candidate is held because of its own range, newest
/// first. While production is uncertain, there is no range up to the candidate, so only commits
/// that an operator approved may ship.
fn below<'a>(
    policy: &'a Policy,
    candidates: &'a Candidates,
    release: &'a ReleaseState,
) -> impl Iterator<Item = &'a Sha> {
    let is_uncertain = matches!(release.production(), Production::Uncertain { .. });
    let is_approved = |sha: &Sha| {
        let in_environment = match &policy.approved_by_environment {
            EnvironmentApproval::Nothing | EnvironmentApproval::Everything => false,
            EnvironmentApproval::Shas(shas) => shas.contains(sha),
        };
        in_environment || release.approvals.iter().any(|approval| approval.sha == *sha)
    };
    let below = candidates.verified_below.iter();
    below.filter(move |sha| !is_uncertain || is_approved(sha)).take(JUDGED_BELOW)
}
