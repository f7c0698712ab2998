//! Timings of one part of the system: rounds on the wall clock, and their median.

use crate::Error;
use biopay_server::env::{Clock, system};

/// Rounds that each part is timed for.
pub(super) const ROUNDS: usize = 9;

/// A stopwatch on the system's clock. Units: microseconds.
pub(crate) struct Watch(system::SystemClock);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(system::SystemClock::new())
    }

    pub(crate) fn us(&self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1e6
    }
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(super) fn failed(why: impl std::fmt::Display) -> Error {
    Error::Start { component: "calibration", why: why.to_string() }
}
