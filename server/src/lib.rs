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

#![warn(clippy::wildcard_enum_match_arm, unreachable_pub)]

// Starting and ending a process.
pub mod config;
pub mod error;
pub mod process;
pub mod shutdown;

// A request comes in.
pub mod endpoint;
pub mod socket;
pub mod tls;

// The server decides.
pub mod images;
pub mod merchants;
pub mod own_program;
pub mod own_scheme;
pub mod reconcile;
pub mod service;

// What a decision needs: time and randomness, keys, durable storage.
pub mod crypto;
pub mod durable;
pub mod env;
pub mod sqlite;
pub mod store;

// Money moves.
pub mod bank;
pub mod iso8583;
pub mod issuer;
pub mod statement;

// The operator watches.
pub mod metrics;
pub mod operations;
pub mod telemetry;
pub mod trail;

// What the hunt has to find.
pub mod planted;

// The other end of a connection, for handsets.
pub mod client;

pub use error::Error;

#[cfg(test)]
#[path = "../tests/fuzz/mod.rs"]
mod fuzz;
