//! The crate's one error enum: what keeps a server or a bank from starting, or stops it.

use std::path::PathBuf;

/// Everything that can go wrong outside a request. What goes wrong inside a request is a refusal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The configuration is wrong.
    #[error("configuration: {0}")]
    Config(String),
    /// A certificate or key cannot be used.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The store cannot be opened or has failed.
    #[error("store: {0}")]
    Store(#[from] crate::durable::StoreError),
    /// A sealed record cannot be opened.
    #[error("vault: {0}")]
    Vault(#[from] crate::crypto::vault::CannotOpen),
    /// The trail cannot be written, or is not whole.
    #[error("trail: {0}")]
    Trail(#[from] crate::trail::TrailError),
    /// A table could not be read or written.
    #[error("table: {0}")]
    Table(#[from] csv::Error),
    /// The network refused.
    #[error("network: {0}")]
    Network(#[from] std::io::Error),
    /// A line of an accounts file is wrong.
    #[error("accounts: {0}")]
    Accounts(#[from] crate::issuer::accounts::BadLine),
}
