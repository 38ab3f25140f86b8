//! Outcomes, risk classes and reason codes.

use serde::{Deserialize, Serialize};

/// How much can go wrong when a range ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RiskClass {
    /// No listed path is touched.
    Low,
    /// A path in `medium_risk_paths` is touched.
    Medium,
    /// A path in `high_risk_paths` or `migration_paths` is touched, or the range is unknown.
    High,
}

impl RiskClass {
    /// The form used in statuses and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

/// The outcome of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// It may ship, is shipping, or has shipped.
    Allow,
    /// It may not ship until somebody or something acts.
    Hold,
    /// It may not ship yet.
    Wait,
    /// There is nothing to decide.
    None,
}

impl Outcome {
    pub const ALL: [Self; 4] = [Self::Allow, Self::Hold, Self::Wait, Self::None];

    /// The form used in statuses and JSON.
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
        /// The reason codes of decisions, in the order of the rules.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl Reason {
            /// All reasons, in the order of the rules.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code used in statuses, metrics and JSON.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The outcome of a decision for this reason.
            #[must_use]
            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$variant => Outcome::$outcome,)* }
            }

            /// Looks a reason up by its code.
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
    /// This sha is in production.
    Deployed "deployed" Allow,
    /// No finished verification run counts, or the latest one is still running.
    NotVerified "not_verified" Wait,
    /// The latest verification run did not succeed.
    VerificationFailed "verification_failed" Hold,
    /// No deploy workflow is configured, or it is missing or disabled.
    DeployNotConfigured "deploy_not_configured" Hold,
    /// The branch no longer contains this sha.
    NotOnBranch "not_on_branch" Hold,
    /// Production contains this sha.
    OlderThanProduction "older_than_production" None,
    /// An operator or the configuration paused this repository.
    Paused "paused" Hold,
    /// Somebody rolled production back.
    RolledBack "rolled_back" Hold,
    /// The branch contains a revert of a commit that this sha would bring into production.
    Reverted "reverted" Hold,
    /// A freeze, or a closed window, covers this lane.
    Frozen "frozen" Hold,
    /// The first deploy needs an approval.
    FirstDeployRequired "first_deploy_required" Hold,
    /// The risk is HIGH and production is degraded.
    DegradedHighRisk "degraded_high_risk" Hold,
    /// The risk is HIGH and the degraded signal cannot be read.
    DegradedUnknownHighRisk "degraded_unknown_high_risk" Hold,
    /// Another deploy is in flight.
    DeployInProgress "deploy_in_progress" Wait,
    /// Deploys of this sha failed, and it has used its attempts.
    DeployFailed "deploy_failed" Hold,
    /// A deploy of this sha failed recently.
    Cooldown "cooldown" Hold,
    /// GitHub refused the dispatch.
    DispatchRejected "dispatch_rejected" Hold,
    /// GitHub refused our status on this commit.
    StatusRefused "status_refused" Hold,
    /// GitHub accepted a dispatch but its run never appeared.
    DispatchUnconfirmed "dispatch_unconfirmed" Hold,
    /// We started as many deploys in the last hour as the policy allows.
    RateLimit "rate_limit" Hold,
    /// The risk is LOW, production is degraded, and the policy holds LOW in that case.
    DegradedLowHold "degraded_low_hold" Hold,
    /// The risk is LOW.
    AllowLow "allow_low" Allow,
    /// The risk is MEDIUM and production is degraded.
    DegradedMediumHold "degraded_medium_hold" Hold,
    /// The risk is MEDIUM.
    AllowMedium "allow_medium" Allow,
    /// The risk is HIGH, and the change is approved.
    AllowHighApproved "allow_high_approved" Allow,
    /// The risk is HIGH, and the change is not approved.
    HighRiskNoApproval "high_risk_no_approval" Hold,
}

impl Reason {
    /// Whether a decision for this reason starts a deploy.
    #[must_use]
    pub const fn starts_a_deploy(self) -> bool {
        matches!(self, Self::AllowLow | Self::AllowMedium | Self::AllowHighApproved)
    }

    /// Whether this reason holds a sha because of its own range, so that an older commit may
    /// ship in the meantime (the design's rules 11, 12, 20, 22 and 25).
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
