//! Plans commit statuses. One is written only if it differs from what GitHub shows.

use jiff::SignedDuration;

use super::{Situation, production_contains, production_url};
use crate::domain::{
    AttemptOutcome, AttemptPhase, Cause, CommitStatus, Decision, EntryKind, Outcome, PlannedWrite,
    Production, Reason, ReleaseState, RuleClock, Sha, StatusPurpose, Verification,
};
use crate::messages::{self, ParsedStatus, StatusText};

/// The most statuses of ours on one commit within an hour, and in all, before only those of a
/// dispatch are still written (design, section 4; GitHub's limit is 1,000).
const MOST_IN_AN_HOUR: usize = 20;
const MOST_IN_ALL: u32 = 500;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// The most attempts that are checked for something left to show, newest first.
const ATTEMPTS_LOOKED_AT: usize = 20;

/// Whether a commit can take another status of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusBudget {
    /// Any status may be written.
    Left,
    /// Only those of a dispatch may be written.
    Spent,
}

/// The status budget of a commit.
#[must_use]
pub fn budget(release: &ReleaseState, sha: &Sha, at: &RuleClock) -> StatusBudget {
    let Some(tracked) = release.statuses.get(sha) else { return StatusBudget::Left };
    let recent = tracked.recent.iter().filter(|written| at.is_within(HOUR, **written)).count();
    if recent >= MOST_IN_AN_HOUR || tracked.written >= MOST_IN_ALL {
        StatusBudget::Spent
    } else {
        StatusBudget::Left
    }
}

/// Commits besides the candidate and the head with an attempt whose outcome GitHub does not
/// show yet.
#[must_use]
pub fn undecided(release: &ReleaseState) -> Vec<Sha> {
    let mut shas = Vec::new();
    let production = release.production();
    for attempt in release.attempts.iter().rev().take(ATTEMPTS_LOOKED_AT) {
        let sha = &attempt.begun.sha;
        let newest_of_sha = release.attempts.iter().rev().find(|other| other.begun.sha == *sha);
        let is_newest = newest_of_sha.is_some_and(|other| other.begun.id == attempt.begun.id);
        if is_newest
            && !shas.contains(sha)
            && leaves_something_to_show(release, &production, sha, &attempt.phase)
        {
            shas.push(sha.clone());
        }
    }
    shas
}

fn leaves_something_to_show(
    release: &ReleaseState,
    production: &Production,
    sha: &Sha,
    phase: &AttemptPhase,
) -> bool {
    let last = release.decided.get(sha).map(|last| last.reason);
    if last == Some(Reason::OlderThanProduction) && matches!(phase, AttemptPhase::Closed(_)) {
        return false;
    }
    let tracked = release.statuses.get(sha);
    let said = tracked.and_then(|tracked| messages::parse(&tracked.newest.description));
    match phase {
        AttemptPhase::Closed(outcome) => match outcome {
            AttemptOutcome::Withdrawn(_)
            | AttemptOutcome::Rejected(_)
            | AttemptOutcome::NotSent(_)
            | AttemptOutcome::NotStarted
            | AttemptOutcome::Unconfirmed
            | AttemptOutcome::Superseded => matches!(said, Some(ParsedStatus::Dispatching { .. })),
            // A commit that was rolled back and is now held need not show its success any more.
            AttemptOutcome::Succeeded => match said {
                Some(ParsedStatus::Triggered { .. }) => false,
                // Nor does a commit that a later deploy included.
                Some(ParsedStatus::Blocked { .. } | ParsedStatus::Shipped) => {
                    production.sha() == Some(sha)
                }
                Some(ParsedStatus::Dispatching { .. }) | None => true,
            },
            AttemptOutcome::Failed(_) | AttemptOutcome::RunDeleted => {
                !matches!(said, Some(ParsedStatus::Blocked { .. } | ParsedStatus::Shipped))
            }
        },
        AttemptPhase::Intent
        | AttemptPhase::Sending
        | AttemptPhase::Accepted
        | AttemptPhase::Running => true,
    }
}

/// Entries for statuses of ours that GitHub shows but the ledger does not know, because their
/// answer was lost or another process wrote them. They count towards the budget, and a later
/// pass must correct them.
pub(super) fn unrecorded(situation: &Situation<'_>) -> Vec<EntryKind> {
    let mut entries = Vec::new();
    for (sha, facts) in &situation.observation.commits {
        let newest = situation.release.statuses.get(sha).map(|tracked| tracked.newest.id);
        let shown = facts.statuses.known().map_or(&[][..], Vec::as_slice);
        let ours = shown.iter().rev().filter(|status| is_ours(situation, status));
        entries.extend(ours.filter(|status| Some(status.id) > newest).map(|status| {
            EntryKind::StatusWritten {
                sha: sha.clone(),
                status: status.record(&situation.policy.status_context),
            }
        }));
    }
    entries
}

/// A status to write, and the entry about a forged one that it replaces.
pub(super) struct StatusUpdate {
    pub(super) forged: Option<EntryKind>,
    pub(super) write: PlannedWrite,
}

/// The statuses for the decisions.
pub(super) fn of_decisions(situation: &Situation<'_>, at: &RuleClock) -> Vec<StatusUpdate> {
    let mut updates = Vec::new();
    for decision in situation.judgement.decisions.values() {
        let ships = situation.judgement.ships.as_ref();
        let dispatched_now = ships.is_some_and(|ships| ships.sha == decision.sha);
        if let Some((text, target_url)) = wanted(situation, decision)
            && !dispatched_now
            && may_say(situation, decision)
        {
            updates.extend(brought_up_to_date(situation, at, decision, text, target_url));
        }
    }
    updates
}

/// Whether a status may be written. In a repository that is not enabled, only for commits that
/// we have tried to deploy.
fn may_say(situation: &Situation<'_>, decision: &Decision) -> bool {
    situation.policy.enabled || situation.release.attempts_of(&decision.sha) > 0
}

fn wanted(situation: &Situation<'_>, decision: &Decision) -> Option<(StatusText, Option<String>)> {
    let policy = situation.policy;
    let attempt = situation.release.open_attempts().find(|one| one.begun.sha == decision.sha);
    if let (Cause::Deploying { run: None, .. }, Some(attempt)) = (&decision.cause, attempt) {
        // The mark stays until the run is known or is certain not to appear. If GitHub has
        // named the run but it has not been read yet, its status is already written.
        let mark = attempt.mark.as_ref().filter(|_| attempt.run.is_none())?;
        let text = messages::dispatching(&decision.sha, attempt.begun.risk, &attempt.begun.id);
        return Some((text, mark.target_url.clone()));
    }
    let text = messages::decided(decision, &policy.repository, policy.hold_state, situation.now)?;
    let target = if let Cause::Deploying { url, .. } | Cause::Deployed { url, .. } = &decision.cause
    {
        url.clone()
    } else {
        why_page(situation, decision)
    };
    Some((text, target))
}

/// The page that explains or resolves a HOLD or a WAIT: the governor's own page, the pull
/// request that lacks an approval, or the verification run.
fn why_page(situation: &Situation<'_>, decision: &Decision) -> Option<String> {
    let sha = &decision.sha;
    if let Some(base) = situation.public_url {
        let repository = &situation.policy.repository;
        return Some(format!("{}/repos/{repository}/commits/{sha}", base.trim_end_matches('/')));
    }
    if let Some(pull) = decision.cause.pull_in_want() {
        return Some(format!("{}/pull/{pull}", situation.observation.repository.html_url));
    }
    let facts = situation.observation.commits.get(sha)?;
    match facts.verification.known()? {
        Verification::None => None,
        Verification::Running(run) | Verification::Passed(run) | Verification::Failed(run, _) => {
            Some(run.html_url.clone())
        }
    }
}

fn brought_up_to_date(
    situation: &Situation<'_>,
    at: &RuleClock,
    decision: &Decision,
    text: StatusText,
    target_url: Option<String>,
) -> Option<StatusUpdate> {
    let sha = &decision.sha;
    let facts = situation.observation.facts(sha);
    // GitHub's list must be known: an unread list is not an empty one.
    let statuses = facts.statuses.known()?;
    // Statuses of other contexts may have pushed ours off the page. Statuses are never deleted,
    // so GitHub still shows the last one that it accepted.
    let tracked = situation.release.statuses.get(sha).map(|tracked| &tracked.newest);
    let same_as_taken = statuses.is_empty()
        && tracked.is_some_and(|taken| {
            let context = &situation.policy.status_context;
            // A status written under another context does not show under this one.
            taken.context.as_ref().is_none_or(|of| of.eq_ignore_ascii_case(context))
                && (taken.state, &taken.description, &taken.target_url)
                    == (text.state, &text.description, &target_url)
        });
    if same_as_taken {
        return None;
    }
    let shown = statuses.first();
    let forged = shown.filter(|status| !is_ours(situation, status));
    let same = shown.is_some_and(|shown| {
        (shown.state, &shown.description, &shown.target_url)
            == (text.state, &text.description, &target_url)
    });
    if same && forged.is_none() {
        return None;
    }
    let of_a_deploy = matches!(decision.reason(), Reason::Deploying | Reason::Deployed);
    let purpose = if of_a_deploy && situation.release.attempts_of(sha) > 0 {
        StatusPurpose::Dispatch
    } else {
        StatusPurpose::Decision
    };
    if refused(situation, sha, at) || over_budget(situation, sha, at) {
        return None;
    }
    let forged = forged.map(|status| {
        let by = status.creator.clone();
        EntryKind::StatusForged { sha: sha.clone(), by }
    });
    let StatusText { state, description } = text;
    let write = PlannedWrite::Status { sha: sha.clone(), state, description, target_url, purpose };
    Some(StatusUpdate { forged, write })
}

fn is_ours(situation: &Situation<'_>, status: &CommitStatus) -> bool {
    status.creator.as_ref().is_some_and(|creator| situation.observation.us.contains(creator))
}

fn refused(situation: &Situation<'_>, sha: &Sha, at: &RuleClock) -> bool {
    let refusal = situation.release.status_refusals.get(sha);
    refusal.is_some_and(|refusal| at.is_before(refusal.retry_at))
}

/// Whether the budget forbids writing on a commit. An attempt's run and outcome may be written
/// once each whatever the budget; the mark is written by the dispatch itself.
fn over_budget(situation: &Situation<'_>, sha: &Sha, at: &RuleClock) -> bool {
    let spent = budget(situation.release, sha, at) == StatusBudget::Spent
        || shown_within_the_hour(situation, sha, at) >= MOST_IN_AN_HOUR;
    spent && !shows_a_dispatch(situation.release, sha)
}

/// How many statuses of ours GitHub shows from the last hour, including those whose answer was
/// lost.
fn shown_within_the_hour(situation: &Situation<'_>, sha: &Sha, at: &RuleClock) -> usize {
    let facts = situation.observation.commits.get(sha);
    let shown = facts.and_then(|facts| facts.statuses.known()).map_or(&[][..], Vec::as_slice);
    let ours = shown.iter().filter(|one| is_ours(situation, one));
    ours.filter(|one| at.is_within(HOUR, one.created_at)).count()
}

/// Whether the next status of a commit is the first to show its newest attempt's run or
/// outcome.
fn shows_a_dispatch(release: &ReleaseState, sha: &Sha) -> bool {
    let Some(attempt) = release.newest_attempt_of(sha) else { return false };
    let tracked = release.statuses.get(sha);
    let (id, phase) = (&attempt.begun.id, &attempt.phase);
    match phase {
        AttemptPhase::Running => {
            tracked.is_none_or(|tracked| tracked.shown_run_of.as_ref() != Some(id))
        }
        // If the mark was refused, there is nothing to correct.
        AttemptPhase::Closed(_) => {
            attempt.mark.is_some()
                && tracked.is_none_or(|tracked| tracked.shown_outcome_of.as_ref() != Some(id))
        }
        AttemptPhase::Intent | AttemptPhase::Sending | AttemptPhase::Accepted => false,
    }
}

/// The statuses of commits that went into production with a later one, written once each.
pub(super) fn of_shipped(situation: &Situation<'_>, at: &RuleClock) -> Vec<PlannedWrite> {
    let production = situation.release.production();
    let Some(with) = production.sha().filter(|_| situation.policy.enabled) else {
        return Vec::new();
    };
    let mut writes = Vec::new();
    for sha in still_blocked(situation.release) {
        let judged_to_speak = situation
            .judgement
            .decisions
            .get(sha)
            .is_some_and(|decision| decision.outcome() != Outcome::None);
        if sha == with
            || judged_to_speak
            || refused(situation, sha, at)
            || over_budget(situation, sha, at)
            || !production_contains(situation, sha)
        {
            continue;
        }
        let StatusText { state, description } = messages::shipped(sha, with);
        writes.push(PlannedWrite::Status {
            sha: sha.clone(),
            state,
            description,
            target_url: production_url(situation),
            purpose: StatusPurpose::Decision,
        });
    }
    writes
}

/// Commits that the ledger shows with a HOLD, a WAIT, or a closed attempt's `dispatching` of
/// ours.
pub fn still_blocked(release: &ReleaseState) -> impl Iterator<Item = &Sha> {
    let statuses = release.statuses.iter();
    let blocked = statuses.filter(|(_, tracked)| blocks(release, &tracked.newest.description));
    blocked.map(|(sha, _)| sha)
}

fn blocks(release: &ReleaseState, description: &str) -> bool {
    match messages::parse(description) {
        Some(ParsedStatus::Blocked { .. }) => true,
        Some(ParsedStatus::Dispatching { attempt, .. }) => {
            release.attempt(&attempt).is_none_or(crate::domain::Attempt::closed)
        }
        Some(ParsedStatus::Triggered { .. } | ParsedStatus::Shipped) | None => false,
    }
}
