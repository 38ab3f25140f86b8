//! The file: found or made, looked at before it is touched, and never overwritten.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, StorageBackend};

use super::error::StoreError;
use super::schema;

/// The file's name in `state.dir`.
pub(super) const FILE: &str = "release-governor.redb";

/// A file below this is not worth compacting.
const COMPACT_FROM_BYTES: u64 = 64 << 20;
/// A file above this would hold up the start for too long.
const COMPACT_UP_TO_BYTES: u64 = 1 << 30;

/// Makes `dir` where it lacks, for nobody but us.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| StoreError::io("create", dir, &error))
}

/// Opens the store at `path`, or makes a new one there; migrates an older one.
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

/// Gives back what deleted rows took, where that is much.
pub(super) fn compact(db: &mut Database, path: &Path) -> Result<(), StoreError> {
    let length = fs::metadata(path).map_err(|error| StoreError::io("open", path, &error))?.len();
    if !(COMPACT_FROM_BYTES..=COMPACT_UP_TO_BYTES).contains(&length) {
        return Ok(());
    }
    let fault = |error: redb::Error| StoreError::redb("compact", path, error);
    let write = db.begin_write().map_err(|error| fault(error.into()))?;
    let stats = write.stats().map_err(|error| fault(error.into()))?;
    write.abort().map_err(|error| fault(error.into()))?;
    let used = stats
        .stored_bytes()
        .saturating_add(stats.metadata_bytes())
        .saturating_add(stats.fragmented_bytes());
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

/// Looks at a file without changing a byte of it: is it whole, and is it one that we know? An
/// ordinary open repairs what a crash left, and trusts what it finds.
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
        return Err(unreadable("it is no regular file"));
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
    // A damaged file must not end the process, whatever redb makes of it.
    catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| Err(unreadable("it is damaged")))
}

/// A store is written beside its place and moved there when it is whole, so that a crash leaves
/// either none or a good one.
fn create(path: &Path, cache_bytes: usize) -> Result<(), StoreError> {
    let beside = beside(path);
    let io = |doing| move |error: io::Error| StoreError::io(doing, path, &error);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(io("create"))?;
    let backend =
        FileBackend::new(file).map_err(|error| StoreError::redb("create", path, error.into()))?;
    let db = builder(cache_bytes)
        .create_with_backend(backend)
        .map_err(|error| StoreError::redb("create", path, error.into()))?;
    schema::bring_up_to_date(&db, path)?;
    db.close().map_err(|error| StoreError::redb("create", path, error.into()))?;
    // A link, unlike a rename, never replaces what another process put there meanwhile. Some
    // network file systems have none.
    match fs::hard_link(&beside, path) {
        Ok(()) => fs::remove_file(&beside).map_err(io("create"))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&beside).map_err(io("create"))?;
        }
        Err(_) => fs::rename(&beside, path).map_err(io("create"))?,
    }
    match path.parent() {
        Some(dir) => File::open(dir).and_then(|dir| dir.sync_all()).map_err(io("create")),
        None => Ok(()),
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension(format!("redb.new-{}", std::process::id()))
}

/// What the ledger says is not for every user of the machine. A file that is not ours to change
/// stays as it is: a volume may be shared by a group on purpose.
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
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    length: u64,
    /// What the file has at most; beyond it are zeros.
    file_length: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl ReadThrough {
    fn over(file: FileBackend, length: u64) -> Self {
        let changes = Changes { length, file_length: length, pages: BTreeMap::new() };
        Self { file, changes: Mutex::new(changes) }
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page that begins at `start`, as the file has it.
    fn from_file(&self, start: u64, file_length: u64) -> io::Result<Vec<u8>> {
        let there = file_length.saturating_sub(start).min(PAGE);
        let mut page = vec![0; size(PAGE)?];
        if let Some(part) = page.get_mut(..size(there)?)
            && there > 0
        {
            self.file.read(start, part)?;
        }
        Ok(page)
    }

    /// Calls `each` with every page that `offset..offset + length` touches, in order, the place
    /// within it, and the place within the span.
    fn pages(
        offset: u64,
        length: usize,
        mut each: impl FnMut(u64, std::ops::Range<usize>, std::ops::Range<usize>) -> io::Result<()>,
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
                    let page = self.from_file(start, changes.file_length)?;
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
                None => self.from_file(start, file_length)?,
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
