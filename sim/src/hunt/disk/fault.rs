//! The faults of a disk.

use serde::{Deserialize, Serialize};

/// What a disk does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::hunt) enum DiskFault {
    /// A read fails.
    Read,
    /// A write fails, and nothing is written.
    Write,
    /// A sync fails. What was to be synced counts as clean afterwards, as on Linux, and is not on the disk.
    Sync,
    /// A sync says that all is durable, and nothing is.
    Lie,
    /// A write lands 4,096 bytes away from where it belongs.
    Misdirect,
}

/// What becomes of the page cache when a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::hunt) enum PowerCut {
    /// The machine goes on: the cache survives.
    Kept,
    /// The machine loses its power: of every sector that was not synced a coin decides.
    Lost,
}

/// A fault that waits for its operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Armed {
    pub(super) fault: DiskFault,
    /// How many operations of its kind pass before.
    pub(super) skip: u32,
}
