//! What a clock gives back of a run that was played on it.

use crate::scenario::ClockKind;
use crate::world::Tally;
use biopay_reports::manifest::Completion;
use biopay_reports::run_folder::Records;
use std::time::Duration;

/// Holds what was played.
pub struct Played {
    /// What was measured.
    pub records: Records,
    /// Whether it was played to the end.
    pub completion: Completion,
    /// How long it took on the run's clock.
    pub duration: Duration,
    /// When it began; 0 in virtual time.
    pub started_unix_s: u64,
    /// What a reader of the figures must know.
    pub notes: Vec<String>,
    /// Why the figures are not to be trusted; nothing for a run that is valid.
    pub invalid: Vec<String>,
    /// Whether the bank's books are among the records.
    pub books: Books,
}

/// Says whether the run can look into the bank's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Books {
    /// They are among the records, and are held against what handsets were told.
    Seen,
    /// The bank is somebody else's.
    Elsewhere,
}

/// Says in a line how far a run is: handsets by what they are doing, and what came of it so far. `elapsed` is the time on
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
