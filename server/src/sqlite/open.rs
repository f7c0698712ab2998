//! Opens a database and brings its schema up to date.

use crate::durable::StoreError;
use rusqlite::Connection;
use std::path::PathBuf;

/// The place of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this file, durably.
    File(PathBuf),
    /// In memory, for virtual time and tests.
    Memory,
}

/// One step of the schema: the SQL that leads to its version. Versions count from 1 without gaps.
pub type Migration = &'static str;

/// What a connection keeps of the database, in KiB: the pages that it writes now. The operating system keeps the rest,
/// and what it keeps is not memory that the server holds.
const CACHE_KIB: i64 = 16_384;

/// Opens a database, sets it to be durable on commit, and applies the migrations that it has not seen.
///
/// # Errors
///
/// [`StoreError::NewerSchema`] when a newer program wrote it; [`StoreError::Sql`] otherwise.
pub fn open(location: &Location, migrations: &[Migration]) -> Result<Connection, StoreError> {
    let mut connection = match location {
        Location::File(path) => Connection::open(path)?,
        Location::Memory => Connection::open_in_memory()?,
    };
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // FULL: a commit that has returned survives a power cut. NORMAL loses the last ones in WAL mode.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;",
    )?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    migrate(&mut connection, migrations)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))? as usize;
    let known = migrations.len();
    let pending = migrations.get(found..).ok_or(StoreError::NewerSchema { found, known })?;
    if pending.is_empty() {
        return Ok(());
    }
    for migration in pending {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known as u32)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_once_and_a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("db"));
        let (first, second) = ("CREATE TABLE a (x)", "CREATE TABLE b (x)");
        drop(open(&location, &[first]).unwrap());
        drop(open(&location, &[first, second]).unwrap());
        drop(open(&location, &[first, second]).unwrap());
        let refused = open(&location, &[first]);
        assert!(matches!(refused, Err(StoreError::NewerSchema { found: 2, known: 1 })));
    }

    #[test]
    fn a_failing_migration_leaves_the_schema_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("db"));
        assert!(open(&location, &["CREATE TABLE a (x); NONSENSE"]).is_err());
        assert!(open(&location, &["CREATE TABLE a (x)"]).is_ok());
    }

    #[test]
    fn commits_are_synchronous() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&Location::File(folder.path().join("db")), &[]).unwrap();
        let level: u32 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        let journal: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!((level, journal.as_str()), (2, "wal"));
    }
}
