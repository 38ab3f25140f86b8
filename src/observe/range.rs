//! Reads ranges and ancestry.

use std::collections::BTreeSet;

use super::origins::{Silence, silence};
use super::{ObserveError, ReadContext, RepoFacts};
use crate::domain::{
    BranchStep, Comparison, EntryKind, Fact, FileChange, FileContent, RangeFiles, Ranged, Relation,
    ReleaseState, RepoId, Sha, Why,
};
use crate::github::{Compared, ReadError};

/// After this many consecutive failures, a failed comparison counts as permanent (design,
/// section 4).
const FAILED_FOR_GOOD: u32 = 3;

/// Whether `tip` contains `sha`.
pub(super) async fn is_ancestor(
    ctx: &ReadContext<'_>,
    sha: &Sha,
    tip: &Sha,
) -> Result<bool, ObserveError> {
    if !ctx.uncached && ctx.memory.branch_commits.shows_containment(tip, sha) {
        return Ok(true);
    }
    if sha == tip {
        return Ok(true);
    }
    // In this direction, GitHub lists no commits and no files if `tip` contains `sha`, however
    // far apart they are.
    Ok(match ctx.reader.compare(ctx.name(), tip, sha).await? {
        Compared::Known(comparison) => comparison.relation.is_contained(),
        Compared::Gone(_) => false,
    })
}

/// The files that a step of the branch changed. Two commits and the range between them never
/// change, and this only answers which pull request brought a change, so the kept answer is
/// used even before a dispatch.
pub(super) async fn step_of_branch(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    step: &BranchStep,
) -> Result<(Fact<Ranged>, Option<EntryKind>), ObserveError> {
    let key = key_of_range(&step.parent, &step.sha);
    match kept_for_ever::<Ranged>(ctx, repo_facts.repository.id, &key).await? {
        Some(ranged) => Ok((Fact::Known(ranged), None)),
        None => match range(ctx, repo_facts, release, &step.parent, &step.sha).await {
            Err(ObserveError::Read(error)) => Ok((unread(silence(error)?), None)),
            read => read,
        },
    }
}

fn unread(silence: Silence) -> Fact<Ranged> {
    match silence {
        Silence::Lasting(words) => Fact::Known(Ranged::Incomparable(words)),
        Silence::Passing(why) => Fact::Unreadable(why),
    }
}

fn key_of_range(base: &Sha, head: &Sha) -> String {
    // An earlier version kept ranges under the key `range`, without the blob ids of the files.
    format!("changes {base} {head}")
}

/// A range, kept or read from GitHub.
pub(super) async fn range(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    base: &Sha,
    head: &Sha,
) -> Result<(Fact<Ranged>, Option<EntryKind>), ObserveError> {
    let repository = repo_facts.repository.id;
    let key = key_of_range(base, head);
    if let Some(ranged) = kept::<Ranged>(ctx, repository, &key).await? {
        return Ok((Fact::Known(ranged), None));
    }
    match compared(ctx, base, head).await {
        Ok((ranged, lasts)) => {
            if lasts {
                keep(ctx, repository, &key, &ranged).await?;
            }
            Ok((Fact::Known(ranged), None))
        }
        Err(ReadError::Server { status, words, .. }) => {
            // Before a dispatch, the range is read again. If that fails, the kept answer is
            // still true.
            if let Some(ranged) = kept_for_ever::<Ranged>(ctx, repository, &key).await? {
                return Ok((Fact::Known(ranged), None));
            }
            let words = format!("{status} {words}");
            Ok(match comparison_failed(release, base, head, &words) {
                FailedComparison::ForGood(counted) => (Fact::Known(Ranged::Broken(words)), counted),
                FailedComparison::ForNow(why, failed) => (Fact::Unreadable(why), Some(failed)),
            })
        }
        Err(other) => Err(other.into()),
    }
}

/// A comparison that GitHub failed to make, and what to record about it.
pub(super) enum FailedComparison {
    /// It failed in three passes and counts as permanently failing.
    ForGood(Option<EntryKind>),
    /// It may succeed another time.
    ForNow(Why, EntryKind),
}

pub(super) fn comparison_failed(
    release: &ReleaseState,
    base: &Sha,
    head: &Sha,
    words: &str,
) -> FailedComparison {
    let failed =
        EntryKind::RangeFailed { base: base.clone(), head: head.clone(), words: words.to_owned() };
    let before = release
        .failed_ranges
        .iter()
        .find(|range| range.base == *base && range.head == *head)
        .map_or(0, |range| range.times);
    if before.saturating_add(1) >= FAILED_FOR_GOOD {
        return FailedComparison::ForGood((before < FAILED_FOR_GOOD).then_some(failed));
    }
    let why = format!("GitHub failed to compare {} with {}: {words}", base.short(), head.short());
    FailedComparison::ForNow(Why(why), failed)
}

/// Reads the range from GitHub, and whether it can be kept forever: commits never change, but a
/// refusal may be temporary.
async fn compared(
    ctx: &ReadContext<'_>,
    base: &Sha,
    head: &Sha,
) -> Result<(Ranged, bool), ReadError> {
    let comparison = match ctx.reader.compare(ctx.name(), base, head).await? {
        Compared::Known(comparison) => comparison,
        Compared::Gone(words) => return Ok((Ranged::Incomparable(words), false)),
    };
    let is_cut = matches!(comparison.files, RangeFiles::Truncated(_));
    if !is_cut || comparison.relation != Relation::Ahead {
        return Ok((Ranged::Compared(comparison), true));
    }
    let cut = |lasts| (Ranged::Compared(comparison), lasts);
    match files_of_trees(ctx, base, head).await {
        Ok(Some(files)) => {
            let files = RangeFiles::Complete(files);
            Ok((Ranged::Compared(Comparison { relation: Relation::Ahead, files }), true))
        }
        Ok(None) => Ok(cut(true)),
        Err(ReadError::NotFound { .. } | ReadError::Refused { .. } | ReadError::Gone410 { .. }) => {
            Ok(cut(false))
        }
        Err(error) => Err(error),
    }
}

/// Computes the range from the two trees if GitHub's file list is truncated: the head contains
/// the base, so the difference between the trees is the range. `None` if a tree is truncated as
/// well.
async fn files_of_trees(
    ctx: &ReadContext<'_>,
    base: &Sha,
    head: &Sha,
) -> Result<Option<Vec<FileChange>>, ReadError> {
    let before = ctx.reader.tree(ctx.name(), base).await?;
    let after = ctx.reader.tree(ctx.name(), head).await?;
    if before.truncated || after.truncated {
        return Ok(None);
    }
    let paths: BTreeSet<&String> = before.entries.keys().chain(after.entries.keys()).collect();
    let differing = paths
        .into_iter()
        .filter(|path| before.entries.get(*path) != after.entries.get(*path))
        .map(|path| {
            let blob = after.entries.get(path).map(|entry| FileContent::Blob(entry.blob.clone()));
            let content = blob.unwrap_or(FileContent::Deleted);
            FileChange { path: path.clone(), previous_path: None, content }
        });
    Ok(Some(differing.collect()))
}

/// The kept value of something that never changes. `None` before a dispatch.
pub(super) async fn kept<T: serde::de::DeserializeOwned>(
    ctx: &ReadContext<'_>,
    repository: RepoId,
    key: &str,
) -> Result<Option<T>, ObserveError> {
    if ctx.uncached { Ok(None) } else { kept_for_ever(ctx, repository, key).await }
}

/// The kept value of something that never changes. Also used before a dispatch, for facts that
/// the dispatch does not rest on.
pub(super) async fn kept_for_ever<T: serde::de::DeserializeOwned>(
    ctx: &ReadContext<'_>,
    repository: RepoId,
    key: &str,
) -> Result<Option<T>, ObserveError> {
    // A format of an earlier version does not load; the fact is read again.
    Ok(ctx.store.fact_of(repository, key).await?)
}

pub(super) async fn keep<T: serde::Serialize + Sync>(
    ctx: &ReadContext<'_>,
    repository: RepoId,
    key: &str,
    value: &T,
) -> Result<(), ObserveError> {
    ctx.reader.keeps(ctx.store.put_fact_of(repository, key, value).await?);
    Ok(())
}
