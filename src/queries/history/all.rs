//! `history --all`: the ledgers of all repositories that are governed, or were.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::controller::Controller;
use crate::domain::{Entry, RepoId, RepoName};
use crate::store::Store;

use super::{About, Filter, LOOKED_AT, LedgerPart, line, search};
use crate::queries::view::{FleetHistoryView as Found, LineOf};
use crate::request::StoreRequest;
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// Entries that one answer holds at most, so that it stays small.
const IN_ONE_ANSWER: usize = 1_000;

/// What happened in all repositories, one ledger after the other?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FleetHistoryRequest {
    /// Where an earlier answer ended; none: from the first repository on.
    pub from: Option<LedgerPlace>,
    /// At most so many entries of each repository; none: all.
    pub limit: Option<usize>,
    /// Which of them.
    pub filter: Filter,
}

/// A place in a ledger of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPlace {
    /// Whose ledger.
    pub repository: RepoName,
    /// Only what came before the entry of this number.
    pub before: Option<u64>,
    /// Entries of this ledger that earlier answers held.
    pub found: usize,
}

impl ControllerRequest for FleetHistoryRequest {
    const NAME: &'static str = "history-of-all";
    type Answer = Found;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(self, controller: Controller, _: Caller) -> Result<Found, CommandFailure> {
        let governed = controller.repositories().iter().cloned().collect();
        self.read(&controller.shared().store, &governed).await
    }
}

impl StoreRequest for FleetHistoryRequest {
    async fn of_store(
        self,
        config: &Config,
        store: Option<&Store>,
    ) -> Result<Found, CommandFailure> {
        let governed = config.repositories.iter().map(|policy| policy.repository.clone()).collect();
        match store {
            Some(store) => self.read(store, &governed).await,
            None => Ok(Found::default()),
        }
    }
}

impl FleetHistoryRequest {
    /// Reads until enough was looked at for one answer.
    async fn read(
        self,
        store: &Store,
        governed: &BTreeSet<RepoName>,
    ) -> Result<Found, CommandFailure> {
        let mut entries = Vec::new();
        let mut looked_at = 0_usize;
        let mut from = self.from.clone();
        for (repository, id) in ledgers(store, governed).await? {
            let place = match from.take() {
                Some(place) if repository < place.repository => {
                    from = Some(place);
                    continue;
                }
                Some(place) if repository == place.repository => place,
                Some(_) | None => LedgerPlace { repository, before: None, found: 0 },
            };
            if looked_at >= LOOKED_AT || entries.len() >= IN_ONE_ANSWER {
                return Ok(Found { entries, next: Some(place) });
            }
            let of_one = self.of_one(store, id, &place).await?;
            looked_at = looked_at.saturating_add(of_one.looked_at);
            let found = place.found.saturating_add(of_one.entries.len());
            let is_enough = self.limit.is_some_and(|limit| found >= limit);
            let repository = place.repository;
            entries.extend(
                of_one
                    .entries
                    .into_iter()
                    .map(|entry| LineOf { repository: repository.clone(), line: line(entry) }),
            );
            if let Some(before) = of_one.next.filter(|_| !is_enough) {
                let next = LedgerPlace { repository, before: Some(before), found };
                return Ok(Found { entries, next: Some(next) });
            }
        }
        Ok(Found { entries, next: None })
    }

    async fn of_one(
        &self,
        store: &Store,
        id: RepoId,
        place: &LedgerPlace,
    ) -> Result<super::SearchResult, CommandFailure> {
        let about = match &self.filter.sha {
            Some(sha) => Some(About::of(sha, store.ledger(id).await?.state())),
            None => None,
        };
        let left = self.limit.map(|limit| limit.saturating_sub(place.found));
        let part = LedgerPart {
            before: place.before,
            after: None,
            since: self.filter.since,
            limit: left.unwrap_or(IN_ONE_ANSWER).min(IN_ONE_ANSWER),
        };
        let wanted = |entry: &Entry| self.filter.takes(entry, about.as_ref());
        Ok(search(store, id, part, wanted).await?)
    }
}

/// All ledgers in the order of their repositories' names. Of several names that a repository had,
/// the governed one counts.
async fn ledgers(
    store: &Store,
    governed: &BTreeSet<RepoName>,
) -> Result<BTreeMap<RepoName, RepoId>, CommandFailure> {
    let mut by_id: BTreeMap<RepoId, RepoName> = BTreeMap::new();
    for (name, id) in store.names().await? {
        match governed.get(&name) {
            Some(name) => drop(by_id.insert(id, name.clone())),
            None => drop(by_id.entry(id).or_insert(name)),
        }
    }
    Ok(by_id.into_iter().map(|(id, name)| (name, id)).collect())
}
