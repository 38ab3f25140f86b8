//! The design's words as plain values: no I/O, no clock, no opinion.
//!
//! Everything that crosses from one room to another is made of these. They are parsed once, at
//! the edge, and trusted inside.

mod action;
mod attempt;
mod command;
mod decision;
mod dora;
mod ledger;
mod markup;
mod observation;
mod open_tags;
mod patterns;
mod policy;
mod reason;
mod release;
mod repository;
mod run;
mod sha;
mod signal;
mod talk;

pub use action::{Action, IssueWork, Marker, StatusPurpose};
pub use attempt::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Mark, NewAttempt, RejectionKey,
};
pub use command::{Command, CommandError, Spoken};
pub use decision::{
    Approver, Cause, Decision, DeployUnavailable, Lack, Missing, PauseSource, RiskAssessment,
    RiskCause, RiskyPath, Verdict,
};
pub use dora::{Dora, Restored, restorations};
pub use ledger::{Entry, EntryKind, IssueStep, Operator, OperatorWord};
pub use observation::{
    BranchCommits, Candidates, CommitFacts, Comparison, DeployFile, Fact, FileChange, LeftBehind,
    Observation, RangeFiles, Ranged, Relation, Repository, SeenRuns, Verification, VerificationRun,
    Why,
};
pub use patterns::{PathPatterns, PatternError};
pub use policy::{
    ApprovalMode, EnvironmentApproval, FailureType, HoldState, Named, OnRecovery, Permission,
    Policy, WorkflowName,
};
pub use reason::{Outcome, Reason, RiskClass};
pub use release::{
    Approval, Attribution, DegradedAfterDeploy, FailedDeploy, FailedRange, HealthRecord,
    IssueRecord, KnownRun, KnownRunAttempt, LastDecision, Pause, Production, Rejection,
    ReleaseState, Rollback, StatusRecord, StatusRefusal, TrackedStatus,
};
pub use repository::{
    Branch, IssueNumber, Login, RepoId, RepoName, RepoNameError, RunId, RunRef, StatusId,
    WorkflowId,
};
pub use run::{
    Conclusion, Job, Run, RunEvent, RunProgress, RunStatus, Step, Workflow, WorkflowFact,
    WorkflowState,
};
pub use sha::{Sha, ShaError, ShaPrefix};
pub use signal::{
    ExpectedValue, Found, Health, Hidden, Signal, SignalAccess, SignalKind, SignalReading,
    Threshold, WhenUnreachable,
};
pub use talk::{CommitStatus, CommitStatusState, Issue, IssueComment};
