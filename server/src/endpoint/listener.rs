//! The socket, and what every new connection gets: certificate, limits, and a trace file where one is configured.

use crate::config::Limits;
use crate::error::Error;
use crate::tls::{Identity, TlsSources, server_config, server_transport};
use quinn::{Connecting, ConnectionError, Endpoint, Incoming, QlogConfig, QlogStream, ServerConfig};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A ready endpoint whose certificate can be renewed.
pub struct QuicListener {
    endpoint: Endpoint,
    limits: Limits,
    /// What new connections get; `None` once no more are accepted.
    config: Mutex<Option<ServerConfig>>,
    qlog: Option<Qlog>,
}

struct Qlog {
    folder: PathBuf,
    written: AtomicU64,
}

impl QuicListener {
    /// Takes an endpoint without a server's configuration, and gives it one. `qlog` is a folder for traces.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`] when chain and key do not belong together.
    pub fn new(endpoint: Endpoint, identity: Identity, limits: Limits, qlog: Option<&Path>) -> Result<Self, Error> {
        let config = server_config(identity, &limits, &TlsSources::system())?;
        let qlog = qlog.map(|folder| Qlog { folder: folder.to_owned(), written: AtomicU64::new(0) });
        Ok(Self { qlog, ..Self::with_config(endpoint, config, limits) })
    }

    /// Takes an endpoint without a server's configuration, and gives it one that was made elsewhere.
    pub fn with_config(endpoint: Endpoint, config: ServerConfig, limits: Limits) -> Self {
        endpoint.set_server_config(Some(config.clone()));
        Self { endpoint, limits, config: Mutex::new(Some(config)), qlog: None }
    }

    /// Presents another certificate to new connections; open connections keep the old one. Does nothing once the
    /// listener accepts no more connections.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`] when chain and key do not belong together; the one before stays.
    pub fn renew(&self, identity: Identity) -> Result<(), Error> {
        let config = server_config(identity, &self.limits, &TlsSources::system())?;
        let mut current = self.config();
        if current.is_some() {
            self.endpoint.set_server_config(Some(config.clone()));
            *current = Some(config);
        }
        Ok(())
    }

    /// Returns the limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the address that it listens on.
    ///
    /// # Errors
    ///
    /// [`Error::Network`] when the socket does not say.
    pub fn address(&self) -> Result<std::net::SocketAddr, Error> {
        Ok(self.endpoint.local_addr()?)
    }

    pub(super) async fn next(&self) -> Option<Incoming> {
        self.endpoint.accept().await
    }

    pub(super) fn open_connections(&self) -> usize {
        self.endpoint.open_connections()
    }

    /// Begins a handshake.
    pub(super) fn accept(&self, incoming: Incoming) -> Result<Connecting, ConnectionError> {
        let traced = self.qlog.as_ref().and_then(|qlog| Some((self.config().clone()?, qlog.stream()?)));
        let Some((mut config, stream)) = traced else { return incoming.accept() };
        let mut transport = server_transport(&self.limits);
        transport.qlog_stream(Some(stream));
        config.transport_config(transport.into());
        incoming.accept_with(config.into())
    }

    pub(super) fn stop_accepting(&self) {
        *self.config() = None;
        self.endpoint.set_server_config(None);
    }

    pub(super) async fn close(&self, code: u32) {
        self.endpoint.close(code.into(), b"shutting down");
        self.endpoint.wait_idle().await;
    }

    fn config(&self) -> MutexGuard<'_, Option<ServerConfig>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Qlog {
    /// Begins a connection's trace; `None`, with a warning, when its file cannot be made.
    fn stream(&self) -> Option<QlogStream> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("connection-{number:06}.sqlog"));
        let file =
            File::create(&path).inspect_err(|error| tracing::warn!(%error, ?path, "cannot create a qlog file")).ok()?;
        let mut config = QlogConfig::default();
        config.writer(Box::new(BufWriter::new(file))).title(Some("biopay-server".into()));
        config.into_stream()
    }
}
