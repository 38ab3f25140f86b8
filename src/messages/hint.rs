//! How to unblock: one short sentence for each cause, with the real values.

use jiff::Timestamp;

use super::{approval, date_time, frozen, near_time, plain, signals, uncounted};
use crate::domain::{
    Cause, Conclusion, Decision, DeployUnavailable, Outcome, PauseSource, Production, Reason,
    RepoName, Reverted, RiskClass, RunRef, RunStatus, Sha, Uncertainty, UncountedRun, Why,
};

/// What a hint is about, and where it is shown.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub repository: &'a RepoName,
    /// The judged sha.
    pub sha: &'a Sha,
    pub place: HintPlace,
}

/// Where a hint is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintPlace {
    /// Where there is room for the whole text.
    Anywhere,
    /// In a status of at most 140 characters, written at this time.
    Status(Timestamp),
}

/// The most characters of a stranger's text in a status.
const QUOTED: usize = 90;
/// The same for other places.
const QUOTED_WHOLE: usize = 1_000;

impl HintPlace {
    pub(super) const fn quoted(self) -> usize {
        match self {
            Self::Anywhere => QUOTED_WHOLE,
            Self::Status(_) => QUOTED,
        }
    }

    /// A time, as short as it can be without ambiguity.
    fn time(self, at: Timestamp) -> String {
        match self {
            Self::Anywhere => date_time(at),
            Self::Status(now) => near_time(at, now),
        }
    }
}

/// All hints of a decision in full: the deciding cause first, then everything else that blocks.
#[must_use]
pub fn hints(decision: &Decision, repository: &RepoName) -> Vec<String> {
    hints_at(decision, repository, HintPlace::Anywhere)
}

/// All hints of a decision, for this place.
#[must_use]
pub(super) fn hints_at(
    decision: &Decision,
    repository: &RepoName,
    place: HintPlace,
) -> Vec<String> {
    let subject = Subject { repository, sha: &decision.sha, place };
    let causes = std::iter::once(&decision.cause).chain(&decision.also);
    let mut hints: Vec<String> = causes.filter_map(|cause| hint(cause, subject)).collect();
    if let Some(first) = unattributed(decision) {
        // A pause is recovered from the beginning of its own hint, which must stay first.
        let paused = decision.reason() == Reason::Paused;
        hints.insert(usize::from(paused).min(hints.len()), first);
    }
    hints
}

/// How to make production certain again, if its uncertainty is why a commit is held.
fn unattributed(decision: &Decision) -> Option<String> {
    let Production::Uncertain { why } = &decision.production else { return None };
    let held = decision.outcome() == Outcome::Hold && decision.risk.class == RiskClass::High;
    held.then(|| uncertain(why))
}

/// How to make production certain again.
fn uncertain(why: &Uncertainty) -> String {
    match why {
        Uncertainty::Unattributed(run) => {
            format!(
                "cannot tell what run {} deployed: `set-production`, and add `run-name`",
                run.id
            )
        }
        Uncertainty::Stray(run) => {
            format!("run {} used a commit outside the branch's history: `set-production`", run.id)
        }
        Uncertainty::DeployedOtherwise | Uncertainty::RunsUnread => {
            "cannot tell what is in production: `set-production`".to_owned()
        }
    }
}

/// How to unblock this cause. `None` if it does not block.
#[must_use]
pub fn hint(cause: &Cause, subject: Subject<'_>) -> Option<String> {
    let (repository, place) = (subject.repository, subject.place);
    let (short, quoted) = (subject.sha.short(), place.quoted());
    Some(match cause {
        Cause::Deploying { .. }
        | Cause::Deployed { .. }
        | Cause::OlderThanProduction { uncertain: None, .. }
        | Cause::AllowLow
        | Cause::AllowMedium
        | Cause::AllowHighApproved { .. } => return None,
        Cause::OlderThanProduction { uncertain: Some(why), .. } => uncertain(why),
        Cause::NotVerified { running, uncounted } => not_verified(*running, uncounted.as_ref()),
        Cause::VerificationFailed { run, conclusion } => verification_failed(*run, conclusion),
        Cause::DeployNotConfigured { what } => unavailable(what),
        Cause::NotOnBranch { branch } => {
            format!("{} no longer contains this commit: push it again", plain(branch.as_str(), 40))
        }
        Cause::Paused { source: PauseSource::Config, why } => {
            format!("{BY_CONFIG}: {}", plain(why, quoted))
        }
        Cause::Paused { source: PauseSource::Operator(_) | PauseSource::Recovered, why } => {
            format!("`release-governor resume {repository}` ({})", plain(why, quoted))
        }
        Cause::RolledBack { lost, to, run } => rolled_back(lost, to.as_ref(), *run, short),
        Cause::Reverted { what } => reverted(what, short, quoted),
        Cause::Frozen { by } => frozen::hint(by, place),
        Cause::FirstDeployRequired { missing } => {
            format!("first deploy: {}", approval::missing(missing, repository, short))
        }
        Cause::DegradedHighRisk { signals }
        | Cause::DegradedLowHold { signals }
        | Cause::DegradedMediumHold { signals } => {
            format!("fix the incident: {}", signals::named(signals))
        }
        Cause::DegradedUnknownHighRisk { signals } => {
            format!("restore the degraded signal: {}", signals::named(signals))
        }
        Cause::DeployInProgress { .. } => in_progress(cause, place),
        Cause::DeployFailed { run, used, allowed } => {
            failed(run.map(|run| run.id.get()), *used, *allowed, short)
        }
        Cause::Cooldown { until } => format!("wait until {}", place.time(*until)),
        Cause::DispatchRejected { words, .. } => {
            format!("GitHub refused the dispatch: {}", plain(words, quoted))
        }
        Cause::StatusRefused { words, .. } => {
            format!("GitHub refused our status: {}", plain(words, quoted))
        }
        Cause::DispatchUnconfirmed { sha, since } => unconfirmed(sha, &place.time(*since)),
        Cause::RateLimit { until, max } => {
            format!("wait until {} (at most {max} deploys an hour)", place.time(*until))
        }
        Cause::HighRiskNoApproval { missing } => approval::missing(missing, repository, short),
    })
}

fn not_verified(running: Option<RunRef>, counts_not: Option<&UncountedRun>) -> String {
    match (running, counts_not) {
        (Some(run), _) => format!("verification run {} is still running", run.id),
        (None, Some(run)) => uncounted(run),
        (None, None) => "start a verification run for this commit".to_owned(),
    }
}

fn verification_failed(run: RunRef, conclusion: &Conclusion) -> String {
    let conclusion = plain(conclusion.as_str(), 20);
    format!("fix and push, or re-run verification run {} ({conclusion})", run.id)
}

fn rolled_back(lost: &Sha, to: Option<&Sha>, run: RunRef, short: &str) -> String {
    let lost = lost.short();
    if to.is_none() {
        return format!(
            "run {} may have rolled back {lost}. To go forward: `resume` or `trigger {short}`",
            run.id
        );
    }
    format!(
        "run {} rolled production back from {lost}. To go forward: `resume` or `trigger {short}`",
        run.id
    )
}

fn reverted(what: &Reverted, short: &str, quoted: usize) -> String {
    match what {
        Reverted::Commit { commit, by, .. } => {
            let (commit, by) = (commit.short(), by.short());
            format!(
                "{by} reverts {commit}. Wait for the revert to be verified and ship with it, or `trigger {short}`"
            )
        }
        Reverted::Unknown(Why(why)) => format!(
            "cannot tell whether a revert follows: `trigger {short}` ({})",
            plain(why, quoted)
        ),
    }
}

/// The message after a `resume` that ended a pause while a rollback still holds.
#[must_use]
pub fn still_rolled_back(rollback: &Cause, repository: &RepoName) -> String {
    let what = if let Cause::RolledBack { lost, run, .. } = rollback {
        format!("run {} rolled production back from {}", run.id, lost.short())
    } else {
        "production was rolled back".to_owned()
    };
    format!(
        "the pause is over, but the rollback still holds releases: {what}. To lift that, too: \
         `release-governor resume {repository}` once more"
    )
}

fn unconfirmed(sha: &Sha, since: &str) -> String {
    let short = sha.short();
    format!(
        "no run appeared for {short}, dispatched {since}: check the workflow's runs, then `trigger`"
    )
}

/// How the hint of a pause by the configuration begins. No operator paused then.
const BY_CONFIG: &str = "`paused` is set in the configuration";
/// The same, as written by earlier versions.
const FORMERLY_BY_CONFIG: &str = "the config says `paused`";

/// An operator's reason from the hint of a pause, as far as the status had room for it. `None`
/// for a pause by the configuration.
#[must_use]
pub fn pause_reason(hint: &str) -> Option<String> {
    if [BY_CONFIG, FORMERLY_BY_CONFIG].iter().any(|it| hint.starts_with(it)) {
        return None;
    }
    let Some((_, inside)) = hint.split_once("` (") else { return Some(plain(hint, QUOTED)) };
    // The reason may contain brackets, other hints may follow, or the status may have been cut
    // off.
    let ends = inside.split_once("); ").map(|(reason, _)| reason);
    let reason = ends.or_else(|| inside.strip_suffix(')')).unwrap_or(inside);
    Some(plain(reason, QUOTED))
}

fn unavailable(what: &DeployUnavailable) -> String {
    match what {
        DeployUnavailable::NotConfigured => "set `deploy_workflow_name`".to_owned(),
        DeployUnavailable::Missing(name) => {
            format!("there is no workflow {}: correct `deploy_workflow_name`", plain(name, 40))
        }
        DeployUnavailable::Disabled(name, word) => {
            format!("enable workflow {} ({})", plain(name, 40), plain(word, 24))
        }
    }
}

fn in_progress(cause: &Cause, place: HintPlace) -> String {
    let Cause::DeployInProgress { run, sha, since, progress, environment } = cause else {
        return String::new();
    };
    let since = place.time(*since);
    let what = match (run, sha) {
        (Some(run), _) => format!("run {run} since {since}"),
        (None, Some(sha)) => format!("dispatch of {} since {since}", sha.short()),
        (None, None) => format!("a dispatch since {since}"),
    };
    if *progress == Some(RunStatus::Waiting) {
        return format!("{what} waits for the reviewers of {}", plain(environment, 40));
    }
    what
}

fn failed(run: Option<u64>, used: u32, allowed: u32, short: &str) -> String {
    let which = run.map_or_else(String::new, |run| format!("run {run} failed, "));
    format!(
        "{which}{used} of {allowed} attempts used: re-run the verification or the deploy, \
         `trigger {short}`, or push a fix"
    )
}
