//! The facts that rules ask for.

use super::{BranchStep, Login, PullNumber, RunId, Sha, Team};

/// A fact that `decide` needs and nobody has asked for yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// What the verification says of this sha.
    Verification(Sha),
    /// Whether this sha is an ancestor of the branch.
    OnBranch(Sha),
    /// How the second stands to the first, and what differs.
    Range(Sha, Sha),
    /// Whether the first contains the second.
    Containment(Sha, Sha),
    /// The commits that the second has and the first has not, with their messages.
    Commits(Sha, Sha),
    /// The deploy files at the tip against those at this sha.
    DeployFiles(Sha),
    /// The steps of the branch from the first to the second.
    Steps(Sha, Sha),
    /// What a step brought.
    Step(BranchStep),
    /// The pull requests that brought this sha to the branch.
    Pulls(Sha),
    /// The files that a pull request, whose last commit is this, changes.
    PullFiles(PullNumber, Sha),
    /// Whether this sha, the head of a merged pull request, is an ancestor of the branch.
    HeadOnBranch(Sha),
    /// Whether GitHub made, and signed, this sha.
    MadeByGithub(Sha),
    /// What happened on a pull request.
    Events(PullNumber),
    /// The labels that a pull request has now.
    Labels(PullNumber),
    /// What somebody may do in the repository.
    Standing(Login),
    /// Whether somebody belongs to a team.
    Member(Team, Login),
    /// The statuses of this sha that raise its risk.
    Flags(Sha),
    /// Whether a run that failed is a deploy at all: its jobs, and its commit's place in history.
    FailedRun(RunId),
}
