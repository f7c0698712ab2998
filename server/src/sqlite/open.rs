//! Opens a database and brings its schema up to date.

use crate::durable::StoreError;
use crate::planted::{PlantedBug, planted};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

/// The place of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this file, durably.
    File(PathBuf),
    /// In this file of a file system that SQLite knows by a name (a VFS). Each command is done where its caller stands,
    /// without a thread, so that whoever gives the file system decides the order of everything in it.
    Through {
        /// The file.
        path: PathBuf,
        /// The file system's name.
        vfs: String,
    },
    /// In memory, for virtual time and tests.
    Memory,
}

impl Location {
    /// Returns whether the database outlasts its process.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::File(_) | Self::Through { .. } => true,
            Self::Memory => false,
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        match self {
            Self::File(path) => Connection::open(path),
            Self::Through { path, vfs } => {
                Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs.as_str())
            }
            Self::Memory => Connection::open_in_memory(),
        }
    }
}

/// A program's own kind of database.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The number that marks its files (PRAGMA application_id), so that no program opens another's.
    pub application: u32,
    /// The steps that lead to its newest version.
    pub migrations: &'static [Migration],
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
/// [`StoreError::OtherProgram`] for another program's database; [`StoreError::NewerSchema`] when a newer program wrote it; [`StoreError::Sql`] otherwise.
pub fn open(location: &Location, schema: Schema) -> Result<Connection, StoreError> {
    let mut connection = location.connect()?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let application: u32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    // Zero marks a new file, and one from before there were marks.
    if application != 0 && application != schema.application {
        return Err(StoreError::OtherProgram);
    }
    // FULL: a commit that has returned survives a power cut. NORMAL loses the last ones in WAL mode.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;",
    )?;
    if planted(PlantedBug::SkippedSync) {
        connection.pragma_update(None, "synchronous", "OFF")?;
    }
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    if !planted(PlantedBug::StaleLog) {
        settle_log(&connection)?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    migrate(&mut connection, schema.migrations)?;
    if application == 0 {
        connection.pragma_update(None, "application_id", schema.application)?;
    }
    Ok(connection)
}

/// Moves what a process before has left in the write-ahead log into the database's own file. A sync of the log that
/// failed may have left frames that are read, count as clean, and are on no disk: no later sync writes them, and a power
/// cut would take them, with everything that was committed behind them. The copies are new, and are synced.
fn settle_log(connection: &Connection) -> Result<(), StoreError> {
    // Where others use the log it stays: they have it open since before, and have not failed.
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Moves everything from the write-ahead log into the database's own file, so that a copy of that file is whole. Call it
/// when nobody writes any more.
///
/// # Errors
///
/// [`StoreError::Sql`] when somebody still reads or writes.
pub fn checkpoint(location: &Location) -> Result<(), StoreError> {
    if !location.is_kept() {
        return Ok(());
    }
    let connection = location.connect()?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if is_busy { Err(StoreError::Sql("the write-ahead log is in use".into())) } else { Ok(()) }
}

/// Copies a database of one moment, which others may be writing, into a new file that is whole by itself and durable.
///
/// # Errors
///
/// [`StoreError::Sql`] when it cannot be read or its pages are damaged; [`StoreError::Full`]; [`StoreError::Failed`].
pub fn copy_whole(from: &Path, to: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    drop(connection);
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(|_| StoreError::Failed)?;
    let copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let said: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Sql("the copy is damaged".into())) }
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

    fn schema(migrations: &'static [Migration]) -> Schema {
        Schema { application: 7, migrations }
    }

    #[test]
    fn migrations_run_once_and_a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("db"));
        drop(open(&location, schema(&["CREATE TABLE a (x)"])).unwrap());
        drop(open(&location, schema(&["CREATE TABLE a (x)", "CREATE TABLE b (x)"])).unwrap());
        drop(open(&location, schema(&["CREATE TABLE a (x)", "CREATE TABLE b (x)"])).unwrap());
        let refused = open(&location, schema(&["CREATE TABLE a (x)"]));
        assert!(matches!(refused, Err(StoreError::NewerSchema { found: 2, known: 1 })));
    }

    #[test]
    fn a_failing_migration_leaves_the_schema_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("db"));
        assert!(open(&location, schema(&["CREATE TABLE a (x); NONSENSE"])).is_err());
        assert!(open(&location, schema(&["CREATE TABLE a (x)"])).is_ok());
    }

    #[test]
    fn commits_are_synchronous() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&Location::File(folder.path().join("db")), schema(&[])).unwrap();
        let level: u32 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        let journal: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!((level, journal.as_str()), (2, "wal"));
    }

    #[test]
    fn another_programs_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("db"));
        drop(open(&location, schema(&[])).unwrap());
        let other = open(&location, Schema { application: 8, migrations: &[] });
        assert_eq!(other.unwrap_err(), StoreError::OtherProgram);
    }

    #[test]
    fn after_a_checkpoint_the_file_alone_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("db"));
        let writer = open(&location, schema(&["CREATE TABLE a (x)"])).unwrap();
        writer.execute("INSERT INTO a VALUES (5)", []).unwrap();
        checkpoint(&location).unwrap();
        std::fs::copy(folder.path().join("db"), folder.path().join("copy")).unwrap();
        let copy = Connection::open(folder.path().join("copy")).unwrap();
        assert_eq!(copy.query_row("SELECT x FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 5);
    }
}
