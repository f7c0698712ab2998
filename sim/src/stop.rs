//! Ctrl-C: the first ends the run and keeps its records, the second ends the program.

use crate::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// The shell's exit code for a program that was ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// The signal to threads and tasks that the run shall end.
pub struct Stop {
    flag: Arc<AtomicBool>,
    signal: watch::Receiver<bool>,
}

impl Stop {
    /// Listens for Ctrl-C on its own thread.
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
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    eprintln!("\ninterrupted: writing the run folder with the records so far (press Ctrl-C again to stop at once)");
    flag.store(true, Ordering::Relaxed);
    sender.send_replace(true);
    drop(tokio::signal::ctrl_c().await);
    std::process::exit(EXIT_INTERRUPTED);
}
