//! Prevents deploys backwards: rules 7 and 9, from past productions and what was lost.

use std::collections::BTreeSet;

use super::facts::known;
use super::{Case, Gap, RuleFinding};
use crate::domain::{
    Cause, ForeignMove, Lack, MovePosition, Production, Productions, Sha, Uncertainty,
};

/// The most containment questions that are asked at once. Most answers follow from the others
/// once the newest ones are known.
const ASKED_AT_ONCE: usize = 20;

/// Rule 7.
pub(super) fn older_than_production(case: &Case<'_>) -> RuleFinding {
    if case.question.rollback {
        return Ok(None);
    }
    match &case.production {
        Production::None => Ok(None),
        Production::Known { sha, .. } => {
            let older = case.contains(sha, case.sha())?;
            let (production, uncertain) = (sha.clone(), None);
            Ok(older.then_some(Cause::OlderThanProduction { production, uncertain }))
        }
        Production::Uncertain { why } => older_than_a_certain_one(case, *why),
    }
}

/// While production is uncertain, it may be any commit since the last certain one. So a commit
/// that a certain production contains does not ship, unless it is that production itself.
fn older_than_a_certain_one(case: &Case<'_>, why: Uncertainty) -> RuleFinding {
    let past = case.release().past_productions();
    let (ancestry, branch) =
        (&case.question.observation.ancestry, &case.question.observation.branch_commits);
    // What the sha contains cannot contain the sha. The same holds for whatever such a commit
    // contains.
    let mut ruled_out = ancestry.contained_in(case.sha(), branch);
    let mut asking = Asking::default();
    for (production, _) in &past.commits {
        if ruled_out.contains(production) || asking.may_follow(production) {
            continue;
        }
        match case.question.contains(production, case.sha()) {
            Ok(true) if asking.lacks.is_empty() => {
                let (production, uncertain) = (production.clone(), Some(why));
                return Ok(Some(Cause::OlderThanProduction { production, uncertain }));
            }
            Ok(true) => break,
            Ok(false) => ruled_out.extend(ancestry.contained_in(production, branch)),
            Err(gap) => {
                if asking.note(gap, ancestry.contained_in(production, branch)) {
                    break;
                }
            }
        }
    }
    asking.finish()
}

/// Rule 9: somebody else's deploy removed a commit from production, and production still lacks
/// it.
pub(super) fn rolled_back(case: &Case<'_>) -> RuleFinding {
    if !case.policy().hold_after_rollback || case.question.triggered {
        return Ok(None);
    }
    let past = case.release().past_productions();
    let Some(newest) = past.foreign.first().map(|foreign| foreign.place) else { return Ok(None) };
    let (ancestry, branch) =
        (&case.question.observation.ancestry, &case.question.observation.branch_commits);
    let production = case.production.sha();
    let kept = production.map(|production| ancestry.contained_in(production, branch));
    let kept = kept.unwrap_or_default();
    let mut asking = Asking::default();
    for (lost, first) in &past.commits {
        if *first >= newest || kept.contains(lost) || asking.may_follow(lost) {
            continue;
        }
        match lost_by(case, &past, lost, *first) {
            Ok(None) => {}
            Ok(Some(foreign)) if asking.lacks.is_empty() => {
                let (lost, to, run) = (lost.clone(), foreign.to.clone(), foreign.run);
                return Ok(Some(Cause::RolledBack { lost, to, run }));
            }
            Ok(Some(_)) => break,
            Err(gap) => {
                if asking.note(gap, ancestry.contained_in(lost, branch)) {
                    break;
                }
            }
        }
    }
    asking.finish()
}

/// The foreign move that removed a commit from production, if production still lacks it, the
/// branch still contains it, and no operator has lifted the hold since.
fn lost_by<'p>(
    case: &Case<'_>,
    past: &'p Productions,
    lost: &Sha,
    first: MovePosition,
) -> Result<Option<&'p ForeignMove>, Gap> {
    let production = case.production.sha();
    if let Some(production) = production
        && case.question.contains(production, lost)?
    {
        return Ok(None);
    }
    let mut later = past.foreign.iter().filter(|foreign| foreign.place > first);
    let took_it_off = loop {
        let Some(foreign) = later.next() else { return Ok(None) };
        if is_lifted(case, past, foreign)? {
            continue;
        }
        let took_it_off = match &foreign.to {
            None => true,
            Some(to) => production == Some(to) || !case.question.contains(to, lost)?,
        };
        if took_it_off {
            break foreign;
        }
    };
    Ok(case.branch_holds(lost)?.then_some(took_it_off))
}

/// Whether, since the move ended, an operator triggered or set as production a commit that
/// contains the judged one. An operator's action for the lost commit does not cover newer ones.
fn is_lifted(case: &Case<'_>, past: &Productions, foreign: &ForeignMove) -> Result<bool, Gap> {
    for (sha, at) in &past.lifted {
        if *at >= foreign.ended_by && case.question.contains(sha, case.sha())? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Case<'_> {
    /// Whether the branch contains a commit. The judged commit is on the branch, as checked by
    /// rule 6.
    fn branch_holds(&self, sha: &Sha) -> Result<bool, Gap> {
        let observation = self.question.observation;
        if observation.branch_commits.place(sha).is_some()
            || self.question.contains(self.sha(), sha)?
        {
            return Ok(true);
        }
        let facts = observation.commits.get(sha);
        let on_branch = facts.map(|facts| &facts.on_branch);
        known(on_branch, || Lack::OnBranch(sha.clone())).copied()
    }
}

/// What is lacking for several commits that are asked about at once.
#[derive(Default)]
struct Asking<'a> {
    lacks: Vec<Lack>,
    commits: usize,
    /// What the commits in question contain. Their answers will cover these as well.
    below: BTreeSet<&'a Sha>,
    unreadable: Option<Gap>,
}

impl<'a> Asking<'a> {
    /// Whether a pending answer may also cover this commit.
    fn may_follow(&self, sha: &Sha) -> bool {
        self.below.contains(sha)
    }

    /// Notes why a commit cannot be decided. Returns whether enough questions are pending.
    fn note(&mut self, gap: Gap, contains: BTreeSet<&'a Sha>) -> bool {
        match gap {
            Gap::Lacks(lacks) => {
                self.lacks.extend(lacks);
                self.below.extend(contains);
                self.commits += 1;
            }
            Gap::Unreadable(_) => self.unreadable = Some(gap),
        }
        self.commits >= ASKED_AT_ONCE
    }

    /// Returns `None` if nothing was lacking.
    fn finish(self) -> RuleFinding {
        if !self.lacks.is_empty() {
            return Err(Gap::Lacks(self.lacks));
        }
        self.unreadable.map_or(Ok(None), Err)
    }
}
