//! A process's clock, which can be wrong, and its randomness, which can repeat.

use crate::virtual_time::{Timeline, Timer, VirtualClock};
use biopay_server::env::{BoxFuture, Clock};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How wrong a machine's calendar is: it keeps that over restarts.
#[derive(Debug, Default)]
pub(super) struct Skew {
    /// How far it is ahead. Units: milliseconds.
    pub(super) ahead_ms: AtomicI64,
    /// How much faster it goes. Units: parts in a million.
    pub(super) faster_ppm: AtomicI64,
}

/// The clock of one process.
pub(super) struct HuntClock {
    pub(super) timeline: Arc<Timeline>,
    pub(super) skew: Arc<Skew>,
    /// The start of the process, from which it counts.
    pub(super) origin: Duration,
}

impl Clock for HuntClock {
    fn elapsed(&self) -> Duration {
        self.timeline.elapsed().saturating_sub(self.origin)
    }

    fn unix_ms(&self) -> u64 {
        let right = VirtualClock(self.timeline.clone()).unix_ms();
        let elapsed_ms = self.timeline.elapsed().as_millis() as i64;
        let drift_ms = elapsed_ms * self.skew.faster_ppm.load(Ordering::Relaxed) / 1_000_000;
        right.saturating_add_signed(self.skew.ahead_ms.load(Ordering::Relaxed) + drift_ms)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Timer::after(&self.timeline, duration))
    }
}
