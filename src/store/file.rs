//! Opens or creates the file. An existing file is inspected before it is changed, and never
//! overwritten.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::ops::{Bound, Range, RangeInclusive};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, StorageBackend};

use super::error::StoreError;
use super::schema;

/// The file name in `state.dir`.
pub(super) const FILE: &str = "release-governor.redb";

/// A smaller file is not worth compacting.
const COMPACT_FROM_BYTES: u64 = 64 << 20;
/// Compacting a larger file would delay startup for too long.
const COMPACT_UP_TO_BYTES: u64 = 1 << 30;

/// Maximum number of unfinished files, left by crashes, to skip before giving up.
const LEFT_BEHIND: u32 = 100;

/// Creates `dir` if it does not exist, accessible only to the current user.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| StoreError::io("create", dir, &error))
}

/// Opens the store at `path` or creates a new one, and migrates an older schema.
pub(super) fn open(path: &Path, cache_bytes: usize) -> Result<Database, StoreError> {
    let there = path.try_exists().map_err(|error| StoreError::io("open", path, &error))?;
    if there {
        close_to_others(path);
        inspect(path, cache_bytes)?;
    } else {
        create(path, cache_bytes)?;
    }
    let db = builder(cache_bytes)
        .open(path)
        .map_err(|error| StoreError::redb("open", path, error.into()))?;
    schema::bring_up_to_date(&db, path)?;
    Ok(db)
}

/// Returns the space of deleted rows to the file system, if it is substantial.
pub(super) fn compact(db: &mut Database, path: &Path) -> Result<(), StoreError> {
    compact_if_within(db, path, COMPACT_FROM_BYTES..=COMPACT_UP_TO_BYTES)
}

fn compact_if_within(
    db: &mut Database,
    path: &Path,
    bounds: RangeInclusive<u64>,
) -> Result<(), StoreError> {
    let length = fs::metadata(path).map_err(|error| StoreError::io("open", path, &error))?.len();
    if !bounds.contains(&length) {
        return Ok(());
    }
    let fault = |error: redb::Error| StoreError::redb("compact", path, error);
    let write = db.begin_write().map_err(|error| fault(error.into()))?;
    let stats = write.stats().map_err(|error| fault(error.into()))?;
    write.abort().map_err(|error| fault(error.into()))?;
    // redb's fragmented bytes would also include free pages.
    let used = stats.allocated_pages().saturating_mul(count(stats.page_size()).unwrap_or(PAGE));
    if used < length / 2 {
        db.compact().map_err(|error| fault(error.into()))?;
    }
    Ok(())
}

fn builder(cache_bytes: usize) -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    builder
}

/// Checks, without changing the file, that it is intact and has a known schema. A normal open
/// would repair a crashed file and trust its content.
fn inspect(path: &Path, cache_bytes: usize) -> Result<(), StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| StoreError::io("open", path, &error))?;
    let metadata = file.metadata().map_err(|error| StoreError::io("open", path, &error))?;
    let unreadable =
        |why: &str| StoreError::Unreadable { path: path.to_path_buf(), why: why.into() };
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file"));
    }
    if metadata.len() == 0 {
        return Err(unreadable("it is empty"));
    }
    let backend =
        FileBackend::new(file).map_err(|error| StoreError::redb("open", path, error.into()))?;
    let look = || {
        let db = builder(cache_bytes)
            .set_check_integrity_on_open(true)
            .create_with_backend(ReadThrough::over(backend, metadata.len()))
            .map_err(|error| StoreError::redb("open", path, error.into()))?;
        match schema::version(&db, path)? {
            Some(_) => Ok(()),
            None => Err(unreadable("it holds no table")),
        }
    };
    // A damaged file must not end the process, even if redb panics.
    catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| Err(unreadable("it is damaged")))
}

/// Creates the store under a temporary name and moves it into place once complete, so that a
/// crash leaves either no store or a valid one.
fn create(path: &Path, cache_bytes: usize) -> Result<(), StoreError> {
    let (file, beside) = create_beside(path)?;
    let made = fill(file, path, cache_bytes).and_then(|()| {
        put_in_place(&beside, path).map_err(|error| StoreError::io("create", path, &error))
    });
    // After success, this is only a second name of the store.
    fs::remove_file(&beside).ok();
    made
}

fn fill(file: File, path: &Path, cache_bytes: usize) -> Result<(), StoreError> {
    let redb = |error: redb::DatabaseError| StoreError::redb("create", path, error.into());
    let backend = FileBackend::new(file).map_err(redb)?;
    let db = builder(cache_bytes).create_with_backend(backend).map_err(redb)?;
    schema::bring_up_to_date(&db, path)?;
    db.close().map_err(redb)
}

fn put_in_place(beside: &Path, path: &Path) -> io::Result<()> {
    // Unlike a rename, a hard link never replaces a file that another process created
    // meanwhile. Some network file systems have no hard links.
    match fs::hard_link(beside, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(_) => fs::rename(beside, path)?,
    }
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// Creates a file with a unique temporary name: another process, which may have the same pid in
/// its own container, may be doing the same.
fn create_beside(path: &Path) -> Result<(File, PathBuf), StoreError> {
    let mut number = 0;
    loop {
        let beside = path.with_extension(format!("redb.new-{}-{number}", std::process::id()));
        let created =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&beside);
        match created {
            Ok(file) => return Ok((file, beside)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < LEFT_BEHIND => {
                number += 1;
            }
            Err(error) => return Err(StoreError::io("create", path, &error)),
        }
    }
}

/// The ledger is not for every user of the machine. If we may not change the permissions, they
/// stay as they are: a volume may be shared by a group on purpose.
fn close_to_others(path: &Path) {
    if let Ok(metadata) = fs::metadata(path)
        && metadata.permissions().mode() & 0o077 != 0
    {
        fs::set_permissions(path, Permissions::from_mode(0o600)).ok();
    }
}

const PAGE: u64 = 4_096;

/// A file whose changes stay in memory.
#[derive(Debug)]
struct ReadThrough {
    file: FileBackend,
    changes: Mutex<UnsyncedChanges>,
}

#[derive(Debug)]
struct UnsyncedChanges {
    length: u64,
    /// The part of the file's length that is still valid. Reads beyond it return zeros.
    file_length: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl ReadThrough {
    fn over(file: FileBackend, length: u64) -> Self {
        let changes = UnsyncedChanges { length, file_length: length, pages: BTreeMap::new() };
        Self { file, changes: Mutex::new(changes) }
    }

    fn changes(&self) -> MutexGuard<'_, UnsyncedChanges> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page that begins at `start`, as it is in the file.
    fn read_page(&self, start: u64, file_length: u64) -> io::Result<Vec<u8>> {
        let there = file_length.saturating_sub(start).min(PAGE);
        let mut page = vec![0; size(PAGE)?];
        if let Some(part) = page.get_mut(..size(there)?)
            && there > 0
        {
            self.file.read(start, part)?;
        }
        Ok(page)
    }

    /// Calls `each` for every page that `offset..offset + length` overlaps, in order, with the
    /// page, the range within the page, and the range within the span.
    fn pages(
        offset: u64,
        length: usize,
        mut each: impl FnMut(u64, Range<usize>, Range<usize>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done: usize = 0;
        while done < length {
            let at = offset.saturating_add(count(done)?);
            let within = size(at % PAGE)?;
            let part = size(PAGE)?.saturating_sub(within).min(length.saturating_sub(done));
            let next = done.saturating_add(part);
            each(at.saturating_sub(at % PAGE), within..within.saturating_add(part), done..next)?;
            done = next;
        }
        Ok(())
    }
}

fn size(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}

fn count(number: usize) -> io::Result<u64> {
    u64::try_from(number).map_err(io::Error::other)
}

fn copy(to: Option<&mut [u8]>, from: Option<&[u8]>) {
    if let (Some(to), Some(from)) = (to, from) {
        to.copy_from_slice(from);
    }
}

impl StorageBackend for ReadThrough {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes();
        if offset.saturating_add(count(out.len())?) > changes.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if changes.pages.is_empty() {
            return self.file.read(offset, out);
        }
        Self::pages(offset, out.len(), |start, within, span| {
            match changes.pages.get(&start) {
                Some(page) => copy(out.get_mut(span), page.get(within)),
                None => {
                    let page = self.read_page(start, changes.file_length)?;
                    copy(out.get_mut(span), page.get(within));
                }
            }
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut changes = self.changes();
        changes.length = len;
        changes.file_length = changes.file_length.min(len);
        changes.pages.retain(|start, _| *start < len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes();
        let file_length = changes.file_length;
        Self::pages(offset, data.len(), |start, within, span| {
            let mut page = match changes.pages.remove(&start) {
                Some(page) => page,
                None => self.read_page(start, file_length)?,
            };
            copy(page.get_mut(within), data.get(span));
            changes.pages.insert(start, page);
            Ok(())
        })
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_mostly_free_gets_small_again() {
        let home = tempfile::TempDir::new().unwrap();
        let path = home.path().join(FILE);
        let mut db = open(&path, 1 << 20).unwrap();
        let length = || fs::metadata(&path).unwrap().len();
        for (size, keep) in [(100_000, true), (0, false)] {
            let write = db.begin_write().unwrap();
            let mut answers = write.open_table(schema::ANSWERS).unwrap();
            for number in 0..100 {
                let key = format!("{number}");
                if keep {
                    answers.insert(key.as_str(), vec![1; size].as_slice()).unwrap();
                } else {
                    answers.remove(key.as_str()).unwrap();
                }
            }
            drop(answers);
            write.commit().unwrap();
            compact_if_within(&mut db, &path, 0..=u64::MAX).unwrap();
            assert_eq!(length() > 10_000_000, keep, "{}", length());
        }
    }
}
