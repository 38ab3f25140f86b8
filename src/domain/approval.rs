//! Approvals: which of them count, why others do not, and what is missing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ApprovalMode, CommandReading, Login, Permission, PullNumber, RiskCause, Sha, Team};

/// Who approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// The environment variable `RELEASE_GOVERNOR_APPROVED`.
    Environment,
    /// An operator's `approve` of this sha, or of an earlier one that nothing HIGH came after.
    Operator {
        /// The operator's name.
        name: String,
        /// The sha that they approved.
        sha: Sha,
        /// Their reason.
        why: String,
    },
    /// People approved every pull request that brought something HIGH.
    People {
        /// One approval for each pull request.
        pulls: Vec<PullApproval>,
        /// The commit up to which an operator or the environment variable had approved.
        since: Option<Sha>,
    },
}

/// An approval on a pull request that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullApproval {
    pub pull: PullNumber,
    pub mode: ApprovalMode,
    pub by: Login,
}

/// An approval that was found, and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenApproval {
    pub given: GivenApproval,
    pub counting: Counting,
}

/// An approval as it was given: a label, a comment, the environment variable or an operator's
/// action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenApproval {
    /// The pull request that it is on; `None` for an operator's approval.
    #[serde(rename = "pull_request")]
    pub pull: Option<PullNumber>,
    /// The commit that it is about; `None` for an approval on a pull request.
    pub sha: Option<Sha>,
    pub mode: ApprovalMode,
    /// Who gave it, if known.
    pub by: Option<String>,
    /// When it was given, if known.
    pub at: Option<Timestamp>,
}

/// Whether an approval counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    Counts,
    /// It does not count, for this reason.
    Not(WhyNot),
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// Who gave it is unknown: their account was deleted, or the label has no event.
    ByNobodyKnown,
    /// The label is no longer on the pull request.
    TakenOff,
    /// A label was removed after it that may be the same one: events keep the name that a label
    /// had at the time. Holds the removed label's name.
    MayBeTakenOff(String),
    /// The comment was edited.
    Edited,
    /// The command is not alone on a line of the author's own text.
    NotGiven(CommandReading),
    /// A bot wrote it.
    ByABot,
    /// An App wrote it on behalf of a person. Holds the App's name.
    ThroughAnApp(String),
    /// Commits were pushed to the pull request after it and before the merge.
    BeforeAPush,
    /// It was given before the merge, and GitHub does not show the pull request's last commit
    /// yet.
    BeforeWhatIsNotShown,
    /// It was given before the merge, and the policy does not count such approvals.
    BeforeTheMerge,
    /// The pull request's author gave it.
    ByTheAuthor,
    /// The person's permission is not sufficient.
    NotPermitted {
        /// GitHub's name for their role.
        role: String,
        /// The permission that they need.
        needs: Permission,
    },
    /// The person is not a member of any team that may approve.
    InNoTeam(Vec<Team>),
    /// GitHub does not show what was written, or the person's permission. Holds GitHub's
    /// message.
    Untold(String),
    /// So many people gave an approval that the remaining ones were not checked.
    NotLookedAt,
    /// The deploy file at the tip of its ref is no longer the one that was approved along with
    /// the sha.
    DeployFileChanged,
    /// Something HIGH came after the approved commit.
    SomethingCameAfter,
    /// What came after the approved commit is unknown: it is not an ancestor, or GitHub does
    /// not list all differences.
    LeadsNotHere,
}

/// What is missing for an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The configured modes.
    pub modes: Vec<ApprovalMode>,
    /// The label that approves in mode `label`.
    pub label: String,
    /// The line that approves in mode `comment`.
    pub command: String,
    /// The permission that an approver needs.
    pub min_permission: Permission,
    /// The teams that may approve. If empty, membership is not required.
    pub teams: Vec<Team>,
    /// The pull requests that need an approval of their own.
    pub pulls: Vec<MissingPull>,
    /// What only an operator can approve. If this is not empty, the other fields do not matter.
    pub operators: Vec<OperatorsMatter>,
}

/// A pull request that needs an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingPull {
    pub pull: PullNumber,
    /// The pull request's author, if they may not approve it.
    pub not_by: Option<Login>,
    /// An approval found there that does not count. The newest one; those by people associated
    /// with the repository come before those by outsiders.
    pub because: Option<SeenApproval>,
    /// Whether the label is already there but does not count. It must be removed before anybody
    /// can add it again.
    pub is_labeled: bool,
}

/// Something that only an operator can approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorsMatter {
    /// The policy names no other way to approve.
    ByPolicy,
    /// A path changed by a commit that did not come from a pull request.
    PushedDirectly { path: String, commit: Sha },
    /// A path changed by a commit of a pull request, but not in the way that the pull request
    /// shows.
    NotAsInPull { path: String, commit: Sha, pull: PullNumber },
    /// A path that differs from production although no commit of the range is known to change
    /// it.
    BroughtByNothing { path: String },
    /// Who brought a change is unknown, for this reason.
    OriginUntold(String),
    /// The deploy file at the tip of its ref differs from the one at the commit.
    DeployFileAtTip,
    /// The range is HIGH for a cause other than a path.
    AnotherCause(RiskCause),
    /// No pull request brought the first deploy's commit.
    NoPull,
}
