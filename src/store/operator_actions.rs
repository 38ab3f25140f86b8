//! Appends operators' actions while a pass holds the ledger, or before the ledger exists.

use jiff::Timestamp;
use redb::{ReadableTable as _, TableError, WriteTransaction};

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::ledger::last_row;
use super::release;
use super::schema::{LEDGER, NAMES, PENDING_WORDS};
use crate::domain::{Entry, EntryKind, OperatorAction, RepoId};

/// The time of an operator's action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordTime {
    /// By GitHub's clock.
    Known(Timestamp),
    /// Only this machine's clock is known, which may be wrong. The action gets the time of the
    /// ledger's last entry, or this one if there is no ledger yet.
    Unknown {
        /// By this machine's clock.
        local: Timestamp,
    },
}

/// The ledger to append to.
pub(super) enum Whose {
    Repository(RepoId),
    /// By the name in lower case. The id is unknown until GitHub has answered once.
    Name(String),
}

impl Engine {
    /// The actions stored for a future ledger under this name.
    pub(super) fn kept_words(&mut self, name: &str) -> Result<Vec<OperatorAction>, StoreError> {
        self.read(|read| {
            let pending = match read.open_table(PENDING_WORDS) {
                Ok(pending) => pending,
                // The table is created with the first such action.
                Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            pending.get(name)?.map_or_else(|| Ok(Vec::new()), |row| decoded(name, row.value()))
        })
    }

    /// Appends actions to a ledger, or stores them for a future one. Returns the time they are
    /// recorded under.
    pub(super) fn append_words(
        &mut self,
        whose: &Whose,
        time: WordTime,
        words: &[OperatorAction],
    ) -> Result<Timestamp, StoreError> {
        self.write(|write| {
            let repo = match whose {
                Whose::Repository(repo) => Some(*repo),
                Whose::Name(name) => {
                    let names = write.open_table(NAMES)?;
                    let number = names.get(name.as_str())?.map(|number| number.value());
                    number.map(RepoId::from)
                }
            };
            match (repo, whose) {
                (Some(repo), _) => append(write, repo, time, words),
                (None, Whose::Name(name)) => keep(write, name, time, words),
                (None, Whose::Repository(_)) => Err(StoreError::Closed.into()),
            }
        })
    }
}

fn append(
    write: &WriteTransaction,
    repo: RepoId,
    time: WordTime,
    words: &[OperatorAction],
) -> Result<Timestamp, Fault> {
    let broken = |what| Fault::from(StoreError::Broken { repo, what });
    let mut ledger = write.open_table(LEDGER)?;
    let last = last_row(&ledger, repo.get())?;
    let number = last.as_ref().map_or(0, |(number, _)| *number);
    let last = match &last {
        Some((_, row)) => Some(release::decode::<Entry>(row).map_err(broken)?.at),
        None => None,
    };
    let at = match time {
        WordTime::Known(at) => last.map_or(at, |last| at.max(last)),
        WordTime::Unknown { local } => last.unwrap_or(local),
    };
    for (number, word) in (number.saturating_add(1)..).zip(words) {
        let entry = Entry { at, kind: EntryKind::Operator(word.clone()) };
        let row = release::encode_entry(&entry).map_err(broken)?;
        ledger.insert((repo.get(), number), row.as_slice())?;
    }
    Ok(at)
}

/// Stores actions for a repository whose id is not known yet.
fn keep(
    write: &WriteTransaction,
    name: &str,
    time: WordTime,
    words: &[OperatorAction],
) -> Result<Timestamp, Fault> {
    let mut pending = write.open_table(PENDING_WORDS)?;
    let kept = pending.get(name)?.map(|row| row.value().to_vec());
    let mut all = kept.map_or_else(|| Ok(Vec::new()), |row| decoded(name, &row))?;
    all.extend_from_slice(words);
    let row = release::encode(&all).map_err(|what| unreadable(name, &what))?;
    pending.insert(name, row.as_slice())?;
    Ok(match time {
        WordTime::Known(at) | WordTime::Unknown { local: at } => at,
    })
}

/// Moves the actions that were stored for `name` to the end of its ledger.
pub(super) fn take_kept(write: &WriteTransaction, name: &str, repo: RepoId) -> Result<(), Fault> {
    let mut pending = write.open_table(PENDING_WORDS)?;
    let row = pending.remove(name)?.map(|row| row.value().to_vec());
    let Some(row) = row else { return Ok(()) };
    let words = decoded(name, &row)?;
    append(write, repo, WordTime::Unknown { local: Timestamp::UNIX_EPOCH }, &words)?;
    Ok(())
}

fn decoded(name: &str, row: &[u8]) -> Result<Vec<OperatorAction>, Fault> {
    release::decode(row).map_err(|what| unreadable(name, &what))
}

fn unreadable(name: &str, what: &str) -> Fault {
    StoreError::PendingWords { name: name.to_owned(), what: what.to_owned() }.into()
}
