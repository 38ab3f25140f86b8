//! Values of a repository that are kept until they are replaced, and never evicted.

use redb::{TableError, WriteTransaction};

use crate::domain::RepoId;

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::schema::{FACTS, FACTS_USED, REMEMBERED};

impl Engine {
    /// The last stored value, in its stored form.
    pub(super) fn remembered(
        &mut self,
        repo: RepoId,
        key: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|read| {
            let remembered = match read.open_table(REMEMBERED) {
                Ok(remembered) => remembered,
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            Ok(remembered.get((repo.get(), key))?.map(|bytes| bytes.value().to_vec()))
        })
    }

    /// Stores a value, given in its stored form, replacing the previous one.
    pub(super) fn remember(
        &mut self,
        repo: RepoId,
        key: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.write_behind(|write| {
            write.open_table(REMEMBERED)?.insert((repo.get(), key), bytes)?;
            Ok(())
        })
    }
}

/// Whether earlier versions kept this key among the facts, where it could be evicted.
fn was_a_fact(key: &str) -> bool {
    matches!(key, "memory" | "held_since") || key.starts_with("login of ")
}

/// Moves values that earlier versions kept among the facts.
pub(super) fn take_from_the_facts(write: &WriteTransaction) -> Result<(), Fault> {
    let (mut facts, mut used) = (write.open_table(FACTS)?, write.open_table(FACTS_USED)?);
    let mut remembered = write.open_table(REMEMBERED)?;
    for row in facts.extract_if(|(_, key), _| was_a_fact(key))? {
        let (key, bytes) = row?;
        remembered.insert(key.value(), bytes.value())?;
        used.remove(key.value())?;
    }
    Ok(())
}
