//! Reads the commits between two commits, with what their messages say about reverts.

use super::origins::silence;
use super::range::{FailedComparison, comparison_failed, keep, kept_for_ever};
use super::{ObserveError, ReadContext, RepoFacts};
use crate::domain::{Availability, EntryKind, Fact, ListedCommit, ReleaseState, Sha};
use crate::github::ReadError;

/// The commits, or why they are unknown.
pub(super) type ListedCommits = Fact<Availability<Vec<ListedCommit>>>;

/// The commits that `head` contains and `base` does not. Neither they nor their messages ever
/// change, so the kept answer is used even before a dispatch.
pub(super) async fn commits_between(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    base: &Sha,
    head: &Sha,
) -> Result<(ListedCommits, Option<EntryKind>), ObserveError> {
    let (repository, key) = (repo_facts.repository.id, format!("messages {base} {head}"));
    if let Some(commits) = kept_for_ever(ctx, repository, &key).await? {
        return Ok((Fact::Known(Availability::Known(commits)), None));
    }
    match ctx.reader.messages_between(ctx.name(), base, head).await {
        Ok(Some(commits)) => {
            keep(ctx, repository, &key, &commits).await?;
            Ok((Fact::Known(Availability::Known(commits)), None))
        }
        Ok(None) => {
            let why = format!("too many commits from {} to {}", base.short(), head.short());
            Ok((Fact::Known(Availability::Untold(why)), None))
        }
        Err(ReadError::Server { status, words, .. }) => {
            let words = format!("{status} {words}");
            Ok(match comparison_failed(release, base, head, &words) {
                FailedComparison::ForGood(counted) => {
                    (Fact::Known(Availability::Untold(words)), counted)
                }
                FailedComparison::ForNow(why, failed) => (Fact::Unreadable(why), Some(failed)),
            })
        }
        Err(error) => Ok((silence(error)?.into(), None)),
    }
}
