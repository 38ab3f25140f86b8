//! `history`: what was decided, tried, seen and said in a repository, newest first.

mod all;
mod filter;
mod search;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::controller::Controller;
use crate::domain::{Entry, RepoName};
use crate::messages::describe_entry;
use crate::store::Store;

use super::view::{self, HistoryLine};
use crate::request::StoreRequest;
use crate::request::{Caller, CommandFailure, ControllerRequest};

pub use all::{FleetHistoryRequest, LedgerPlace};
pub(super) use filter::About;
pub(crate) use filter::said_by;
pub use filter::{EntryWord, Filter, NoSuchEntry};
pub(super) use search::{LOOKED_AT, LedgerPart, SearchResult, search};

/// What happened in this repository?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryRequest {
    /// The repository.
    pub repository: RepoName,
    /// Only what came before the entry of this number.
    pub before: Option<u64>,
    /// Only what came after the entry of this number.
    #[serde(default)]
    pub after: Option<u64>,
    /// At most so many entries.
    pub limit: usize,
    /// Which of them.
    #[serde(default)]
    pub filter: Filter,
}

impl ControllerRequest for HistoryRequest {
    const NAME: &'static str = "history";
    type Answer = view::HistoryView;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(
        self,
        controller: Controller,
        _: Caller,
    ) -> Result<view::HistoryView, CommandFailure> {
        self.read(&controller.shared().store).await
    }
}

impl StoreRequest for HistoryRequest {
    async fn of_store(
        self,
        _: &Config,
        store: Option<&Store>,
    ) -> Result<view::HistoryView, CommandFailure> {
        match store {
            Some(store) => self.read(store).await,
            None => Ok(self.nothing()),
        }
    }
}

impl HistoryRequest {
    fn nothing(self) -> view::HistoryView {
        view::HistoryView { repository: self.repository, entries: vec![], newest: None, next: None }
    }

    async fn read(self, store: &Store) -> Result<view::HistoryView, CommandFailure> {
        let Some(id) = store.repo_id(&self.repository).await? else { return Ok(self.nothing()) };
        let about = match &self.filter.sha {
            Some(sha) => Some(About::of(sha, store.ledger(id).await?.state())),
            None => None,
        };
        let part = LedgerPart {
            before: self.before,
            after: self.after,
            since: self.filter.since,
            limit: self.limit,
        };
        let wanted = |entry: &Entry| self.filter.takes(entry, about.as_ref());
        let found = search(store, id, part, wanted).await?;
        Ok(view::HistoryView {
            repository: self.repository,
            entries: found.entries.into_iter().map(line).collect(),
            newest: found.newest,
            next: found.next,
        })
    }
}

/// An entry as it is shown.
pub(super) fn line((number, entry): (u64, Entry)) -> HistoryLine {
    HistoryLine { number, told: describe_entry(&entry.kind), entry }
}
