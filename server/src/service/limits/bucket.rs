//! One limit over many keys: the crate `governor` computes the waits over a table of ours, which stays bounded.

use super::kept::{Digest, Kept, Ledger, LimitKey, Shared};
use crate::config::FailureLimit;
use crate::env;
use crate::store::{LimitChange, LimitRow};
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
pub(super) struct Bucket<K: LimitKey + Hash> {
    /// `None` where there is no limit.
    limiter: Option<RateLimiter<K, Table<K>, Time, NoOpMiddleware<Duration>>>,
    table: Table<K>,
    refill: Duration,
}

impl<K: LimitKey + Hash> Bucket<K> {
    /// Creates a limit that this process forgets.
    pub(super) fn new(limit: FailureLimit, clock: &Time) -> Self {
        Self::with_ledger(limit, clock, None)
    }

    /// Creates a limit whose failures are kept in the store under a name.
    pub(super) fn kept(limit: FailureLimit, clock: &Time, name: &'static str, shared: &Shared) -> Self {
        Self::with_ledger(limit, clock, Some(Ledger::new(name, limit, clock.0.clone(), shared.clone())))
    }

    fn with_ledger(limit: FailureLimit, clock: &Time, ledger: Option<Ledger<K>>) -> Self {
        let refill = Duration::from_millis(u64::from(limit.refill_ms));
        let quota = NonZeroU32::new(limit.burst).and_then(|burst| Some(Quota::with_period(refill)?.allow_burst(burst)));
        let table = Table(Arc::new(Mutex::new(Counts { until: BTreeMap::new(), ledger })));
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
        let mut counts = lock(&self.table.0);
        if let Some(forgiven_at) = counts.until.get_mut(key) {
            *forgiven_at = forgiven_at.saturating_sub(self.refill.into());
            if let Some(ledger) = &mut counts.ledger {
                ledger.note(key, -1);
            }
        }
    }

    /// Returns how many keys have failures that count.
    pub(super) fn len(&self) -> usize {
        lock(&self.table.0).until.len()
    }
}

impl<K: LimitKey + Hash> Kept for Bucket<K> {
    fn changes(&self, at_most: usize) -> Vec<LimitChange> {
        lock(&self.table.0).ledger.as_mut().map_or_else(Vec::new, |ledger| ledger.changes(at_most))
    }

    fn settle(&self, merged: Option<&BTreeMap<Digest, i64>>) {
        let Counts { until, ledger } = &mut *lock(&self.table.0);
        let Some(ledger) = ledger else { return };
        for (key, until_ms) in ledger.settle(merged) {
            until.insert(key, Nanos::from(until_ms.saturating_mul(NANOS_PER_MS)));
        }
    }

    fn take_in(&self, rows: &[LimitRow], now_ms: i64) {
        if let Some(ledger) = &mut lock(&self.table.0).ledger {
            ledger.take_in(rows, now_ms);
        }
    }
}

const NANOS_PER_MS: u64 = 1_000_000;

/// The failures of each key.
struct Counts<K> {
    /// When all failures of a key are forgiven, counted from the limiter's start.
    until: BTreeMap<K, Nanos>,
    /// What the store has and has not heard of them, where they are kept.
    ledger: Option<Ledger<K>>,
}

struct Table<K>(Arc<Mutex<Counts<K>>>);

impl<K> Clone for Table<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: LimitKey> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Counts { until, ledger } = &mut *lock(&self.0);
        let elsewhere = ledger.as_mut().and_then(|ledger| ledger.find_elsewhere(key));
        let elsewhere = elsewhere.map(|until_ms| Nanos::from(until_ms.saturating_mul(NANOS_PER_MS)));
        let counted = until.get_mut(key);
        let known = counted.as_deref().copied().max(elsewhere);
        let measured = measure(known);
        let forgiven_at = match &measured {
            Ok((_, forgiven_at)) => Some(*forgiven_at),
            // What the store knows of a key holds here as well.
            Err(_) => elsewhere.and(known),
        };
        match (counted, forgiven_at) {
            // Most keys of a busy server: found once, and not cloned.
            (Some(counted), Some(forgiven_at)) => *counted = forgiven_at,
            (None, Some(forgiven_at)) => {
                make_room(until);
                until.insert(key.clone(), forgiven_at);
            }
            (_, None) => {}
        }
        if let (Ok(_), Some(ledger)) = (&measured, ledger) {
            ledger.note(key, 1);
        }
        measured.map(|(outcome, _)| outcome)
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
        assert!(bucket.len() <= ENTRIES_MAX);
    }
}
