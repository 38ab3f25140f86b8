//! What commands, pages and the API show: one shape for all, stable for those who parse it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::controller::SentDispatch;
use crate::domain::{
    ApprovalMode, Outcome, PullNumber, Reason, RepoName, RiskClass, Sha, Supposed,
};

pub mod backtest;
mod calendar;
mod detail;
mod group;
mod history;

pub use calendar::CalendarView;
pub use detail::{
    ApprovalView, AttemptView, Attempts, ByEnvironment, Certainty, CommitDetail, DecisionSource,
    FailedStep, InFlight, JudgedView, LedgerPage, MovedFilesView, PauseView, ProductionSetView,
    ProductionView, RefusedView, RepositoryDetail, RunView, StandingWords, StatusView,
};
pub use group::StatusGroup;
pub use history::{FleetHistoryView, HistoryLine, HistoryView, LineOf};

/// All governed repositories: `status --json`, and the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetStatus {
    /// Whether a controller answered. Without one, this is how the last one left it.
    #[serde(default = "yes")]
    pub controller_running: bool,
    /// In the configuration's order.
    pub repositories: Vec<RepositoryStatus>,
}

impl FleetStatus {
    /// About how many bytes it is as text: who writes thousands of rows lets others go on meanwhile.
    #[must_use]
    pub const fn about_bytes(&self) -> usize {
        Self::about_bytes_of(self.repositories.len())
    }

    /// The same for so many repositories.
    #[must_use]
    pub const fn about_bytes_of(repositories: usize) -> usize {
        repositories.saturating_mul(1024)
    }
}

/// A controller of an earlier version does not say that it runs.
const fn yes() -> bool {
    true
}

/// How one repository stands. What is unset, or uncertain, is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryStatus {
    /// `owner/name`.
    pub repository: RepoName,
    /// The configuration's `enabled`.
    pub enabled: bool,
    /// The configuration's `dry_run`: nothing is written to GitHub, and nothing ships.
    #[serde(default)]
    pub dry_run: bool,
    /// What runs in production.
    pub production_sha_current: Option<Sha>,
    /// What ran there before.
    pub production_sha_previous: Option<Sha>,
    /// The sha of the newest attempt, whatever came of it.
    pub last_deploy_attempt_sha: Option<Sha>,
    /// When that attempt began.
    pub last_deploy_time: Option<Timestamp>,
    /// How it ended.
    pub last_deploy_result: Option<String>,
    /// What the last look at production's health found.
    pub last_health_check: Option<String>,
    /// The release that is wanted.
    pub candidate_sha: Option<Sha>,
    /// The decision about it.
    pub decision: Option<Outcome>,
    /// Why.
    pub reason: Option<Reason>,
    /// The risk of its range.
    pub risk_class: Option<RiskClass>,
    /// When it ships if nothing changes but the time; null if it may ship now, or if only a person,
    /// a run or a signal can change the decision.
    #[serde(default)]
    pub ships_at: Option<Timestamp>,
    /// The same as a sentence, in the time zone of the freeze that ends then.
    #[serde(default)]
    pub forecast: Option<String>,
    /// The newest commit whose verification has finished, where that is not the candidate: it
    /// failed.
    #[serde(default)]
    pub head_sha: Option<Sha>,
    /// Why it may not ship.
    #[serde(default)]
    pub head_reason: Option<Reason>,
    /// How many commits are newer than any with a finished verification.
    #[serde(default)]
    pub unverified_commits: Option<usize>,
    /// The branch's tip.
    #[serde(default)]
    pub branch_tip: Option<Sha>,
    /// The approvals that what runs in production was deployed on.
    #[serde(default)]
    pub production_approvals: Vec<SeenApprovalView>,
    /// Why the repository is stopped, if it is.
    pub paused: Option<String>,
    /// When the last pass ended.
    pub last_pass: Option<Timestamp>,
    /// Why the last pass failed, if it did, or why it found no commit to judge.
    pub error: Option<String>,
}

impl RepositoryStatus {
    /// A repository of which nothing is known yet.
    #[must_use]
    pub const fn unknown(repository: RepoName, enabled: bool) -> Self {
        Self {
            repository,
            enabled,
            dry_run: false,
            production_sha_current: None,
            production_sha_previous: None,
            last_deploy_attempt_sha: None,
            last_deploy_time: None,
            last_deploy_result: None,
            last_health_check: None,
            candidate_sha: None,
            decision: None,
            reason: None,
            risk_class: None,
            ships_at: None,
            forecast: None,
            head_sha: None,
            head_reason: None,
            unverified_commits: None,
            branch_tip: None,
            production_approvals: Vec::new(),
            paused: None,
            last_pass: None,
            error: None,
        }
    }
}

/// `status` for people: the rows, and what is held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// How the repositories stand.
    pub status: FleetStatus,
    /// What may not ship now, in the rows' order.
    pub held: Vec<HeldCandidate>,
}

/// A candidate that may not ship now, and how to unblock it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldCandidate {
    /// `owner/name`.
    pub repository: RepoName,
    /// The candidate.
    pub sha: Sha,
    /// HOLD or WAIT.
    pub decision: Outcome,
    /// Why.
    pub reason: Reason,
    /// What to do so that it ships, one sentence each.
    pub hints: Vec<String>,
}

/// What would be decided about a sha: `simulate --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// `owner/name`.
    pub repository: RepoName,
    /// What the decision comes to.
    pub decision: Outcome,
    /// The risk of the range.
    pub risk_class: RiskClass,
    /// Why.
    pub reason: Reason,
    /// The sha.
    pub sha: Sha,
    /// What to do so that it ships, one sentence each.
    pub unblock_hints: Vec<String>,
    /// When it ships if nothing changes but the time.
    #[serde(default)]
    pub ships_at: Option<Timestamp>,
    /// The same as a sentence, in the time zone of the freeze that ends then.
    #[serde(default)]
    pub forecast: Option<String>,
    /// What it was decided on, one sentence each.
    pub evidence: Vec<String>,
    /// The paths that drove the risk.
    pub paths: Vec<PathView>,
    /// The rules in order, with what each found.
    #[serde(default)]
    pub rules: Vec<RuleView>,
    /// The approvals that were seen, and whether they count.
    #[serde(default)]
    pub approvals: Vec<SeenApprovalView>,
    /// The approvals that decisions about it rested on, as the ledger keeps them: also where the
    /// decision of now rests on none, as after its deploy.
    #[serde(default)]
    pub counted_approvals: Vec<SeenApprovalView>,
    /// What was supposed; none where nothing can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supposed: Option<Supposed>,
}

/// A path that drove the risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathView {
    /// The path.
    pub path: String,
    /// Its class.
    pub risk_class: RiskClass,
    /// The pattern that it matched.
    pub pattern: String,
    /// The newest pull request that brought it; none for a direct push, or where nobody knows.
    pub pull_request: Option<PullNumber>,
    /// The newest commit that brought it.
    #[serde(default)]
    pub commit: Option<Sha>,
    /// All commits of the range that brought it, the newest first.
    #[serde(default)]
    pub brought_by: Vec<BroughtView>,
}

/// A commit that brought a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroughtView {
    /// The commit.
    pub commit: Sha,
    /// The pull requests that brought it; none for a direct push.
    pub pull_requests: Vec<PullNumber>,
}

/// A rule, and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// The reason that it speaks.
    pub reason: Reason,
    /// What a decision for it comes to.
    pub decision: Outcome,
    /// `decides`, `speaks_too`, `silent`, or `not_asked`.
    pub found: String,
    /// What it found, or what to do about it, where it speaks.
    pub said: Option<String>,
}

/// An approval that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenApprovalView {
    /// `environment`, `label` or `comment`.
    pub mode: ApprovalMode,
    /// The pull request that it stands on; none for an operator's word.
    pub pull_request: Option<PullNumber>,
    /// The commit that an operator's word is about.
    pub sha: Option<Sha>,
    /// Who gave it, where that is known.
    pub by: Option<String>,
    /// When, where that is known.
    pub at: Option<Timestamp>,
    /// Whether it counts.
    pub counts: bool,
    /// All of this in a sentence, with why it does not count.
    pub said: String,
}
