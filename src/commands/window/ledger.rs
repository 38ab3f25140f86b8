//! What a ledger holds, page by page, and of one commit.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{NotShown, Window};
use crate::commands::view::{LedgerPage, Line};
use crate::domain::{AttemptId, Entry, EntryKind, RepoName, Sha, ShaPrefix};
use crate::words::told;

/// Entries that one job of the store's thread reads: a dispatch waits for no more than that.
const AT_ONCE: usize = 250;
/// Entries that one question looks at, whatever it looks for.
const LOOKED_AT: usize = 5_000;
/// Entries are in the order in which they were recorded; GitHub's clock may have jumped by less
/// than this between two of them.
const CLOCK_JUMPS: SignedDuration = SignedDuration::from_hours(1);

/// Which entries of a ledger are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only what came before the entry of this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
    /// Only of these kinds; none: of all.
    pub kinds: Vec<&'static str>,
    /// Only what names this commit.
    pub sha: Option<ShaPrefix>,
    /// Only from this time on.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
}

impl Wanted {
    fn holds(&self, entry: &Entry) -> bool {
        let names = |sha: &ShaPrefix| entry.kind.shas().iter().any(|one| one.starts_with(sha));
        (self.kinds.is_empty() || self.kinds.contains(&entry.kind.name()))
            && self.sha.as_ref().is_none_or(names)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }

    /// Whether nothing that is wanted can come after this entry.
    fn is_past(&self, entry: &Entry) -> bool {
        let early = |since: Timestamp| entry.at.duration_since(since) < -CLOCK_JUMPS;
        self.since.is_some_and(early)
    }
}

/// What a search found.
pub(super) struct Found {
    /// Newest first.
    pub(super) entries: Vec<(u64, Entry)>,
    /// Before which number a next search goes on; none: there is no more.
    pub(super) next: Option<u64>,
}

impl Window {
    /// A page of a repository's ledger, newest first. It may be short, or empty, and yet not the
    /// last: one question looks at a limited number of entries.
    ///
    /// # Errors
    /// [`NotShown`].
    pub async fn ledger(&self, name: &RepoName, wanted: Wanted) -> Result<LedgerPage, NotShown> {
        let policy = self.governed(name)?.policy;
        let enough = |entry: &Entry| wanted.is_past(entry);
        let found = self
            .search(name, wanted.before, wanted.limit, |entry| wanted.holds(entry), enough)
            .await?;
        Ok(LedgerPage {
            repository: policy.repository.clone(),
            entries: found.entries.into_iter().map(line).collect(),
            next: found.next,
        })
    }

    /// What a ledger holds of one commit and of these attempts, newest first.
    pub(super) async fn history_of(
        &self,
        name: &RepoName,
        sha: &Sha,
        attempts: &BTreeSet<&AttemptId>,
        limit: usize,
    ) -> Result<Found, NotShown> {
        let is_about = |entry: &Entry| {
            entry.kind.shas().contains(&sha)
                || entry.kind.attempt().is_some_and(|id| attempts.contains(id))
        };
        self.search(name, None, limit, is_about, |_| false).await
    }

    /// The last decision about a commit that a ledger holds.
    pub(super) async fn decided_of(
        &self,
        name: &RepoName,
        sha: &Sha,
    ) -> Result<Option<Entry>, NotShown> {
        let is_it = |entry: &Entry| matches!(&entry.kind, EntryKind::Decided { sha: one, .. } if one == sha);
        let found = self.search(name, None, 1, is_it, |_| false).await?;
        Ok(found.entries.into_iter().map(|(_, entry)| entry).next())
    }

    /// The commits that a ledger names and that begin so.
    pub(super) async fn named_in_ledger(
        &self,
        name: &RepoName,
        prefix: &ShaPrefix,
    ) -> Result<BTreeSet<Sha>, NotShown> {
        let names = |entry: &Entry| entry.kind.shas().iter().any(|sha| sha.starts_with(prefix));
        let found = self.search(name, None, LOOKED_AT, names, |_| false).await?;
        let shas = found.entries.iter().flat_map(|(_, entry)| entry.kind.shas());
        Ok(shas.filter(|sha| sha.starts_with(prefix)).cloned().collect())
    }

    /// Reads a ledger backwards for at most `limit` entries that are `wanted`, until one says
    /// that it is `enough`.
    async fn search(
        &self,
        name: &RepoName,
        before: Option<u64>,
        limit: usize,
        wanted: impl Fn(&Entry) -> bool,
        enough: impl Fn(&Entry) -> bool,
    ) -> Result<Found, NotShown> {
        let store = &self.controller.shared().store;
        let mut found = Found { entries: Vec::new(), next: before };
        let Some(id) = store.repo_id(name).await? else {
            return Ok(Found { next: None, ..found });
        };
        let _turn = self.readers.acquire().await;
        let mut left = LOOKED_AT;
        loop {
            let page = store.history(id, found.next, AT_ONCE).await?;
            let is_last = page.len() < AT_ONCE;
            for (number, entry) in page {
                if found.entries.len() >= limit || left == 0 {
                    return Ok(found);
                }
                if enough(&entry) {
                    return Ok(Found { next: None, ..found });
                }
                left -= 1;
                found.next = Some(number);
                if wanted(&entry) {
                    found.entries.push((number, entry));
                }
            }
            if is_last {
                return Ok(Found { next: None, ..found });
            }
        }
    }
}

/// An entry as `history --json` has it.
pub(super) fn line((number, entry): (u64, Entry)) -> Line {
    Line { number, told: told(&entry.kind), entry }
}
