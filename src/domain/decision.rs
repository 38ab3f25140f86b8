//! What was decided about one sha, and on what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ApprovalMode, Branch, Conclusion, RunId, RunRef, RunStatus, Sha, Why};

/// How much can go wrong when a range ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RiskClass {
    /// Nothing listed is touched.
    Low,
    /// A path of `medium_risk_paths` is.
    Medium,
    /// A path of `high_risk_paths` or `migration_paths` is, or the range cannot be told.
    High,
}

impl RiskClass {
    /// As statuses and JSON write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

/// What a decision comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// It may ship, ships, or has shipped.
    Allow,
    /// It may not, until somebody or something acts.
    Hold,
    /// It may not yet.
    Wait,
    /// There is nothing to decide.
    None,
}

impl Outcome {
    /// As statuses and JSON write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Hold => "HOLD",
            Self::Wait => "WAIT",
            Self::None => "NONE",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $code:literal $outcome:ident,)*) => {
        /// Why: the reason codes, in the order of the rules.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl Reason {
            /// All of them, in the order of the rules.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code, as statuses, metrics and JSON write it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What a decision for this reason comes to.
            #[must_use]
            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$variant => Outcome::$outcome,)* }
            }

            /// The reason of this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }
        }
    };
}

reasons! {
    /// A deploy of this sha is in flight.
    Deploying "deploying" Allow,
    /// This sha is production.
    Deployed "deployed" Allow,
    /// No finished verification run counts, or the latest is running.
    NotVerified "not_verified" Wait,
    /// The latest verification run did not succeed.
    VerificationFailed "verification_failed" Hold,
    /// There is no deploy workflow that could run.
    DeployNotConfigured "deploy_not_configured" Hold,
    /// The branch no longer contains this sha.
    NotOnBranch "not_on_branch" Hold,
    /// Production contains this sha.
    OlderThanProduction "older_than_production" None,
    /// An operator or the config stopped this repository.
    Paused "paused" Hold,
    /// Somebody rolled production back.
    RolledBack "rolled_back" Hold,
    /// The first deploy needs an approval.
    FirstDeployRequired "first_deploy_required" Hold,
    /// HIGH while production is degraded.
    DegradedHighRisk "degraded_high_risk" Hold,
    /// HIGH while the degraded signal cannot be read.
    DegradedUnknownHighRisk "degraded_unknown_high_risk" Hold,
    /// Another deploy is in flight.
    DeployInProgress "deploy_in_progress" Wait,
    /// This sha failed to deploy and has used its attempts.
    DeployFailed "deploy_failed" Hold,
    /// This sha failed to deploy a short while ago.
    Cooldown "cooldown" Hold,
    /// GitHub refused the dispatch.
    DispatchRejected "dispatch_rejected" Hold,
    /// GitHub refused our status on this commit.
    StatusRefused "status_refused" Hold,
    /// GitHub said yes to a dispatch and never showed its run.
    DispatchUnconfirmed "dispatch_unconfirmed" Hold,
    /// We started as many deploys in the last hour as the policy allows.
    RateLimit "rate_limit" Hold,
    /// LOW, degraded, and the policy holds LOW then, too.
    DegradedLowHold "degraded_low_hold" Hold,
    /// LOW.
    AllowLow "allow_low" Allow,
    /// MEDIUM and degraded.
    DegradedMediumHold "degraded_medium_hold" Hold,
    /// MEDIUM.
    AllowMedium "allow_medium" Allow,
    /// HIGH and approved.
    AllowHighApproved "allow_high_approved" Allow,
    /// HIGH and not approved.
    HighRiskNoApproval "high_risk_no_approval" Hold,
}

impl Reason {
    /// Whether a decision for this reason starts a deploy.
    #[must_use]
    pub const fn starts_a_deploy(self) -> bool {
        matches!(self, Self::AllowLow | Self::AllowMedium | Self::AllowHighApproved)
    }

    /// Whether it holds a sha for its own range, so that an older one may ship meanwhile
    /// (rules 11, 12, 20, 22 and 25).
    #[must_use]
    pub const fn is_of_the_range(self) -> bool {
        matches!(
            self,
            Self::DegradedHighRisk
                | Self::DegradedUnknownHighRisk
                | Self::DegradedLowHold
                | Self::DegradedMediumHold
                | Self::HighRiskNoApproval
        )
    }
}

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
        /// What the signal found.
        signal: String,
    },
    /// Rule 12.
    DegradedUnknownHighRisk {
        /// Why the signal cannot be read.
        why: Why,
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
        /// What the signal found.
        signal: String,
    },
    /// Rule 21.
    AllowLow,
    /// Rule 22.
    DegradedMediumHold {
        /// What the signal found.
        signal: String,
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
