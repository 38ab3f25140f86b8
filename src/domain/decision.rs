//! A decision about one sha, and the evidence behind it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Approver, Branch, Conclusion, Frozen, Lack, Missing, Outcome, PullNumber, Reason,
    RiskAssessment, RunId, RunRef, RunStatus, SeenApproval, Sha, SignalReading, Uncertainty,
    UncountedRun, Why, ZonedTime,
};

/// A reason together with the values that the rule found. Messages for people are built from
/// it. The variants follow the order of the rules, as [`Reason`] does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Cause {
    Deploying {
        /// The deploy run, once known.
        run: Option<RunRef>,
        url: Option<String>,
    },
    Deployed {
        /// The run that deployed it; `None` if an operator recorded it with `set-production`.
        run: Option<RunRef>,
        url: Option<String>,
    },
    NotVerified {
        /// The verification run that is still running.
        running: Option<RunRef>,
        /// A successful run of this commit that does not count as verification.
        #[serde(default)]
        uncounted: Option<UncountedRun>,
    },
    VerificationFailed {
        run: RunRef,
        conclusion: Conclusion,
    },
    DeployNotConfigured {
        what: DeployUnavailable,
    },
    NotOnBranch {
        branch: Branch,
    },
    OlderThanProduction {
        /// The production that contains this sha: the current one or, where that is uncertain,
        /// an earlier one.
        production: Sha,
        /// Why the current production is uncertain, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uncertain: Option<Uncertainty>,
    },
    Paused {
        source: PauseSource,
        /// The reason that was given for the pause.
        why: String,
    },
    RolledBack {
        /// The commit that production no longer contains.
        lost: Sha,
        /// The commit that is in production instead, if known.
        to: Option<Sha>,
        /// The run that moved production back.
        run: RunRef,
    },
    Reverted {
        /// What is reverted, if known.
        what: Reverted,
    },
    Frozen {
        /// What covers the lane, and until when.
        by: Box<Frozen>,
    },
    FirstDeployRequired {
        /// The approvals that are missing.
        missing: Box<Missing>,
    },
    DegradedHighRisk {
        /// The signals that report degraded.
        signals: Vec<SignalReading>,
    },
    DegradedUnknownHighRisk {
        /// The signals that cannot be read.
        signals: Vec<SignalReading>,
    },
    DeployInProgress {
        /// `None` while an attempt of ours is looking for its run.
        run: Option<RunId>,
        /// The commit being deployed, if known.
        sha: Option<Sha>,
        /// When the deploy started.
        since: Timestamp,
        /// The run's status at GitHub, such as queued or waiting.
        progress: Option<RunStatus>,
        /// The environment that a `waiting` run needs a reviewer's approval for.
        environment: String,
    },
    DeployFailed {
        /// The run that failed.
        run: Option<RunRef>,
        /// Attempts used so far.
        used: u32,
        /// Attempts that this sha may use.
        allowed: u32,
    },
    Cooldown {
        /// When the cooldown ends.
        until: Timestamp,
    },
    DispatchRejected {
        /// GitHub's message, with the permission that its response headers name.
        words: String,
        /// When the dispatch is retried without anybody asking for it.
        retry_at: Timestamp,
    },
    StatusRefused {
        /// GitHub's message, with the permission that its response headers name.
        words: String,
        /// When the status is written again.
        retry_at: Timestamp,
    },
    DispatchUnconfirmed {
        /// The sha that was dispatched.
        sha: Sha,
        /// When the dispatch was sent.
        since: Timestamp,
    },
    RateLimit {
        /// When the next deploy may start.
        until: Timestamp,
        /// The policy's `max_deploys_per_hour`.
        max: u32,
    },
    DegradedLowHold {
        /// The signals that report degraded.
        signals: Vec<SignalReading>,
    },
    AllowLow,
    DegradedMediumHold {
        /// The signals that report degraded.
        signals: Vec<SignalReading>,
    },
    AllowMedium,
    AllowHighApproved {
        by: Approver,
    },
    HighRiskNoApproval {
        /// The approvals that are missing.
        missing: Box<Missing>,
    },
}

impl Cause {
    /// When it ends, if time alone ends it. Until then, it speaks without a break.
    #[must_use]
    pub fn ends_at(&self) -> Option<ZonedTime> {
        match self {
            Self::Frozen { by } => by.until.clone(),
            Self::Cooldown { until } | Self::RateLimit { until, .. } => {
                Some(ZonedTime::utc(*until))
            }
            Self::DispatchRejected { retry_at, .. } | Self::StatusRefused { retry_at, .. } => {
                Some(ZonedTime::utc(*retry_at))
            }
            Self::Deploying { .. }
            | Self::Deployed { .. }
            | Self::NotVerified { .. }
            | Self::VerificationFailed { .. }
            | Self::DeployNotConfigured { .. }
            | Self::NotOnBranch { .. }
            | Self::OlderThanProduction { .. }
            | Self::Paused { .. }
            | Self::RolledBack { .. }
            | Self::Reverted { .. }
            | Self::FirstDeployRequired { .. }
            | Self::DegradedHighRisk { .. }
            | Self::DegradedUnknownHighRisk { .. }
            | Self::DeployInProgress { .. }
            | Self::DeployFailed { .. }
            | Self::DispatchUnconfirmed { .. }
            | Self::DegradedLowHold { .. }
            | Self::AllowLow
            | Self::DegradedMediumHold { .. }
            | Self::AllowMedium
            | Self::AllowHighApproved { .. }
            | Self::HighRiskNoApproval { .. } => None,
        }
    }

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
            Self::Reverted { .. } => Reason::Reverted,
            Self::Frozen { .. } => Reason::Frozen,
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

impl Cause {
    /// The pull request to approve, if an approval there would unblock this. `None` if an
    /// operator's approval is needed.
    #[must_use]
    pub fn pull_in_want(&self) -> Option<PullNumber> {
        let (Self::FirstDeployRequired { missing } | Self::HighRiskNoApproval { missing }) = self
        else {
            return None;
        };
        let lacking = missing.operators.is_empty().then(|| missing.pulls.first()).flatten();
        lacking.map(|lacking| lacking.pull)
    }
}

/// A revert that is on the branch but not in the judged commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reverted {
    /// The judged commit would bring a reverted commit into production.
    Commit {
        /// The reverted commit; the newest if several are reverted.
        commit: Sha,
        /// The commit that reverts it.
        by: Sha,
        /// How many other commits are reverted, too.
        more: usize,
    },
    /// Whether any commit is reverted is unknown, and a retry will not change that.
    Unknown(Why),
}

/// Why no deploy can be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployUnavailable {
    /// `deploy_workflow_name` is empty.
    NotConfigured,
    /// The repository has no workflow of this name.
    Missing(String),
    /// The workflow with this name (first) is disabled. The second field is the state that
    /// GitHub reports.
    Disabled(String, String),
}

/// Who paused a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseSource {
    /// The configuration's `paused`, which no command undoes.
    Config,
    /// The name of the operator.
    Operator(String),
    /// A commit status from before the ledger was lost.
    Recovered,
}

/// A decision about one sha, with the evidence behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub sha: Sha,
    /// What the first rule that spoke found.
    pub cause: Cause,
    /// What later rules found that will block once `cause` is resolved.
    pub also: Vec<Cause>,
    /// The `allow_*` cause that applies if nothing blocks.
    #[serde(default)]
    pub otherwise: Option<Cause>,
    pub risk: RiskAssessment,
    /// The production that the sha was compared with.
    pub production: super::Production,
    /// Every signal's reading, if the rules asked for signals.
    #[serde(default)]
    pub signals: Vec<SignalReading>,
    /// The approvals that were found, and whether each counts.
    #[serde(default)]
    pub approvals: Vec<SeenApproval>,
    /// Older verified commits that might have shipped instead but could not be judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// The earliest time at which a rule may answer differently if nothing else changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_at: Option<Timestamp>,
    /// When it ships if nothing changes but the time. `None` if it may ship now, or if only a
    /// person, a run or a signal can change the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ships_at: Option<ZonedTime>,
}

/// A verified commit below a held candidate that cannot be judged for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    pub sha: Sha,
    /// The fact that could not be read.
    pub why: Why,
}

impl Decision {
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.cause.reason()
    }

    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.cause.reason().outcome()
    }

    /// All rules in order, with what each of them found.
    pub fn rules(&self) -> impl Iterator<Item = (Reason, RuleFound<'_>)> {
        Reason::ALL.iter().map(|reason| (*reason, self.found_by(*reason)))
    }

    fn found_by(&self, reason: Reason) -> RuleFound<'_> {
        let mut overruled = self.also.iter().chain(&self.otherwise);
        if reason == self.reason() {
            RuleFound::Decides(&self.cause)
        } else if let Some(cause) = overruled.find(|cause| cause.reason() == reason) {
            RuleFound::SpeaksToo(cause)
        } else if reason > self.reason() && self.reason() < Reason::Paused {
            RuleFound::NotAsked
        } else {
            RuleFound::Silent
        }
    }
}

/// The assumptions of a simulation; `None` where it uses the real value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supposed {
    /// The commit assumed to be in production.
    pub production: Option<Sha>,
    /// The policy file that is used instead of the configured policy.
    pub policy: Option<String>,
}

/// What a rule found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleFound<'a> {
    /// The rule spoke first and decides.
    Decides(&'a Cause),
    /// The rule speaks, and would decide if no earlier rule did.
    SpeaksToo(&'a Cause),
    /// The rule does not apply.
    Silent,
    /// An earlier rule decides in a way that makes the rest irrelevant.
    NotAsked,
}

/// The result of evaluating the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Decided(Box<Decision>),
    /// These facts must be read first.
    Lacks(Vec<Lack>),
    /// A fact cannot be read for now. Without it nothing may be decided (S4).
    Unreadable(Why),
}
