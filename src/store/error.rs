//! What can go wrong with the store, in words for people.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::RepoId;

/// Why the store did not do what it was asked. Whatever is said here, nothing that was
/// acknowledged before is lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file belongs to another process.
    #[error(
        "cannot open {path}: another release-governor holds it. Stop it, or use another `state.dir`"
    )]
    AlreadyOpen {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error(
        "cannot use {path}: a newer release-governor wrote it (schema {found}; this one knows up \
         to {known}). It was left as it is. Run that version or a later one"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u64,
        /// The newest schema version that this program knows.
        known: u64,
    },
    /// The file is damaged, or is no store of ours.
    #[error(
        "cannot read {path}: {why}. It was left as it is. Restore it from a backup, or move it \
         away: what GitHub still shows is then recovered from there"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The disk failed.
    #[error("cannot {doing} {path}: {why}. Nothing is acted on that is not on disk. {remedy}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's words.
        why: String,
        /// What to do now.
        remedy: &'static str,
    },
    /// The system does not let this user at the file or its directory.
    #[error(
        "cannot {doing} {path}: permission denied. Let the user that runs release-governor own \
         it, or use another `state.dir`"
    )]
    PermissionDenied {
        /// What was tried.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
    },
    /// The ledger in the file is not the one that the caller looked at.
    #[error(
        "the ledger of repository {repo} went on while this pass looked at it. Nothing was \
         recorded; the next pass sees it as it is"
    )]
    Moved {
        /// The repository.
        repo: RepoId,
    },
    /// An invariant does not hold: a defect, and nothing was written.
    #[error(
        "the ledger of repository {repo} would break: {what}. Nothing was recorded. This is a \
         defect of release-governor: please report it"
    )]
    Broken {
        /// The repository.
        repo: RepoId,
        /// What does not hold.
        what: String,
    },
    /// What operators said of a repository before its first pass cannot be read.
    #[error(
        "what operators said of {name} before its first pass cannot be read: {what}. Nothing was \
         recorded. This is a defect of release-governor: please report it"
    )]
    PendingWords {
        /// `owner/name`, in lower case.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// The store was closed, or its thread died.
    #[error("the store is closed: release-governor is shutting down")]
    Closed,
}

impl StoreError {
    /// The system's error about `path`.
    pub(super) fn io(doing: &'static str, path: &Path, error: &io::Error) -> Self {
        let path = path.to_path_buf();
        if error.kind() == io::ErrorKind::PermissionDenied {
            return Self::PermissionDenied { doing, path };
        }
        Self::Io { doing, path, why: words(error), remedy: remedy(error.kind()) }
    }

    /// redb's error about `path`.
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

    /// Whether it is about the file, whatever was to be written.
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

    /// Whether the disk, or what may be used of it, is full.
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

/// What stops a transaction: redb, or an answer of our own.
pub(super) enum Fault {
    /// redb could not; the database is opened anew before it is used again.
    Redb(redb::Error),
    /// The transaction was refused; the database is as good as before.
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
