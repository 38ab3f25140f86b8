//! The last look before a dispatch: whether another process of ours is at it, or was.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::recover::{DeployTarget, DeployTargets, attempt_of, begun, deploy_of, is_mark};
use crate::domain::{
    Attempt, CommitStatus, Decision, Login, Mark, Observation, ReleaseState, RunId, StatusId,
    WorkflowFact,
};
use crate::messages::{self, ParsedStatus};

/// What a dispatch may go by.
#[derive(Clone, Debug)]
pub struct Clearance {
    /// The decision, taken on what was just looked at anew.
    pub decision: Decision,
    /// Where it goes.
    pub target: DeployTarget,
    /// The file of the workflow, by which the dispatch names it.
    pub workflow_file: String,
    /// The newest deploy run that was seen.
    pub newest_run_seen: Option<RunId>,
    /// The newest status of ours that was seen on the commit.
    pub newest_status_seen: Option<StatusId>,
    /// What the mark links to.
    pub mark_target: String,
    /// Where the dispatches of other marks on the commit go.
    others: DeployTargets,
}

/// What stands in the way of a dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Another process of ours has an attempt open on the commit, or has started a run.
    OthersTurn(Box<Attempt>),
    /// What must be known is not.
    NotKnown(&'static str),
}

/// The runs that statuses of ours name as the commit's deploys and that the ledger does not know,
/// and when they were named last. No list may show them yet, so they are asked for by their ids.
#[must_use]
pub fn unknown_links(
    statuses: &[CommitStatus],
    us: &BTreeSet<Login>,
    release: &ReleaseState,
) -> BTreeMap<RunId, Timestamp> {
    let ours = of_us(statuses, us);
    let newest_last = ours.into_iter().rev();
    let unknown = |status: &CommitStatus| Some((unknown_link(status, release)?, status.created_at));
    newest_last.filter_map(unknown).collect()
}

/// Whether a mark of another process of ours names another workflow than this file: it was written
/// under another configuration.
#[must_use]
pub fn names_another_workflow(
    statuses: &[CommitStatus],
    us: &BTreeSet<Login>,
    release: &ReleaseState,
    file: &str,
) -> bool {
    let ours = of_us(statuses, us);
    let marks = ours.iter().filter(|status| is_mark(status) && !is_known(release, Some(status)));
    let mut targets =
        marks.filter_map(|mark| messages::read_runs_page(mark.target_url.as_deref()?));
    targets.any(|(named, _)| named != file)
}

/// Whether a decision that was taken anew may be dispatched. `over` are the runs of
/// [`unknown_links`] that were asked for and are no deploys in flight.
///
/// # Errors
/// What stands in its way.
pub fn clearance(
    decision: &Decision,
    observation: &Observation,
    release: &ReleaseState,
    newest_run_seen: Option<RunId>,
    over: &BTreeSet<RunId>,
) -> Result<Clearance, Obstacle> {
    let WorkflowFact::Found(workflow) = &observation.deploy_workflow else {
        return Err(Obstacle::NotKnown("the deploy workflow"));
    };
    let target = DeployTarget { workflow: workflow.id, deploy_ref: observation.deploy_ref.clone() };
    let file = workflow.file();
    let mut others =
        DeployTargets { configured: target.clone(), workflows: observation.workflow_ids.clone() };
    others.workflows.insert(file.to_owned(), workflow.id);
    let facts = observation.facts(&decision.sha);
    let Some(statuses) = facts.statuses.known() else {
        return Err(Obstacle::NotKnown("the commit's statuses"));
    };
    let ours = of_us(statuses, &observation.us);
    if let Some(other) = open_marks(&ours)
        .into_iter()
        .find(|(place, _)| !is_known(release, ours.get(*place).copied()))
    {
        let attempt = adopted(&others, decision, release, &ours, other.0);
        return attempt.map_or_else(
            || Err(Obstacle::NotKnown("another attempt")),
            |attempt| Err(Obstacle::OthersTurn(Box::new(attempt))),
        );
    }
    every_run_is_known(&others, decision, &ours, release, over)?;
    Ok(Clearance {
        decision: decision.clone(),
        mark_target: messages::runs_page(
            &observation.repository.html_url,
            file,
            &target.deploy_ref,
        ),
        target,
        workflow_file: file.to_owned(),
        newest_run_seen,
        newest_status_seen: ours.first().map(|status| status.id),
        others,
    })
}

/// After our mark was written: the attempt of another process of ours whose turn it is, if there
/// is one. That is a mark that this process did not write, and that is open and has a smaller id,
/// or lies between the newest one that was seen before and ours.
#[must_use]
pub fn others_turn(
    clearance: &Clearance,
    statuses: &[CommitStatus],
    mark: &Mark,
    us: &BTreeSet<Login>,
    release: &ReleaseState,
) -> Option<Attempt> {
    // Whatever follows our own mark is not told from what follows the other's by it.
    let mut ours = of_us(statuses, us);
    ours.retain(|status| status.id != mark.id);
    let open: BTreeSet<usize> = open_marks(&ours).into_iter().map(|(place, _)| place).collect();
    let place = ours.iter().enumerate().position(|(place, status)| {
        let before_ours = status.id < mark.id;
        let between = before_ours && Some(status.id) > clearance.newest_status_seen;
        let open_before = before_ours && open.contains(&place);
        is_mark(status) && (between || open_before) && !is_known(release, Some(*status))
    })?;
    adopted(&clearance.others, &clearance.decision, release, &ours, place)
}

fn of_us<'a>(statuses: &'a [CommitStatus], us: &BTreeSet<Login>) -> Vec<&'a CommitStatus> {
    let ours = |status: &&CommitStatus| {
        status.creator.as_ref().is_some_and(|creator| us.contains(creator))
    };
    statuses.iter().filter(ours).collect()
}

/// The marks, by their place in the newest-first list, that no status of ours but a mark follows.
fn open_marks<'a>(ours: &[&'a CommitStatus]) -> Vec<(usize, &'a CommitStatus)> {
    ours.iter().copied().enumerate().take_while(|(_, status)| is_mark(status)).collect()
}

/// Whether the ledger owns the attempt of this mark.
fn is_known(release: &ReleaseState, status: Option<&CommitStatus>) -> bool {
    let said = status.and_then(|status| messages::parse(&status.description));
    match said {
        Some(ParsedStatus::Dispatching { attempt, .. }) => release.attempt(&attempt).is_some(),
        Some(
            ParsedStatus::Triggered { .. } | ParsedStatus::Blocked { .. } | ParsedStatus::Shipped,
        )
        | None => false,
    }
}

/// The run that a status names as its commit's deploy, where the ledger does not know what it
/// deployed. That it was seen is not enough: where nothing else tells its commit, this status does.
fn unknown_link(status: &CommitStatus, release: &ReleaseState) -> Option<RunId> {
    let run = deploy_of(status)?;
    let is_told = release.runs.get(&run).is_some_and(|known| known.attribution.sha().is_some());
    (!is_told && release.attempt_of(run).is_none()).then_some(run)
}

/// Where a status of ours links to a run as this commit's deploy that the ledger never saw, it is
/// the turn of whoever started it.
fn every_run_is_known(
    targets: &DeployTargets,
    decision: &Decision,
    ours: &[&CommitStatus],
    release: &ReleaseState,
    over: &BTreeSet<RunId>,
) -> Result<(), Obstacle> {
    for (place, status) in ours.iter().enumerate() {
        let Some(run) = unknown_link(status, release) else { continue };
        let is_mark_at = |at: &usize| ours.get(*at).is_some_and(|status| is_mark(status));
        let others_mark = (place..ours.len())
            .find(is_mark_at)
            .filter(|mark| !is_known(release, ours.get(*mark).copied()));
        if let Some(other) =
            others_mark.and_then(|mark| adopted(targets, decision, release, ours, mark))
        {
            return Err(Obstacle::OthersTurn(Box::new(other)));
        }
        // Of no attempt, or of one that the ledger owns and has closed: it may be gone by now.
        if !over.contains(&run) {
            return Err(Obstacle::NotKnown("a run that a status of ours names"));
        }
    }
    Ok(())
}

fn adopted(
    targets: &DeployTargets,
    decision: &Decision,
    release: &ReleaseState,
    ours: &[&CommitStatus],
    place: usize,
) -> Option<Attempt> {
    let mark = ours.get(place)?;
    let Some(ParsedStatus::Dispatching { risk, attempt }) = messages::parse(&mark.description)
    else {
        return None;
    };
    let begun = begun(&targets.of_mark(mark), &decision.sha, risk, attempt);
    let later = ours.get(..place).unwrap_or_default();
    let is_anothers = |run| release.attempt_of(run).is_some();
    Some(attempt_of(begun, mark, later, &BTreeSet::new(), is_anothers))
}
