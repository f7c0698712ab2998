//! The store that the configuration names.

use crate::config::{ServerConfig, parse_location};
use crate::error::Error;
use crate::sqlite::Location;
use crate::store::{PostgresStore, SqliteStore, Store, StoreError};
use crate::tls::database_connector;
use std::sync::Arc;

/// Opens the store, and makes a new one where there is none.
pub(crate) async fn open_store(config: &ServerConfig) -> Result<Arc<dyn Store>, Error> {
    let store = &config.store;
    if config.is_postgres() {
        let tls = config.store_certificate.as_deref().map(database_connector).transpose()?;
        return Ok(Arc::new(PostgresStore::open(store, tls).await?));
    }
    Ok(Arc::new(SqliteStore::open_with(&parse_location(store)?, config.store_redo.as_deref())?))
}

/// Opens the store for a command that changes nothing where there is nothing: a mistyped path makes no new store.
pub(crate) async fn open_existing_store(config: &ServerConfig) -> Result<Arc<dyn Store>, Error> {
    if config.is_postgres() {
        return open_store(config).await;
    }
    match parse_location(&config.store)? {
        Location::File(path) if !path.exists() => Err(StoreError::Missing(path).into()),
        Location::File(_) | Location::Through { .. } | Location::Memory => open_store(config).await,
    }
}
