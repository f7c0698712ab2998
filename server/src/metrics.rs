//! Counters and latencies, for the operator and for the `server` table of a run.

use crate::env::Env;
use crate::store::Commits;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Latencies above this are counted as this.
const LATENCY_US_MAX: u64 = 600_000_000;

/// The upper ends of a histogram's buckets, in microseconds: sums over servers stay histograms.
pub const BUCKETS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Counters of what the server does.
#[derive(Default)]
pub struct Metrics {
    operations: Mutex<BTreeMap<&'static str, Operation>>,
    connections_open: AtomicU64,
    connections_total: AtomicU64,
    connections_refused: AtomicU64,
    connections_retried: AtomicU64,
    connections_displaced: AtomicU64,
    handshakes_timed_out: AtomicU64,
    malformed: AtomicU64,
    /// Zero where it is not known.
    certificate_expires_s: AtomicU64,
}

struct Operation {
    outcomes: BTreeMap<&'static str, u64>,
    buckets: [u64; BUCKETS_US.len()],
    latency_us: Histogram<u64>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// Since the process's clock began.
    pub uptime_ms: u64,
    /// Processor time of the process, user and system; `None` where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// The most memory that the process had, in bytes; `None` where the system does not tell.
    pub memory_bytes_max: Option<u64>,
    /// Connections open now.
    pub connections_open: u64,
    /// Connections that completed their handshake.
    pub connections_total: u64,
    /// Connections turned away before their handshake.
    pub connections_refused: u64,
    /// Connections whose address was asked to prove itself first.
    pub connections_retried: u64,
    /// Connections without a login that were closed to make room for others.
    pub connections_displaced: u64,
    /// Handshakes that took too long.
    pub handshakes_timed_out: u64,
    /// Requests that could not be read.
    pub malformed: u64,
    /// The store's commands and commits; `None` where the store does not group them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Commits>,
    /// Every operation that was asked for.
    pub operations: BTreeMap<String, OperationSnapshot>,
}

/// One operation's counters.
#[derive(Clone, Debug, Serialize)]
pub struct OperationSnapshot {
    /// How often it was asked for.
    pub count: u64,
    /// How often each outcome was the answer.
    pub outcomes: BTreeMap<String, u64>,
    /// Mean latency inside the server in microseconds, network not included.
    pub latency_us_mean: f64,
    /// Median.
    pub latency_us_p50: u64,
    /// 90th percentile.
    pub latency_us_p90: u64,
    /// 99th percentile.
    pub latency_us_p99: u64,
    /// The longest.
    pub latency_us_max: u64,
    /// How many took no longer than each of [`BUCKETS_US`], and longer than the one before.
    #[serde(skip)]
    pub buckets: [u64; BUCKETS_US.len()],
}

impl Metrics {
    /// Counts one answered request.
    pub fn record(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        let mut operations = self.operations();
        let entry = operations.entry(operation).or_insert_with(Operation::new);
        *entry.outcomes.entry(outcome).or_default() += 1;
        let took_us = u64::try_from(took.as_micros()).unwrap_or(LATENCY_US_MAX);
        entry.latency_us.saturating_record(took_us.max(1));
        if let Some(bucket) = entry.buckets.get_mut(BUCKETS_US.partition_point(|&end| end < took_us)) {
            *bucket += 1;
        }
    }

    /// Counts a connection until the guard is dropped.
    pub fn connection(&self) -> ConnectionGuard<'_> {
        self.connections_total.fetch_add(1, Ordering::Relaxed);
        self.connections_open.fetch_add(1, Ordering::Relaxed);
        ConnectionGuard(self)
    }

    /// Counts a connection that was turned away.
    pub fn count_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection whose address has to prove itself first.
    pub fn count_retried(&self) {
        self.connections_retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that was closed to make room for another.
    pub fn count_displaced(&self) {
        self.connections_displaced.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a handshake that took too long.
    pub fn count_timed_out(&self) {
        self.handshakes_timed_out.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes until when the certificate that new connections get is valid, in seconds since 1970.
    pub fn set_certificate_expiry(&self, unix_s: Option<u64>) {
        self.certificate_expires_s.store(unix_s.unwrap_or(0), Ordering::Relaxed);
    }

    /// Returns until when the certificate is valid.
    pub fn certificate_expiry(&self) -> Option<u64> {
        Some(self.certificate_expires_s.load(Ordering::Relaxed)).filter(|&unix_s| unix_s > 0)
    }

    /// Counts a request that could not be read.
    pub fn count_malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counters as they are, but for the store's.
    pub fn snapshot(&self, env: &Env) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let operations = self.operations();
        let operations = operations.iter().map(|(&name, operation)| (name.to_owned(), operation.snapshot()));
        Snapshot {
            uptime_ms: u64::try_from(env.clock.elapsed().as_millis()).unwrap_or(u64::MAX),
            cpu_seconds: usage::cpu_seconds(),
            memory_bytes_max: usage::memory_bytes_max(),
            connections_open: read(&self.connections_open),
            connections_total: read(&self.connections_total),
            connections_refused: read(&self.connections_refused),
            connections_retried: read(&self.connections_retried),
            connections_displaced: read(&self.connections_displaced),
            handshakes_timed_out: read(&self.handshakes_timed_out),
            malformed: read(&self.malformed),
            store: None,
            operations: operations.collect(),
        }
    }

    fn operations(&self) -> MutexGuard<'_, BTreeMap<&'static str, Operation>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    /// Returns the counters as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("counters have a form in JSON")
    }
}

impl Operation {
    fn new() -> Self {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("the bounds are in order");
        Self { outcomes: BTreeMap::new(), buckets: [0; BUCKETS_US.len()], latency_us }
    }

    fn snapshot(&self) -> OperationSnapshot {
        let latency = &self.latency_us;
        OperationSnapshot {
            count: latency.len(),
            outcomes: self.outcomes.iter().map(|(&name, &count)| (name.to_owned(), count)).collect(),
            latency_us_mean: latency.mean(),
            latency_us_p50: latency.value_at_quantile(0.5),
            latency_us_p90: latency.value_at_quantile(0.9),
            latency_us_p99: latency.value_at_quantile(0.99),
            latency_us_max: latency.max(),
            buckets: self.buckets,
        }
    }
}

/// A guard that counts one open connection.
pub struct ConnectionGuard<'a>(&'a Metrics);

impl Drop for ConnectionGuard<'_> {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the process used, from Linux's proc file system.
mod usage {
    /// Clock ticks a second in proc(5); the kernel's interface has fixed it at 100 on every architecture we run on.
    const TICKS_PER_SECOND: f64 = 100.0;

    pub(crate) fn cpu_seconds() -> Option<f64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The command's name may contain anything but is in parentheses; utime and stime are fields 14 and 15.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace().skip(11);
        let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
        Some(ticks / TICKS_PER_SECOND)
    }

    pub(crate) fn memory_bytes_max() -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_percentiles_are_those_of_what_was_recorded() {
        let metrics = Metrics::default();
        for us in 1..=100 {
            metrics.record(
                "login",
                if us % 4 == 0 { "wrong-credentials" } else { "logged-in" },
                Duration::from_micros(us),
            );
        }
        let guard = metrics.connection();
        let snapshot = metrics.snapshot(&crate::env::system::env(1, 1));
        let login = &snapshot.operations["login"];
        assert_eq!(login.buckets[..2], [100, 0]);
        assert_eq!((login.count, login.outcomes["wrong-credentials"], login.latency_us_p50), (100, 25, 50));
        assert_eq!((snapshot.connections_open, login.latency_us_max), (1, 100));
        drop(guard);
        assert_eq!(metrics.snapshot(&crate::env::system::env(1, 1)).connections_open, 0);
    }
}
