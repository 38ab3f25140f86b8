//! What was decided about one sha, and on what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ApprovalMode, Branch, Conclusion, Outcome, Reason, RiskClass, RunId, RunRef, RunStatus, Sha,
    SignalReading, Why,
};

/// A reason with its real values: what the rule found, from which every sentence is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Cause {
    /// Rule 1.
    Deploying {
        /// Its run, once known.
        run: Option<RunRef>,
        /// The run's page.
        url: Option<String>,
    },
    /// Rule 2.
    Deployed {
        /// The run that put it there; none for an operator's word.
        run: Option<RunRef>,
        /// The run's page.
        url: Option<String>,
    },
    /// Rule 3.
    NotVerified {
        /// The verification run that is still running.
        running: Option<RunRef>,
    },
    /// Rule 4.
    VerificationFailed {
        /// The run.
        run: RunRef,
        /// How it ended.
        conclusion: Conclusion,
    },
    /// Rule 5.
    DeployNotConfigured {
        /// What is wrong with it.
        what: DeployUnavailable,
    },
    /// Rule 6.
    NotOnBranch {
        /// The branch.
        branch: Branch,
    },
    /// Rule 7.
    OlderThanProduction {
        /// What runs in production.
        production: Sha,
    },
    /// Rule 8.
    Paused {
        /// Who stopped it.
        source: PauseSource,
        /// Their reason.
        why: String,
    },
    /// Rule 9.
    RolledBack {
        /// The commit that production lost.
        lost: Sha,
        /// Where it went, if that can be told.
        to: Option<Sha>,
        /// The run that did it.
        run: RunRef,
    },
    /// Rule 10.
    FirstDeployRequired {
        /// The configured modes.
        modes: Vec<ApprovalMode>,
    },
    /// Rule 11.
    DegradedHighRisk {
        /// The signals that say so.
        signals: Vec<SignalReading>,
    },
    /// Rule 12.
    DegradedUnknownHighRisk {
        /// The signals that cannot be read.
        signals: Vec<SignalReading>,
    },
    /// Rule 13.
    DeployInProgress {
        /// The run; none while an attempt of ours looks for it.
        run: Option<RunId>,
        /// What it deploys, if that can be told.
        sha: Option<Sha>,
        /// Since when.
        since: Timestamp,
        /// How it waits or works.
        progress: Option<RunStatus>,
        /// The environment whose reviewers a `waiting` run waits for.
        environment: String,
    },
    /// Rule 14.
    DeployFailed {
        /// The failed run.
        run: Option<RunRef>,
        /// Attempts used.
        used: u32,
        /// Attempts it may use.
        allowed: u32,
    },
    /// Rule 15.
    Cooldown {
        /// Until when.
        until: Timestamp,
    },
    /// Rule 16.
    DispatchRejected {
        /// GitHub's own words, with the permission that its headers name.
        words: String,
        /// When it is tried again unasked.
        retry_at: Timestamp,
    },
    /// Rule 17.
    StatusRefused {
        /// GitHub's own words, with the permission that its headers name.
        words: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// Rule 18.
    DispatchUnconfirmed {
        /// The sha of that dispatch.
        sha: Sha,
        /// When it was sent.
        since: Timestamp,
    },
    /// Rule 19.
    RateLimit {
        /// When the next deploy may start.
        until: Timestamp,
        /// The policy's number.
        max: u32,
    },
    /// Rule 20.
    DegradedLowHold {
        /// The signals that say so.
        signals: Vec<SignalReading>,
    },
    /// Rule 21.
    AllowLow,
    /// Rule 22.
    DegradedMediumHold {
        /// The signals that say so.
        signals: Vec<SignalReading>,
    },
    /// Rule 23.
    AllowMedium,
    /// Rule 24.
    AllowHighApproved {
        /// Who approved.
        by: Approver,
    },
    /// Rule 25.
    HighRiskNoApproval {
        /// What is missing.
        missing: Missing,
    },
}

impl Cause {
    /// The reason's code.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Deploying { .. } => Reason::Deploying,
            Self::Deployed { .. } => Reason::Deployed,
            Self::NotVerified { .. } => Reason::NotVerified,
            Self::VerificationFailed { .. } => Reason::VerificationFailed,
            Self::DeployNotConfigured { .. } => Reason::DeployNotConfigured,
            Self::NotOnBranch { .. } => Reason::NotOnBranch,
            Self::OlderThanProduction { .. } => Reason::OlderThanProduction,
            Self::Paused { .. } => Reason::Paused,
            Self::RolledBack { .. } => Reason::RolledBack,
            Self::FirstDeployRequired { .. } => Reason::FirstDeployRequired,
            Self::DegradedHighRisk { .. } => Reason::DegradedHighRisk,
            Self::DegradedUnknownHighRisk { .. } => Reason::DegradedUnknownHighRisk,
            Self::DeployInProgress { .. } => Reason::DeployInProgress,
            Self::DeployFailed { .. } => Reason::DeployFailed,
            Self::Cooldown { .. } => Reason::Cooldown,
            Self::DispatchRejected { .. } => Reason::DispatchRejected,
            Self::StatusRefused { .. } => Reason::StatusRefused,
            Self::DispatchUnconfirmed { .. } => Reason::DispatchUnconfirmed,
            Self::RateLimit { .. } => Reason::RateLimit,
            Self::DegradedLowHold { .. } => Reason::DegradedLowHold,
            Self::AllowLow => Reason::AllowLow,
            Self::DegradedMediumHold { .. } => Reason::DegradedMediumHold,
            Self::AllowMedium => Reason::AllowMedium,
            Self::AllowHighApproved { .. } => Reason::AllowHighApproved,
            Self::HighRiskNoApproval { .. } => Reason::HighRiskNoApproval,
        }
    }
}

/// Why no deploy can be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployUnavailable {
    /// `deploy_workflow_name` is empty.
    NotConfigured,
    /// The repository has no workflow of this name.
    Missing(String),
    /// The workflow (first) is disabled: GitHub's word (second).
    Disabled(String, String),
}

/// Who stopped a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseSource {
    /// The config's `paused`, which no command undoes.
    Config,
    /// An operator, by name.
    Operator(String),
    /// A status that a lost ledger left behind.
    Recovered,
}

/// Whose word approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// `RELEASE_GOVERNOR_APPROVED`.
    Environment,
    /// An operator's `approve` of this sha, or of an earlier one after which nothing HIGH came.
    Operator {
        /// Who said it.
        name: String,
        /// The sha that they said it about.
        sha: Sha,
        /// Their reason.
        why: String,
    },
}

/// What an approval is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The operator's word, which is the configured way or counts beside it.
    OperatorsWord {
        /// The configured modes.
        modes: Vec<ApprovalMode>,
    },
}

/// Why a range has its class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskCause {
    /// Production is none: there is nothing to compare with.
    FirstDeploy,
    /// Nothing differs.
    EmptyRange,
    /// Paths of the range were matched.
    Paths,
    /// The deploy file at the tip of the ref is not the one at the sha.
    DeployFileAtTip,
    /// What runs in production cannot be told, and why.
    ProductionUncertain(String),
    /// Production and the sha have diverged.
    Diverged,
    /// GitHub lists only a part of the files.
    Truncated,
    /// Base or head is gone, or they have no common ancestor: GitHub's words.
    Incomparable(String),
    /// The comparison fails again and again: GitHub's words.
    CompareBroken(String),
    /// What it was decided on, before it went into production.
    AsDecided,
}

/// A path that drives the risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskyPath {
    /// The path.
    pub path: String,
    /// Its class.
    pub risk_class: RiskClass,
    /// The pattern that matched it.
    pub pattern: String,
    /// The pull request that brought it, once that is read.
    pub pull_request: Option<u64>,
}

/// How risky it is to ship a sha, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskAssessment {
    /// The highest class of all.
    pub class: RiskClass,
    /// Why.
    pub causes: Vec<RiskCause>,
    /// The paths that drove it.
    pub paths: Vec<RiskyPath>,
}

/// A decision about one sha, with the evidence behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The sha.
    pub sha: Sha,
    /// The cause of the rule that spoke first.
    pub cause: Cause,
    /// What will block, too, once that is mended.
    pub also: Vec<Cause>,
    /// The risk.
    pub risk: RiskAssessment,
    /// What it was compared with.
    pub production: super::Production,
    /// What every signal said, where the rules asked them.
    #[serde(default)]
    pub signals: Vec<SignalReading>,
}

impl Decision {
    /// The reason's code.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.cause.reason()
    }

    /// What it comes to.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.cause.reason().outcome()
    }
}

/// A fact that `decide` needs and nobody has asked for yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// What the verification says of this sha.
    Verification(Sha),
    /// Whether this sha is an ancestor of the branch.
    OnBranch(Sha),
    /// How the second stands to the first, and what differs.
    Range(Sha, Sha),
    /// The deploy file at the tip against the one at this sha.
    DeployFile(Sha),
}

/// What comes of asking the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A decision.
    Decided(Box<Decision>),
    /// These facts are needed first.
    Lacks(Vec<Lack>),
    /// A fact cannot be read for now; nothing may be decided without it (S4).
    Unreadable(Why),
}
