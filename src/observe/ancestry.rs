//! Reads which commits contain which.

use super::range::{FailedComparison, comparison_failed};
use super::{ObserveError, ReadContext, RepoFacts};
use crate::domain::{EntryKind, Fact, Relation, ReleaseState, Sha, Why};
use crate::github::{Compared, ReadError};

/// The result of asking whether one commit contains another.
pub(super) enum Containment {
    /// GitHub compared them.
    Related(Relation),
    /// GitHub failed to compare them in enough passes for the failure to count as permanent.
    Incomparable,
    /// Unknown for now.
    Unreadable(Why),
}

/// Reads whether `container` contains `contained`, and what to record about a failure.
///
/// # Errors
/// If a read fails in a way that ends the pass.
pub(super) async fn containment(
    ctx: &ReadContext<'_>,
    release: &ReleaseState,
    container: &Sha,
    contained: &Sha,
) -> Result<(Containment, Option<EntryKind>), ObserveError> {
    // In this direction, GitHub lists no commits and no files if `container` contains
    // `contained`.
    let failed = match ctx.reader.compare(ctx.name(), container, contained).await {
        Ok(Compared::Known(comparison)) => {
            return Ok((Containment::Related(comparison.relation), None));
        }
        Ok(Compared::Gone(words)) => {
            return incomparable(ctx, release, container, contained, words).await;
        }
        Err(ReadError::Server { status, words, .. }) => {
            comparison_failed(release, container, contained, &format!("{status} {words}"))
        }
        Err(other) => return Err(other.into()),
    };
    Ok(concluded(failed))
}

/// Handles a comparison that GitHub does not show (404, 422). If the commits have nothing in
/// common, the message says so. If one of them is gone, it is gone in every comparison, so it
/// is counted on its own, because the branch may have another tip in each pass. A single stray
/// 404 means neither.
async fn incomparable(
    ctx: &ReadContext<'_>,
    release: &ReleaseState,
    container: &Sha,
    contained: &Sha,
    words: String,
) -> Result<(Containment, Option<EntryKind>), ObserveError> {
    if words.to_ascii_lowercase().contains("no common ancestor") {
        return Ok((Containment::Incomparable, None));
    }
    for sha in [container, contained] {
        if ctx.reader.resolve_commit(ctx.name(), sha.as_str()).await?.is_none() {
            let words = "GitHub shows no such commit";
            return Ok(match comparison_failed(release, sha, sha, words) {
                FailedComparison::ForNow(_, failed) => {
                    let why = Why(format!("GitHub shows no commit {}", sha.short()));
                    (Containment::Unreadable(why), Some(failed))
                }
                lasting @ FailedComparison::ForGood(_) => concluded(lasting),
            });
        }
    }
    Ok(concluded(comparison_failed(release, container, contained, &words)))
}

fn concluded(failed: FailedComparison) -> (Containment, Option<EntryKind>) {
    match failed {
        FailedComparison::ForGood(counted) => (Containment::Incomparable, counted),
        FailedComparison::ForNow(why, failed) => (Containment::Unreadable(why), Some(failed)),
    }
}

/// Reads whether the branch contains a commit, and what to record about a failure.
///
/// # Errors
/// If a read fails in a way that ends the pass.
pub(super) async fn on_branch(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    sha: &Sha,
) -> Result<(Fact<bool>, Option<EntryKind>), ObserveError> {
    let Some(tip) = &repo_facts.tip else { return Ok((Fact::Known(false), None)) };
    let is_shown = !ctx.uncached && ctx.memory.branch_commits.shows_containment(tip, sha);
    if is_shown || sha == tip {
        return Ok((Fact::Known(true), None));
    }
    let (found, failed) = match ctx.reader.compare(ctx.name(), tip, sha).await? {
        Compared::Known(comparison) => (Containment::Related(comparison.relation), None),
        Compared::Gone(words) => incomparable(ctx, release, tip, sha, words).await?,
    };
    let on_branch = match found {
        Containment::Related(relation) => Fact::Known(relation.is_contained()),
        Containment::Incomparable => Fact::Known(false),
        Containment::Unreadable(why) => Fact::Unreadable(why),
    };
    Ok((on_branch, failed))
}
