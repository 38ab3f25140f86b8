//! Errors of the store, with messages for users.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::RepoId;

/// Why the store failed. Whatever the error, nothing that was acknowledged before is lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open.
    #[error(
        "cannot open {path}: another release-governor holds it. Stop it, or use another `state.dir`"
    )]
    AlreadyOpen {
        /// The store file.
        path: PathBuf,
    },
    /// A later version wrote the file.
    #[error(
        "cannot use {path}: a newer release-governor wrote it (schema {found}; this one knows up \
         to {known}). It was left as it is. Run that version or a later one"
    )]
    NewerSchema {
        path: PathBuf,
        /// The schema version of the file.
        found: u64,
        /// The newest schema version that this program supports.
        known: u64,
    },
    /// The file is damaged, or not a store.
    #[error(
        "cannot read {path}: {why}. It was left as it is. Restore it from a backup, or move it \
         away: what GitHub still shows is then recovered from there"
    )]
    Unreadable {
        /// The store file.
        path: PathBuf,
        /// The damage that was found.
        why: String,
    },
    /// An I/O operation failed.
    #[error("cannot {doing} {path}: {why}. Nothing is acted on that is not on disk. {remedy}")]
    Io {
        /// The operation, as a verb.
        doing: &'static str,
        /// The file or directory concerned.
        path: PathBuf,
        /// The error message of the operating system.
        why: String,
        /// What the operator can do.
        remedy: &'static str,
    },
    /// The user is not permitted to access the file or its directory.
    #[error(
        "cannot {doing} {path}: permission denied. Let the user that runs release-governor own \
         it, or use another `state.dir`"
    )]
    PermissionDenied {
        /// The operation, as a verb.
        doing: &'static str,
        /// The file or directory concerned.
        path: PathBuf,
    },
    /// The ledger in the file has entries that the caller has not read.
    #[error(
        "the ledger of repository {repo} went on while this pass looked at it. Nothing was \
         recorded; the next pass sees it as it is"
    )]
    Moved {
        /// The repository of the ledger.
        repo: RepoId,
    },
    /// An invariant would be violated, which is a bug. Nothing was written.
    #[error(
        "the ledger of repository {repo} would break: {what}. Nothing was recorded. This is a \
         defect of release-governor: please report it"
    )]
    Broken {
        repo: RepoId,
        /// The violated invariant.
        what: String,
    },
    /// The stored actions of operators from before the repository's first pass are unreadable.
    #[error(
        "what operators said of {name} before its first pass cannot be read: {what}. Nothing was \
         recorded. This is a defect of release-governor: please report it"
    )]
    PendingWords {
        /// `owner/name`, in lower case.
        name: String,
        what: String,
    },
    /// The store was closed, or its thread ended.
    #[error("the store is closed: release-governor is shutting down")]
    Closed,
}

impl StoreError {
    /// Converts an I/O error about `path`.
    pub(super) fn io(doing: &'static str, path: &Path, error: &io::Error) -> Self {
        let path = path.to_path_buf();
        if error.kind() == io::ErrorKind::PermissionDenied {
            return Self::PermissionDenied { doing, path };
        }
        Self::Io { doing, path, why: words(error), remedy: remedy(error.kind()) }
    }

    /// Converts a redb error about `path`.
    #[expect(clippy::wildcard_enum_match_arm, reason = "redb's list of errors may grow")]
    pub(super) fn redb(doing: &'static str, path: &Path, error: redb::Error) -> Self {
        let unreadable = |why: String| Self::Unreadable { path: path.to_path_buf(), why };
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                Self::AlreadyOpen { path: path.to_path_buf() }
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                unreadable("it is not a release-governor store, or its header is damaged".into())
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                unreadable("it ends too early".into())
            }
            redb::Error::Io(error) => Self::io(doing, path, &error),
            redb::Error::Corrupted(why) => unreadable(format!("it is damaged ({why})")),
            redb::Error::UpgradeRequired(version) => {
                unreadable(format!("its file format {version} is too old"))
            }
            error @ (redb::Error::TableDoesNotExist(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableIsMultimap(_)) => {
                unreadable(format!("it is damaged, or another program's ({error})"))
            }
            other => Self::Io {
                doing,
                path: path.to_path_buf(),
                why: other.to_string(),
                remedy: remedy(io::ErrorKind::Other),
            },
        }
    }

    /// Whether the error concerns the file as a whole, not the data to be written.
    pub(super) const fn is_of_the_disk(&self) -> bool {
        match self {
            Self::AlreadyOpen { .. }
            | Self::NewerSchema { .. }
            | Self::Unreadable { .. }
            | Self::Io { .. }
            | Self::PermissionDenied { .. } => true,
            Self::Moved { .. } | Self::Broken { .. } | Self::PendingWords { .. } | Self::Closed => {
                false
            }
        }
    }

    /// Whether the disk or the quota is full.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { remedy, .. } if *remedy == FREE_SPACE)
    }
}

const FREE_SPACE: &str = "Free some space or enlarge the volume: it is retried automatically";

fn remedy(kind: io::ErrorKind) -> &'static str {
    if is_full(kind) {
        FREE_SPACE
    } else if kind == io::ErrorKind::ReadOnlyFilesystem {
        "Mount it writable, or use another `state.dir`"
    } else {
        "Check the disk: it is retried automatically"
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn words(error: &io::Error) -> String {
    if is_full(error.kind()) { format!("the disk is full ({error})") } else { error.to_string() }
}

/// Why a transaction was aborted.
pub(super) enum Fault {
    /// redb failed. The database must be reopened before it is used again.
    Redb(redb::Error),
    /// The transaction was refused. The database is not affected.
    Refused(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Redb(error.into())
            }
        })*
    };
}

from_redb!(StorageError, TableError, TransactionError, CommitError, SetDurabilityError);
