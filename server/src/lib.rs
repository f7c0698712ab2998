//! The payment server and the simulated bank.
//!
//! ```text
//! endpoint ──Request──► service ──┬─► store   (accounts, payments, ledger; durable on return)
//!  (QUIC)                         ├─► crypto  (password hashes, sealed records)
//!                                 ├─► biometrics' schemes (record, verify)
//!                                 └─► bank ──ISO 8583──► issuer (biopay-bank, a process of its own)
//! ```
//! `service` decides and does no I/O of its own; `env` is its only source of time, threads and randomness. The server
//! cannot tell a simulated handset from a real one, and is never told the truth about a sample.

pub mod bank;
pub mod client;
pub mod config;
pub mod crypto;
pub mod endpoint;
pub mod env;
pub mod error;
pub mod images;
pub mod iso8583;
pub mod issuer;
pub mod metrics;
pub mod operations;
pub mod process;
pub mod service;
pub mod shutdown;
pub mod socket;
pub mod sqlite;
pub mod store;
pub mod tls;

pub use error::Error;

#[cfg(test)]
#[path = "../tests/fuzz/mod.rs"]
mod fuzz;
