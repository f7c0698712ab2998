//! QR images from strangers, read in separate processes that can be killed: the time to find symbols grows with the
//! number of finder patterns, and a hostile image has thousands.

use crate::config::ImageLimits;
use crate::env::Env;
use biopay_protocol::{ImageBytes, PayloadBytes};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

/// The command of a process that reads one image from its standard input and writes the payload to its standard
/// output: the server's own program with [`WORKER_ARGUMENT`].
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// What comes before [`WORKER_ARGUMENT`].
    pub arguments: Vec<OsString>,
}

/// Makes the server's program read one image and end.
pub const WORKER_ARGUMENT: &str = "__read-image";
/// Tells the worker the most bytes of memory that it may have.
pub const WORKER_MEMORY_VARIABLE: &str = "BIOPAY_WORKER_MEMORY_BYTES";
/// Keeps the worker's allocator from taking a gibibyte of address space before the limit is set: what it took then is
/// not held against the limit, and what it still needs to map afterwards is refused in one start of two hundred.
const ALLOCATOR_RESERVE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "0");

/// The reason why there is no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// No symbol, or not within the limits.
    #[error("no symbol can be read in the image")]
    Unreadable,
    /// Too many images wait already.
    #[error("too many images wait")]
    Overloaded,
}

/// A pool of processes that read images, a few at a time.
pub struct ImageReader {
    env: Env,
    worker: WorkerCommand,
    limits: ImageLimits,
    running: Semaphore,
    waiting: Semaphore,
    killed: AtomicU64,
}

impl ImageReader {
    /// Takes the command and the limits.
    pub fn new(env: Env, worker: WorkerCommand, limits: ImageLimits) -> Self {
        let (running, waiting) = (Semaphore::new(limits.processes), Semaphore::new(limits.processes + limits.queue));
        Self { env, worker, limits, running, waiting, killed: AtomicU64::new(0) }
    }

    /// Returns how many images are read or wait for it.
    pub fn waiting(&self) -> usize {
        let places = self.limits.processes + self.limits.queue;
        places.saturating_sub(self.waiting.available_permits())
    }

    /// Counts the workers that were killed at their deadline.
    pub fn killed(&self) -> u64 {
        self.killed.load(Ordering::Relaxed)
    }

    /// Reads an image in a process of its own.
    ///
    /// # Errors
    ///
    /// [`Unread::Overloaded`] at once when too many wait; [`Unread::Unreadable`] at the deadline at the latest.
    pub async fn read(&self, image: &ImageBytes) -> Result<PayloadBytes, Unread> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Unread::Overloaded)?;
        let _running = self.running.acquire().await.map_err(|_| Unread::Overloaded)?;
        let mut child = self.spawn().map_err(|error| {
            tracing::error!(%error, "cannot start a process to read an image");
            Unread::Overloaded
        })?;
        let deadline = Duration::from_millis(u64::from(self.limits.deadline_ms));
        let payload = self.env.within(deadline, converse(&mut child, image.as_bytes())).await;
        if payload.is_none() {
            self.killed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("an image took too long to read: killed its process");
        }
        // Waits for its end too, so that its place is free only when its memory is.
        drop(child.kill().await);
        payload.flatten().ok_or(Unread::Unreadable)
    }

    fn spawn(&self) -> std::io::Result<Child> {
        Command::new(&self.worker.program)
            .args(&self.worker.arguments)
            .arg(WORKER_ARGUMENT)
            .env_clear()
            .env(WORKER_MEMORY_VARIABLE, self.limits.memory_bytes.to_string())
            .env(ALLOCATOR_RESERVE.0, ALLOCATOR_RESERVE.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Gives the worker its image and takes its payload; `None` when it ends without one.
async fn converse(child: &mut Child, image: &[u8]) -> Option<PayloadBytes> {
    let (mut input, output) = (child.stdin.take()?, child.stdout.take()?);
    input.write_all(image).await.ok()?;
    drop(input);
    let mut payload = Vec::new();
    output.take(PayloadBytes::BYTES_MAX as u64 + 1).read_to_end(&mut payload).await.ok()?;
    let has_succeeded = child.wait().await.ok()?.success();
    has_succeeded.then(|| PayloadBytes::new(payload).ok()).flatten()
}
