//! Compares what should be with what is, and yields a [`Plan`]. Settled means that it is empty.
//!
//! Three pure functions, in the order in which a pass calls them: [`follow`] turns what the
//! deploy runs did into ledger entries, [`undecided`] names the commits to judge besides the
//! candidate and the head, and [`plan`] lists everything that is to be done.

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

/// The inputs of a plan.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    pub policy: &'a Policy,
    pub observation: &'a Observation,
    /// The release state from the ledger.
    pub release: &'a ReleaseState,
    pub judgement: &'a Judgement,
    /// `server.public_url`, which HOLD and WAIT statuses link to.
    pub public_url: Option<&'a str>,
    /// The current time, by GitHub's clock.
    pub now: Timestamp,
}

/// Plans everything that is to be done.
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

/// The ledger entries about what changed since the last pass.
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

/// The ledger entry for a decision, if it differs from the last one about this sha.
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

/// The ledger entries for approvals that a decision rests on, if not recorded yet.
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

/// Whether the repository is settled if the plan is empty otherwise: nothing is in flight, and
/// nothing is waiting to appear on GitHub.
#[must_use]
pub fn settled(release: &ReleaseState, judgement: &Judgement) -> bool {
    !release.deploy_in_flight()
        && judgement.ships.is_none()
        && !release
            .issues
            .values()
            .any(|issue| issue.intent.is_some() || issue.recovery_intent.is_some())
}

/// The page of the run that production rests on.
fn production_url(situation: &Situation<'_>) -> Option<String> {
    let run = situation.release.production().run()?;
    situation.release.runs.get(&run.id).map(|run| run.html_url.clone())
}

/// Whether production is known to contain `sha`.
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
