//! What should be, minus what is, as a [`Plan`]. Settled means an empty one.
//!
//! Three pure functions, in the order in which a pass asks them: [`follow`] writes down what the
//! deploy runs did, [`undecided`] says which commits are judged beside the candidate, and
//! [`plan`] says what is to be done about it all.

use jiff::Timestamp;

use crate::decide::Judgement;
use crate::domain::{
    Counting, Decision, EntryKind, Fact, GivenApproval, Observation, Plan, Policy, ReleaseState,
    RuleClock, Sha, earliest,
};
use crate::messages;

mod clearance;
mod follow;
mod health;
mod issues;
mod recover;
mod statuses;
#[cfg(test)]
mod tests;

pub use clearance::{
    Clearance, Obstacle, clearance, names_another_workflow, others_turn, unknown_links,
};
pub use follow::follow;
pub use health::health;
pub use recover::{
    DeployTarget, DeployTargets, identities, linked_runs, recover, shows_unknown_run,
    shows_unknown_status,
};
pub use statuses::{StatusBudget, budget, still_blocked, undecided};

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// What GitHub shows.
    pub observation: &'a Observation,
    /// What the ledger adds up to.
    pub release: &'a ReleaseState,
    /// What was decided.
    pub judgement: &'a Judgement,
    /// `server.public_url`, where HOLD statuses link to.
    pub public_url: Option<&'a str>,
    /// Now, by GitHub's clock.
    pub now: Timestamp,
}

/// Everything that is to be done.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Plan {
    let at = RuleClock::new(situation.now);
    let mut records = records(situation);
    let mut writes = Vec::new();
    for update in statuses::of_decisions(situation, &at) {
        records.extend(update.forged);
        writes.push(update.write);
    }
    writes.extend(statuses::of_shipped(situation, &at));
    writes.extend(issues::of_failures(situation, &at));
    writes.extend(issues::of_degraded(situation, &at));
    writes.extend(issues::of_recoveries(situation, &at));
    let ships = situation.judgement.ships.as_ref().filter(|_| situation.policy.enabled);
    let changes_at = earliest([situation.judgement.changes_at, at.changes_at()]);
    Plan { records, deploy: ships.cloned().map(Box::new), writes, changes_at }
}

/// What changed since the last pass, for the ledger.
fn records(situation: &Situation<'_>) -> Vec<EntryKind> {
    let release = situation.release;
    let mut records = Vec::new();
    let candidate = &situation.observation.candidates.candidate;
    if release.candidate != *candidate {
        records.push(EntryKind::Candidate { sha: candidate.clone() });
    }
    let ships = situation.judgement.ships.iter();
    for decision in situation.judgement.decisions.values().chain(ships) {
        let of_it = changed(release, decision, situation.policy).into_iter();
        for record in of_it.chain(newly_counted(release, decision)) {
            if !records.contains(&record) {
                records.push(record);
            }
        }
    }
    records.extend(statuses::unrecorded(situation));
    records
}

/// The ledger's line about a decision, where it differs from the last one about this sha.
#[must_use]
pub fn changed(release: &ReleaseState, decision: &Decision, policy: &Policy) -> Option<EntryKind> {
    let last = release.decided.get(&decision.sha);
    let same = last.is_some_and(|last| {
        (last.outcome, last.reason, last.risk)
            == (decision.outcome(), decision.reason(), decision.risk.class)
    });
    (!same).then(|| EntryKind::Decided {
        sha: decision.sha.clone(),
        outcome: decision.outcome(),
        reason: decision.reason(),
        risk: decision.risk.class,
        evidence: messages::evidence(decision, &policy.repository),
    })
}

/// The ledger's lines about the approvals that a decision rests on and that it does not hold yet.
pub fn newly_counted<'a>(
    release: &'a ReleaseState,
    decision: &'a Decision,
) -> impl Iterator<Item = EntryKind> + 'a {
    let known = release.counted_approvals.get(&decision.sha);
    let is_known =
        move |given: &GivenApproval| known.is_some_and(|counted| counted.approvals.contains(given));
    let counting = decision.approvals.iter().filter(|seen| seen.counting == Counting::Counts);
    counting.filter(move |seen| !is_known(&seen.given)).map(|seen| EntryKind::ApprovalCounted {
        sha: decision.sha.clone(),
        approval: seen.given.clone(),
    })
}

/// Whether a plan that holds nothing else leaves the repository settled: nothing is in flight and
/// nothing waits for GitHub to show it.
#[must_use]
pub fn settled(release: &ReleaseState, judgement: &Judgement) -> bool {
    !release.deploy_in_flight()
        && judgement.ships.is_none()
        && !release
            .issues
            .values()
            .any(|issue| issue.intent.is_some() || issue.recovery_intent.is_some())
}

/// The run page that a sha in production links to.
fn production_url(situation: &Situation<'_>) -> Option<String> {
    let run = situation.release.production().run()?;
    situation.release.runs.get(&run.id).map(|run| run.html_url.clone())
}

/// Whether production is seen to contain `sha`, by what is known already.
fn production_contains(situation: &Situation<'_>, sha: &Sha) -> bool {
    let Some(production) = situation.release.production().sha().cloned() else { return false };
    let observation = situation.observation;
    let (ancestry, branch) = (&observation.ancestry, &observation.branch_commits);
    ancestry.containment(&production, sha, branch) == Fact::Known(true)
        || observation
            .range(&production, sha)
            .known()
            .and_then(crate::domain::Ranged::relation)
            .is_some_and(|relation| {
                use crate::domain::Relation::{Ahead, Behind, Diverged, Identical};
                match relation {
                    Behind | Identical => true,
                    Ahead | Diverged => false,
                }
            })
}
