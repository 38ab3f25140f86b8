//! The facts that rules ask for.

use super::{BranchStep, Login, PullNumber, RunId, Sha, Team};

/// A fact that `decide` needs and that has not been read yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// The state of this sha's verification.
    Verification(Sha),
    /// Whether this sha is an ancestor of the branch.
    OnBranch(Sha),
    /// How the second sha relates to the first, and the files that differ.
    Range(Sha, Sha),
    /// Whether the first sha contains the second.
    Containment(Sha, Sha),
    /// The commits that the second sha contains and the first does not, with their messages.
    Commits(Sha, Sha),
    /// How the deploy files at the tip differ from those at this sha.
    DeployFiles(Sha),
    /// The steps of the branch from the first sha to the second.
    Steps(Sha, Sha),
    /// The changes that a step brought.
    Step(BranchStep),
    /// The pull requests that brought this sha to the branch.
    Pulls(Sha),
    /// The files that a pull request changes, given its last commit.
    PullFiles(PullNumber, Sha),
    /// Whether this sha, the head of a merged pull request, is an ancestor of the branch.
    HeadOnBranch(Sha),
    /// Whether GitHub itself created and signed this commit.
    MadeByGithub(Sha),
    /// The timeline of a pull request.
    Events(PullNumber),
    /// The labels that a pull request has now.
    Labels(PullNumber),
    /// A person's permission on the repository.
    Standing(Login),
    /// Whether a person is a member of a team.
    Member(Team, Login),
    /// The statuses of this sha that raise its risk.
    Flags(Sha),
    /// Whether a failed run is a deploy at all: its jobs, and whether the ref contains its
    /// commit.
    FailedRun(RunId),
}
