//! The settings of the trail.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The trail of security events: logins, failures, bindings, changes, payments, uses of keys, limits that were hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TrailConfig {
    /// The file that lines are added to; without it there is no trail. Each server needs its own.
    pub file: Option<PathBuf>,
    /// The key that chains its lines, 64 hexadecimal digits; without it, a development key.
    pub key: Option<String>,
    /// The length from which on a file is put aside and another one begun, in MiB; 0 for never.
    pub rotate_mib: u32,
}

impl Default for TrailConfig {
    fn default() -> Self {
        Self { file: None, key: None, rotate_mib: 256 }
    }
}
