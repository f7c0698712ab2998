//! The result of a run on either clock.

use crate::scenario::ClockKind;
use crate::world::Tally;
use biopay_reports::manifest::{Completion, Noise};
use biopay_reports::run_folder::Records;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The records and the end of a run.
#[derive(Serialize, Deserialize)]
pub struct Played {
    /// The records.
    pub records: Records,
    /// Whether the run reached its end.
    pub completion: Completion,
    /// The duration on the run's clock.
    pub duration: Duration,
    /// The start, in seconds since 1970; 0 in virtual time.
    pub started_unix_s: u64,
    /// The notes that a reader of the figures needs.
    pub notes: Vec<String>,
    /// The reasons why the run is invalid; empty for a valid run.
    pub invalid: Vec<String>,
    /// Whether the bank's books are among the records.
    pub books: Books,
    /// What else the machine did; `None` in virtual time, to which it does not matter.
    pub noise: Option<Noise>,
}

/// Whether the run can read the bank's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Books {
    /// They are among the records, and are checked against the answers to handsets.
    Seen,
    /// The bank does not belong to the run.
    Elsewhere,
}

/// Returns the progress of a run in one line: the state of handsets and the results so far. `elapsed` is the time on
/// the run's clock.
pub fn status(t: &Tally, clock: ClockKind, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let at = if clock == ClockKind::Virtual { format!("virtual {seconds:.0} s, ") } else { String::new() };
    let idle = t.registered.saturating_sub(t.active - t.registering);
    format!(
        "{at}handsets: {} registering, {idle} idle, {} paying; {} charged ({:.1}/s), {} false accepts",
        t.registering,
        t.active - t.registering,
        t.charged,
        t.charged as f64 / seconds.max(1e-3),
        t.false_accepts
    )
}
