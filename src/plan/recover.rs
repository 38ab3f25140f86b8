//! What a lost ledger is to learn from our statuses and issues at GitHub (design, section 5, step
//! 6).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Attribution, AttributionRule, Branch,
    CommitStatus, Conclusion, EntryKind, IssueStep, KnownRun, KnownRunAttempt, Login, Mark,
    NewAttempt, Outcome, Policy, Reason, RecoveryScan, RefHistory, RejectionKey, ReleaseState,
    RiskClass, RunEvent, RunId, RunKind, RunProgress, RunRef, SeenRuns, Sha, WorkflowId,
};
use crate::messages::{self, ParsedStatus};

/// The deploy workflow and the ref that a dispatch of ours would have gone to.
#[derive(Clone, Debug)]
pub struct DeployTarget {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The ref.
    pub deploy_ref: Branch,
}

/// Where dispatches go by the configuration of now, and where they went by what their marks say.
#[derive(Clone, Debug)]
pub struct DeployTargets {
    /// By the configuration.
    pub configured: DeployTarget,
    /// The repository's workflows, by their files.
    pub workflows: BTreeMap<String, WorkflowId>,
}

impl DeployTargets {
    /// Where the dispatch of a mark goes, or went. The configuration may have been another then,
    /// so it says only what the mark does not.
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

/// Who we may have been, where nobody told who we are: whoever said something in our words and under
/// our context, and may be us.
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

/// The runs that our statuses link to as the deploys of their commits.
#[must_use]
pub fn linked_runs(left: &RecoveryScan, us: &BTreeSet<Login>) -> BTreeSet<RunId> {
    let statuses = left.statuses.iter().flat_map(|(_, statuses)| statuses);
    statuses.filter(|status| is_ours(status, us)).filter_map(deploy_of).collect()
}

/// Whether GitHub shows a status of ours that the ledger does not know: it is older than GitHub
/// is, as a state directory that was put back from a copy.
///
/// The mark of an attempt that the ledger has begun is no sign of that: the process may have ended
/// right after it was written.
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

/// The same for a deploy run that we started, and that no attempt may wait for.
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

/// Whether the ledger holds this status: it keeps the newest of each commit.
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

/// What the ledger is to learn, of all that it does not know yet. `gone` are the linked runs that
/// GitHub no longer has.
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
    // A pause that the ledger knows of may have been lifted since. Nothing but `resume` lifts one.
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

/// The run that a status links to as its commit's own deploy.
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
        // Nothing at GitHub tells.
        rollback: true,
    }
}

/// The newest run that a status of ours tells of which was written before this mark. The run that
/// the mark announces is newer: without this, every run of the minute before would count as one
/// that may be it.
fn newest_run_before(
    left: &RecoveryScan,
    mark: &CommitStatus,
    us: &BTreeSet<Login>,
) -> Option<RunId> {
    let statuses = left.statuses.iter().flat_map(|(_, statuses)| statuses);
    let before = statuses.filter(|status| status.id < mark.id && is_ours(status, us));
    before.filter_map(deploy_of).max()
}

/// An attempt by its mark, and by what our statuses said after it, newest first. A run that is
/// another attempt's is not this one's: where two processes wrote their marks, the one whose turn
/// it was shows its run once more after the other's mark. Nor is a run that is shown after its own:
/// somebody deployed the commit once more.
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
            // What follows the next mark is the next attempt's. Where anything but marks does,
            // this one is not open any more: it was given up before the next was begun.
            Some(ParsedStatus::Dispatching { .. }) => {
                if phase == AttemptPhase::Sending && !later.iter().all(|status| is_mark(status)) {
                    phase = AttemptPhase::Closed(AttemptOutcome::NotStarted);
                }
                break;
            }
            // One without a run is an operator's word: nothing of it would ever end.
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

/// A run that a commit's newest status speaks of and that GitHub no longer has. It may have
/// succeeded, and nobody can tell any more: production is uncertain until something newer did.
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

/// Why the repository is paused, where the newest of our statuses says so. The config's own pause
/// is no operator's word, and speaks for itself.
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

/// Our failure issues, by the markers in their bodies.
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
