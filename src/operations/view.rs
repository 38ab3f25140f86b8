//! What came of an operator's command.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::controller::SentDispatch;
use crate::domain::{Outcome, Reason, RepoName, RiskClass, Sha};
use crate::queries::view::Simulation;

/// What came of `trigger`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggered {
    /// The decision that it rests on.
    #[serde(flatten)]
    pub simulation: Simulation,
    /// The run that deploys the sha, once known.
    pub run_url: Option<String>,
    /// When it was started.
    pub time: Option<Timestamp>,
}

/// An operator's word that is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// `owner/name`.
    pub repository: RepoName,
    /// What was said: `approved`, `paused`, `resumed`, `rollback_lifted` or `production_set`.
    pub word: String,
    /// The commit that it is about.
    pub sha: Option<Sha>,
    /// Why.
    pub reason: Option<String>,
    /// Who.
    pub by: String,
    /// When.
    pub time: Timestamp,
    /// What had left before a `pause`, and goes on; absent for other words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Vec<SentDispatch>>,
    /// What is worth a word beside it.
    pub note: Option<String>,
}

/// What came of `reconcile`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes {
    /// Whether it was only said what would be done.
    pub dry_run: bool,
    /// In the configuration's order.
    pub repositories: Vec<Pass>,
}

/// A pass over one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// `owner/name`.
    pub repository: RepoName,
    /// The candidate.
    pub sha: Option<Sha>,
    /// The decision about it.
    pub decision: Option<Outcome>,
    /// Why.
    pub reason: Option<Reason>,
    /// The risk of its range.
    pub risk_class: Option<RiskClass>,
    /// What was done at GitHub, or would be.
    pub actions: Vec<String>,
    /// Why the pass failed, if it did.
    pub error: Option<String>,
}
