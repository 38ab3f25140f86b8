//! An in-memory disk for tests. It can become full, lose power, and be reopened afterwards.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// An in-memory disk. Clones share the same content.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Platter>>);

#[derive(Default)]
struct Platter {
    /// The content that readers see.
    bytes: Vec<u8>,
    /// The content that survives a crash.
    synced: Vec<u8>,
    /// Changes since the last sync, in order.
    unsynced: Vec<DiskChange>,
    /// The number of crashes so far. A handle opened before a crash can no longer be used.
    crashes: u64,
    full: bool,
    /// The number of changes that still succeed. After that, every operation fails.
    changes_left: Option<u64>,
}

#[derive(Clone)]
enum DiskChange {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl MemoryDisk {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of the current content, like a volume snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let bytes = self.lock().bytes.clone();
        let platter = Platter { synced: bytes.clone(), bytes, ..Platter::default() };
        Self(Arc::new(Mutex::new(platter)))
    }

    /// Makes every write fail with "no space left", until it is called with `false`.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// Lets `changes` more writes and syncs succeed. After that everything fails, until
    /// [`Self::crash`].
    pub fn stop_after(&self, changes: u64) {
        self.lock().changes_left = Some(changes);
    }

    /// Simulates a power loss. Of the unsynced changes, only those survive for whose index
    /// `survives` returns true. Handles that are open can no longer read or write.
    pub fn crash(&self, mut survives: impl FnMut(usize) -> bool) {
        let mut platter = self.lock();
        let unsynced = std::mem::take(&mut platter.unsynced);
        for (number, change) in unsynced.iter().enumerate() {
            if survives(number) {
                change.apply(&mut platter.synced);
            }
        }
        platter.bytes = platter.synced.clone();
        platter.changes_left = None;
        platter.crashes = platter.crashes.saturating_add(1);
    }

    /// Opens the disk in its current state.
    pub(super) fn backend(&self) -> impl StorageBackend {
        let crashes = self.lock().crashes;
        Opened { disk: self.clone(), crashes }
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryDisk({} bytes)", self.lock().bytes.len())
    }
}

impl DiskChange {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Bytes(offset, data) => {
                let end = offset.saturating_add(data.len());
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                if let Some(place) = bytes.get_mut(*offset..end) {
                    place.copy_from_slice(data);
                }
            }
        }
    }
}

impl Platter {
    fn change(&mut self, change: DiskChange) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.spend()?;
        change.apply(&mut self.bytes);
        self.unsynced.push(change);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.spend()?;
        let unsynced = std::mem::take(&mut self.unsynced);
        for change in unsynced {
            change.apply(&mut self.synced);
        }
        Ok(())
    }

    fn spend(&mut self) -> io::Result<()> {
        match &mut self.changes_left {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the plug was pulled")),
            Some(left) => {
                *left = left.saturating_sub(1);
                Ok(())
            }
        }
    }
}

/// A handle on the disk, valid until the next crash.
#[derive(Debug)]
struct Opened {
    disk: MemoryDisk,
    crashes: u64,
}

impl Opened {
    fn platter(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let platter = self.disk.lock();
        if platter.crashes == self.crashes {
            Ok(platter)
        } else {
            Err(io::Error::other("this disk crashed after it was opened"))
        }
    }
}

fn place(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}

impl StorageBackend for Opened {
    fn len(&self) -> io::Result<u64> {
        u64::try_from(self.platter()?.bytes.len()).map_err(io::Error::other)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = place(offset)?;
        let platter = self.platter()?;
        match platter.bytes.get(start..start.saturating_add(out.len())) {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.platter()?.change(DiskChange::Length(place(len)?))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.platter()?.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.platter()?.change(DiskChange::Bytes(place(offset)?, data.to_vec()))
    }
}
