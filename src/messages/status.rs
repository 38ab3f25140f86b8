//! Commit statuses: written for people, and read back by a governor that lost its ledger.

use super::hint::{HintPlace, hints_at};
use super::shortened;
use jiff::Timestamp;

use crate::domain::{
    AttemptId, Cause, CommitStatusState, Decision, HoldState, Outcome, Reason, RepoName, RiskClass,
    Sha,
};

/// GitHub's limit for a status description, in characters.
const LONGEST_DESCRIPTION: usize = 140;

/// The text of an allowed commit's status once its run is known.
const TRIGGERED: &str = "Triggered: deploy workflow run";

/// The status text of a commit that an operator set as production, without a run.
const SET_BY_OPERATOR: &str = "In production, set by an operator";
/// The same, as written by earlier versions.
const FORMERLY_SET_BY_OPERATOR: &str = "In production, by an operator's word";

/// A status's state and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusText {
    pub state: CommitStatusState,
    /// At most 140 characters.
    pub description: String,
}

/// Replaces characters above U+FFFF, such as emoji: GitHub refuses them in a description with
/// 422.
fn in_the_basic_plane(text: &str) -> String {
    text.chars().map(|c| if c > '\u{ffff}' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The status for a decision. `None` if there is nothing to write, or if the dispatch itself
/// writes the status (`dispatching`).
#[must_use]
pub fn decided(
    decision: &Decision,
    repository: &RepoName,
    hold_state: HoldState,
    now: Timestamp,
) -> Option<StatusText> {
    let state = match decision.outcome() {
        Outcome::None => return None,
        Outcome::Allow if decision.reason().starts_a_deploy() => return None,
        Outcome::Allow => CommitStatusState::Success,
        Outcome::Wait => CommitStatusState::Pending,
        Outcome::Hold => match hold_state {
            HoldState::Failure => CommitStatusState::Failure,
            HoldState::Pending => CommitStatusState::Pending,
        },
    };
    let head = head(decision.outcome(), &decision.sha, decision.risk.class);
    let description = if let Cause::Deployed { run: None, .. } = decision.cause {
        format!("{head} · {SET_BY_OPERATOR}")
    } else if decision.outcome() == Outcome::Allow {
        format!("{head} · {TRIGGERED}")
    } else {
        let code = decision.reason().code();
        let hints = hints_at(decision, repository, HintPlace::Status(now));
        let before = format!("{head} · {code}: ");
        let room = LONGEST_DESCRIPTION.saturating_sub(before.chars().count());
        format!("{before}{}", shortened(&in_the_basic_plane(&hints.join("; ")), room))
    };
    Some(StatusText { state, description })
}

/// The status that is written before an attempt's dispatch.
#[must_use]
pub fn dispatching(sha: &Sha, risk: RiskClass, attempt: &AttemptId) -> StatusText {
    let head = head(Outcome::Allow, sha, risk);
    StatusText {
        state: CommitStatusState::Pending,
        description: format!("{head} · dispatching {attempt}"),
    }
}

/// The status of a commit that went into production with a later one.
#[must_use]
pub fn shipped(sha: &Sha, with: &Sha) -> StatusText {
    StatusText {
        state: CommitStatusState::Success,
        description: format!("SHIPPED {} · with {}", sha.short(), with.short()),
    }
}

fn head(outcome: Outcome, sha: &Sha, risk: RiskClass) -> String {
    format!("{} {} · {}", outcome.as_str(), sha.short(), risk.as_str())
}

/// A status of ours, parsed from its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedStatus {
    /// An attempt's mark.
    Dispatching {
        /// The risk at the decision.
        risk: RiskClass,
        attempt: AttemptId,
    },
    /// A deploy is running or has succeeded.
    Triggered {
        /// The risk at the decision.
        risk: RiskClass,
    },
    /// The commit is held, or waits.
    Blocked {
        outcome: Outcome,
        reason: Reason,
        /// The text after the reason code.
        hint: String,
    },
    /// The commit is in production without a run of its own: with a later commit, or set by an
    /// operator.
    Shipped,
}

/// Parses a description that [`decided`], [`dispatching`] or [`shipped`] wrote.
#[must_use]
pub fn parse(description: &str) -> Option<ParsedStatus> {
    let mut parts = description.splitn(3, " · ");
    let (outcome, _sha) = parts.next()?.split_once(' ')?;
    let second = parts.next()?;
    if outcome == "SHIPPED" {
        return Some(ParsedStatus::Shipped);
    }
    let risk = [RiskClass::Low, RiskClass::Medium, RiskClass::High]
        .into_iter()
        .find(|class| class.as_str() == second)?;
    let rest = parts.next()?;
    match outcome {
        "ALLOW" => match rest.strip_prefix("dispatching ") {
            Some(id) => Some(ParsedStatus::Dispatching { risk, attempt: id.parse().ok()? }),
            None if rest == TRIGGERED => Some(ParsedStatus::Triggered { risk }),
            None if [SET_BY_OPERATOR, FORMERLY_SET_BY_OPERATOR].contains(&rest) => {
                Some(ParsedStatus::Shipped)
            }
            None => None,
        },
        "HOLD" | "WAIT" => {
            let (code, hint) = rest.split_once(": ").unwrap_or((rest, ""));
            let outcome = if outcome == "HOLD" { Outcome::Hold } else { Outcome::Wait };
            let reason = Reason::from_code(code)?;
            Some(ParsedStatus::Blocked { outcome, reason, hint: hint.to_owned() })
        }
        _ => None,
    }
}
