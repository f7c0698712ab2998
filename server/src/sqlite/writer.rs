//! One writer with group commit: what waits together is committed together, and answered when it is durable.
//!
//! ```text
//! submit ─► bounded queue ─► [ BEGIN │ job │ job │ … │ COMMIT (one fsync) ] ─► every job's answer
//! ```
//! A job that fails is rolled back alone. A commit that fails because the disk does ends the writer: after a failed
//! fsync nobody knows what is on the disk, so trying again would promise what cannot be promised.

use crate::env::BoxFuture;
use crate::shutdown::{self, Shutdown};
use rusqlite::{Connection, ErrorCode};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// How many jobs may wait; beyond that the caller is told that the store is overloaded.
const QUEUE_JOBS_MAX: usize = 8_192;
/// How many jobs share a commit; measured before we began, more than a hundred gains little.
const BATCH_JOBS_MAX: usize = 256;

/// Says why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A newer program wrote the database.
    #[error("the database has schema version {found}, this program knows {known}: use a newer program")]
    NewerSchema {
        /// The version found.
        found: usize,
        /// The newest version known.
        known: usize,
    },
    /// Too many commands wait.
    #[error("the store is overloaded")]
    Overloaded,
    /// The disk is full; nothing was written.
    #[error("the store's disk is full")]
    Full,
    /// The disk failed, or the writer is gone; the process must end and recover.
    #[error("the store has failed: restart to recover from the disk")]
    Failed,
    /// A statement failed; nothing was written.
    #[error("the store refused: {0}")]
    Sql(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Failed,
            _ => Self::Sql(error.to_string()),
        }
    }
}

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&Connection) -> Ran + Send>;

/// Is a job that has run, and waits for the commit.
struct Ran {
    answer: Answer,
    error: Option<StoreError>,
}

/// Runs jobs on one connection.
#[derive(Clone)]
pub struct Writer(Mode);

#[derive(Clone)]
enum Mode {
    /// On a thread of its own, with group commit; the shutdown begins when the thread has ended.
    Thread(SyncSender<Job>, Shutdown),
    /// Where the caller stands, one commit a job: deterministic, for virtual time.
    Inline(Arc<Mutex<Connection>>),
}

impl Writer {
    /// Starts the writer's thread; it ends when the last clone of the writer is dropped.
    pub fn start(connection: Connection) -> Self {
        Self::start_as(Role::Writer, connection)
    }

    /// Starts a second thread beside the writer's, for jobs that only read: they see every commit that has been
    /// answered, and wait for none that has not.
    pub fn start_reader(connection: Connection) -> Self {
        Self::start_as(Role::Reader, connection)
    }

    fn start_as(role: Role, connection: Connection) -> Self {
        let (sender, receiver) = sync_channel(QUEUE_JOBS_MAX);
        let (ended, end) = shutdown::channel();
        let spawned = std::thread::Builder::new().name(role.name().into()).spawn(move || {
            work(role, connection, &receiver);
            drop(ended);
        });
        spawned.expect("the process may start its few threads");
        Self(Mode::Thread(sender, end))
    }

    /// Runs every job at once where the caller stands.
    pub fn inline(connection: Connection) -> Self {
        Self(Mode::Inline(Arc::new(Mutex::new(connection))))
    }

    /// Waits until the disk has failed; the process should end then, and recover when it starts again.
    pub fn failed(&self) -> BoxFuture<'static, ()> {
        match &self.0 {
            Mode::Thread(_, end) => {
                let mut end = end.clone();
                Box::pin(async move { end.begun().await })
            }
            Mode::Inline(_) => Box::pin(std::future::pending()),
        }
    }

    /// Runs a job in a transaction; when the future is ready with `Ok`, what it wrote is durable.
    ///
    /// Errors: [`StoreError`]; nothing of the job is written then, except after [`StoreError::Failed`], when the disk
    /// alone knows.
    pub fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (give, take) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, job);
            let error = result.as_ref().err().cloned();
            Ran { answer: Box::new(move |committed| drop(give.send(committed.and(result)))), error }
        });
        match &self.0 {
            Mode::Thread(queue, _) => match queue.try_send(job) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => return Box::pin(std::future::ready(Err(StoreError::Overloaded))),
                Err(TrySendError::Disconnected(_)) => return Box::pin(std::future::ready(Err(StoreError::Failed))),
            },
            Mode::Inline(connection) => {
                // Each job hears the outcome through its own answer.
                let _ = commit_together(
                    Role::Writer,
                    &connection.lock().unwrap_or_else(PoisonError::into_inner),
                    vec![job],
                );
            }
        }
        Box::pin(async { take.await.unwrap_or(Err(StoreError::Failed)) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Writer,
    Reader,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Writer => "store",
            Self::Reader => "store-reader",
        }
    }

    fn begin(self) -> &'static str {
        match self {
            // Takes the lock at once, so that no job finds out half-way that it cannot write.
            Self::Writer => "BEGIN IMMEDIATE",
            Self::Reader => "BEGIN DEFERRED",
        }
    }
}

fn work(role: Role, connection: Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(BATCH_JOBS_MAX - 1));
        if commit_together(role, &connection, batch) == Err(StoreError::Failed) {
            tracing::error!("the store's disk failed: no more commands are taken");
            // Closing would sync again, and after a failed sync a second one may say that all is well when it is not.
            std::mem::forget(connection);
            return;
        }
    }
    if role == Role::Writer {
        drop(connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
    }
}

/// Runs the jobs in one transaction, commits, and only then answers.
fn commit_together(role: Role, connection: &Connection, jobs: Vec<Job>) -> Result<(), StoreError> {
    let begun = connection.execute_batch(role.begin()).map_err(StoreError::from);
    let ran: Vec<Ran> = jobs.into_iter().map(|job| job(connection)).collect();
    let outcome = begun.and_then(|()| commit(connection, &ran));
    if let Err(error) = &outcome {
        tracing::error!(%error, "a commit failed");
    }
    if outcome.is_err() && !connection.is_autocommit() {
        drop(connection.execute_batch("ROLLBACK"));
    }
    for Ran { answer, .. } in ran {
        answer(outcome.clone());
    }
    outcome
}

fn commit(connection: &Connection, ran: &[Ran]) -> Result<(), StoreError> {
    // SQLite rolls the whole transaction back by itself when the disk fails or is full in the middle of it; the first
    // job that failed says why.
    if connection.is_autocommit() {
        return Err(ran.iter().find_map(|ran| ran.error.clone()).unwrap_or(StoreError::Failed));
    }
    Ok(connection.execute_batch("COMMIT")?)
}

fn in_savepoint<T>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    // Without a transaction around it (BEGIN failed, or SQLite rolled back) a job would commit by itself.
    if connection.is_autocommit() {
        return Err(StoreError::Failed);
    }
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    match job(connection) {
        Ok(value) => {
            connection.prepare_cached("RELEASE job")?.execute([])?;
            Ok(value)
        }
        Err(error) => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
            }
            Err(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{Location, open};

    fn insert(value: i64) -> impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static {
        move |connection| connection.execute("INSERT INTO t VALUES (?1)", [value])
    }

    #[tokio::test]
    async fn a_failing_job_is_rolled_back_alone() {
        let connection = open(&Location::Memory, &["CREATE TABLE t (x INTEGER PRIMARY KEY)"]).unwrap();
        let writer = Writer::start(connection);
        let first = writer.submit(insert(1));
        let failing = writer.submit(|connection| {
            insert(2)(connection)?;
            insert(1)(connection)
        });
        let last = writer.submit(insert(3));
        assert_eq!(first.await, Ok(1));
        assert!(matches!(failing.await, Err(StoreError::Sql(_))));
        assert_eq!(last.await, Ok(1));
        let sum =
            |connection: &Connection| connection.query_row("SELECT sum(x) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(writer.submit(sum).await, Ok(4));
    }

    #[tokio::test]
    async fn inline_jobs_are_done_when_submit_returns() {
        let connection = open(&Location::Memory, &["CREATE TABLE t (x INTEGER PRIMARY KEY)"]).unwrap();
        let writer = Writer::inline(connection);
        drop(writer.submit(insert(5)));
        let count =
            |connection: &Connection| connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(writer.submit(count).await, Ok(1));
    }

    #[tokio::test]
    async fn a_full_disk_loses_nothing_that_was_acknowledged_and_is_survived() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&Location::File(folder.path().join("db")), &["CREATE TABLE t (x BLOB)"]).unwrap();
        connection.execute_batch("PRAGMA max_page_count = 40").unwrap();
        let writer = Writer::start(connection);
        let fill = || writer.submit(|connection| connection.execute("INSERT INTO t VALUES (zeroblob(8000))", []));
        let (mut written, mut full) = (0, 0);
        for _ in 0..60 {
            match fill().await {
                Ok(_) => written += 1,
                Err(StoreError::Full) => full += 1,
                other => panic!("{other:?}"),
            }
        }
        let count =
            |connection: &Connection| connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(writer.submit(count).await, Ok(written));
        assert!(written > 0 && full > 0, "{written} written, {full} refused");
        writer.submit(|connection| connection.execute_batch("PRAGMA max_page_count = 4000")).await.unwrap();
        assert_eq!(fill().await, Ok(1));
    }
}
