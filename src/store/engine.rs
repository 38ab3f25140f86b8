//! Owns the database: opens it, runs transactions, and reopens it after a disk failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::disk::MemoryDisk;
use super::error::{Fault, StoreError};
use super::etags::AnswerCache;
use super::facts::FactOrder;
use super::ledger::Record;
use super::schema::ANSWERS;
use super::{file, schema};

/// Maximum number of unsynced commits before a sync is forced.
const UNSYNCED_COMMITS: u32 = 64;

/// Size of the test write that checks whether the disk accepts writes again. It is larger than
/// a record, which might still fit into free space of the file.
const TRIAL_BYTES: usize = 256 * 1024;
/// The key of the test write, which is deleted immediately.
const TRIAL_KEY: &str = "trial write";

/// The error of the last write, if it failed. Clones share the same value.
#[derive(Clone, Default)]
pub(super) struct WriteTrouble(Arc<Mutex<Option<StoreError>>>);

impl WriteTrouble {
    pub(super) fn get(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, trouble: Option<StoreError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Where the database is stored.
pub(super) enum StorageLocation {
    /// In a file, with a page cache of this size.
    File { path: PathBuf, cache_bytes: usize },
    /// On an in-memory disk, with a page cache of this size.
    Memory { disk: MemoryDisk, cache_bytes: usize },
}

impl StorageLocation {
    fn path(&self) -> &Path {
        match self {
            Self::File { path, .. } => path,
            Self::Memory { .. } => Path::new("(memory)"),
        }
    }

    fn open(&self) -> Result<Database, StoreError> {
        match self {
            Self::File { path, cache_bytes } => file::open(path, *cache_bytes),
            Self::Memory { disk, cache_bytes } => {
                let db = Database::builder()
                    .set_cache_size(*cache_bytes)
                    .create_with_backend(disk.backend())
                    .map_err(|error| StoreError::redb("open", self.path(), error.into()))?;
                schema::bring_up_to_date(&db, self.path())?;
                Ok(db)
            }
        }
    }
}

/// The database and the state of its owner.
pub(super) struct Engine {
    place: StorageLocation,
    db: Option<Database>,
    unsynced: u32,
    pub(super) answers: Arc<AnswerCache>,
    pub(super) facts: FactOrder,
    trouble: WriteTrouble,
}

impl Engine {
    pub(super) fn new(place: StorageLocation, answers: Arc<AnswerCache>) -> Self {
        let (facts, trouble) = (FactOrder::default(), WriteTrouble::default());
        Self { place, db: None, unsynced: 0, answers, facts, trouble }
    }

    /// The error of the last write, or `None` if it succeeded.
    pub(super) fn trouble(&self) -> WriteTrouble {
        self.trouble.clone()
    }

    /// Whether the last write failed.
    pub(super) fn is_in_trouble(&self) -> bool {
        self.trouble.get().is_some()
    }

    /// Checks whether the disk accepts writes again.
    pub(super) fn try_again(&mut self) -> Result<(), StoreError> {
        self.commit(Durability::Immediate, |write| {
            let trial = vec![b'.'; TRIAL_BYTES];
            write.open_table(ANSWERS)?.insert(TRIAL_KEY, trial.as_slice())?;
            Ok(())
        })?;
        self.commit(Durability::Immediate, |write| {
            write.open_table(ANSWERS)?.remove(TRIAL_KEY)?;
            Ok(())
        })
    }

    /// Opens the database, compacts the file, and loads the indexes that are kept in memory.
    pub(super) fn start(&mut self) -> Result<(), StoreError> {
        let mut db = self.place.open()?;
        if let StorageLocation::File { path, .. } = &self.place {
            file::compact(&mut db, path)?;
        }
        self.db = Some(db);
        let answers = Arc::clone(&self.answers);
        self.read(|read| answers.load(read))
    }

    /// Runs a read transaction.
    pub(super) fn read<T>(
        &mut self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let db = self.db()?;
        let result = guarded(|| work(&db.begin_read()?));
        self.settle_fault("read", result)
    }

    /// Runs a write transaction that is on disk when this returns.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let value = self.commit(Durability::Immediate, work)?;
        self.unsynced = 0;
        Ok(value)
    }

    /// Runs a write transaction that reaches the disk with a later sync.
    pub(super) fn write_behind<T>(
        &mut self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let value = self.commit(Durability::None, work)?;
        self.unsynced = self.unsynced.saturating_add(1);
        if self.unsynced >= UNSYNCED_COMMITS {
            self.sync()?;
        }
        Ok(value)
    }

    /// Whether a crash would lose any write.
    pub(super) fn has_unsynced(&self) -> bool {
        self.unsynced > 0
    }

    /// Syncs all earlier writes.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if self.has_unsynced() { self.write(|_| Ok(())) } else { Ok(()) }
    }

    /// Appends entries to several ledgers in one transaction. Each record can be refused on its
    /// own.
    pub(super) fn record(
        &mut self,
        records: &[Record],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.write(|write| records.iter().map(|record| record.append(write)).collect())
    }

    /// Writes everything and closes the file.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        let written = self.flush(true).and_then(|()| self.sync());
        let closed = match self.db.take() {
            Some(db) => db
                .close()
                .map_err(|error| StoreError::redb("close", self.place.path(), error.into())),
            None => Ok(()),
        };
        written.and(closed)
    }

    /// Writes the unsaved part of the answer cache, without a sync.
    pub(super) fn flush(&mut self, closing: bool) -> Result<(), StoreError> {
        let answers = Arc::clone(&self.answers);
        loop {
            let changes = answers.take_changes(closing);
            if changes.is_empty() {
                return Ok(());
            }
            self.write_behind(|write| changes.store(write))?;
        }
    }

    fn db(&mut self) -> Result<&Database, StoreError> {
        let db = match self.db.take() {
            Some(db) => db,
            None => self.place.open()?,
        };
        Ok(self.db.insert(db))
    }

    fn commit<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let result = self.commit_or_fail(durability, work);
        match &result {
            Ok(_) => self.trouble.set(None),
            Err(error) if error.is_of_the_disk() => self.trouble.set(Some(error.clone())),
            // The transaction was refused because of its content, which says nothing about the
            // disk.
            Err(_) => {}
        }
        result
    }

    fn commit_or_fail<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let db = self.db()?;
        let result = guarded(|| {
            let mut write = db.begin_write()?;
            write.set_durability(durability)?;
            let value = work(&write)?;
            write.commit()?;
            Ok(value)
        });
        self.settle_fault("write", result)
    }

    /// After a disk failure, redb must be reopened, and it is unknown what was written. So all
    /// state that mirrors the file is discarded.
    fn settle_fault<T>(
        &mut self,
        doing: &'static str,
        result: Result<T, Fault>,
    ) -> Result<T, StoreError> {
        match result {
            Ok(value) => Ok(value),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Redb(error)) => {
                self.db = None;
                self.unsynced = 0;
                self.facts = FactOrder::default();
                Err(StoreError::redb(doing, self.place.path(), error))
            }
        }
    }
}

/// redb may panic if another process changed the file. That must fail the operation, not end
/// the process.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let damaged = || redb::Error::Corrupted("it was changed by somebody else".into());
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Fault::Redb(damaged())))
}
