//! Texts about backtests: what they found, and what they do not cover.

use jiff::{SignedDuration, Timestamp};

use super::{approval, date_time, hints, plain};
use crate::domain::{
    Cause, Decision, Production, Really, Replayed, RepoName, RiskClass, RiskyPath, Ships,
};

/// The most characters of a path.
const QUOTED: usize = 80;
/// The most paths that are named.
const NAMED: usize = 2;

/// Why a commit is held, or what its risk comes from. `None` if there is nothing to say.
#[must_use]
pub fn why(decision: &Decision, repository: &RepoName) -> Option<String> {
    if let Cause::OlderThanProduction { production, .. } = &decision.cause {
        return Some(format!("{} contains it", production.short()));
    }
    let paths = paths(&decision.risk.paths, decision.risk.class);
    let said = if let Cause::AllowHighApproved { by } = &decision.cause {
        Some(approval::approved(by))
    } else {
        hints(decision, repository).into_iter().next()
    };
    match (paths, said) {
        (Some(paths), Some(said)) => Some(format!("{paths}; {said}")),
        (one, other) => one.or(other),
    }
}

/// The paths of the highest class.
fn paths(paths: &[RiskyPath], class: RiskClass) -> Option<String> {
    let driving: Vec<&RiskyPath> = paths.iter().filter(|path| path.risk_class == class).collect();
    let named: Vec<String> =
        driving.iter().take(NAMED).map(|path| plain(&path.path, QUOTED)).collect();
    let more = driving.len().saturating_sub(NAMED);
    match (named.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(named.join(", ")),
        (false, more) => Some(format!("{} and {more} more", named.join(", "))),
    }
}

/// When a commit ships under the policy.
#[must_use]
pub fn ships(commit: &Replayed) -> String {
    match &commit.ships {
        Ships::At(at) if *at == commit.verified_at => "at once".to_owned(),
        Ships::At(at) => date_time(*at),
        Ships::Along { with, at } => format!("with {} {}", with.short(), date_time(*at)),
        Ships::Never => "not yet".to_owned(),
    }
}

/// What really happened to a commit.
#[must_use]
pub fn really(really: &Really) -> String {
    match really {
        Really::Deployed(deploy) => {
            format!("deployed {} by run {}", date_time(deploy.at), deploy.run.id)
        }
        Really::Along { with, deploy } => format!(
            "went along with {} {} by run {}",
            with.short(),
            date_time(deploy.at),
            deploy.run.id
        ),
        Really::Failed { deploy, conclusion } => format!(
            "{} {} in run {}",
            plain(conclusion.as_str(), 40),
            date_time(deploy.at),
            deploy.run.id
        ),
        Really::Never => "never deployed".to_owned(),
    }
}

/// `3 d 4 h`, `2 h 5 min`, `4 min`.
#[must_use]
pub fn length(length: SignedDuration) -> String {
    let minutes = length.as_mins();
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// What was in production at the start.
#[must_use]
pub fn production(production: &Production) -> String {
    match production {
        Production::Known { sha, .. } => format!("production began as {}", sha.short()),
        Production::None => "no earlier successful deploy was found: production began as \
                             none, so that the first commit is a first deploy, which is LOW"
            .to_owned(),
        Production::Uncertain { why } => {
            let run = why.run().map_or_else(
                || "an earlier deploy".to_owned(),
                |run| format!("what run {}", run.id),
            );
            format!(
                "production began as uncertain, because it is unknown {run} deployed: everything is HIGH \
                 until something ships"
            )
        }
    }
}

/// That runs before this time were not read.
#[must_use]
pub fn stopped(what: &str, at: Timestamp) -> String {
    format!("{what} runs before {} were not read: there are too many since", date_time(at))
}

/// That verified commits are left out.
#[must_use]
pub fn not_shown(count: usize) -> String {
    format!("{count} verified commits are left out: they are not among the branch's newest")
}

/// What a replay does not cover. `has_signals`: whether the policy has degraded signals.
#[must_use]
pub fn not_replayed(has_signals: bool) -> Vec<String> {
    let mut notes = vec![
        "every deploy is assumed to succeed at once; failures, cooldown and an environment's \
         reviewers are not replayed"
            .to_owned(),
        "people's permissions, and statuses that raise the risk, are taken as they are now, and the \
         deploy workflow's file as it was at each commit"
            .to_owned(),
    ];
    if has_signals {
        let left_out = "`degraded` is left out: its signals have no history";
        notes.push(left_out.to_owned());
    }
    notes
}
