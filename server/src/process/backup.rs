//! Backup of a SQLite store while servers use it, and its restoration.

use super::announce;
use super::keys::Keys;
use crate::config::{ServerConfig, parse_location};
use crate::env::system;
use crate::error::Error;
use crate::service::admit;
use crate::sqlite::{Location, copy_whole};
use crate::store::{PaymentAudit, SqliteStore, Store, StoreError};
use std::path::{Path, PathBuf};

/// Copies the store of one moment into a file, checks the copy, and prints its sums.
pub(crate) async fn back_up(config: &ServerConfig, to: &Path) -> Result<(), Error> {
    let from = store_path(config)?;
    if !from.exists() {
        return Err(StoreError::Missing(from).into());
    }
    if to.exists() {
        return Err(Error::Config(format!("{} is there already: name a new file", to.display())));
    }
    let audit = place(&from, to, None).await?;
    print(&audit)
}

/// Makes a store of a backup where the configuration names one that does not exist yet.
pub(crate) async fn restore(config: &ServerConfig, from: &Path) -> Result<(), Error> {
    let to = store_path(config)?;
    if !from.exists() {
        return Err(StoreError::Missing(from.into()).into());
    }
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", to.display()));
    // A log of another database beside the new one would be taken for its own.
    if let Some(there) = [to.clone(), beside("-wal"), beside("-shm")].into_iter().find(|path| path.exists()) {
        return Err(Error::Config(format!("{} is there already: move it away first", there.display())));
    }
    let log = config.store_redo.as_deref();
    let audit = place(from, &to, log).await?;
    let store = SqliteStore::open_existing(&Location::File(to.clone()))?;
    let keys = Keys::read(&config.keys)?;
    if let Err(error) = admit(&store, &system::env(1, 1), &keys.named(), config.password.cost).await {
        store.close().await?;
        drop(store);
        for ending in ["-wal", "-shm", ""] {
            // The first two may be gone already.
            let _ = std::fs::remove_file(beside(ending));
        }
        return Err(error);
    }
    store.close().await?;
    print(&audit)
}

/// Copies a database beside its place, has it catch up with a redo log, checks it, and moves it there.
async fn place(from: &Path, to: &Path, log: Option<&Path>) -> Result<PaymentAudit, Error> {
    let partial = to.with_added_extension("partial");
    let _ = std::fs::remove_file(&partial);
    copy_whole(from, &partial)?;
    if let Some(log) = log {
        let replayed = SqliteStore::catch_up(&Location::File(partial.clone()), log)?;
        tracing::warn!(replayed, "transactions of the redo log were run again");
    }
    let copy = SqliteStore::open_existing(&Location::File(partial.clone()))?;
    let audit = copy.audit().await?;
    copy.close().await?;
    drop(copy);
    if !audit.is_clean() {
        return Err(StoreError::Sql("the copy's sums are wrong".into()).into());
    }
    let moved = std::fs::rename(&partial, to).and_then(|()| sync_folder(to));
    moved.map_err(|error| Error::File { path: to.into(), error })?;
    Ok(audit)
}

/// Makes a new name durable.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

fn store_path(config: &ServerConfig) -> Result<PathBuf, Error> {
    if config.is_postgres() {
        return Err(Error::Config("the store is PostgreSQL: use pg_dump, or a base backup with archiving".into()));
    }
    match parse_location(&config.store)? {
        Location::File(path) => Ok(path),
        Location::Through { .. } | Location::Memory => Err(Error::Config("a store in memory has no backup".into())),
    }
}

fn print(audit: &PaymentAudit) -> Result<(), Error> {
    announce(&serde_json::to_value(audit).expect("an audit has a form in JSON"))
}
