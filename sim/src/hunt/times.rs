//! The times of a hunted run.
//!
//! ```text
//! 0 ── 5 s ── faults, among registrations and payments ── 420 s ── all is well: everything is tried again ── 600 s
//! ```

use std::time::Duration;

/// The start of the faults: some accounts are opened before it, most while things go wrong.
pub(super) const FAULTS_FROM: Duration = Duration::from_secs(5);
/// The end of the faults.
pub(super) const FAULTS_UNTIL: Duration = Duration::from_secs(420);
/// When users try again what has not come to its end. A lost connection is noticed in half a minute.
pub(super) const RETRIES: [Duration; 3] =
    [Duration::from_secs(460), Duration::from_secs(500), Duration::from_secs(540)];
/// The end of the run.
pub(super) const END: Duration = Duration::from_secs(600);
/// How long a code is good for. Units: milliseconds.
pub(super) const CODE_VALID_MS: u32 = 60_000;
/// How long a payment page is good for. Units: milliseconds.
pub(super) const PAGE_VALID_MS: u32 = 120_000;
