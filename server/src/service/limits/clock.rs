//! A clock for tests.

use crate::env::{self, BoxFuture};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that moves when the test says so.
#[derive(Default)]
pub(super) struct HandClock(AtomicU64);

impl HandClock {
    pub(super) fn go_on(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl env::Clock for HandClock {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.unix_ms())
    }

    fn unix_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}
