//! Texts about why nothing can be judged, and why a successful run verifies nothing.

use super::plain;
use crate::domain::{Branch, NoCandidate, NotCounted, Policy, UncountedRun};

/// The most characters of a name that strangers chose.
const NAME: usize = 60;

/// Why there is no commit to judge, or which verified commit was not found, and what to do.
#[must_use]
pub fn no_candidate(why: &NoCandidate, policy: &Policy) -> String {
    let workflow = plain(policy.verification_workflow.as_str(), NAME);
    let branch = match &policy.branch {
        Some(branch) => format!("`{}`", named(branch)),
        None => "the default branch".to_owned(),
    };
    match why {
        NoCandidate::NoBranch(branch) => {
            format!("the branch `{}` does not exist: push it, or correct `branch`", named(branch))
        }
        NoCandidate::NoRunCounts(None) => format!(
            "no run of `{workflow}` counts as a verification on {branch}: start one, or correct \
             verification_workflow_name, verification_events or branch"
        ),
        NoCandidate::NoRunCounts(Some(run)) => {
            format!("no run of `{workflow}` counts as a verification: {}", uncounted(run))
        }
        NoCandidate::StillRunning(run) => {
            format!("no verification has finished yet: run {run} is the first, and still running")
        }
        NoCandidate::NotOnBranch(run) => {
            format!("verification run {run} is of a commit that {branch} does not contain")
        }
        NoCandidate::NeverCame(run) => {
            format!("run {run} passed in the queue; its commit never came to {branch}")
        }
        NoCandidate::SearchEnded { run, commits } => format!(
            "run {run} passed, and its commit was not found among the newest {commits} commits of \
             {branch}, where the search ended: verify a newer commit"
        ),
    }
}

/// `run 17 succeeded, but its event does not count: …`.
#[must_use]
pub fn uncounted(run: &UncountedRun) -> String {
    let UncountedRun { id, why } = run;
    match why {
        NotCounted::Event(event) => format!(
            "run {id} succeeded, but its event does not count: add `{}` to verification_events",
            plain(&event.0, NAME)
        ),
        NotCounted::Branch(Some(branch)) => {
            format!("run {id} succeeded, but it ran on `{}`", named(branch))
        }
        NotCounted::Branch(None) => {
            format!("run {id} succeeded, but GitHub reports no branch for it")
        }
        NotCounted::Workflow => format!("run {id} succeeded, but it belongs to another workflow"),
        NotCounted::Repository => {
            format!("run {id} succeeded, but its commit belongs to another repository")
        }
    }
}

fn named(branch: &Branch) -> String {
    plain(branch.as_str(), NAME)
}
