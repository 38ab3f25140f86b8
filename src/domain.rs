//! The design's vocabulary as plain values: no I/O, no clock and no policy.
//!
//! Modules exchange these values. They are parsed once, where data enters the process, and are
//! trusted from then on.

mod ancestry;
mod approval;
mod attempt;
mod branch_commits;
mod calendar;
mod command;
mod counted_run;
mod decision;
mod deploys;
mod dora;
mod file_content;
mod lack;
mod ledger;
mod markup;
mod observation;
mod open_tags;
mod operator;
mod past;
mod patterns;
pub mod plain_text;
mod plan;
mod policy;
mod pull;
mod reason;
mod release;
mod repository;
mod reverts;
mod risk;
mod rule_clock;
mod run;
mod run_title;
pub mod secrets;
mod sha;
mod signal;
mod steps;
mod talk;
mod verifying;
mod workflow_file;

pub use ancestry::Ancestry;
pub use approval::{
    Approver, Counting, GivenApproval, Missing, MissingPull, OperatorsMatter, PullApproval,
    SeenApproval, WhyNot,
};
pub use attempt::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Mark, NewAttempt, RejectionKey,
    SERVICES_DISAGREE,
};
pub use branch_commits::BranchCommits;
pub use calendar::{
    CalendarEntry, CalendarKind, CalendarSelectors, CalendarSpan, CalendarZone, CoverEnd,
    EntryAhead, Frozen, IntervalAhead, LaneCalendar, RepoPattern, RepoPatternError, WeekTime,
    ZonedTime,
};
pub use command::{ApprovalCommand, CommandError, CommandReading};
pub use counted_run::{CountedAttempt, CountedRun, CountedRuns};
pub use decision::{
    Cause, Decision, DeployUnavailable, PassedOver, PauseSource, Reverted, RuleFound, Supposed,
    Verdict,
};
pub use deploys::{
    AttributionRule, DeployScope, KNOWN_EVENTS, RefHistory, RunKind, RunSource, SearchedBranch,
};
pub use dora::{Dora, Restored, restorations};
pub use file_content::FileContent;
pub use lack::Lack;
pub use ledger::{Entry, EntryKind, IssueStep};
pub use observation::{
    Candidates, CommitFacts, Comparison, DeployFiles, Fact, FileChange, ListRead, Observation,
    Origins, RangeFiles, Ranged, RecoveryScan, Relation, Repository, RunSearch, SeenRuns,
    Verification, VerificationRun, Why,
};
pub use operator::{Operator, OperatorAction};
pub use past::{Moment, PastDeploy, Really, Replayed, Ships};
pub use patterns::{PathPatterns, PatternError};
pub use plan::{IssueWork, Marker, Plan, PlannedWrite, StatusPurpose};
pub use policy::{
    ApprovalMode, EnvironmentApproval, FailureType, HoldState, Named, OnRecovery, Permission,
    Policy, WorkflowName,
};
pub use pull::{
    Availability, Comment, Flag, FlagKind, MergedPull, Person, PullEvent, RepositoryRole, Team,
    TeamError,
};
pub use reason::{Outcome, Reason, RiskClass};
pub use release::{
    Approval, Attribution, DegradedAfterDeploy, FailedDeploy, FailedRange, ForeignMove,
    HealthRecord, IssueRecord, IssueRefusal, KnownRun, KnownRunAttempt, LastDecision, MovePosition,
    MovedDeployFiles, OperatorTrigger, PastProduction, Pause, Production, ProductionHistory,
    Productions, Rejection, ReleaseState, StatusRecord, StatusRefusal, TrackedStatus, Uncertainty,
};
pub use repository::{
    Branch, IssueNumber, Login, PullNumber, RepoId, RepoName, RepoNameError, RunId, RunRef,
    StatusId, UserId, WorkflowId,
};
pub use reverts::{CommitMessage, CommitTitle, ListedCommit, RevertedPull};
pub use risk::{Brought, Raise, RiskAssessment, RiskCause, RiskyPath};
pub use rule_clock::RuleClock;
pub(crate) use rule_clock::earliest;
pub use run::{
    Conclusion, Job, Run, RunEvent, RunProgress, RunStatus, Step, Workflow, WorkflowFact,
    WorkflowState,
};
pub use run_title::{RefPattern, RunTitle, RunTitleError};
pub use sha::{Sha, ShaError, ShaPrefix};
pub use signal::{
    ExpectedValue, Health, Hidden, Signal, SignalAccess, SignalFinding, SignalKind, SignalReading,
    Threshold, WhenUnreachable,
};
pub use steps::{BranchStep, Within, steps_between};
pub use talk::{CommitStatus, CommitStatusState, Issue, IssueComment};
pub use verifying::{NoCandidate, NotCounted, RunOrigin, UncountedRun, VerificationScope};
pub use workflow_file::WorkflowFile;
