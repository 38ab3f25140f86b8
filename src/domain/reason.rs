//! Outcomes, risk classes and reason codes.

use serde::{Deserialize, Serialize};

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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Hold, Self::Wait, Self::None];

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
    /// The branch holds a revert of a commit that it would bring into production.
    Reverted "reverted" Hold,
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
