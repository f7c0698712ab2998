//! Simulated time: microseconds since the run's start, on either clock.

use std::time::Duration;

/// An instant or a duration of virtual time. Units: nanoseconds, instants since the run's start.
pub type Nanos = u64;

/// An instant of a run. Units: microseconds since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SimTime(u64);

impl SimTime {
    /// The start of the run.
    pub const ZERO: Self = Self(0);

    /// Converts from the time since the start.
    pub fn since_start(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    /// Converts from seconds since the start; negative counts as zero.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds.max(0.0) * 1e6) as u64)
    }

    /// Returns the microseconds.
    pub fn micros(self) -> u64 {
        self.0
    }

    /// Returns the seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Returns the later instant.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    /// Returns the time from `earlier` to this, or zero.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}
