//! A log of every transaction on another disk: with a backup it makes the database again, to the last answer.
//!
//! ```text
//! BEGIN │ job │ job │ … │ record to the log (fsync) │ COMMIT (fsync) │ answers
//! ```
//! A record holds the statements of one transaction with their values, and its position, which the database counts too.
//! It is durable before the transaction is: a record too many is one that nobody was told of, and a missing one cannot be.
//! Statements run again on the same state write the same rows, failing ones fail again, and roll back again what they did.
//! Every process that writes the database has files of its own in the folder; positions order what is in all of them.

use crate::durable::StoreError;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const CHECK_BYTES: usize = 8;
/// Position, length of the statements, and their check value.
const HEADER_BYTES: usize = 8 + 8 + CHECK_BYTES;
/// A file that is longer is followed by another one, so that old ones can be removed.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The statements of one transaction; more are damage.
const RECORD_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const ENDING: &str = "redo";

/// The log that one writer writes.
pub struct Redo {
    folder: PathBuf,
    /// The file with its length; none before the first record.
    file: Option<(File, u64)>,
    statements: Arc<Mutex<Vec<String>>>,
}

impl Redo {
    /// Listens to a connection's statements.
    ///
    /// # Errors
    ///
    /// [`StoreError::Redo`] when the folder cannot be written, or has records of a later state of the database.
    pub fn begin(folder: &Path, connection: &mut Connection) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        // While this holds the lock, no other process is between a record and its commit.
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let dropped = position_of(connection).and_then(|position| drop_unanswered(folder, position));
        connection.execute_batch("COMMIT")?;
        dropped?;
        let statements = Arc::<Mutex<Vec<String>>>::default();
        let listening = statements.clone();
        let listen = move |event: TraceEvent<'_>| {
            if let TraceEvent::Stmt(statement, sql) = event {
                note(&mut listening.lock().unwrap_or_else(PoisonError::into_inner), sql, || statement.expanded_sql());
            }
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(listen))?;
        Ok(Self { folder: folder.into(), file: None, statements })
    }

    /// Writes the record of the transaction that is about to be committed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`]: nobody knows what is on the disk.
    pub fn write(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let next = "UPDATE redo SET position = position + 1 RETURNING position";
        let position = connection.prepare_cached(next)?.query_row([], |row| row.get::<_, i64>(0))? as u64;
        let statements = std::mem::take(&mut *self.statements.lock().unwrap_or_else(PoisonError::into_inner));
        let content = encode(&statements);
        let mut record = Vec::with_capacity(HEADER_BYTES + content.len());
        record.extend_from_slice(&position.to_be_bytes());
        record.extend_from_slice(&(content.len() as u64).to_be_bytes());
        record.extend_from_slice(&check_value(position, &content));
        record.extend_from_slice(&content);
        self.append(position, &record).map_err(|error| {
            tracing::error!(%error, "the redo log failed");
            StoreError::Failed
        })
    }

    fn append(&mut self, position: u64, record: &[u8]) -> Result<(), StoreError> {
        if self.file.as_ref().is_none_or(|(_, written)| *written >= FILE_BYTES_MAX) {
            self.file = Some((create(&self.folder, position)?, 0));
        }
        let Some((file, written)) = &mut self.file else { return Err(StoreError::Failed) };
        let appended = file.write_all_at(record, *written).and_then(|()| file.sync_data());
        appended.map_err(|error| failed(&self.folder, &error))?;
        *written += record.len() as u64;
        Ok(())
    }

    /// Takes the last record back: its transaction was not committed, and whoever waits hears so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`]: nobody knows what is on the disk.
    pub fn take_back(&mut self) -> Result<(), StoreError> {
        let Some((file, written)) = &mut self.file else { return Ok(()) };
        let taken_back = last_record_of(&records_in(file)).map(|at| {
            *written = at;
            file.set_len(at).and_then(|()| file.sync_all())
        });
        match taken_back {
            Some(Err(_)) => Err(StoreError::Failed),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

/// Runs every transaction of the log that comes after the database's position; returns how many.
///
/// # Errors
///
/// [`StoreError::Redo`] when transactions in between are missing or damaged.
pub fn replay(folder: &Path, connection: &Connection) -> Result<u64, StoreError> {
    let (mut position, mut replayed) = (position_of(connection)?, 0);
    let mut places = BTreeMap::new();
    for path in files(folder)? {
        let file = File::open(&path).map_err(|error| failed(&path, &error))?;
        places.extend(records_in(&file).into_iter().map(|(at, place)| (at, (path.clone(), place))));
    }
    for (at, (path, place)) in places.split_off(&(position + 1)) {
        if at != position + 1 {
            return Err(StoreError::Redo(format!("transaction {} is missing: use a later backup", position + 1)));
        }
        let content = File::open(&path).and_then(|file| {
            let mut content = vec![0; place.length as usize];
            file.read_exact_at(&mut content, place.offset + HEADER_BYTES as u64).map(|()| content)
        });
        let content = content.map_err(|error| failed(&path, &error))?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for statement in decode(&content) {
            // Whatever failed then fails now.
            drop(run(connection, &statement));
        }
        connection.execute_batch("COMMIT")?;
        (position, replayed) = (position_of(connection)?, replayed + 1);
        if position != at {
            return Err(StoreError::Redo(format!("transaction {at} cannot be run again")));
        }
    }
    Ok(replayed)
}

fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(statement)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

fn position_of(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.query_row("SELECT position FROM redo", [], |row| row.get::<_, i64>(0))? as u64)
}

/// Notes a statement that writes; what a rollback of the whole transaction voids is forgotten.
fn note(statements: &mut Vec<String>, sql: &str, expanded: impl FnOnce() -> Option<String>) {
    let first = sql.split_ascii_whitespace().next().unwrap_or_default();
    match first {
        "BEGIN" => statements.clear(),
        "ROLLBACK" if !sql.contains(" TO ") => statements.clear(),
        // Triggers are announced in comments, and run again by themselves.
        "SELECT" | "PRAGMA" | "COMMIT" | "--" => {}
        _ => statements.extend(expanded()),
    }
}

fn encode(statements: &[String]) -> Vec<u8> {
    let mut content = Vec::new();
    for statement in statements {
        content.extend_from_slice(&(statement.len() as u64).to_be_bytes());
        content.extend_from_slice(statement.as_bytes());
    }
    content
}

fn decode(mut content: &[u8]) -> Vec<String> {
    let mut statements = Vec::new();
    while let Some((length, rest)) = content.split_first_chunk() {
        let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((statement, rest)) = rest.split_at_checked(length) else { break };
        statements.extend(String::from_utf8(statement.to_vec()).ok());
        content = rest;
    }
    statements
}

fn check_value(position: u64, content: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new().chain_update(position.to_be_bytes()).chain_update(content).finalize();
    digest.first_chunk().copied().expect("SHA-256 has more bytes")
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Redo(format!("{}: {error}", path.display()))
}

/// Creates this process's file whose first record has a position, and makes its name durable.
fn create(folder: &Path, position: u64) -> Result<File, StoreError> {
    let path = folder.join(format!("{position:020}-{}.{ENDING}", std::process::id()));
    let file = OpenOptions::new().create(true).read(true).write(true).truncate(true).mode(0o600).open(&path);
    let named = file.and_then(|file| File::open(folder)?.sync_all().map(|()| file));
    named.map_err(|error| failed(&path, &error))
}

/// Lists the log's files in the order of their positions.
fn files(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = std::fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
    files.sort();
    Ok(files)
}

/// Where a record is in its file, and how long its statements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RecordPlace {
    offset: u64,
    length: u64,
}

/// Finds the whole records of a file by position; what was cut off at its end was never answered.
fn records_in(file: &File) -> Vec<(u64, RecordPlace)> {
    let (mut records, mut header, mut offset) = (Vec::new(), [0; HEADER_BYTES], 0);
    while file.read_exact_at(&mut header, offset).is_ok() {
        let number = |at: usize| u64::from_be_bytes(std::array::from_fn(|byte| header[at + byte]));
        let (position, length) = (number(0), number(8));
        if length > RECORD_BYTES_MAX {
            break;
        }
        let mut content = vec![0; length as usize];
        let is_whole = file.read_exact_at(&mut content, offset + HEADER_BYTES as u64).is_ok();
        if !is_whole || header[16..] != check_value(position, &content) {
            break;
        }
        records.push((position, RecordPlace { offset, length }));
        offset += HEADER_BYTES as u64 + length;
    }
    records
}

fn last_record_of(records: &[(u64, RecordPlace)]) -> Option<u64> {
    records.last().map(|(_, place)| place.offset)
}

/// Removes the record after the database's last transaction, which was written and never committed: its position will be
/// used again. More than one such record belongs to another, later state of the database.
fn drop_unanswered(folder: &Path, position: u64) -> Result<(), StoreError> {
    for path in files(folder)? {
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(|error| failed(&path, &error))?;
        let records = records_in(&file);
        if records.last().is_some_and(|(at, _)| *at > position + 1) {
            return Err(StoreError::Redo(format!(
                "{} goes on after the database's last transaction: restore the database, or use another folder",
                path.display()
            )));
        }
        if let Some((_, place)) = records.iter().find(|(at, _)| *at > position) {
            let cut = file.set_len(place.offset).and_then(|()| file.sync_all());
            cut.map_err(|error| failed(&path, &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{Location, Schema, Writer, open};

    const SCHEMA: Schema = Schema {
        application: 7,
        migrations: &["CREATE TABLE redo (position INTEGER NOT NULL); INSERT INTO redo VALUES (0);
                       CREATE TABLE t (x INTEGER PRIMARY KEY, y BLOB, z TEXT)"],
    };

    fn rows(connection: &Connection) -> Vec<(i64, Option<Vec<u8>>, Option<String>)> {
        let mut all = connection.prepare("SELECT x, y, z FROM t ORDER BY x").unwrap();
        all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
    }

    #[tokio::test]
    async fn a_database_is_made_again_from_an_old_copy_and_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let (log, here) = (folder.path().join("log"), Location::File(folder.path().join("db")));
        drop(open(&here, SCHEMA).unwrap());
        std::fs::copy(folder.path().join("db"), folder.path().join("old")).unwrap();
        let mut connection = open(&here, SCHEMA).unwrap();
        let redo = Redo::begin(&log, &mut connection).unwrap();
        let writer = Writer::start_with(connection, Some(redo));
        let mut jobs = Vec::new();
        for x in 0..50_i64 {
            jobs.push(writer.submit(move |connection| {
                let insert = "INSERT INTO t VALUES (?1, ?2, ?3) RETURNING x";
                let row = rusqlite::params![x % 40, vec![0_u8, 255, b'\''], format!("it's\n{x}; --")];
                connection.prepare_cached(insert)?.query_row(row, |row| row.get::<_, i64>(0))
            }));
        }
        let mut failed = 0;
        for job in jobs {
            failed += u32::from(job.await.is_err());
        }
        assert_eq!(failed, 10, "ten rows are there twice");
        let update = |connection: &Connection| connection.execute("UPDATE t SET y = NULL WHERE x < 5", []);
        assert_eq!(writer.submit(update).await, Ok(5));
        let expected = writer.submit(|connection| Ok(rows(connection))).await.unwrap();
        drop(writer);
        let old = open(&Location::File(folder.path().join("old")), SCHEMA).unwrap();
        assert!(replay(&log, &old).unwrap() > 0);
        assert_eq!(rows(&old), expected);
        assert_eq!(replay(&log, &old).unwrap(), 0, "nothing is left to replay");
    }

    #[test]
    fn a_record_that_was_cut_off_or_damaged_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = open(&Location::File(folder.path().join("db")), SCHEMA).unwrap();
        let log = folder.path().join("log");
        let mut redo = Redo::begin(&log, &mut connection).unwrap();
        for x in 0..3 {
            connection.execute_batch("BEGIN").unwrap();
            connection.execute("INSERT INTO t (x) VALUES (?1)", [x]).unwrap();
            redo.write(&connection).unwrap();
            connection.execute_batch("COMMIT").unwrap();
        }
        let path = files(&log).unwrap()[0].clone();
        let whole = std::fs::read(&path).unwrap();
        let found = || records_in(&File::open(&path).unwrap()).len();
        assert_eq!(found(), 3);
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(found(), 2);
        let mut damaged = whole.clone();
        damaged[HEADER_BYTES + 10] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(found(), 0);
    }
}
