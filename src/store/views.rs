//! The last row of `status` of each repository, for when no controller is running.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::RepoName;

use super::engine::Engine;
use super::error::StoreError;
use super::schema::VIEWS;
use super::{folded, release};

#[derive(Serialize, Deserialize)]
struct StoredView {
    name: RepoName,
    row: Value,
}

impl Engine {
    /// Stores a row, unless it is unchanged.
    pub(super) fn put_view(&mut self, name: &RepoName, row: Value) -> Result<(), StoreError> {
        let key = folded(name);
        let view = StoredView { name: name.clone(), row };
        let Ok(bytes) = release::encode(&view) else { return Ok(()) };
        let known = self.read(|read| {
            let views = read.open_table(VIEWS)?;
            Ok(views.get(key.as_str())?.is_some_and(|before| before.value() == bytes))
        })?;
        if known {
            return Ok(());
        }
        self.write_behind(|write| {
            write.open_table(VIEWS)?.insert(key.as_str(), bytes.as_slice())?;
            Ok(())
        })
    }

    /// All readable rows.
    pub(super) fn views(&mut self) -> Result<Vec<(RepoName, Value)>, StoreError> {
        self.read(|read| {
            let mut views = Vec::new();
            for row in read.open_table(VIEWS)?.iter()? {
                let (_, bytes) = row?;
                if let Ok(StoredView { name, row }) = release::decode(bytes.value()) {
                    views.push((name, row));
                }
            }
            Ok(views)
        })
    }
}
