//! The tables, the schema version, and migrations.

use redb::{Database, ReadableDatabase, TableDefinition, TableHandle, WriteTransaction};

use super::error::{Fault, StoreError};
use super::remembered;
use std::path::Path;

/// The schema that this program writes.
///
/// A program reads its own schema and earlier ones, and refuses later ones. The version must
/// therefore increase whenever an earlier program would fail on new data, or act on half of it:
/// a new table, a new kind of entry, a new value of a known enum (such as `Reason`), or a field
/// that it must not lose. An optional field that is only displayed needs no new version.
pub(super) const VERSION: u64 = 2;

/// `schema` → the version. This table never changes, so that every version can read it.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// (repository, number of the entry) → the entry.
pub(super) const LEDGER: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("ledger");
/// Repository → its release state as of some entry. Later entries are applied on read.
pub(super) const RELEASE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("release");
/// A repository's name in lower case → its id.
pub(super) const NAMES: TableDefinition<'_, &str, u64> = TableDefinition::new("names");
/// (repository, key) → a cached fact.
pub(super) const FACTS: TableDefinition<'_, (u64, &str), &[u8]> = TableDefinition::new("facts");
/// (repository, key) → the counter of its last use.
pub(super) const FACTS_USED: TableDefinition<'_, (u64, &str), u64> =
    TableDefinition::new("facts_used");
/// Key → an answer from GitHub.
pub(super) const ANSWERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("answers");
/// Key → the counter of its last use.
pub(super) const ANSWERS_USED: TableDefinition<'_, &str, u64> =
    TableDefinition::new("answers_used");
/// A repository's name in lower case → its row of `status`.
pub(super) const VIEWS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("views");

/// A repository's name in lower case → operators' actions from before its id was known. The
/// table is created on first use, without a new schema version: a row lives only until the
/// first pass that reaches GitHub, and an earlier program that ignores the table loses nothing
/// else.
pub(super) const PENDING_WORDS: TableDefinition<'_, &str, &[u8]> =
    TableDefinition::new("pending_words");

/// (repository, key) → a value that is kept until it is replaced. The table is created on first
/// use.
pub(super) const REMEMBERED: TableDefinition<'_, (u64, &str), &[u8]> =
    TableDefinition::new("remembered");

const SCHEMA: &str = "schema";

/// One step from a version to the next.
type Migration = fn(&WriteTransaction) -> Result<(), Fault>;

/// The step at index n migrates from version n + 1 to n + 2.
const MIGRATIONS: &[Migration] = &[to_schema_2];

/// Schema 2 adds the entry kinds `health_checked` and `approval_counted`, and moves values that
/// must not be evicted into a table of their own.
fn to_schema_2(write: &WriteTransaction) -> Result<(), Fault> {
    remembered::take_from_the_facts(write)
}

/// The schema version of `db`; `None` if it has no tables.
pub(super) fn version(db: &Database, path: &Path) -> Result<Option<u64>, StoreError> {
    let found = || -> Result<Option<Option<u64>>, Fault> {
        let read = db.begin_read()?;
        let mut tables = read.list_tables()?.peekable();
        if tables.peek().is_none() {
            return Ok(None);
        }
        if !tables.any(|table| table.name() == META.name()) {
            return Ok(Some(None));
        }
        Ok(Some(read.open_table(META)?.get(SCHEMA)?.map(|version| version.value())))
    };
    match found() {
        Ok(None) => Ok(None),
        Ok(Some(Some(version))) if version > VERSION => Err(StoreError::NewerSchema {
            path: path.to_path_buf(),
            found: version,
            known: VERSION,
        }),
        Ok(Some(Some(version))) if version > 0 => Ok(Some(version)),
        Ok(Some(_)) => Err(StoreError::Unreadable {
            path: path.to_path_buf(),
            why: "it is another program's database: it names no schema of ours".into(),
        }),
        Err(Fault::Redb(error)) => Err(StoreError::redb("read", path, error)),
        Err(Fault::Refused(error)) => Err(error),
    }
}

/// Migrates `db` to [`VERSION`] from any older version, or from an empty database.
pub(super) fn bring_up_to_date(db: &Database, path: &Path) -> Result<(), StoreError> {
    let found = version(db, path)?;
    if found == Some(VERSION) {
        return Ok(());
    }
    let migrate = || -> Result<(), Fault> {
        let write = db.begin_write()?;
        migrate(&write, found, MIGRATIONS)?;
        write.commit()?;
        Ok(())
    };
    migrate().map_err(|fault| match fault {
        Fault::Redb(error) => StoreError::redb("write", path, error),
        Fault::Refused(error) => error,
    })
}

/// Applies all missing steps in one transaction.
fn migrate(
    write: &WriteTransaction,
    found: Option<u64>,
    migrations: &[Migration],
) -> Result<(), Fault> {
    match found {
        None => create_tables(write)?,
        Some(found) => {
            let taken = usize::try_from(found.saturating_sub(1)).unwrap_or(usize::MAX);
            for migration in migrations.iter().skip(taken) {
                migration(write)?;
            }
        }
    }
    let newest = u64::try_from(migrations.len()).unwrap_or(u64::MAX).saturating_add(1);
    write.open_table(META)?.insert(SCHEMA, newest)?;
    Ok(())
}

fn create_tables(write: &WriteTransaction) -> Result<(), Fault> {
    write.open_table(LEDGER)?;
    write.open_table(RELEASE)?;
    write.open_table(NAMES)?;
    write.open_table(FACTS)?;
    write.open_table(FACTS_USED)?;
    write.open_table(ANSWERS)?;
    write.open_table(ANSWERS_USED)?;
    write.open_table(VIEWS)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    fn empty() -> Database {
        Database::builder().create_with_backend(InMemoryBackend::new()).unwrap()
    }

    #[test]
    fn there_is_one_migration_for_each_version_after_the_first() {
        assert_eq!(u64::try_from(MIGRATIONS.len()).unwrap() + 1, VERSION);
    }

    #[test]
    fn an_older_file_takes_only_the_steps_that_it_lacks() {
        fn never(_: &WriteTransaction) -> Result<(), Fault> {
            panic!("this step was taken before")
        }
        fn step(write: &WriteTransaction) -> Result<(), Fault> {
            let mut names = write.open_table(NAMES)?;
            names.insert("step/taken", 1)?;
            Ok(())
        }
        let db = empty();
        let write = db.begin_write().unwrap();
        assert!(migrate(&write, None, &[]).is_ok());
        assert!(migrate(&write, Some(2), &[never, step]).is_ok());
        write.commit().unwrap();
        let read = db.begin_read().unwrap();
        assert_eq!(read.open_table(META).unwrap().get(SCHEMA).unwrap().unwrap().value(), 3);
        assert!(read.open_table(NAMES).unwrap().get("step/taken").unwrap().is_some());
    }
}
