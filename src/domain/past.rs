//! What a replay of the past goes by, and what it shows.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Candidates, Conclusion, Decision, RunRef, Sha, Verification};

/// A moment at which a verification ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// The commits that were verified then for the first time.
    pub verified: Vec<Sha>,
    /// The newest commit of the branch whose verification had begun: the tip of then, as far as
    /// that can be told.
    pub tip: Option<Sha>,
    /// Who might have been released, by what had ended until then.
    pub candidates: Candidates,
    /// What the verification of each of these said then.
    pub verifications: BTreeMap<Sha, Verification>,
}

/// A verified commit, by a policy and in truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// When it was verified.
    pub verified_at: Timestamp,
    /// What is decided about it at that moment.
    pub decision: Decision,
    /// When it ships by that policy.
    pub ships: Ships,
    /// What happened.
    pub really: Really,
}

/// When a commit ships by a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ships {
    /// By itself, then.
    At(Timestamp),
    /// With a later commit that contains it.
    Along {
        /// That one.
        with: Sha,
        /// When.
        at: Timestamp,
    },
    /// Not within the time that was looked at.
    Never,
}

impl Ships {
    /// When, if it does.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::At(at) | Self::Along { at, .. } => Some(*at),
            Self::Never => None,
        }
    }
}

/// What happened to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Really {
    /// It was deployed.
    Deployed(PastDeploy),
    /// It went along with a later commit that contains it.
    Along {
        /// That one.
        with: Sha,
        /// Its deploy.
        deploy: PastDeploy,
    },
    /// Its deploy ended otherwise.
    Failed {
        /// Its deploy.
        deploy: PastDeploy,
        /// How it ended.
        conclusion: Conclusion,
    },
    /// It was not deployed.
    Never,
}

/// A deploy run's attempt that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastDeploy {
    /// Which.
    pub run: RunRef,
    /// When it ended.
    pub at: Timestamp,
    /// Its page.
    pub html_url: String,
}
