//! Messages to systemd (sd_notify(3)), and reading the certificate again at SIGHUP.

use crate::config::TlsConfig;
use crate::endpoint::QuicListener;
use crate::error::Error;
use crate::shutdown::Shutdown;
use crate::tls::Identity;
use sd_notify::NotifyState;
use std::sync::Arc;
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

/// Reads the certificate's files again at every SIGHUP. Where that fails, the one before stays in use.
///
/// # Errors
///
/// [`Error::Network`] when the signal cannot be listened for.
pub(crate) fn reload_on_hangup(listener: Arc<QuicListener>, tls: TlsConfig) -> Result<impl Future<Output = ()>, Error> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            if let Ok(now) = NotifyState::monotonic_usec_now() {
                tell(&[NotifyState::Reloading, now]);
            }
            reload(&listener, &tls);
            ready();
        }
    })
}

fn reload(listener: &QuicListener, tls: &TlsConfig) {
    if tls.certificate.is_none() {
        // Another development certificate would be one that nobody trusts.
        return tracing::warn!("nothing to reload: the certificate was made for this run");
    }
    match Identity::load(tls).and_then(|identity| listener.renew(identity)) {
        Ok(()) => tracing::warn!("the certificate was read again"),
        Err(error) => tracing::error!(%error, "the certificate cannot be read again: the one before stays"),
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "cannot notify systemd");
    }
}
