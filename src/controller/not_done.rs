//! Why an operator's command was not carried out.

use super::PassError;
use super::asked::short_list;
use super::brake::SentDispatch;
use crate::domain::{RepoName, Sha, ShaPrefix};
use crate::observe::ObserveError;
use crate::store::StoreError;

/// Why an operator's command was not carried out. Nothing was changed unless the variant says
/// so.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    #[error("{0} is not governed here: it is not in the configuration")]
    NotGoverned(RepoName),
    #[error("there is no commit {commit} in {repository}")]
    NoSuchCommit {
        /// The commit id as given.
        commit: ShaPrefix,
        repository: RepoName,
    },
    /// The commit id is ambiguous.
    #[error("{commit} is not unique in {repository}: it may be {what}. Give more of its digits")]
    Ambiguous {
        commit: ShaPrefix,
        repository: RepoName,
        /// What it may be: several full ids, or a branch or a tag.
        what: String,
    },
    /// There is no rollback to a commit that was never in production.
    #[error(
        "{} was never in production of {repository}, so there is nothing to roll back to. In \
         production were last: {}", .commit.short(), short_list(.last)
    )]
    NeverInProduction {
        commit: Sha,
        repository: RepoName,
        /// What was in production before, newest first.
        last: Vec<Sha>,
    },
    /// There is nothing for `resume` to resume.
    #[error(
        "{0} is not stopped: no operator paused it, and no rollback holds it. Nothing was changed; \
         `release-governor status {0}` says what else holds"
    )]
    NotStopped(RepoName),
    /// Only the configuration pauses it, which `resume` cannot change.
    #[error(
        "{repository} is paused by the configuration ({why}), and by nothing else. Nothing was \
         changed: remove `paused` there"
    )]
    PausedByConfig {
        repository: RepoName,
        /// The configured reason.
        why: String,
    },
    /// The configuration keeps this repository from starting anything.
    #[error("nothing is ever started in {repository}: the configuration says `{key}`")]
    StartsNothing {
        repository: RepoName,
        /// The configuration key and its value.
        key: &'static str,
    },
    /// The brake is on, but the pause is not on disk, so that a restart would release it.
    #[error(
        "{repository} is paused until this process ends, but the pause is not on disk, so that a \
         restart would end it: {error}. Make room or mend the disk, and pause again.{}", sent(.left)
    )]
    NotOnDisk {
        repository: RepoName,
        error: StoreError,
        /// The dispatches that were sent before.
        left: Vec<SentDispatch>,
    },
    /// Another operator paused it while `resume` was checking what else holds.
    #[error("{0} was paused meanwhile. Nothing was changed: to end that pause, `resume` again")]
    PausedMeanwhile(RepoName),
    /// The action would have to be dated by a clock that may be wrong.
    #[error(
        "the time cannot be known without an answer of GitHub, and a wrong time could undo what \
         others do later. Nothing was recorded for {repository}: {why}. Try again when GitHub \
         answers"
    )]
    TimeUnknown {
        repository: RepoName,
        /// Why GitHub gave no time.
        why: String,
    },
    /// GitHub or the store failed.
    #[error("{}", .0.in_words())]
    Pass(#[from] PassError),
}

fn sent(left: &[SentDispatch]) -> String {
    let one = |one: &SentDispatch| match &one.url {
        Some(url) => format!("{} ({url})", one.sha.short()),
        None => format!("{} (attempt {})", one.sha.short(), one.attempt),
    };
    let all: Vec<String> = left.iter().map(one).collect();
    if all.is_empty() { String::new() } else { format!(" Already sent: {}", all.join(", ")) }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Pass(error.into())
    }
}

impl From<ObserveError> for NotDone {
    fn from(error: ObserveError) -> Self {
        Self::Pass(error.into())
    }
}
