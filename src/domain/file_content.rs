//! The content at the paths of a range.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FileChange, RangeFiles};

/// The content at a path after a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// GitHub did not report it.
    #[default]
    Unknown,
    /// Nothing: the path was deleted.
    Deleted,
    /// A blob, by its id; for a submodule, by its commit.
    Blob(String),
}

impl FileContent {
    /// Whether both are known and equal.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Deleted, Self::Deleted) => true,
            (Self::Blob(one), Self::Blob(another)) => one == another,
            (Self::Unknown | Self::Deleted | Self::Blob(_), _) => false,
        }
    }
}

impl RangeFiles {
    /// The files that GitHub listed, which may not be all of them.
    #[must_use]
    pub fn listed(&self) -> &[FileChange] {
        match self {
            Self::Complete(files) | Self::Truncated(files) => files,
        }
    }

    /// The content at each changed path. A rename counts as a deletion of the previous path.
    #[must_use]
    pub fn contents(&self) -> BTreeMap<&str, &FileContent> {
        let files = self.listed().iter();
        let before = files.clone().filter_map(|file| file.previous_path.as_deref());
        let mut contents: BTreeMap<&str, &FileContent> =
            before.map(|path| (path, &FileContent::Deleted)).collect();
        contents.extend(files.map(|file| (file.path.as_str(), &file.content)));
        contents
    }
}
