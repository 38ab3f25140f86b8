//! `history`: what was decided, tried, seen and said in a repository, newest first.

mod filter;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::controller::Controller;
use crate::domain::{Entry, RepoId, RepoName};
use crate::store::Store;
use crate::words::told;

use super::reach::Look;
use super::view::{self, Line};
use super::{Ask, Caller, Failure};

use filter::About;
pub use filter::{EntryGroup, Filter};

/// Entries that the store gives at once.
const PAGE: usize = 1_000;
/// Entries that one question looks at: whoever wants more asks again from there on.
const LOOKED_AT: usize = 20_000;
/// Entries stand in the order in which they were written; their times, which are GitHub's once it
/// has answered and the machine's before, may go back by as much as that clock is off.
const DISORDER: SignedDuration = SignedDuration::from_hours(24);

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
        let mut found = Vec::new();
        let mut newest = None;
        let (mut before, mut looked_at) = (self.before, 0);
        let next = loop {
            let (page, wanted) = self.page(store, id, before).await?;
            newest = newest.or_else(|| page.first().map(|(number, _)| *number));
            for (number, entry) in &page {
                if self.is_past(*number, entry.at) {
                    return Ok(self.shown(found, newest, None));
                }
                before = Some(*number);
                if self.filter.takes(entry, about.as_ref()) {
                    found.push(line(*number, entry));
                }
                if found.len() >= self.limit {
                    break;
                }
            }
            looked_at += page.len();
            if found.len() >= self.limit || looked_at >= LOOKED_AT {
                break before;
            }
            if page.len() < wanted {
                break None;
            }
        };
        Ok(self.shown(found, newest, next))
    }

    /// The next entries to look at, and how many were wanted.
    async fn page(
        &self,
        store: &Store,
        id: RepoId,
        before: Option<u64>,
    ) -> Result<(Vec<(u64, Entry)>, usize), Failure> {
        let wanted = if self.filter == Filter::default() { self.limit.min(PAGE) } else { PAGE };
        Ok((store.history(id, before, wanted).await?, wanted))
    }

    /// Whether neither this entry nor an older one is asked for.
    fn is_past(&self, number: u64, at: Timestamp) -> bool {
        self.after.is_some_and(|after| number <= after)
            || self.filter.since.is_some_and(|since| since.duration_since(at) > DISORDER)
    }

    fn shown(self, entries: Vec<Line>, newest: Option<u64>, next: Option<u64>) -> view::History {
        view::History { repository: self.repository, entries, newest, next }
    }
}

fn line(number: u64, entry: &Entry) -> Line {
    Line { number, told: told(&entry.kind), entry: entry.clone() }
}
