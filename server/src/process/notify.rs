//! Messages to systemd (sd_notify(3)), and reloading at SIGHUP.

use crate::error::Error;
use crate::shutdown::Shutdown;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

/// Tells systemd that clients can connect.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells systemd when the shutdown has begun, and waits for the serving to end.
pub(crate) async fn stopping(mut shutdown: Shutdown, serving: impl Future<Output = ()>) {
    let announcing = async {
        shutdown.begun().await;
        tell(&[NotifyState::Stopping]);
    };
    tokio::join!(announcing, serving);
}

/// Reloads at every SIGHUP, and tells systemd so.
///
/// # Errors
///
/// [`Error::Network`] when the signal cannot be listened for.
pub(crate) fn reload_on_hangup<F: Future<Output = ()>>(
    reload: impl Fn() -> F,
) -> Result<impl Future<Output = ()>, Error> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            if let Ok(now) = NotifyState::monotonic_usec_now() {
                tell(&[NotifyState::Reloading, now]);
            }
            reload().await;
            ready();
        }
    })
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "cannot notify systemd");
    }
}
