//! What a ledger holds, page by page, and of one commit.

use std::collections::BTreeSet;

use super::{NotShown, ReadModel};
use crate::domain::{Entry, EntryKind, ReleaseState, RepoName, Sha, ShaPrefix};
use crate::queries::history::{About, Filter, LOOKED_AT, LedgerPart, SearchResult, line, search};
use crate::queries::view::LedgerPage;

/// Which page of a ledger is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Only what came before the entry of this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
    /// Which of them.
    pub filter: Filter,
}

impl ReadModel {
    /// A page of a repository's ledger, newest first. It may be short, or empty, and yet not the
    /// last: one question looks at a limited number of entries.
    ///
    /// # Errors
    /// [`NotShown`].
    pub async fn ledger(&self, name: &RepoName, wanted: Wanted) -> Result<LedgerPage, NotShown> {
        let snapshot = self.shown(name).await?;
        let empty = ReleaseState::default();
        let release = snapshot.release.as_deref().unwrap_or(&empty);
        let about = wanted.filter.sha.as_ref().map(|sha| About::of(sha, release));
        let part = LedgerPart {
            before: wanted.before,
            after: None,
            since: wanted.filter.since,
            limit: wanted.limit,
        };
        let takes = |entry: &Entry| wanted.filter.takes(entry, about.as_ref());
        let found = self.search(name, part, takes).await?;
        Ok(LedgerPage {
            repository: snapshot.policy.repository.clone(),
            entries: found.entries.into_iter().map(line).collect(),
            next: found.next,
        })
    }

    /// What a ledger holds of one commit, newest first.
    pub(super) async fn history_of(
        &self,
        name: &RepoName,
        about: &About,
        limit: usize,
    ) -> Result<SearchResult, NotShown> {
        self.search(name, LedgerPart::newest(limit), |entry| about.concerns(&entry.kind)).await
    }

    /// The last decision about a commit that a ledger holds.
    pub(super) async fn decided_of(
        &self,
        name: &RepoName,
        sha: &Sha,
    ) -> Result<Option<Entry>, NotShown> {
        let is_it = |entry: &Entry| matches!(&entry.kind, EntryKind::Decided { sha: one, .. } if one == sha);
        let found = self.search(name, LedgerPart::newest(1), is_it).await?;
        Ok(found.entries.into_iter().map(|(_, entry)| entry).next())
    }

    /// The commits that a ledger names and that begin so.
    pub(super) async fn named_in_ledger(
        &self,
        name: &RepoName,
        prefix: &ShaPrefix,
    ) -> Result<BTreeSet<Sha>, NotShown> {
        let names = |entry: &Entry| entry.kind.shas().iter().any(|sha| sha.starts_with(prefix));
        let found = self.search(name, LedgerPart::newest(LOOKED_AT), names).await?;
        let shas = found.entries.iter().flat_map(|(_, entry)| entry.kind.shas());
        Ok(shas.filter(|sha| sha.starts_with(prefix)).cloned().collect())
    }

    /// Few questions search at once: the store has one thread.
    async fn search(
        &self,
        name: &RepoName,
        part: LedgerPart,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<SearchResult, NotShown> {
        let store = &self.controller.shared().store;
        let Some(id) = store.repo_id(name).await? else { return Ok(SearchResult::default()) };
        let _turn = self.readers.acquire().await;
        Ok(search(store, id, part, wanted).await?)
    }
}
