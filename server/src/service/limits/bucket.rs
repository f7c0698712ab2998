//! One limit over many keys: the crate `governor` computes the waits over a table of ours, which stays bounded.

use crate::config::FailureLimit;
use crate::env;
use biopay_protocol::Refusal;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use std::collections::BTreeMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Entries that one table keeps; beyond that, those nearest to being forgiven are forgotten.
const ENTRIES_MAX: usize = 100_000;

/// A limit that lets `burst` failures through at once and one more each `refill` (the generic cell rate algorithm, ITU-T
/// I.371).
pub(super) struct Bucket<K: Ord + Clone + Hash> {
    /// `None` where there is no limit.
    limiter: Option<RateLimiter<K, Table<K>, Time, NoOpMiddleware<Duration>>>,
    table: Table<K>,
    refill: Duration,
}

impl<K: Ord + Clone + Hash> Bucket<K> {
    pub(super) fn new(limit: FailureLimit, clock: &Time) -> Self {
        let refill = Duration::from_millis(u64::from(limit.refill_ms));
        let quota = NonZeroU32::new(limit.burst).and_then(|burst| Some(Quota::with_period(refill)?.allow_burst(burst)));
        let table = Table(Arc::default());
        let limiter = quota.map(|quota| RateLimiter::new(quota, table.clone(), clock.clone()));
        Self { limiter, table, refill }
    }

    pub(super) fn take(&self, key: &K) -> Result<(), Refusal> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(limiter.clock().now());
            Refusal::Throttled { retry_after_ms: u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1) }
        })
    }

    pub(super) fn give_back(&self, key: &K) {
        if let Some(forgiven_at) = lock(&self.table.0).get_mut(key) {
            *forgiven_at = forgiven_at.saturating_sub(self.refill.into());
        }
    }
}

/// When all failures of each key are forgiven, counted from the limiter's start.
struct Table<K>(Arc<Mutex<BTreeMap<K, Nanos>>>);

impl<K> Clone for Table<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Ord + Clone> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut table = lock(&self.0);
        let (outcome, forgiven_at) = measure(table.get(key).copied())?;
        make_room(&mut table);
        table.insert(key.clone(), forgiven_at);
        Ok(outcome)
    }
}

/// The server's clock, as the limiters need it.
#[derive(Clone)]
pub(super) struct Time(pub(super) Arc<dyn env::Clock>);

impl Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Forgets the older half of a full table, so that what an attacker can fill stays bounded.
pub(super) fn make_room<K: Ord, T: Ord + Copy>(table: &mut BTreeMap<K, T>) {
    if table.len() < ENTRIES_MAX {
        return;
    }
    let mut times: Vec<T> = table.values().copied().collect();
    let (_, &mut median, _) = times.select_nth_unstable(ENTRIES_MAX / 2);
    table.retain(|_, &mut time| time > median);
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::limits::clock::HandClock;

    #[test]
    fn a_flood_of_names_keeps_the_table_bounded() {
        let clock = Arc::new(HandClock::default());
        let bucket = Bucket::new(FailureLimit { burst: 1, refill_ms: 1_000 }, &Time(clock.clone()));
        for n in 0..(ENTRIES_MAX as u64 + 10) {
            bucket.take(&n).unwrap();
            clock.go_on(1);
        }
        assert!(lock(&bucket.table.0).len() <= ENTRIES_MAX);
    }
}
