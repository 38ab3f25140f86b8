//! How risky it is to ship a range, and why.

use serde::{Deserialize, Serialize};

use super::{Flag, PullNumber, RiskClass, Sha};

/// Why a range has its risk class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskCause {
    /// Production is none, so there is nothing to compare with.
    FirstDeploy,
    /// Nothing differs.
    EmptyRange,
    /// Paths of the range matched the policy's patterns.
    Paths,
    /// The deploy file at the tip of the ref differs from the one at the sha.
    DeployFileAtTip,
    /// The commit in production is unknown, for this reason.
    ProductionUncertain(String),
    /// Production and the sha have diverged.
    Diverged,
    /// GitHub lists only some of the files.
    Truncated,
    /// The base or the head is gone, or they have no common ancestor. Holds GitHub's message.
    Incomparable(String),
    /// The comparison fails repeatedly. Holds GitHub's message.
    CompareBroken(String),
    /// A tool or a person raised the risk (`raise_risk_contexts`).
    Raised(Raise),
    /// Whether the risk was raised is unknown, for this reason.
    RaiseUntold(String),
    /// The sha is in production or being deployed: the class is the one that its deploy was
    /// decided on.
    AsDecided,
    /// Production returns to a commit that it ran before, so the range is not assessed.
    RanBefore,
}

/// What raised a range to HIGH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Raise {
    /// A status on one of its commits.
    ByStatus { sha: Sha, flag: Flag },
    /// A label that one of its pull requests has or had.
    ByLabel { pull: PullNumber, label: String },
}

/// A path that raises the risk class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskyPath {
    pub path: String,
    pub risk_class: RiskClass,
    /// The pattern that matched it.
    pub pattern: String,
    /// The commits of the range that changed it, newest first; empty if that is unknown or was
    /// not asked for.
    #[serde(default)]
    pub brought: Vec<Brought>,
}

/// A step of the branch that changed a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    pub commit: Sha,
    /// The pull requests that brought it; empty if it was pushed directly.
    pub pulls: Vec<PullNumber>,
}

/// The risk of shipping a sha, with its causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskAssessment {
    /// The highest class of all causes.
    pub class: RiskClass,
    pub causes: Vec<RiskCause>,
    /// The paths that caused it.
    pub paths: Vec<RiskyPath>,
}
