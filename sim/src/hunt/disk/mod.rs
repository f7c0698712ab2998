//! A simulated disk for the real SQLite: files in memory with a page cache, which a power cut loses, and faults.
//!
//! ```text
//! SQLite ─► vfs (the only unsafe file of the simulator) ─► files (cache, durable sectors, locks, faults)
//! ```

mod fault;
mod file;
mod files;
mod vfs;

pub(super) use fault::{DiskFault, PowerCut};
pub(super) use files::Disk;
pub(super) use vfs::{Mounted, VFS, mount};
