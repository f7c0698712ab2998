//! Graceful shutdown: one side begins it, everything else hears of it.

use tokio::sync::watch;

/// The end that begins a shutdown. Dropping it begins the shutdown too.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// The end that waits for a shutdown.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// Creates the two ends.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Begins the shutdown.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Waits until the shutdown has begun.
    pub async fn begun(&mut self) {
        // An error means that the trigger is gone, which counts.
        drop(self.0.wait_for(|begun| *begun).await);
    }

    /// Returns whether the shutdown has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
