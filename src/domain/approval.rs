//! Approvals: whose word counts, whose does not and why, and what is missing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ApprovalMode, CommandReading, Login, Permission, PullNumber, RiskCause, Sha, Team};

/// Whose word approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// `RELEASE_GOVERNOR_APPROVED`.
    Environment,
    /// An operator's `approve` of this sha, or of an earlier one after which nothing HIGH came.
    Operator {
        /// Who said it.
        name: String,
        /// The sha that they said it about.
        sha: Sha,
        /// Their reason.
        why: String,
    },
    /// People, on every pull request that brought something HIGH.
    People {
        /// One for each pull request.
        pulls: Vec<PullApproval>,
        /// The commit up to which an operator, or the environment, had approved.
        since: Option<Sha>,
    },
}

/// A pull request's approval that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullApproval {
    /// The pull request.
    pub pull: PullNumber,
    /// How it was given.
    pub mode: ApprovalMode,
    /// Who gave it.
    pub by: Login,
}

/// An approval that was seen, and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenApproval {
    /// The approval.
    pub given: GivenApproval,
    /// Whether it counts.
    pub counting: Counting,
}

/// An approval as it was given: a label, a comment, or an operator's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenApproval {
    /// The pull request that it stands on; none for an operator's word.
    #[serde(rename = "pull_request")]
    pub pull: Option<PullNumber>,
    /// The commit that it is about; none for one on a pull request.
    pub sha: Option<Sha>,
    /// How it was given.
    pub mode: ApprovalMode,
    /// Who gave it, where that is known.
    pub by: Option<String>,
    /// When, where that is known.
    pub at: Option<Timestamp>,
}

/// Whether an approval counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// It does.
    Counts,
    /// It does not, and why.
    Not(WhyNot),
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// Nothing tells who gave it: their account was deleted, or the label has no event.
    ByNobodyKnown,
    /// The label is not on the pull request any more.
    TakenOff,
    /// A label of this name was taken off after it, which may be this one: an event keeps the name
    /// that its label had then.
    MayBeTakenOff(String),
    /// The comment was changed after it was written.
    Edited,
    /// The command does not stand alone on a line of its own text.
    NotGiven(CommandReading),
    /// A bot wrote it.
    ByABot,
    /// An App wrote it in somebody's name.
    ThroughAnApp(String),
    /// Commits were pushed to the pull request after it, and it was not merged before.
    BeforeAPush,
    /// It was given before the merge, and GitHub does not show the pull request's last commit yet.
    BeforeWhatIsNotShown,
    /// It was given before the merge, and the policy counts none of those.
    BeforeTheMerge,
    /// The pull request's author gave it.
    ByTheAuthor,
    /// Their permission is not enough.
    NotPermitted {
        /// GitHub's name of their role.
        role: String,
        /// What they would need.
        needs: Permission,
    },
    /// They belong to none of the teams that may approve.
    InNoTeam(Vec<Team>),
    /// GitHub does not tell what was said, or what they may do: its words.
    Untold(String),
    /// So many people gave one that no more were asked about.
    NotLookedAt,
    /// The deploy file at the tip of its ref is not the one that was approved along.
    DeployFileChanged,
    /// Something HIGH came after the commit that it is about.
    SomethingCameAfter,
    /// What came after the commit that it is about cannot be told: it is no ancestor, or GitHub
    /// does not list all that differs.
    LeadsNotHere,
}

/// What an approval is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The configured modes.
    pub modes: Vec<ApprovalMode>,
    /// The label of mode `label`.
    pub label: String,
    /// The line of mode `comment`.
    pub command: String,
    /// What an approver needs.
    pub min_permission: Permission,
    /// The teams of which an approver belongs to one; any person may where there are none.
    pub teams: Vec<Team>,
    /// The pull requests that lack their own approval.
    pub pulls: Vec<MissingPull>,
    /// What nobody but an operator can approve; then the rest does not matter.
    pub operators: Vec<OperatorsMatter>,
}

/// A pull request that lacks its approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingPull {
    /// The pull request.
    pub pull: PullNumber,
    /// Its author, where they may not approve it.
    pub not_by: Option<Login>,
    /// An approval that was seen there and does not count: the newest by one of the repository's
    /// people, before strangers' ones.
    pub because: Option<SeenApproval>,
    /// Whether the label is on it already and does not count: nobody can add it before it is off.
    pub is_labeled: bool,
}

/// What only an operator's word approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorsMatter {
    /// The policy names no other way.
    ByPolicy,
    /// A path that came with a commit that no pull request brought.
    PushedDirectly {
        /// The path.
        path: String,
        /// The commit.
        commit: Sha,
    },
    /// A path that came with a commit of a pull request, though not as the pull request shows it.
    NotAsInPull {
        /// The path.
        path: String,
        /// The commit.
        commit: Sha,
        /// The pull request.
        pull: PullNumber,
    },
    /// A path that differs from production, though no commit of the range is seen to change it.
    BroughtByNothing {
        /// The path.
        path: String,
    },
    /// Who brought what cannot be told, and why.
    OriginUntold(String),
    /// The deploy file at the tip of its ref, which is not the one at the commit.
    DeployFileAtTip,
    /// The range is HIGH for another cause than a path.
    AnotherCause(RiskCause),
    /// The first deploy's commit came with no pull request.
    NoPull,
}
