//! The input and the results of replaying past decisions.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Candidates, Conclusion, Decision, RunRef, Sha, Verification};

/// A time at which verifications ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    /// The commits that were first verified at this time.
    pub verified: Vec<Sha>,
    /// The newest commit of the branch whose verification had begun, as an approximation of the
    /// branch tip at this time.
    pub tip: Option<Sha>,
    /// The commits that could have been released, judging by the verifications that had ended.
    pub candidates: Candidates,
    /// The state of the verification of each commit at this time.
    pub verifications: BTreeMap<Sha, Verification>,
}

/// A verified commit: what a policy decides, and what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub verified_at: Timestamp,
    /// The decision when it was verified.
    pub decision: Decision,
    /// When it ships under that policy.
    pub ships: Ships,
    /// What actually happened.
    pub really: Really,
}

/// When a commit ships under a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ships {
    /// As the deployed commit, at this time.
    At(Timestamp),
    /// Together with a later commit that contains it.
    Along {
        /// The later commit.
        with: Sha,
        at: Timestamp,
    },
    /// Not within the period of the replay.
    Never,
}

impl Ships {
    /// When the commit ships, if it does.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::At(at) | Self::Along { at, .. } => Some(*at),
            Self::Never => None,
        }
    }
}

/// What actually happened to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Really {
    /// It was deployed.
    Deployed(PastDeploy),
    /// It was deployed as part of a later commit that contains it.
    Along {
        /// The later commit.
        with: Sha,
        /// The later commit's deploy.
        deploy: PastDeploy,
    },
    /// Its deploy did not succeed.
    Failed { deploy: PastDeploy, conclusion: Conclusion },
    /// It was not deployed.
    Never,
}

/// A finished attempt of a deploy run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastDeploy {
    pub run: RunRef,
    /// When it ended.
    pub at: Timestamp,
    pub html_url: String,
}
