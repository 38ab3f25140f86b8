//! How risky a range is to ship, and why.

use serde::{Deserialize, Serialize};

use super::{Flag, PullNumber, RiskClass, Sha};

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
    /// A tool or a person raised it (`raise_risk_contexts`).
    Raised(Raise),
    /// Whether anybody raised it cannot be told, and why.
    RaiseUntold(String),
    /// What it was decided on, before it went into production.
    AsDecided,
    /// It ran in production before, and production goes back to it: not judged.
    RanBefore,
}

/// What raised a range to HIGH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Raise {
    /// A status of one of its commits.
    ByStatus {
        /// The commit.
        sha: Sha,
        /// The status.
        flag: Flag,
    },
    /// A label that a pull request of its bears, or bore.
    ByLabel {
        /// The pull request.
        pull: PullNumber,
        /// The label.
        label: String,
    },
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
    /// The commits of the range that changed it, the newest first; none where that cannot be
    /// told, or where nobody asked.
    #[serde(default)]
    pub brought: Vec<Brought>,
}

/// A step of the branch that changed a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// The commit.
    pub commit: Sha,
    /// The pull requests that brought it; none for one that was pushed directly.
    pub pulls: Vec<PullNumber>,
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
