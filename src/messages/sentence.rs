//! What a decision means, in one sentence for readers who do not know this program.

use crate::domain::Reason;

/// What this reason means for a commit.
#[must_use]
pub const fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Deploying => "It is being deployed to production now.",
        Reason::Deployed => "It is in production.",
        Reason::NotVerified => "It ships once its verification has passed.",
        Reason::VerificationFailed => "It does not ship: its verification failed.",
        Reason::DeployNotConfigured => "It does not ship: there is no deploy workflow to start.",
        Reason::NotOnBranch => "It does not ship: the release branch no longer contains it.",
        Reason::OlderThanProduction => "It does not ship: production has something newer.",
        Reason::Paused => "It does not ship now: somebody paused the releases of this repository.",
        Reason::RolledBack => {
            "It does not ship: production was rolled back, and nobody has said yet that it may go \
             forward again."
        }
        Reason::Reverted => {
            "It does not ship: it would bring a change into production that was reverted since."
        }
        Reason::Frozen => "It does not ship now: a freeze covers it, or no window is open.",
        Reason::FirstDeployRequired => {
            "It waits for an approval: it would be the first deploy of this repository."
        }
        Reason::DegradedHighRisk => "It waits: it is risky, and production is not healthy.",
        Reason::DegradedUnknownHighRisk => {
            "It waits: it is risky, and it is unknown whether production is healthy."
        }
        Reason::DeployInProgress => "It waits: another deploy is under way.",
        Reason::DeployFailed => "It does not ship: its deploy failed.",
        Reason::Cooldown => "Its deploy failed. It is tried again after a while.",
        Reason::DispatchRejected => "It does not ship: GitHub refused to start its deploy.",
        Reason::StatusRefused => {
            "It does not ship: GitHub refused the status on this commit, and nothing is deployed \
             without one."
        }
        Reason::DispatchUnconfirmed => {
            "It waits for somebody to look: GitHub accepted a deploy, but its run never appeared."
        }
        Reason::RateLimit => "It waits: this repository has used up its deploys for this hour.",
        Reason::DegradedLowHold | Reason::DegradedMediumHold => {
            "It waits: production is not healthy."
        }
        Reason::AllowLow | Reason::AllowMedium => "It may ship.",
        Reason::AllowHighApproved => "It may ship: it is risky, and it was approved.",
        Reason::HighRiskNoApproval => "It waits for an approval: it is risky to ship.",
    }
}
