//! One writer with group commit: what waits together is committed together, and answered when it is durable.
//!
//! ```text
//! submit ─► bounded queue ─► [ BEGIN │ job │ job │ … │ COMMIT (one fsync) ] ─► every job's answer
//! ```
//! A job that fails is rolled back alone: its batch begins again, and then every job has a savepoint of its own.
//! Without a failure none has, since a savepoint copies each page that its job touches, which costs as much as the job.
//! A commit that fails because the disk does ends the writer: after a failed fsync nobody knows what is on the disk, so
//! trying again would promise what cannot be promised.

use super::redo::Redo;
use crate::durable::{Commits, StoreError};
use crate::env::BoxFuture;
use crate::planted::{PlantedBug, planted};
use crate::shutdown::{self, Shutdown, Trigger};
use rusqlite::{Connection, ErrorCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How many jobs may wait; beyond that the caller is told that the store is overloaded.
const QUEUE_JOBS_MAX: usize = 8_192;
/// How many jobs share a commit; measured before we began, more than a hundred gains little.
const BATCH_JOBS_MAX: usize = 256;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Failed,
            _ => Self::Sql(error.to_string()),
        }
    }
}

/// A command that waits for its commit.
trait Job: Send {
    /// Runs it and keeps its result; it may be run again when what it wrote was rolled back.
    ///
    /// # Errors
    ///
    /// Those of the command.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;

    /// Hands its result to whoever asked, if it is durable.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Command<F, T> {
    command: F,
    result: Result<T, StoreError>,
    asker: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Command<F, T>
where
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.result = (self.command)(connection).map_err(StoreError::from);
        self.result.as_ref().map(|_| ()).map_err(StoreError::clone)
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        // Whoever asked may have gone.
        drop(self.asker.send(committed.and(self.result)));
    }
}

type Batch = Vec<Box<dyn Job>>;

#[derive(Default)]
struct Counters {
    submitted: AtomicU64,
    commands: AtomicU64,
    commits: AtomicU64,
}

/// A queue of jobs in front of one connection.
#[derive(Clone)]
pub struct Writer {
    mode: Execution,
    counters: Arc<Counters>,
}

#[derive(Clone)]
enum Execution {
    /// On a thread of its own, with group commit; the shutdown begins when the thread has ended.
    Thread(SyncSender<Box<dyn Job>>, Shutdown),
    /// Where the caller stands, one commit a job: deterministic, for virtual time, and for reads of microseconds.
    Inline(Role, Arc<Inline>),
}

/// A connection that is used where the caller stands, until its disk has failed.
struct Inline {
    /// `None` once the disk has failed: nothing can be promised after that.
    connection: Mutex<Option<Connection>>,
    failed: (Trigger, Shutdown),
}

impl Inline {
    /// Runs one job in a transaction of its own and answers it.
    fn run(&self, role: Role, job: Box<dyn Job>) {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch: Batch = vec![job];
        let Some(connection) = slot.as_ref() else { return answer_all(batch, &Err(StoreError::Failed)) };
        let outcome = match role {
            Role::Writer => commit_together(role, connection, &mut batch, None),
            // One statement is its own transaction; the job keeps its error for itself.
            Role::Reader => {
                batch.iter_mut().for_each(|job| drop(job.run(connection)));
                Ok(())
            }
        };
        if outcome == Err(StoreError::Failed) && !planted(PlantedBug::DiskFailureIgnored) {
            tracing::error!("the store's disk failed: no more commands are taken");
            // As on a thread of its own: closing would sync again.
            slot.take().into_iter().for_each(std::mem::forget);
            self.failed.0.begin();
        }
        drop(slot);
        answer_all(batch, &outcome);
    }
}

impl Writer {
    /// Starts the writer's thread; it ends when the last clone of the writer is dropped.
    pub fn start(connection: Connection) -> Self {
        Self::start_with(connection, None)
    }

    /// Starts the writer's thread, which writes each transaction to a redo log before it commits it.
    pub fn start_with(connection: Connection, redo: Option<Redo>) -> Self {
        Self::start_as(Role::Writer, connection, redo)
    }

    /// Starts a second thread beside the writer's, for jobs that only read: they see every commit that has been
    /// answered, and wait for none that has not.
    pub fn start_reader(connection: Connection) -> Self {
        Self::start_as(Role::Reader, connection, None)
    }

    fn start_as(role: Role, connection: Connection, redo: Option<Redo>) -> Self {
        let (sender, receiver) = sync_channel(QUEUE_JOBS_MAX);
        let (ended, end) = shutdown::channel();
        // Woken there together: to wake each asker from the writer's thread costs a lock and a system call each.
        let answering = Handle::try_current().ok();
        let counters = Arc::<Counters>::default();
        let counting = counters.clone();
        let spawned = std::thread::Builder::new().name(role.name().into()).spawn(move || {
            work(role, (connection, redo), &receiver, answering.as_ref(), &counting);
            drop(ended);
        });
        spawned.expect("the process may start its few threads");
        Self { mode: Execution::Thread(sender, end), counters }
    }

    /// Runs every job at once where the caller stands.
    pub fn inline(connection: Connection) -> Self {
        Self::inline_as(Role::Writer, connection)
    }

    /// Reads at once where the caller stands, beside a writer: for a row by its key, in one statement, which takes
    /// microseconds, and a thread of its own costs more than that to wake.
    pub fn inline_reader(connection: Connection) -> Self {
        Self::inline_as(Role::Reader, connection)
    }

    fn inline_as(role: Role, connection: Connection) -> Self {
        let inline = Inline { connection: Mutex::new(Some(connection)), failed: shutdown::channel() };
        Self { mode: Execution::Inline(role, Arc::new(inline)), counters: Arc::default() }
    }

    /// Returns the counts so far.
    pub fn commits(&self) -> Commits {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Commits { commands: read(&self.counters.commands), commits: read(&self.counters.commits) }
    }

    /// Returns how many jobs wait or are being committed.
    pub fn waiting(&self) -> u64 {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        read(&self.counters.submitted).saturating_sub(read(&self.counters.commands))
    }

    /// Waits until the disk has failed; the process should end then, and recover when it starts again.
    pub fn failed(&self) -> BoxFuture<'static, ()> {
        match &self.mode {
            Execution::Thread(_, end) => {
                let mut end = end.clone();
                Box::pin(async move { end.begun().await })
            }
            Execution::Inline(_, inline) => {
                let inline = inline.clone();
                Box::pin(async move { inline.failed.1.clone().begun().await })
            }
        }
    }

    /// Runs a command in a transaction; when the future is ready with `Ok`, what it wrote is durable. It is run again
    /// where another command's failure took back what it wrote.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing of the command is written then, except after [`StoreError::Failed`], when the
    /// disk alone knows.
    pub fn submit<T: Send + 'static>(
        &self,
        command: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (asker, take) = oneshot::channel();
        let job = Box::new(Command { command, result: Err(StoreError::Failed), asker });
        match &self.mode {
            Execution::Thread(queue, _) => match queue.try_send(job) {
                Ok(()) => _ = self.counters.submitted.fetch_add(1, Ordering::Relaxed),
                Err(TrySendError::Full(_)) => return Box::pin(std::future::ready(Err(StoreError::Overloaded))),
                Err(TrySendError::Disconnected(_)) => return Box::pin(std::future::ready(Err(StoreError::Failed))),
            },
            Execution::Inline(role, inline) => inline.run(*role, job),
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

fn work(
    role: Role,
    (connection, mut redo): (Connection, Option<Redo>),
    queue: &Receiver<Box<dyn Job>>,
    answering: Option<&Handle>,
    counters: &Counters,
) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(BATCH_JOBS_MAX - 1));
        let outcome = commit_together(role, &connection, &mut batch, redo.as_mut());
        counters.commands.fetch_add(batch.len() as u64, Ordering::Relaxed);
        counters.commits.fetch_add(1, Ordering::Relaxed);
        let has_failed = outcome == Err(StoreError::Failed);
        match answering {
            Some(runtime) if !has_failed => drop(runtime.spawn(async move { answer_all(batch, &outcome) })),
            _ => answer_all(batch, &outcome),
        }
        if has_failed {
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

fn answer_all(batch: Batch, outcome: &Result<(), StoreError>) {
    for job in batch {
        job.answer(outcome.clone());
    }
}

/// Runs the jobs in one transaction and commits; nobody is answered yet.
fn commit_together(
    role: Role,
    connection: &Connection,
    batch: &mut Batch,
    redo: Option<&mut Redo>,
) -> Result<(), StoreError> {
    let ran = begin(role, connection).and_then(|()| run_all(role, connection, batch));
    let mut redo = redo;
    let ran = ran.and_then(|()| redo.as_mut().map_or(Ok(()), |redo| redo.write(connection)));
    let is_written = ran.is_ok();
    let mut outcome = ran.and_then(|()| Ok(connection.prepare_cached("COMMIT")?.execute([]).map(drop)?));
    if outcome.is_err() && is_written {
        // What nobody was told of must not come back from the log.
        outcome = redo.map_or(Ok(()), |redo| redo.take_back()).and(outcome);
    }
    if outcome == Err(StoreError::Full) && planted(PlantedBug::FullDiskAcknowledged) {
        drop(connection.execute_batch("ROLLBACK"));
        outcome = Ok(());
    }
    if let Err(error) = &outcome {
        tracing::error!(%error, "a commit failed");
        if !connection.is_autocommit() {
            drop(connection.execute_batch("ROLLBACK"));
        }
    }
    outcome
}

fn begin(role: Role, connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.prepare_cached(role.begin())?.execute([]).map(drop)?)
}

/// Runs the jobs; when one fails, all of them from the beginning, and then a failing one keeps its error for itself.
///
/// # Errors
///
/// SQLite rolls the whole transaction back by itself when the disk fails or is full in the middle of it; the
/// job that it happened to says why, and the disk is not asked twice.
fn run_all(role: Role, connection: &Connection, batch: &mut Batch) -> Result<(), StoreError> {
    let Err(error) = batch.iter_mut().try_for_each(|job| job.run(connection)) else { return Ok(()) };
    if connection.is_autocommit() {
        return Err(error);
    }
    connection.prepare_cached("ROLLBACK")?.execute([])?;
    begin(role, connection)?;
    batch.iter_mut().try_for_each(|job| run_in_savepoint(connection, &mut **job))
}

fn run_in_savepoint(connection: &Connection, job: &mut dyn Job) -> Result<(), StoreError> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    if let Err(error) = job.run(connection) {
        if connection.is_autocommit() {
            return Err(error);
        }
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    Ok(connection.prepare_cached("RELEASE job")?.execute([]).map(drop)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{Location, Migration, Schema, open};

    fn schema(migrations: &'static [Migration]) -> Schema {
        Schema { application: 7, migrations }
    }

    fn insert(value: i64) -> impl FnMut(&Connection) -> rusqlite::Result<usize> + Send + 'static {
        move |connection| connection.execute("INSERT INTO t VALUES (?1)", [value])
    }

    #[tokio::test]
    async fn a_failing_job_is_rolled_back_alone() {
        let connection = open(&Location::Memory, schema(&["CREATE TABLE t (x INTEGER PRIMARY KEY)"])).unwrap();
        let writer = Writer::start(connection);
        let first = writer.submit(insert(1));
        let failing = writer.submit(|connection| {
            insert(2)(connection)?;
            insert(1)(connection)
        });
        // Whatever of these shares a batch with the failing one runs twice, and must count once.
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
        let connection = open(&Location::Memory, schema(&["CREATE TABLE t (x INTEGER PRIMARY KEY)"])).unwrap();
        let writer = Writer::inline(connection);
        drop(writer.submit(insert(5)));
        let count =
            |connection: &Connection| connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(writer.submit(count).await, Ok(1));
    }

    #[tokio::test]
    async fn a_full_disk_loses_nothing_that_was_acknowledged_and_is_survived() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&Location::File(folder.path().join("db")), schema(&["CREATE TABLE t (x BLOB)"])).unwrap();
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
