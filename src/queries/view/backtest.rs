//! What a policy would have made of the past: `backtest --json`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Outcome, Reason, RepoName, RiskClass, RunId, Sha, Supposed};

/// A time, replayed through a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BacktestView {
    /// `owner/name`.
    pub repository: RepoName,
    /// Its beginning.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// The file of the policy; null for the one in force.
    pub supposed: Supposed,
    /// What ran in production when it began; null where that is none, or cannot be told.
    pub production_at_start: Option<Sha>,
    /// The commits that were verified in that time, oldest first.
    pub commits: Vec<BacktestCommit>,
    /// All of them in numbers.
    pub summary: Numbers,
    /// What it does not know, one sentence each.
    pub notes: Vec<String>,
}

/// A verified commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BacktestCommit {
    /// When it was verified.
    pub verified_at: Timestamp,
    /// The commit.
    pub sha: Sha,
    /// The risk of its range at that moment.
    pub risk_class: RiskClass,
    /// What is decided about it at that moment.
    pub decision: Outcome,
    /// Why.
    pub reason: Reason,
    /// How to unblock it, or what drives its risk.
    pub why: Option<String>,
    /// When it goes out by the policy; null where it does not.
    pub ships_at: Option<Timestamp>,
    /// The later commit that it goes along with.
    pub ships_with: Option<Sha>,
    /// The same in words.
    pub ships_told: String,
    /// How long after its verification it goes out, where it is held at first.
    pub waited_seconds: Option<i64>,
    /// What happened.
    pub really: Truth,
}

/// What happened to a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// `deployed`, `went_along`, `failed` or `never`.
    pub outcome: String,
    /// When its deploy ended.
    pub at: Option<Timestamp>,
    /// The later commit that it went along with.
    pub with: Option<Sha>,
    /// The deploy's run.
    pub run: Option<RunId>,
    /// Its page.
    pub run_url: Option<String>,
    /// All of this in words.
    pub told: String,
}

/// A time in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Commits that were verified.
    pub verified: usize,
    /// Of these: those that ship by themselves.
    pub would_ship: usize,
    /// Those that go along with a later one.
    pub would_go_along: usize,
    /// Those that do not go out.
    pub would_not_ship: usize,
    /// Those that are held at first, in the order of the rules.
    pub would_be_held: Vec<HeldFor>,
    /// Of those that are held as HIGH: those that brought a path that no earlier one had; the others
    /// wait behind one.
    pub held_for_their_own: usize,
    /// Of those that are held: how many go out after all.
    pub held_and_shipped: usize,
    /// How long half of these take at most.
    pub median_wait_seconds: Option<i64>,
    /// How long the slowest of these takes.
    pub longest_wait_seconds: Option<i64>,
    /// Commits that were really deployed by themselves.
    pub really_deployed: usize,
    /// Of these: those that would have been held then.
    pub deployed_although_held: usize,
}

/// Commits that are held at first for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFor {
    /// Why.
    pub reason: Reason,
    /// How many.
    pub commits: usize,
}
