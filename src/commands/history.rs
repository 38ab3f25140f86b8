//! `history`: what was decided, tried, seen and said in a repository, newest first.

mod all;
mod filter;
mod search;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::controller::Controller;
use crate::domain::{Entry, RepoName};
use crate::store::Store;
use crate::words::told;

use super::reach::Look;
use super::view::{self, Line};
use super::{Ask, Caller, Failure};

pub use all::{HistoryOfAll, LedgerPlace};
pub(super) use filter::About;
pub(crate) use filter::said_by;
pub use filter::{EntryWord, Filter, NoSuchEntry};
pub(super) use search::{Found, LOOKED_AT, Part, search};

/// What happened in this repository?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History {
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

impl Ask for History {
    const NAME: &'static str = "history";
    type Answer = view::History;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(self, controller: Controller, _: Caller) -> Result<view::History, Failure> {
        self.read(&controller.shared().store).await
    }
}

impl Look for History {
    async fn of_store(self, _: &Config, store: Option<&Store>) -> Result<view::History, Failure> {
        match store {
            Some(store) => self.read(store).await,
            None => Ok(self.nothing()),
        }
    }
}

impl History {
    fn nothing(self) -> view::History {
        view::History { repository: self.repository, entries: vec![], newest: None, next: None }
    }

    async fn read(self, store: &Store) -> Result<view::History, Failure> {
        let Some(id) = store.repo_id(&self.repository).await? else { return Ok(self.nothing()) };
        let about = match &self.filter.sha {
            Some(sha) => Some(About::of(sha, store.ledger(id).await?.state())),
            None => None,
        };
        let part = Part {
            before: self.before,
            after: self.after,
            since: self.filter.since,
            limit: self.limit,
        };
        let wanted = |entry: &Entry| self.filter.takes(entry, about.as_ref());
        let found = search(store, id, part, wanted).await?;
        Ok(view::History {
            repository: self.repository,
            entries: found.entries.into_iter().map(line).collect(),
            newest: found.newest,
            next: found.next,
        })
    }
}

/// An entry as it is shown.
pub(super) fn line((number, entry): (u64, Entry)) -> Line {
    Line { number, told: told(&entry.kind), entry }
}
