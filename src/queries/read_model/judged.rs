//! Decisions, as they are shown: from the last pass, or from what the ledger kept of them.

use crate::controller::RepoSnapshot;
use crate::domain::{Decision, Entry, EntryKind, ReleaseState, Sha};
use crate::queries::simulate::simulation;
use crate::queries::view::{DecisionSource, JudgedView};

/// Paths that are named one by one; the rest is counted.
const MOST_PATHS: usize = 1_000;

/// The decision of the last pass about this commit, if it took one.
pub(super) fn by_last_pass(snapshot: &RepoSnapshot, sha: &Sha) -> Option<JudgedView> {
    let decision = snapshot.decisions.by_sha.get(sha)?;
    let mut simulation = simulation(&snapshot.policy.repository, decision);
    let paths_left_out = simulation.paths.len().saturating_sub(MOST_PATHS);
    simulation.paths.truncate(MOST_PATHS);
    Some(JudgedView {
        sha: simulation.sha,
        decision: simulation.decision,
        reason: simulation.reason,
        risk_class: simulation.risk_class,
        source: DecisionSource::LastPass,
        decided_at: since(snapshot.release.as_deref(), decision),
        judged_at: snapshot.decisions.at,
        unblock_hints: Some(simulation.unblock_hints),
        ships_at: simulation.ships_at,
        forecast: simulation.forecast,
        evidence: Some(simulation.evidence),
        paths: Some(simulation.paths),
        paths_left_out,
        rules: Some(simulation.rules),
        approvals: Some(simulation.approvals),
    })
}

/// Since when it is decided so.
fn since(release: Option<&ReleaseState>, decision: &Decision) -> Option<jiff::Timestamp> {
    let last = release?.decided.get(&decision.sha)?;
    let same = (last.outcome, last.reason, last.risk)
        == (decision.outcome(), decision.reason(), decision.risk.class);
    same.then_some(last.at)
}

/// The decision of this entry, or where that is gone, of what the ledger adds up to.
pub(super) fn by_ledger(
    release: Option<&ReleaseState>,
    sha: &Sha,
    entry: Option<&Entry>,
) -> Option<JudgedView> {
    let (outcome, reason, risk, at, evidence) = match entry.map(|entry| (&entry.kind, entry.at)) {
        Some((EntryKind::Decided { outcome, reason, risk, evidence, .. }, at)) => {
            (*outcome, *reason, *risk, at, Some(evidence.clone()))
        }
        Some(_) | None => {
            let last = release?.decided.get(sha)?;
            (last.outcome, last.reason, last.risk, last.at, None)
        }
    };
    Some(JudgedView {
        sha: sha.clone(),
        decision: outcome,
        reason,
        risk_class: risk,
        source: DecisionSource::Ledger,
        decided_at: Some(at),
        judged_at: None,
        unblock_hints: None,
        ships_at: None,
        forecast: None,
        evidence,
        paths: None,
        paths_left_out: 0,
        rules: None,
        approvals: None,
    })
}
