//! Describes ledger entries.

use super::{approval_given, clock_time, plain};
use crate::domain::{
    Attempt, AttemptOutcome, Attribution, EntryKind, IssueStep, KnownRun, Login, MovedDeployFiles,
    OperatorAction, RunId, RunProgress, Sha,
};

/// The most characters of a stranger's text.
const QUOTED: usize = 200;

/// Describes an entry in one sentence.
#[must_use]
pub fn describe_entry(kind: &EntryKind) -> String {
    match kind {
        EntryKind::Governed { name } => format!("governed as {name}"),
        EntryKind::Recovered { attempts, paused } => recovered(attempts, paused.as_deref()),
        EntryKind::Identity { login } => format!("authenticated as {login}"),
        EntryKind::MergeQueueSeen => "a merge queue was seen".to_owned(),
        EntryKind::Candidate { sha: Some(sha) } => format!("{} is the candidate", sha.short()),
        EntryKind::Candidate { sha: None } => "there is no candidate".to_owned(),
        EntryKind::Decided { sha, outcome, reason, risk, evidence: _ } => {
            let told = [outcome.as_str(), risk.as_str(), reason.code()].join(" ");
            format!("{}: {told}", sha.short())
        }
        EntryKind::ApprovalCounted { sha, approval } => {
            format!("{} is approved: {}", sha.short(), approval_given(approval))
        }
        EntryKind::RunSeen { run } => run_seen(run),
        EntryKind::AttemptBegun { attempt } => {
            let by = attempt.triggered_by.as_ref();
            let by = by.map_or_else(String::new, |by| {
                format!(", triggered by {}", plain(&by.display(), QUOTED))
            });
            let what = if attempt.rollback { "to roll back to" } else { "to deploy" };
            format!("attempt {}: {what} {}{by}", attempt.id, attempt.sha.short())
        }
        EntryKind::AttemptMarked { id, mark } => {
            format!("attempt {id}: pending status {} written", mark.id)
        }
        EntryKind::AttemptSending { id } => format!("attempt {id}: dispatch request sent"),
        EntryKind::AttemptAccepted { id } => format!("attempt {id}: dispatch accepted by GitHub"),
        EntryKind::AttemptAbsent { id } => format!("attempt {id}: no run found"),
        EntryKind::AttemptRun { id, run, late: false } => format!("attempt {id}: run {run}"),
        EntryKind::AttemptRun { id, run, late: true } => {
            format!("attempt {id}: run {run}, found late")
        }
        EntryKind::AttemptClosed { id, outcome } => format!("attempt {id}: {}", ended(outcome)),
        EntryKind::AttemptAdopted { attempt: Attempt { begun, .. } } => {
            format!("attempt {} of another process of ours, for {}", begun.id, begun.sha.short())
        }
        EntryKind::Operator(word) => operator(word),
        EntryKind::RangeFailed { base, head, words } => {
            let (base, head, words) = (base.short(), head.short(), plain(words, QUOTED));
            format!("GitHub failed to compare {base} with {head}: {words}")
        }
        EntryKind::StatusWritten { sha, status } => {
            let text = plain(&status.description, QUOTED);
            format!("status of {} set to {}: {text}", sha.short(), status.state.as_str())
        }
        EntryKind::StatusRefused { sha, words, retry_at } => {
            let (words, at) = (plain(words, QUOTED), clock_time(*retry_at));
            format!("GitHub refused a status on {}: {words}; tried again at {at}", sha.short())
        }
        EntryKind::StatusForged { sha, by } => forged(sha, by.as_ref()),
        EntryKind::HealthChecked { health, run, found, since: _, signals: _ } => {
            let after = run.map_or_else(String::new, |run| format!(" after run {}", run.id));
            let found = plain(&found.join("; "), QUOTED);
            format!("production is {}{after}: {found}", health.as_str())
        }
        EntryKind::Issue(step) => issue(step),
    }
}

fn recovered(attempts: &[Attempt], paused: Option<&str>) -> String {
    let paused = paused.map_or_else(String::new, |why| format!(", paused: {}", plain(why, QUOTED)));
    format!("recovered {} attempts from GitHub{paused}", attempts.len())
}

fn run_seen(run: &KnownRun) -> String {
    let of = match &run.attribution {
        Attribution::Sha(sha) => sha.short(),
        Attribution::Unknown | Attribution::Unresolved => "an unknown commit",
    };
    let stands = match run.newest() {
        _ if run.deleted => "was deleted".to_owned(),
        Some((_, attempt)) => match &attempt.progress {
            RunProgress::Unfinished(_) => "is under way".to_owned(),
            RunProgress::Finished(end) => format!("ended in {}", plain(end.as_str(), 40)),
        },
        None => "was seen".to_owned(),
    };
    let moved = run.moved_deploy_files.as_ref().map(moved_deploy_files);
    let moved = moved.map_or_else(String::new, |moved| format!("; {moved}"));
    format!("deploy run {} of {of} {stands}{moved}", run.id)
}

fn ended(outcome: &AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::Withdrawn(why) => format!("withdrawn: {}", plain(why, QUOTED)),
        AttemptOutcome::Rejected(words) => format!("GitHub refused it: {}", plain(words, QUOTED)),
        AttemptOutcome::NotSent(why) => format!("not sent: {}", plain(why, QUOTED)),
        AttemptOutcome::NotStarted => "the response was lost, and nothing started".to_owned(),
        AttemptOutcome::Unconfirmed => "its run never appeared".to_owned(),
        AttemptOutcome::Succeeded => "the deploy succeeded".to_owned(),
        AttemptOutcome::Failed(end) => format!("the deploy ended in {}", plain(end.as_str(), 40)),
        AttemptOutcome::Superseded => "superseded by a newer run".to_owned(),
        AttemptOutcome::RunDeleted => "its run was deleted".to_owned(),
    }
}

/// An operator's action, with the operator's name.
#[must_use]
pub fn operator(word: &OperatorAction) -> String {
    match word {
        OperatorAction::Approved { approval } => format!(
            "{} approved {}: {}",
            plain(&approval.by.display(), QUOTED),
            approval.sha.short(),
            plain(&approval.why, QUOTED)
        ),
        OperatorAction::Paused { why, by } => {
            format!("paused by {}: {}", plain(&by.display(), QUOTED), plain(why, QUOTED))
        }
        OperatorAction::Resumed { by } => {
            format!("resumed by {}", plain(&by.display(), QUOTED))
        }
        OperatorAction::ProductionSet { sha, why, by } => format!(
            "{} set {} as production: {}",
            plain(&by.display(), QUOTED),
            sha.short(),
            plain(why, QUOTED)
        ),
        OperatorAction::Triggered { sha, by } => {
            format!("{} triggered {}", plain(&by.display(), QUOTED), sha.short())
        }
    }
}

/// That a run used deploy files other than those that were judged.
#[must_use]
pub fn moved_deploy_files(moved: &MovedDeployFiles) -> String {
    let files = match moved.files.as_slice() {
        [] => "cannot tell which of the files changed".to_owned(),
        files => format!("changed since they were judged: {}", plain(&files.join(", "), QUOTED)),
    };
    let (ran, judged) = (moved.ran.short(), moved.judged.short());
    format!("it used the workflow files of {ran}, but those of {judged} were judged; {files}")
}

fn forged(sha: &Sha, by: Option<&Login>) -> String {
    let by = by.map_or("somebody", Login::as_str);
    format!("{by} wrote a status under our context on {}; it is replaced", sha.short())
}

fn issue(step: &IssueStep) -> String {
    match step {
        IssueStep::Intent { sha, run } => {
            format!("about to report in an issue that run {} of {} failed", run.id, sha.short())
        }
        IssueStep::Written { sha, run, number } => {
            format!("issue #{number} reports that run {} of {} failed", run.id, sha.short())
        }
        IssueStep::RecoveryIntent { sha } => {
            format!("about to report in the issue of {} that a later deploy succeeded", sha.short())
        }
        IssueStep::RecoveryWritten { sha } => {
            format!(
                "the issue of {} reports that a later deploy succeeded, or no longer exists",
                sha.short()
            )
        }
        IssueStep::Refused { sha, words } => {
            format!(
                "GitHub refused to change the issue of {}: {}",
                sha.short(),
                plain(words, QUOTED)
            )
        }
        IssueStep::Unavailable { words } => {
            format!("GitHub does not accept issues in this repository: {}", plain(words, QUOTED))
        }
    }
}

/// The note after a `set-production`: what changes production next. `None` if nothing does.
#[must_use]
pub fn after_set_production(in_flight: &[RunId], candidate: Option<&Sha>) -> Option<String> {
    let runs: Vec<String> = in_flight.iter().map(|run| format!("run {run}")).collect();
    let overridden = (!runs.is_empty()).then(|| {
        format!("{} in flight: a deploy that succeeds after this overrides it", runs.join(", "))
    });
    let next = candidate.map(|sha| {
        format!(
            "the candidate is {}: the next pass decides whether it ships. `pause` holds it back",
            sha.short()
        )
    });
    let notes: Vec<String> = overridden.into_iter().chain(next).collect();
    (!notes.is_empty()).then(|| notes.join("\n"))
}
