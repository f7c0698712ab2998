//! Latency percentiles by operation.

use super::latency_interval::{LatencyEstimate, Weight};
use super::network::Traffic;
use crate::records::Operation;
use crate::run_folder::latency::{INTENDED, LatencyRecorder};
use serde::Serialize;

/// An operation's latency percentiles. Units: microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct LatencySummary {
    pub operation: String,
    pub count: u64,
    pub mean_us: f64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
    /// From the instant at which the open loop meant to begin, where that was recorded.
    pub intended: Option<Intended>,
    /// Percentiles and mean with their intervals.
    pub estimates: Vec<LatencyEstimate>,
}

impl LatencySummary {
    /// Whether these are the latencies of all handsets, from the sending: those from the intended start stand beside their
    /// operation, and those of one link profile in a table of their own.
    pub fn is_whole(&self) -> bool {
        !self.operation.contains('@')
    }

    /// Finds a percentile, or the mean, by its word.
    pub(crate) fn estimate(&self, word: &str) -> Option<&LatencyEstimate> {
        self.estimates.iter().find(|estimate| estimate.word == word)
    }
}

/// Latency percentiles from the instant at which an open loop meant to begin. Units: microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Intended {
    pub p50_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
}

/// Returns the percentiles of every operation: in the order in which a handset meets them, others after them by name.
pub(crate) fn latencies(recorder: &LatencyRecorder, traffic: &Traffic) -> Vec<LatencySummary> {
    let weight = Weight { latency: recorder, traffic };
    let intended = |operation: &str| {
        let h = recorder.operation(&format!("{operation}{INTENDED}"))?;
        let [p50_us, p99_us, p999_us] = [0.5, 0.99, 0.999].map(|q| h.value_at_quantile(q));
        Some(Intended { p50_us, p99_us, p999_us })
    };
    let mut out: Vec<_> = recorder
        .operations()
        .map(|(operation, h)| LatencySummary {
            operation: operation.to_owned(),
            count: h.len(),
            mean_us: h.mean(),
            p50_us: h.value_at_quantile(0.5),
            p90_us: h.value_at_quantile(0.9),
            p99_us: h.value_at_quantile(0.99),
            p999_us: h.value_at_quantile(0.999),
            max_us: h.max(),
            intended: intended(operation),
            estimates: weight.estimates(operation, h),
        })
        .collect();
    let place = |name: &str| Operation::of(name).map_or(Operation::ALL.len(), |operation| operation as usize);
    out.sort_by(|a, b| (place(&a.operation), &a.operation).cmp(&(place(&b.operation), &b.operation)));
    out
}
