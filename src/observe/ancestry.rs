//! Reads which commits contain which.

use super::range::{Failed, comparison_failed};
use super::{Look, ObserveError};
use crate::domain::{EntryKind, Relation, ReleaseState, Sha, Why};
use crate::github::{Compared, ReadError};

/// How a commit stands to one that may contain it.
pub(super) enum Containment {
    /// So.
    Related(Relation),
    /// GitHub cannot compare them, or failed to in as many passes as tell that it lasts.
    Incomparable,
    /// It cannot be told for now.
    Unreadable(Why),
}

/// Asks whether `container` contains `contained`, and what is to be written down of a failure.
///
/// # Errors
/// What GitHub said where the pass cannot go on.
pub(super) async fn containment(
    look: &Look<'_>,
    release: &ReleaseState,
    container: &Sha,
    contained: &Sha,
) -> Result<(Containment, Option<EntryKind>), ObserveError> {
    // In this direction GitHub lists no commit and no file where it does.
    match look.reader.compare(look.name(), container, contained).await {
        Ok(Compared::Known(comparison)) => Ok((Containment::Related(comparison.relation), None)),
        Ok(Compared::Gone(_)) => Ok((Containment::Incomparable, None)),
        Err(ReadError::Server { status, words, .. }) => {
            let words = format!("{status} {words}");
            Ok(match comparison_failed(release, container, contained, &words) {
                Failed::ForGood(counted) => (Containment::Incomparable, counted),
                Failed::ForNow(why, failed) => (Containment::Unreadable(why), Some(failed)),
            })
        }
        Err(other) => Err(other.into()),
    }
}
