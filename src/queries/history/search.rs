//! How a ledger is searched, whoever asks: backwards, a little at a time.

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Entry, RepoId};
use crate::store::{Store, StoreError};

/// Entries that one job of the store's thread reads: a dispatch waits for no more than that.
const AT_ONCE: usize = 250;
/// Entries that one question looks at: whoever wants more asks again from there on.
pub(in crate::queries) const LOOKED_AT: usize = 5_000;
/// Entries stand in the order in which they were written; their times, which are GitHub's once it
/// has answered and the machine's before, may go back by as much as that clock is off.
const DISORDER: SignedDuration = SignedDuration::from_hours(24);

/// Which part of a ledger is searched.
#[derive(Clone, Copy, Debug)]
pub(in crate::queries) struct LedgerPart {
    /// Only what came before the entry of this number.
    pub(in crate::queries) before: Option<u64>,
    /// Only what came after the entry of this number.
    pub(in crate::queries) after: Option<u64>,
    /// Only what happened from then on: where that ends the search.
    pub(in crate::queries) since: Option<Timestamp>,
    /// At most so many entries are found.
    pub(in crate::queries) limit: usize,
}

impl LedgerPart {
    /// The newest so many.
    pub(in crate::queries) const fn newest(limit: usize) -> Self {
        Self { before: None, after: None, since: None, limit }
    }

    /// Whether neither this entry nor an older one is in it.
    fn is_past(&self, number: u64, at: Timestamp) -> bool {
        self.after.is_some_and(|after| number <= after)
            || self.since.is_some_and(|since| since.duration_since(at) > DISORDER)
    }
}

/// What a search found.
#[derive(Debug, Default)]
pub(in crate::queries) struct SearchResult {
    /// Newest first.
    pub(in crate::queries) entries: Vec<(u64, Entry)>,
    /// The newest entry that was looked at.
    pub(in crate::queries) newest: Option<u64>,
    /// Before which number a next search goes on; none: there is no more.
    pub(in crate::queries) next: Option<u64>,
    /// How many entries were looked at.
    pub(in crate::queries) looked_at: usize,
}

/// The entries of a part that are `wanted`. They may be few, or none, and yet not all: one
/// question looks at a limited number of entries.
///
/// # Errors
/// What the store says.
pub(in crate::queries) async fn search(
    store: &Store,
    id: RepoId,
    part: LedgerPart,
    wanted: impl Fn(&Entry) -> bool,
) -> Result<SearchResult, StoreError> {
    let mut found = SearchResult { next: part.before, ..SearchResult::default() };
    loop {
        let page = store.history(id, found.next, AT_ONCE).await?;
        let is_last = page.len() < AT_ONCE;
        for (number, entry) in page {
            found.newest = found.newest.or(Some(number));
            if part.is_past(number, entry.at) {
                return Ok(SearchResult { next: None, ..found });
            }
            if found.entries.len() >= part.limit || found.looked_at >= LOOKED_AT {
                return Ok(found);
            }
            found.looked_at += 1;
            found.next = Some(number);
            if wanted(&entry) {
                found.entries.push((number, entry));
            }
        }
        if is_last {
            return Ok(SearchResult { next: None, ..found });
        }
    }
}
