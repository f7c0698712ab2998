//! What a trail holds, and what may be wrong with it.

use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;

/// What happened.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What was asked for.
    pub event: &'static str,
    /// How it ended.
    pub outcome: String,
    /// Whose account, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// On what: a payment, a number of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

/// The reason why a trail cannot be written or is not whole.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A line is altered, missing or out of place.
    #[error("{path}, line {line}: {why}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: u64,
        /// What is wrong with it.
        why: &'static str,
    },
}
