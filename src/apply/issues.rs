//! Failure issues and comments. The intent is recorded first, and existing ones are looked for
//! before anything is written, so that nothing is repeated blindly.

use jiff::SignedDuration;

use super::{ApplyError, Work, writes};
use crate::domain::{EntryKind, Issue, IssueNumber, IssueStep, IssueWork, Marker, RunRef, Sha};
use crate::github::{AllOrFirst, ReadError, WriteFailure};
use crate::messages::issue::read_marker;

/// If the answer to a write was lost, the text may appear late. For this long, it is only
/// looked for.
const SHOWS_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// A failed run attempt to report.
struct FailureToReport<'a> {
    sha: &'a Sha,
    run: RunRef,
    title: &'a str,
    labels: &'a [String],
    body: &'a str,
    marker: &'a Marker,
}

pub(super) async fn carry_out(work: &mut Work<'_>, issue: IssueWork) -> Result<(), ApplyError> {
    if !work.repository.has_issues {
        return unavailable(work, "issues are disabled in this repository").await;
    }
    let done = match &issue {
        IssueWork::Failure { sha, run, title, labels, body, marker, number: _ } => {
            let failure = FailureToReport { sha, run: *run, title, labels, body, marker };
            say_failure(work, &failure).await
        }
        IssueWork::Recovery { sha, number, body, marker, close } => {
            say_recovery(work, sha, *number, body, marker, *close).await
        }
    };
    match done {
        Err(ApplyError::Read(ReadError::Gone410 { words, .. })) => unavailable(work, &words).await,
        other => other,
    }
}

async fn unavailable(work: &mut Work<'_>, words: &str) -> Result<(), ApplyError> {
    tracing::warn!(repository = %work.policy.repository, "no failure issue can be written: {words}");
    let step = IssueStep::Unavailable { words: words.to_owned() };
    Ok(work.record(vec![EntryKind::Issue(step)]).await?)
}

async fn say_failure(work: &mut Work<'_>, failure: &FailureToReport<'_>) -> Result<(), ApplyError> {
    let record = work.ledger.state().issues.get(failure.sha).cloned().unwrap_or_default();
    let found = find(work, failure.marker).await?;
    let known = found.as_ref().map(|issue| issue.number).or(record.number);
    let mut number = known;
    if let Some(known) = known {
        match standing(work, found.as_ref(), known, failure.marker).await? {
            IssueState::SaysIt => return said(work, failure, known).await,
            IssueState::Silent => {}
            IssueState::Over => number = None,
        }
    }
    // Also if the intent was about another run, because the issue that it may have opened is
    // for this commit as well.
    if let Some((_, since)) = record.intent
        && work.now().duration_since(since) < SHOWS_WITHIN
    {
        return Ok(());
    }
    let intent = IssueStep::Intent { sha: failure.sha.clone(), run: failure.run };
    work.record(vec![EntryKind::Issue(intent)]).await?;
    let written = match number {
        Some(number) => {
            let closed = found.as_ref().is_none_or(|issue| !issue.open);
            append(work, number, closed, failure.body).await.map(|()| number)
        }
        None => {
            let (way, repository) = (work.way(), &work.repository.name);
            let FailureToReport { title, body, labels, .. } = failure;
            writes::create_issue(way, repository, title, body, labels).await
        }
    };
    match written {
        Ok(number) => {
            if let Some(gone) = known.filter(|known| *known != number) {
                let what = format!("#{number} replaces it");
                warn_of_one_gone(work, failure.sha, gone, &what);
            }
            said(work, failure, number).await
        }
        Err(error) => not_written(work, &error, failure.sha, number).await,
    }
}

async fn append(
    work: &Work<'_>,
    number: IssueNumber,
    closed: bool,
    body: &str,
) -> Result<(), WriteFailure> {
    let (way, repository) = (work.way(), &work.repository.name);
    // Reopen it first. If the comment came first, a crash in between would leave the issue
    // closed.
    if closed {
        writes::set_issue_open(way, repository, number, true).await?;
    }
    writes::create_comment(way, repository, number, body).await
}

async fn said(
    work: &mut Work<'_>,
    failure: &FailureToReport<'_>,
    number: IssueNumber,
) -> Result<(), ApplyError> {
    let step = IssueStep::Written { sha: failure.sha.clone(), run: failure.run, number };
    Ok(work.record(vec![EntryKind::Issue(step)]).await?)
}

async fn say_recovery(
    work: &mut Work<'_>,
    sha: &Sha,
    number: IssueNumber,
    body: &str,
    marker: &Marker,
    close: bool,
) -> Result<(), ApplyError> {
    let record = work.ledger.state().issues.get(sha).cloned().unwrap_or_default();
    let recovered = || EntryKind::Issue(IssueStep::RecoveryWritten { sha: sha.clone() });
    let standing = standing(work, None, number, marker).await?;
    if standing == IssueState::Over {
        warn_of_one_gone(work, sha, number, "a later deploy succeeded, which is said nowhere");
        return Ok(work.record(vec![recovered()]).await?);
    }
    if standing == IssueState::Silent {
        let waits = record
            .recovery_intent
            .is_some_and(|since| work.now().duration_since(since) < SHOWS_WITHIN);
        if waits {
            return Ok(());
        }
        let intent = EntryKind::Issue(IssueStep::RecoveryIntent { sha: sha.clone() });
        work.record(vec![intent]).await?;
        let (way, repository) = (work.way(), &work.repository.name);
        if let Err(error) = writes::create_comment(way, repository, number, body).await {
            return not_written(work, &error, sha, Some(number)).await;
        }
    }
    if close {
        let (way, repository) = (work.way(), &work.repository.name);
        if let Err(error) = writes::set_issue_open(way, repository, number, false).await {
            return not_written(work, &error, sha, Some(number)).await;
        }
    }
    Ok(work.record(vec![recovered()]).await?)
}

/// Handles a failed write. A refusal is recorded and retried later: the issue that was to be
/// changed is left alone for a while, or all of them if a new one was refused. Any other
/// failure is retried.
async fn not_written(
    work: &mut Work<'_>,
    error: &WriteFailure,
    sha: &Sha,
    number: Option<IssueNumber>,
) -> Result<(), ApplyError> {
    if let WriteFailure::Refused { .. } = error {
        let Some(number) = number else { return unavailable(work, &error.to_string()).await };
        tracing::warn!(
            repository = %work.policy.repository,
            sha = %sha,
            "the failure issue #{number} of {} cannot be changed: {error}. It is tried again later; \
             where the issue is locked, unlock it",
            sha.short()
        );
        let step = IssueStep::Refused { sha: sha.clone(), words: error.to_string() };
        return Ok(work.record(vec![EntryKind::Issue(step)]).await?);
    }
    if let WriteFailure::CalledOff { why } = error {
        tracing::debug!(
            repository = %work.policy.repository, sha = %sha,
            "the failure issue of {} is not written: {why}", sha.short()
        );
        return Ok(());
    }
    Err(work.failed(&format!("write the failure issue of {}", sha.short()), error))
}

/// The issue of the sha: any issue by us with its marker, whatever its state and labels.
async fn find(work: &Work<'_>, marker: &Marker) -> Result<Option<Issue>, ApplyError> {
    let reader = work.reader.past_caches();
    let anybody = work.us.is_empty().then_some(None);
    for author in work.us.iter().map(Some).chain(anybody) {
        let issues = reader.issues_by(&work.repository.name, author, AllOrFirst::All).await?;
        let ours = issues
            .into_iter()
            .filter(|issue| issue.author.as_ref().is_some_and(|by| by.may_be_us(work.us)))
            .filter(|issue| read_marker(&issue.body).is_some_and(|found| found.same_issue(marker)))
            .min_by_key(|issue| issue.number);
        if ours.is_some() {
            return Ok(ours);
        }
    }
    Ok(None)
}

/// The state of an issue before something is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IssueState {
    /// The issue, or a comment of ours on it, already contains this text.
    SaysIt,
    /// It does not contain the text yet.
    Silent,
    /// It was deleted, or moved to another repository.
    Over,
}

async fn standing(
    work: &Work<'_>,
    issue: Option<&Issue>,
    number: IssueNumber,
    marker: &Marker,
) -> Result<IssueState, ApplyError> {
    let says = |body: &str| read_marker(body).is_some_and(|found| found.same_words(marker));
    if issue.is_some_and(|issue| says(&issue.body)) {
        return Ok(IssueState::SaysIt);
    }
    let reader = work.reader.past_caches();
    let comments = match reader.issue_comments(&work.repository.name, number).await {
        Ok(comments) => comments,
        Err(error) if is_of_one_gone(work, &error, number, marker).await? => {
            return Ok(IssueState::Over);
        }
        Err(error) => return Err(error.into()),
    };
    let said = comments.iter().any(|comment| {
        comment.author.as_ref().is_some_and(|by| by.may_be_us(work.us)) && says(&comment.body)
    });
    Ok(if said { IssueState::SaysIt } else { IssueState::Silent })
}

/// Whether GitHub's error means that this one issue is gone: it answers 410 if the issue was
/// deleted, 301 if it was moved to another repository, and 404 for either if it may not be
/// seen. GitHub answers the same for all issues if issues are disabled or the repository was
/// renamed; no issue is gone then. A listed issue is not gone either, because an outage also
/// answers 404.
async fn is_of_one_gone(
    work: &Work<'_>,
    error: &ReadError,
    number: IssueNumber,
    marker: &Marker,
) -> Result<bool, ApplyError> {
    let may_be = matches!(
        error,
        ReadError::NotFound { .. } | ReadError::Gone410 { .. } | ReadError::Moved { .. }
    );
    if !may_be {
        return Ok(false);
    }
    let found = work.reader.past_caches().repository(&work.repository.name).await?;
    let repository = found.value;
    if found.redirected || repository.id != work.repository.id || !repository.has_issues {
        return Ok(false);
    }
    Ok(find(work, marker).await?.is_none_or(|listed| listed.number != number))
}

fn warn_of_one_gone(work: &Work<'_>, sha: &Sha, number: IssueNumber, what: &str) {
    tracing::warn!(
        repository = %work.policy.repository,
        sha = %sha,
        "the failure issue #{number} of {} was deleted, or moved to another repository: {what}",
        sha.short()
    );
}
