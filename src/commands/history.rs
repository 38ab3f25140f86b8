//! `history`: what was decided, tried, seen and said in a repository, newest first.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::controller::Controller;
use crate::domain::RepoName;
use crate::store::Store;
use crate::words::told;

use super::reach::Look;
use super::view::{self, Line};
use super::{Ask, Caller, Failure};

/// What happened in this repository?
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History {
    /// The repository.
    pub repository: RepoName,
    /// Only what came before the entry of this number.
    pub before: Option<u64>,
    /// At most so many entries.
    pub limit: usize,
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
            None => Ok(view::History { repository: self.repository, entries: Vec::new() }),
        }
    }
}

impl History {
    async fn read(self, store: &Store) -> Result<view::History, Failure> {
        let entries = match store.repo_id(&self.repository).await? {
            Some(id) => store.history(id, self.before, self.limit).await?,
            None => Vec::new(),
        };
        let line = |(number, entry): (u64, crate::domain::Entry)| Line {
            number,
            told: told(&entry.kind),
            entry,
        };
        let entries = entries.into_iter().map(line).collect();
        Ok(view::History { repository: self.repository, entries })
    }
}
