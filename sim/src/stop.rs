//! Ctrl-C, SIGTERM and SIGHUP: the first ends the run and keeps its records, the second ends the program.

use crate::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use tokio::sync::watch;

/// The offset of a shell's exit codes for programs that a signal ended.
const SIGNALLED: u8 = 128;

/// The signal to threads and tasks that the run shall end.
pub struct Stop {
    flag: Arc<AtomicBool>,
    number: Arc<AtomicU8>,
    signal: watch::Receiver<bool>,
}

impl Stop {
    /// Listens for Ctrl-C, a job scheduler's SIGTERM and a closed terminal's SIGHUP on its own thread.
    pub fn on_interrupt() -> Result<Self, Error> {
        let flag = Arc::new(AtomicBool::new(false));
        let (sender, signal) = watch::channel(false);
        let number = Arc::new(AtomicU8::new(0));
        let (shared, told) = (flag.clone(), number.clone());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(Error::file("the runtime"))?;
        let listen = move || runtime.block_on(listen(&shared, &told, &sender));
        std::thread::Builder::new().name("interrupt".into()).spawn(listen).map_err(Error::file("a thread"))?;
        Ok(Self { flag, number, signal })
    }

    /// Returns the flag for threads.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Fails if a signal ended the run early, after everything is written.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] with the exit code that a shell gives to the signal.
    pub fn check(&self) -> Result<(), Error> {
        match self.number.load(Ordering::Relaxed) {
            0 => Ok(()),
            number => Err(Error::Interrupted(SIGNALLED + number)),
        }
    }

    /// Returns the signal for tasks.
    pub fn signal(&self) -> watch::Receiver<bool> {
        self.signal.clone()
    }
}

async fn listen(flag: &AtomicBool, number: &AtomicU8, sender: &watch::Sender<bool>) {
    let Ok(mut signals) = Signals::listen() else { return std::future::pending().await };
    number.store(signals.next().await, Ordering::Relaxed);
    // A terminal that is gone takes no message.
    writeln!(io::stderr(), "\n{INTERRUPTED}").ok();
    flag.store(true, Ordering::Relaxed);
    sender.send_replace(true);
    std::process::exit(i32::from(SIGNALLED + signals.next().await));
}

const INTERRUPTED: &str =
    "interrupted: writing the run folder with the records so far (press Ctrl-C again to stop at once)";

/// The number of Ctrl-C's signal, SIGINT.
const INTERRUPT: u8 = 2;

/// The signals that end a run.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    /// Waits for the next of them, and returns its number.
    async fn next(&mut self) -> u8 {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            biased;
            _ = interrupt.recv() => INTERRUPT,
            _ = terminate.recv() => 15,
            _ = hangup.recv() => 1,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> u8 {
        // Where Ctrl-C cannot be heard, nothing ends the run early.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPT
    }
}
