//! Why what an operator asked was not done.

use super::PassError;
use super::asked::short_list;
use super::brake::SentDispatch;
use crate::domain::{RepoName, Sha, ShaPrefix};
use crate::observe::ObserveError;
use crate::store::StoreError;

/// Why what an operator asked was not done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// No such repository is governed.
    #[error("{0} is not governed here: it is not in the configuration")]
    NotGoverned(RepoName),
    /// No such commit.
    #[error("there is no commit {commit} in {repository}")]
    NoSuchCommit {
        /// As asked.
        commit: ShaPrefix,
        /// Where.
        repository: RepoName,
    },
    /// It may be one or the other.
    #[error("{commit} is not unique in {repository}: it may be {what}. Give more of its digits")]
    Ambiguous {
        /// As asked.
        commit: ShaPrefix,
        /// Where.
        repository: RepoName,
        /// What it may be.
        what: String,
    },
    /// Nothing goes back to a commit that never ran.
    #[error(
        "{} was never in production of {repository}, so there is nothing to roll back to. In \
         production were last: {}", .commit.short(), short_list(.last)
    )]
    NeverInProduction {
        /// The commit.
        commit: Sha,
        /// Where.
        repository: RepoName,
        /// What was in production, newest first.
        last: Vec<Sha>,
    },
    /// Nothing is stopped that `resume` could let go on.
    #[error(
        "{0} is not stopped: no operator paused it, and no rollback holds it. Nothing was changed; \
         `release-governor status {0}` says what else holds"
    )]
    NotStopped(RepoName),
    /// Only the configuration stops it, and no operator's word ends that.
    #[error(
        "{repository} is paused by the configuration ({why}), and by nothing else. Nothing was \
         changed: remove `paused` there"
    )]
    PausedByConfig {
        /// Where.
        repository: RepoName,
        /// The configured reason.
        why: String,
    },
    /// The configuration keeps this repository from starting anything.
    #[error("nothing is ever started in {repository}: the configuration says `{key}`")]
    StartsNothing {
        /// Where.
        repository: RepoName,
        /// The key and its value.
        key: &'static str,
    },
    /// The brake is on, and a restart would take it off.
    #[error(
        "{repository} is paused until this process ends, but the pause is not on disk, so that a \
         restart would end it: {error}. Make room or mend the disk, and pause again.{}", sent(.left)
    )]
    NotOnDisk {
        /// Where.
        repository: RepoName,
        /// What the disk says.
        error: StoreError,
        /// What had left before.
        left: Vec<SentDispatch>,
    },
    /// Somebody paused while `resume` looked at what else holds.
    #[error("{0} was paused meanwhile. Nothing was changed: to end that pause, `resume` again")]
    PausedMeanwhile(RepoName),
    /// The word would have to be dated by a clock that may be wrong.
    #[error(
        "the time cannot be known without an answer of GitHub, and a wrong time could undo what \
         others do later. Nothing was recorded for {repository}: {why}. Try again when GitHub \
         answers"
    )]
    TimeUnknown {
        /// Where.
        repository: RepoName,
        /// Why GitHub did not answer.
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
