//! The last check before a dispatch: whether another process of ours is dispatching the commit,
//! or did so before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::recover::{DeployTarget, DeployTargets, attempt_of, begun, deploy_of, is_mark};
use crate::domain::{
    Attempt, CommitStatus, Decision, Login, Mark, Observation, ReleaseState, RunId, StatusId,
    WorkflowFact,
};
use crate::messages::{self, ParsedStatus};

/// Permission for one dispatch, with everything that it needs.
#[derive(Clone, Debug)]
pub struct Clearance {
    /// The decision, based on what was just read again.
    pub decision: Decision,
    /// The workflow and the ref to dispatch.
    pub target: DeployTarget,
    /// The workflow's file name, for messages.
    pub workflow_file: String,
    /// The newest deploy run that was seen.
    pub newest_run_seen: Option<RunId>,
    /// The newest status of ours that was seen on the commit.
    pub newest_status_seen: Option<StatusId>,
    /// The URL that the mark links to.
    pub mark_target: String,
    /// The workflows and refs of other marks on the commit.
    others: DeployTargets,
}

/// What prevents a dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Another process of ours has an open attempt for the commit, or has started a run.
    OthersTurn(Box<Attempt>),
    /// A required fact is not known. The text names it.
    NotKnown(&'static str),
}

/// The runs that statuses of ours link to as deploys of the commit and that the ledger does not
/// know, with when they were last linked to. They are read by id, because no list may show them
/// yet.
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

/// Whether a mark of another process of ours names a workflow other than this file, because it
/// was written under another configuration.
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

/// Whether a decision that was just made again may be dispatched. `over` are the runs of
/// [`unknown_links`] that were read and are no deploys in flight.
///
/// # Errors
/// What prevents the dispatch.
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

/// Checks after our mark was written whether another process of ours goes first, and returns
/// its attempt. That is the case for a mark that this process did not write and that has a
/// smaller id than ours, if it is open or newer than the newest status seen before.
#[must_use]
pub fn others_turn(
    clearance: &Clearance,
    statuses: &[CommitStatus],
    mark: &Mark,
    us: &BTreeSet<Login>,
    release: &ReleaseState,
) -> Option<Attempt> {
    // Ours also counts as a status that follows the other process's marks, so it is left out.
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

/// The open marks, with their places in the newest-first list: those that no status of ours
/// except another mark follows.
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

/// The run that a status links to as its commit's deploy, if the ledger does not know what the
/// run deployed. Having seen the run is not enough: if nothing else names its commit, this
/// status does.
fn unknown_link(status: &CommitStatus, release: &ReleaseState) -> Option<RunId> {
    let run = deploy_of(status)?;
    let is_told = release.runs.get(&run).is_some_and(|known| known.attribution.sha().is_some());
    (!is_told && release.attempt_of(run).is_none()).then_some(run)
}

/// Fails if a status of ours links to a run as this commit's deploy that the ledger does not
/// know: the process that started it goes first.
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
        // It belongs to no attempt, or to one that the ledger owns and has closed. It may be
        // gone by now.
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
