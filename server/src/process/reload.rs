//! What the server reads again at SIGHUP.

use super::keys::Keys;
use super::trails::note_keys;
use crate::config::ServerConfig;
use crate::endpoint::QuicListener;
use crate::error::Error;
use crate::service::{Service, admit};
use crate::store::Store;
use crate::tls::Identity;
use std::sync::Arc;

/// What can be read again while the server runs: certificate, keys, and the cost of password hashes.
#[derive(Clone)]
pub(crate) struct Reloading {
    /// Reads the configuration with the flags of this start.
    pub(crate) read: Arc<dyn Fn() -> Result<ServerConfig, Error> + Send + Sync>,
    pub(crate) listener: Arc<QuicListener>,
    pub(crate) service: Arc<Service>,
    pub(crate) store: Arc<dyn Store>,
}

impl Reloading {
    /// Reads the files again. Where that fails, what was there before stays in use.
    pub(crate) async fn reload(self) {
        let config = match (self.read)() {
            Ok(config) => config,
            Err(error) => return tracing::error!(%error, "cannot read the configuration again: the one before stays"),
        };
        match self.renew_keys(&config).await {
            Ok(()) => tracing::warn!("the keys were read again"),
            Err(error) => tracing::error!(%error, "the keys cannot be used: those before stay"),
        }
        if config.tls.certificate.is_none() {
            // Another development certificate would be one that nobody trusts.
            return tracing::warn!("no certificate to read again: it was made for this run");
        }
        match self.renew_certificate(&config) {
            Ok(()) => tracing::warn!("the certificate was read again"),
            Err(error) => tracing::error!(%error, "the certificate cannot be read again: the one before stays"),
        }
    }

    fn renew_certificate(&self, config: &ServerConfig) -> Result<(), Error> {
        let identity = Identity::load(&config.tls)?;
        let expires = identity.expires_unix_s();
        self.listener.renew(identity)?;
        self.service.metrics().set_certificate_expiry(expires);
        Ok(())
    }

    async fn renew_keys(&self, config: &ServerConfig) -> Result<(), Error> {
        let keys = Keys::read(&config.keys)?;
        let (vault, peppers, cost) = (keys.vault()?, keys.peppers()?, config.password.cost);
        admit(&*self.store, self.service.env(), &keys.named(), cost).await?;
        self.service.renew_keys(vault, cost, peppers);
        note_keys(self.service.trail(), self.service.env(), "keys-loaded", config)
    }
}
