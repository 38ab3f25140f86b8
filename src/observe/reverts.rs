//! Reads the commits between two commits, with what their messages say of reverts.

use super::origins::silence;
use super::range::{Failed, comparison_failed, keep, kept_for_ever};
use super::{Basics, Look, ObserveError};
use crate::domain::{EntryKind, Fact, ListedCommit, ReleaseState, Sha, Told};
use crate::github::ReadError;

/// Commits, or why they are not told.
pub(super) type Listed = Fact<Told<Vec<ListedCommit>>>;

/// The commits that `head` has and `base` has not. Neither they nor their messages ever change,
/// so what is kept of them answers also where all else is looked at anew.
pub(super) async fn commits_between(
    look: &Look<'_>,
    basics: &Basics,
    release: &ReleaseState,
    base: &Sha,
    head: &Sha,
) -> Result<(Listed, Option<EntryKind>), ObserveError> {
    let (repository, key) = (basics.repository.id, format!("messages {base} {head}"));
    if let Some(commits) = kept_for_ever(look, repository, &key).await? {
        return Ok((Fact::Known(Told::Known(commits)), None));
    }
    match look.reader.messages_between(look.name(), base, head).await {
        Ok(Some(commits)) => {
            keep(look, repository, &key, &commits).await?;
            Ok((Fact::Known(Told::Known(commits)), None))
        }
        Ok(None) => {
            let why = format!("too many commits from {} to {}", base.short(), head.short());
            Ok((Fact::Known(Told::Untold(why)), None))
        }
        Err(ReadError::Server { status, words, .. }) => {
            let words = format!("{status} {words}");
            Ok(match comparison_failed(release, base, head, &words) {
                Failed::ForGood(counted) => (Fact::Known(Told::Untold(words)), counted),
                Failed::ForNow(why, failed) => (Fact::Unreadable(why), Some(failed)),
            })
        }
        Err(error) => Ok((silence(error)?.into(), None)),
    }
}
