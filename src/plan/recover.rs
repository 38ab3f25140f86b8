//! Rebuilds a lost ledger's entries from our statuses and issues on GitHub (design, section 5,
//! step 6).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Attribution, AttributionRule, Branch,
    CommitStatus, Conclusion, EntryKind, IssueStep, KnownRun, KnownRunAttempt, Login, Mark,
    NewAttempt, Outcome, Policy, Reason, RecoveryScan, RefHistory, RejectionKey, ReleaseState,
    RiskClass, RunEvent, RunId, RunKind, RunProgress, RunRef, SeenRuns, Sha, WorkflowId,
};
use crate::messages::{self, ParsedStatus};

/// The deploy workflow and the ref of a dispatch.
#[derive(Clone, Debug)]
pub struct DeployTarget {
    pub workflow: WorkflowId,
    pub deploy_ref: Branch,
}

/// The target of dispatches under the current configuration, and what is needed to read others
/// from marks.
#[derive(Clone, Debug)]
pub struct DeployTargets {
    /// The target under the current configuration.
    pub configured: DeployTarget,
    /// The ids of the repository's workflows, by file name.
    pub workflows: BTreeMap<String, WorkflowId>,
}

impl DeployTargets {
    /// The target that a mark names. The configuration may have been another one then, so it
    /// only fills in what the mark does not name.
    pub(super) fn of_mark(&self, mark: &CommitStatus) -> DeployTarget {
        let Some((file, deploy_ref)) =
            mark.target_url.as_deref().and_then(messages::read_runs_page)
        else {
            return self.configured.clone();
        };
        DeployTarget {
            workflow: self.workflows.get(&file).copied().unwrap_or(WorkflowId::UNKNOWN),
            deploy_ref: deploy_ref.unwrap_or_else(|| self.configured.deploy_ref.clone()),
        }
    }
}

/// Who we may have been if our identity is unknown: whoever wrote a status in our format under
/// our context and may be us.
#[must_use]
pub fn identities<'a>(
    statuses: impl IntoIterator<Item = &'a CommitStatus>,
    us: &BTreeSet<Login>,
) -> BTreeSet<Login> {
    if !us.is_empty() {
        return BTreeSet::new();
    }
    statuses
        .into_iter()
        .filter(|status| messages::parse(&status.description).is_some())
        .filter_map(|status| status.creator.clone())
        .filter(|login| login.may_be_us(us))
        .collect()
}

/// The runs that our statuses link to as deploys of their commits.
#[must_use]
pub fn linked_runs(left: &RecoveryScan, us: &BTreeSet<Login>) -> BTreeSet<RunId> {
    let statuses = left.statuses.iter().flat_map(|(_, statuses)| statuses);
    statuses.filter(|status| is_ours(status, us)).filter_map(deploy_of).collect()
}

/// Whether GitHub shows a status of ours that the ledger does not know. The ledger is then
/// older than GitHub, for example because a state directory was restored from a backup.
///
/// The mark of an attempt that the ledger has begun does not count: the process may have ended
/// right after writing it.
#[must_use]
pub fn shows_unknown_status(
    statuses: &BTreeMap<Sha, Vec<CommitStatus>>,
    us: &BTreeSet<Login>,
    release: &ReleaseState,
) -> bool {
    statuses.iter().any(|(sha, statuses)| {
        let mut ours = statuses.iter().filter(|status| is_ours(status, us));
        ours.any(|status| !is_recorded(release, sha, status) && !is_own_mark(release, status))
    })
}

/// Like [`shows_unknown_status`], for a deploy run that we started and that no attempt may be
/// waiting for.
#[must_use]
pub fn shows_unknown_run(seen: &SeenRuns, us: &BTreeSet<Login>, release: &ReleaseState) -> bool {
    seen.runs.iter().any(|run| {
        run.event.is_workflow_dispatch()
            && run.actors.iter().any(|actor| us.contains(actor))
            && !release.runs.contains_key(&run.at.id)
            && release.attempt_of(run.at.id).is_none()
            && release.governed_since.is_some_and(|since| run.created_at >= since)
            && !release.attempts.iter().any(|one| one.takes_a_run() && one.fits(run))
    })
}

/// Whether the ledger knows this status. It keeps the newest one of each commit.
fn is_recorded(release: &ReleaseState, sha: &Sha, status: &CommitStatus) -> bool {
    release.statuses.get(sha).is_some_and(|tracked| status.id <= tracked.newest.id)
}

fn is_own_mark(release: &ReleaseState, status: &CommitStatus) -> bool {
    match messages::parse(&status.description) {
        Some(ParsedStatus::Dispatching { attempt, .. }) => release.attempt(&attempt).is_some(),
        Some(
            ParsedStatus::Triggered { .. } | ParsedStatus::Blocked { .. } | ParsedStatus::Shipped,
        )
        | None => false,
    }
}

/// The entries for everything that the ledger does not know yet. `gone` are the linked runs
/// that GitHub no longer has.
#[must_use]
pub fn recover(
    policy: &Policy,
    left: &RecoveryScan,
    gone: &BTreeSet<RunId>,
    us: &BTreeSet<Login>,
    targets: &DeployTargets,
    release: &ReleaseState,
) -> Vec<EntryKind> {
    let mut entries = Vec::new();
    let mut attempts = Vec::new();
    let mut newest: Option<(&Sha, &CommitStatus)> = None;
    for (sha, statuses) in &left.statuses {
        let ours: Vec<&CommitStatus> =
            statuses.iter().filter(|status| is_ours(status, us)).collect();
        for (place, status) in ours.iter().enumerate().rev() {
            let later = ours.get(..place).unwrap_or_default();
            if let Some(ParsedStatus::Dispatching { risk, attempt }) =
                messages::parse(&status.description)
            {
                let newest_run_seen = newest_run_before(left, status, us);
                let target = targets.of_mark(status);
                let begun =
                    NewAttempt { newest_run_seen, ..begun(&target, sha, risk, attempt.clone()) };
                let is_anothers = |run: RunId| {
                    let mut owners = attempts.iter().chain(release.attempt_of(run));
                    owners
                        .any(|other: &Attempt| other.run == Some(run) && other.begun.id != attempt)
                };
                let recovered = attempt_of(begun, status, later, gone, is_anothers);
                attempts.push(recovered);
            }
            if !is_recorded(release, sha, status) {
                let status = status.record(&policy.status_context);
                entries.push(EntryKind::StatusWritten { sha: sha.clone(), status });
            }
        }
        let newest_here = ours.first().copied();
        if let Some(run) = newest_here.and_then(|status| lost_run(status, gone))
            && !release.runs.contains_key(&run.id)
        {
            entries.push(EntryKind::RunSeen { run });
        }
        if newest_here.map(|status| status.id) > newest.map(|(_, status)| status.id) {
            newest = newest_here.map(|status| (sha, status));
        }
    }
    entries.extend(issues(policy, left, release));
    // A pause that the ledger knows may have ended since. Only `resume` ends one.
    let unknown = newest.filter(|(sha, status)| !is_recorded(release, sha, status));
    let later = |status: &&CommitStatus| Some(status.created_at) > release.resumed_at;
    let paused = unknown.map(|(_, status)| status).filter(later).and_then(pause);
    entries.push(EntryKind::Recovered { attempts, paused });
    entries
}

fn is_ours(status: &CommitStatus, us: &BTreeSet<Login>) -> bool {
    status.creator.as_ref().is_some_and(|creator| us.contains(creator))
}

pub(super) fn is_mark(status: &CommitStatus) -> bool {
    matches!(messages::parse(&status.description), Some(ParsedStatus::Dispatching { .. }))
}

/// The run that a status links to as its own commit's deploy.
pub(super) fn deploy_of(status: &CommitStatus) -> Option<RunId> {
    match messages::parse(&status.description)? {
        ParsedStatus::Triggered { .. } => status.run(),
        ParsedStatus::Dispatching { .. } | ParsedStatus::Blocked { .. } | ParsedStatus::Shipped => {
            None
        }
    }
}

pub(super) fn begun(
    target: &DeployTarget,
    sha: &Sha,
    risk: RiskClass,
    id: AttemptId,
) -> NewAttempt {
    NewAttempt {
        id,
        sha: sha.clone(),
        number: 1,
        risk,
        reason: match risk {
            RiskClass::Low => Reason::AllowLow,
            RiskClass::Medium => Reason::AllowMedium,
            RiskClass::High => Reason::AllowHighApproved,
        },
        newest_run_seen: None,
        workflow: target.workflow,
        deploy_ref: target.deploy_ref.clone(),
        rejection_key: RejectionKey::default(),
        merged_at: None,
        triggered_by: None,
        judged_tip: None,
        // Unknown: nothing on GitHub shows it.
        rollback: true,
    }
}

/// The newest run that our statuses written before this mark link to. The run that the mark
/// announces is newer. Without this, every run of the preceding minute might be taken for it.
fn newest_run_before(
    left: &RecoveryScan,
    mark: &CommitStatus,
    us: &BTreeSet<Login>,
) -> Option<RunId> {
    let statuses = left.statuses.iter().flat_map(|(_, statuses)| statuses);
    let before = statuses.filter(|status| status.id < mark.id && is_ours(status, us));
    before.filter_map(deploy_of).max()
}

/// Rebuilds an attempt from its mark and from our later statuses, newest first. A run that
/// belongs to another attempt is not this one's: if two processes wrote marks, the one that
/// goes first links to its run again after the other's mark. Nor is a run that appears after
/// the attempt's own: somebody deployed the commit again.
pub(super) fn attempt_of(
    begun: NewAttempt,
    mark: &CommitStatus,
    later: &[&CommitStatus],
    gone: &BTreeSet<RunId>,
    is_anothers: impl Fn(RunId) -> bool,
) -> Attempt {
    let mut run = None;
    let mut phase = AttemptPhase::Sending;
    for status in later.iter().rev() {
        match messages::parse(&status.description) {
            // What follows the next mark belongs to the next attempt. If anything other than
            // marks follows, this attempt is no longer open: it was given up before the next
            // one began.
            Some(ParsedStatus::Dispatching { .. }) => {
                if phase == AttemptPhase::Sending && !later.iter().all(|status| is_mark(status)) {
                    phase = AttemptPhase::Closed(AttemptOutcome::NotStarted);
                }
                break;
            }
            // A status without a run records an operator's action. An attempt from it would
            // never end.
            Some(ParsedStatus::Triggered { .. })
                if run.is_none() && status.run().is_some_and(|run| !is_anothers(run)) =>
            {
                run = status.run();
                phase = AttemptPhase::Running;
            }
            Some(ParsedStatus::Blocked { reason: Reason::DispatchUnconfirmed, .. })
                if run.is_none() =>
            {
                phase = AttemptPhase::Closed(AttemptOutcome::Unconfirmed);
            }
            Some(
                ParsedStatus::Triggered { .. }
                | ParsedStatus::Blocked { .. }
                | ParsedStatus::Shipped,
            )
            | None => {
                if phase == AttemptPhase::Sending {
                    phase = AttemptPhase::Closed(AttemptOutcome::NotStarted);
                }
            }
        }
    }
    if run.is_some_and(|run| gone.contains(&run)) {
        run = None;
        phase = AttemptPhase::Closed(AttemptOutcome::RunDeleted);
    }
    Attempt {
        begun,
        at: mark.created_at,
        phase,
        mark: Some(Mark { id: mark.id, at: mark.created_at, target_url: mark.target_url.clone() }),
        run,
        absent_at: Vec::new(),
        late: false,
    }
}

/// A run that a commit's newest status links to and that GitHub no longer has. It may have
/// succeeded, so production is uncertain until something newer succeeds.
fn lost_run(status: &CommitStatus, gone: &BTreeSet<RunId>) -> Option<KnownRun> {
    let id = deploy_of(status).filter(|id| gone.contains(id))?;
    let attempt = KnownRunAttempt {
        started_at: status.created_at,
        updated_at: status.created_at,
        progress: RunProgress::Finished(Conclusion::Success),
        superseded: None,
        failed_step: None,
        has_jobs: None,
    };
    Some(KnownRun {
        id,
        event: RunEvent("workflow_dispatch".to_owned()),
        attribution: Attribution::Unknown,
        created_at: status.created_at,
        html_url: status.target_url.clone().unwrap_or_default(),
        attempts: BTreeMap::from([(1, Box::new(attempt))]),
        deleted: true,
        kind: RunKind::Deploy,
        source: None,
        history: RefHistory::NotAsked,
        attributed_by: AttributionRule::Own,
        searched: None,
        moved_deploy_files: None,
    })
}

/// The reason of a pause by an operator, if the newest of our statuses shows one. A pause by
/// the configuration is not recovered, because it is still in the configuration.
fn pause(status: &CommitStatus) -> Option<String> {
    match messages::parse(&status.description)? {
        ParsedStatus::Blocked { outcome: Outcome::Hold, reason: Reason::Paused, hint } => {
            messages::pause_reason(&hint)
        }
        ParsedStatus::Blocked { .. }
        | ParsedStatus::Dispatching { .. }
        | ParsedStatus::Triggered { .. }
        | ParsedStatus::Shipped => None,
    }
}

/// Our failure issues, identified by the markers in their bodies.
fn issues(policy: &Policy, left: &RecoveryScan, release: &ReleaseState) -> Vec<EntryKind> {
    let mut entries = Vec::new();
    for issue in &left.issues {
        if let Some(marker) = messages::issue::read_marker(&issue.body)
            && marker.status_context == policy.status_context
        {
            let run = RunRef { id: RunId::from(marker.run), attempt: marker.run_attempt };
            let (sha, number) = (marker.sha, issue.number);
            if release.issues.get(&sha).is_some_and(|known| known.said.contains(&run)) {
                continue;
            }
            entries.push(EntryKind::Issue(IssueStep::Written { sha, run, number }));
        }
    }
    entries
}
