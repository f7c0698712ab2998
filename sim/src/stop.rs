//! Ctrl-C, SIGTERM and SIGHUP: the first ends the run and keeps its records, the second ends the program.

use crate::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// The shell's exit code for a program that was ended by SIGINT; a second signal of any kind ends with it.
const EXIT_INTERRUPTED: i32 = 130;

/// The signal to threads and tasks that the run shall end.
pub struct Stop {
    flag: Arc<AtomicBool>,
    signal: watch::Receiver<bool>,
}

impl Stop {
    /// Listens for Ctrl-C, a job scheduler's SIGTERM and a closed terminal's SIGHUP on its own thread.
    pub fn on_interrupt() -> Result<Self, Error> {
        let flag = Arc::new(AtomicBool::new(false));
        let (sender, signal) = watch::channel(false);
        let shared = flag.clone();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(Error::file("the runtime"))?;
        let listen = move || runtime.block_on(listen(&shared, &sender));
        std::thread::Builder::new().name("interrupt".into()).spawn(listen).map_err(Error::file("a thread"))?;
        Ok(Self { flag, signal })
    }

    /// Returns the flag for threads.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Returns the signal for tasks.
    pub fn signal(&self) -> watch::Receiver<bool> {
        self.signal.clone()
    }
}

async fn listen(flag: &AtomicBool, sender: &watch::Sender<bool>) {
    let Ok(mut signals) = Signals::listen() else { return std::future::pending().await };
    signals.next().await;
    // A terminal that is gone takes no message.
    writeln!(io::stderr(), "\n{INTERRUPTED}").ok();
    flag.store(true, Ordering::Relaxed);
    sender.send_replace(true);
    signals.next().await;
    std::process::exit(EXIT_INTERRUPTED);
}

const INTERRUPTED: &str =
    "interrupted: writing the run folder with the records so far (press Ctrl-C again to stop at once)";

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

    /// Waits for the next of them.
    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
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

    async fn next(&mut self) {
        // Where Ctrl-C cannot be heard, nothing ends the run early.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
