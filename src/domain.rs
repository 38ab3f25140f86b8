//! The design's words as plain values: no I/O, no clock, no opinion.
//!
//! Everything that crosses from one room to another is made of these. They are parsed once, at
//! the edge, and trusted inside.

mod action;
mod attempt;
mod decision;
mod ledger;
mod observation;
mod patterns;
mod policy;
mod release;
mod repository;
mod sha;

pub use action::{Action, IssueWork, Marker, StatusPurpose};
pub use attempt::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Mark, NewAttempt, RejectionKey,
};
pub use decision::{
    Approver, Cause, Decision, DeployUnavailable, Lack, Missing, Outcome, PauseSource, Reason,
    RiskAssessment, RiskCause, RiskClass, RiskyPath, Verdict,
};
pub use ledger::{Entry, EntryKind, IssueStep, Operator, OperatorWord};
pub use observation::{
    BranchCommits, Candidates, CommitFacts, CommitStatus, CommitStatusState, Comparison,
    Conclusion, Degraded, DeployFile, Fact, FileChange, Issue, IssueComment, Job, LeftBehind,
    Observation, RangeFiles, Ranged, Relation, Repository, Run, RunEvent, RunProgress, RunStatus,
    SeenRuns, Step, Verification, VerificationRun, Why, Workflow, WorkflowFact, WorkflowState,
};
pub use patterns::{PathPatterns, PatternError};
pub use policy::{
    ApprovalMode, EnvironmentApproval, FailureType, HoldState, OnRecovery, Permission, Policy,
    WorkflowName,
};
pub use release::{
    Approval, Attribution, FailedDeploy, FailedRange, IssueRecord, KnownRun, KnownRunAttempt,
    LastDecision, Pause, Production, Rejection, ReleaseState, Rollback, StatusRecord,
    StatusRefusal, TrackedStatus,
};
pub use repository::{
    Branch, IssueNumber, Login, RepoId, RepoName, RepoNameError, RunId, RunRef, StatusId,
    WorkflowId,
};
pub use sha::{Sha, ShaError, ShaPrefix};
