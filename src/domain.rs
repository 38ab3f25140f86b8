//! The design's words as plain values: no I/O, no clock, no opinion.
//!
//! Everything that crosses from one room to another is made of these. They are parsed once, at
//! the edge, and trusted inside.

mod action;
mod approval;
mod attempt;
mod command;
mod decision;
mod dora;
mod ledger;
mod markup;
mod observation;
mod open_tags;
mod operator;
mod past;
mod patterns;
mod policy;
mod pull;
mod reason;
mod release;
mod repository;
mod risk;
mod run;
pub mod secrets;
mod sha;
mod signal;
mod steps;
mod talk;

pub use action::{Action, IssueWork, Marker, StatusPurpose};
pub use approval::{
    Approver, Counting, Missing, MissingPull, OperatorsMatter, PullApproval, SeenApproval, WhyNot,
};
pub use attempt::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Mark, NewAttempt, RejectionKey,
};
pub use command::{Command, CommandError, Spoken};
pub use decision::{
    Cause, Decision, DeployUnavailable, Lack, PauseSource, RuleFound, Supposed, Verdict,
};
pub use dora::{Dora, Restored, restorations};
pub use ledger::{Entry, EntryKind, IssueStep, OperatorWord};
pub use observation::{
    BranchCommits, Candidates, CommitFacts, Comparison, DeployFile, Fact, FileChange, LeftBehind,
    Observation, Origins, RangeFiles, Ranged, Relation, Repository, SeenRuns, Verification,
    VerificationRun, Why,
};
pub use operator::Operator;
pub use past::{Moment, PastDeploy, Really, Replayed, Ships};
pub use patterns::{PathPatterns, PatternError};
pub use policy::{
    ApprovalMode, EnvironmentApproval, FailureType, HoldState, Named, OnRecovery, Permission,
    Policy, WorkflowName,
};
pub use pull::{
    Comment, Flag, FlagKind, MergedPull, Person, PullEvent, Standing, Team, TeamError, Told,
};
pub use reason::{Outcome, Reason, RiskClass};
pub use release::{
    Approval, Attribution, DegradedAfterDeploy, FailedDeploy, FailedRange, HealthRecord,
    IssueRecord, KnownRun, KnownRunAttempt, LastDecision, Pause, Production, Rejection,
    ReleaseState, Rollback, StatusRecord, StatusRefusal, TrackedStatus,
};
pub use repository::{
    Branch, IssueNumber, Login, PullNumber, RepoId, RepoName, RepoNameError, RunId, RunRef,
    StatusId, UserId, WorkflowId,
};
pub use risk::{Brought, Raise, RiskAssessment, RiskCause, RiskyPath};
pub use run::{
    Conclusion, Job, Run, RunEvent, RunProgress, RunStatus, Step, Workflow, WorkflowFact,
    WorkflowState,
};
pub use sha::{Sha, ShaError, ShaPrefix};
pub use signal::{
    ExpectedValue, Found, Health, Hidden, Signal, SignalAccess, SignalKind, SignalReading,
    Threshold, WhenUnreachable,
};
pub use steps::{BranchStep, Within, steps_between};
pub use talk::{CommitStatus, CommitStatusState, Issue, IssueComment};
