//! One repository, one commit, one attempt, whole: what the API and the pages show of them.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{HistoryLine, PathView, RepositoryStatus, RuleView, SeenApprovalView};
use crate::domain::{
    AttemptId, Branch, CommitStatusState, IssueNumber, Outcome, Reason, RepoName, RiskClass, RunId,
    RunRef, Sha, StatusId, WorkflowId,
};

/// One repository.
#[derive(Clone, Debug, Serialize)]
pub struct RepositoryDetail {
    /// Its row in the list of all.
    #[serde(flatten)]
    pub status: RepositoryStatus,
    /// Since when it is governed.
    pub governed_since: Option<Timestamp>,
    /// How often it is looked at now, failures included.
    pub poll_interval_seconds: Option<f64>,
    /// What runs in production.
    pub production: ProductionView,
    /// What the last pass decided: the candidate first, then the head, then what else it spoke of.
    pub judgements: Vec<JudgedView>,
    /// What is in flight.
    pub in_flight: InFlight,
    /// What operators and the configuration said and still holds.
    pub words: StandingWords,
    /// GitHub's words where it refused a dispatch, until something changes.
    pub rejection: Option<RefusedView>,
    /// GitHub's words where it takes no issue.
    pub issues_unavailable: Option<RefusedView>,
    /// The policy's keys, with their values in force.
    pub policy: Value,
}

/// What runs in production.
#[derive(Clone, Debug, Serialize)]
pub struct ProductionView {
    /// Whether that can be told.
    pub certainty: Certainty,
    /// The commit, where it is known.
    pub sha: Option<Sha>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The run attempt that put it there; none for an operator's word.
    pub run: Option<RunRef>,
    /// That run's page.
    pub run_url: Option<String>,
}

/// Whether it can be told what runs in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// It can.
    Known,
    /// A run succeeded, and nothing tells what it deployed.
    Uncertain,
    /// Nothing was ever deployed.
    None,
    /// GitHub was never asked.
    NotAsked,
}

/// A decision about a commit, with all that is known of why.
#[derive(Clone, Debug, Serialize)]
pub struct JudgedView {
    /// The commit.
    pub sha: Sha,
    /// What it comes to.
    pub decision: Outcome,
    /// Why.
    pub reason: Reason,
    /// The risk of its range.
    pub risk_class: RiskClass,
    /// Where this is known from.
    pub source: DecisionSource,
    /// Since when it is decided so.
    pub decided_at: Option<Timestamp>,
    /// The last pass that decided it so; the ledger does not hold that.
    pub judged_at: Option<Timestamp>,
    /// What to do so that it ships; the ledger does not hold that.
    pub unblock_hints: Option<Vec<String>>,
    /// When it ships if nothing changes but the time; the ledger does not hold that.
    pub ships_at: Option<Timestamp>,
    /// The same as a sentence, in the time zone of the freeze that ends then.
    pub forecast: Option<String>,
    /// What it was decided on; none where the ledger's entry is gone.
    pub evidence: Option<Vec<String>>,
    /// The paths that drove the risk; the ledger does not hold them.
    pub paths: Option<Vec<PathView>>,
    /// How many more paths there are.
    pub paths_left_out: usize,
    /// The rules in order, with what each found; the ledger does not hold that.
    pub rules: Option<Vec<RuleView>>,
    /// The approvals that were seen, and whether they count; the ledger does not hold them.
    pub approvals: Option<Vec<SeenApprovalView>>,
}

/// Where a decision is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionSource {
    /// The last pass took it.
    LastPass,
    /// It was taken once, and the ledger holds it.
    Ledger,
}

/// What is in flight.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InFlight {
    /// Attempts of ours without an outcome.
    pub attempts: Vec<AttemptView>,
    /// Deploy runs that are not completed, whoever started them.
    pub runs: Vec<RunView>,
}

/// An attempt of ours to deploy a commit.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptView {
    /// Its random id.
    pub id: AttemptId,
    /// The commit.
    pub sha: Sha,
    /// 1 for the commit's first.
    pub number: u32,
    /// The reason that it was decided for.
    pub reason: Reason,
    /// The risk that it was decided on.
    pub risk_class: RiskClass,
    /// The deploy workflow.
    pub workflow_id: WorkflowId,
    /// The ref that it was started on.
    pub deploy_ref: Branch,
    /// How far it has come.
    pub phase: &'static str,
    /// How it ended, in a word.
    pub result: Option<String>,
    /// How it ended, in a sentence.
    pub told: Option<String>,
    /// When the intent was recorded.
    pub begun_at: Timestamp,
    /// When GitHub took its `dispatching` status.
    pub marked_at: Option<Timestamp>,
    /// That status's number.
    pub mark: Option<StatusId>,
    /// When an unfiltered read, after the deadline, showed no run of it.
    pub absent_at: Vec<Timestamp>,
    /// Whether its run was found after it had been closed.
    pub late: bool,
    /// The tip of the ref whose deploy files were judged.
    pub judged_tip: Option<Sha>,
    /// Where its run took other deploy files than those that were judged.
    pub moved_deploy_files: Option<MovedFilesView>,
    /// Its run, once known.
    pub run: Option<RunView>,
}

/// Other deploy files than those that were judged.
#[derive(Clone, Debug, Serialize)]
pub struct MovedFilesView {
    /// The tip of the ref that the run started on.
    pub tip: Sha,
    /// The files that differ; none where that cannot be told.
    pub files: Vec<String>,
    /// What that means, in a sentence.
    pub told: String,
}

/// A deploy run, in its newest attempt. Of a run that was never read only the number is known.
#[derive(Clone, Debug, Serialize)]
pub struct RunView {
    /// Its number.
    pub id: RunId,
    /// Its page.
    pub url: Option<String>,
    /// What started it.
    pub event: Option<String>,
    /// What it deploys, where that can be told.
    pub sha: Option<Sha>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Which attempt this is.
    pub attempt: Option<u32>,
    /// When that started.
    pub started_at: Option<Timestamp>,
    /// When it changed last.
    pub updated_at: Option<Timestamp>,
    /// Whether it is over.
    pub finished: Option<bool>,
    /// GitHub's word for how it waits or works, or for how it ended; `deleted` where it is gone.
    pub progress: Option<String>,
    /// The job and the step that failed, where they were read.
    pub failed_step: Option<FailedStep>,
}

/// Where a run failed.
#[derive(Clone, Debug, Serialize)]
pub struct FailedStep {
    /// The job.
    pub job: String,
    /// Its step.
    pub step: String,
}

/// What was said and still holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StandingWords {
    /// What stops the repository.
    pub pauses: Vec<PauseView>,
    /// Commits that operators approved, newest last.
    pub approvals: Vec<ApprovalView>,
    /// What `RELEASE_GOVERNOR_APPROVED` approves.
    pub approved_by_environment: ByEnvironment,
    /// An operator's word for what runs in production, until a deploy run overrides it.
    pub production_set: Option<ProductionSetView>,
}

/// A stop.
#[derive(Clone, Debug, Serialize)]
pub struct PauseView {
    /// `config`, `operator`, or `recovered` from a status that a lost ledger left.
    pub source: &'static str,
    /// Why.
    pub why: String,
    /// Who.
    pub by: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// An approval by an operator.
#[derive(Clone, Debug, Serialize)]
pub struct ApprovalView {
    /// The commit.
    pub sha: Sha,
    /// Why.
    pub why: String,
    /// Who.
    pub by: String,
}

/// What the environment approves.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ByEnvironment {
    /// Everything.
    pub everything: bool,
    /// These commits.
    pub shas: Vec<Sha>,
}

/// What an operator said to run in production.
#[derive(Clone, Debug, Serialize)]
pub struct ProductionSetView {
    /// The commit.
    pub sha: Sha,
    /// When it was said.
    pub at: Timestamp,
}

/// Something that GitHub refused.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedView {
    /// GitHub's words.
    pub words: String,
    /// When it said them.
    pub at: Option<Timestamp>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
}

/// One commit: why it is held or shipped.
#[derive(Clone, Debug, Serialize)]
pub struct CommitDetail {
    /// `owner/name`.
    pub repository: RepoName,
    /// The commit.
    pub sha: Sha,
    /// What it is now: `candidate`, `head`, `production`, `previous_production`.
    pub roles: Vec<&'static str>,
    /// The last decision about it; none where it was never judged.
    pub judgement: Option<JudgedView>,
    /// Operators' approvals of it.
    pub approvals: Vec<ApprovalView>,
    /// The approvals that decisions about it rested on.
    pub counted_approvals: Vec<SeenApprovalView>,
    /// Statuses of ours on it, newest first, as far as `history` holds them.
    pub statuses: Vec<StatusView>,
    /// How many statuses of ours it bears.
    pub statuses_written: u32,
    /// GitHub's words where it refused our last status.
    pub status_refused: Option<RefusedView>,
    /// Its failure issue.
    pub issue: Option<IssueNumber>,
    /// Our attempts to deploy it, newest first.
    pub attempts: Vec<AttemptView>,
    /// Deploy runs of it, whoever started them, newest first.
    pub runs: Vec<RunView>,
    /// What the ledger holds of it, newest first.
    pub history: Vec<HistoryLine>,
    /// Whether that is all that the ledger holds of it.
    pub history_complete: bool,
}

/// A status of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusView {
    /// Its state.
    pub state: CommitStatusState,
    /// Its text.
    pub description: String,
    /// Where it links to.
    pub target_url: Option<String>,
    /// When GitHub took it.
    pub at: Timestamp,
}

/// A page of attempts.
#[derive(Clone, Debug, Serialize)]
pub struct Attempts {
    /// `owner/name`.
    pub repository: RepoName,
    /// Newest first.
    pub attempts: Vec<AttemptView>,
    /// Where older ones go on: the `before` of the next page; none on the last.
    pub next: Option<AttemptId>,
}

/// A page of a ledger.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerPage {
    /// `owner/name`.
    pub repository: RepoName,
    /// Newest first.
    pub entries: Vec<HistoryLine>,
    /// Where older ones go on: the `before` of the next page; none on the last.
    pub next: Option<u64>,
}
