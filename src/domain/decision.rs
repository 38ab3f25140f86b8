//! What was decided about one sha, and on what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Approver, Branch, Conclusion, Lack, Missing, Outcome, PullNumber, Reason, RiskAssessment,
    RunId, RunRef, RunStatus, SeenApproval, Sha, SignalReading, Uncertainty, UncountedRun, Why,
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
        /// A run of this commit that succeeded and does not count.
        #[serde(default)]
        uncounted: Option<UncountedRun>,
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
        /// The production that contains it: the one now, or, where that is uncertain, an earlier
        /// one.
        production: Sha,
        /// Why production is uncertain, where it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uncertain: Option<Uncertainty>,
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
    /// Rule 9a.
    Reverted {
        /// What is reverted, as far as that can be told.
        what: Reverted,
    },
    /// Rule 10.
    FirstDeployRequired {
        /// What is missing.
        missing: Box<Missing>,
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
        missing: Box<Missing>,
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
            Self::Reverted { .. } => Reason::Reverted,
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
    /// The pull request on which somebody can approve what this holds.
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

/// A revert that the branch holds and the judged commit does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reverted {
    /// A commit that the judged one would bring into production is reverted.
    Commit {
        /// The commit; the newest where several are reverted.
        commit: Sha,
        /// The commit that reverts it.
        by: Sha,
        /// How many more are reverted.
        more: usize,
    },
    /// Whether any is reverted cannot be told, for good.
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

/// A decision about one sha, with the evidence behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The sha.
    pub sha: Sha,
    /// The cause of the rule that spoke first.
    pub cause: Cause,
    /// What will block, too, once that is mended.
    pub also: Vec<Cause>,
    /// What would allow it, did nothing block.
    #[serde(default)]
    pub otherwise: Option<Cause>,
    /// The risk.
    pub risk: RiskAssessment,
    /// What it was compared with.
    pub production: super::Production,
    /// What every signal said, where the rules asked them.
    #[serde(default)]
    pub signals: Vec<SignalReading>,
    /// The approvals that were seen, and whether they count.
    #[serde(default)]
    pub approvals: Vec<SeenApproval>,
    /// Older verified commits that might have shipped in its place and could not be judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// The first instant at which a rule may answer otherwise, if nothing but time passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_at: Option<Timestamp>,
}

/// A verified commit below a held candidate that could not be judged for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The commit.
    pub sha: Sha,
    /// What could not be read.
    pub why: Why,
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

    /// All rules in order, with what each found.
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

/// What a simulation supposes, where that is not what is so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supposed {
    /// What runs in production.
    pub production: Option<Sha>,
    /// The file of the policy.
    pub policy: Option<String>,
}

/// What a rule found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleFound<'a> {
    /// It spoke first, and decides.
    Decides(&'a Cause),
    /// It speaks, and would decide if none before it did.
    SpeaksToo(&'a Cause),
    /// It has nothing to say.
    Silent,
    /// A rule that ends the matter spoke before it.
    NotAsked,
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
