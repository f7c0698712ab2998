//! One scenario on both clocks, side by side: what the model of virtual time is worth on this machine.

use biopay_reports::Summary;
use biopay_reports::records::Operation;
use serde::Serialize;

/// Ratios within these say that the model has what matters; outside, there is something to explain.
pub const RATIOS_EXPECTED: std::ops::RangeInclusive<f64> = 0.7..=1.4;
/// The operations that are compared: those that a customer waits for.
const OPERATIONS: [Operation; 6] = [
    Operation::Connect,
    Operation::Register,
    Operation::Login,
    Operation::PresentQr,
    Operation::Charge,
    Operation::Payment,
];

/// Is one figure on both clocks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The operation.
    pub operation: &'static str,
    /// The quantile.
    pub quantile: &'static str,
    /// On the wall clock. Units: microseconds.
    pub wall_us: u64,
    /// In virtual time. Units: microseconds.
    pub virtual_us: u64,
}

impl Pair {
    /// Returns the virtual figure over the wall clock's.
    pub fn ratio(&self) -> f64 {
        self.virtual_us as f64 / self.wall_us.max(1) as f64
    }

    /// Says whether the two agree as far as one can ask.
    pub fn agrees(&self) -> bool {
        RATIOS_EXPECTED.contains(&self.ratio())
    }
}

/// Pairs the latencies of the two runs.
pub fn pairs(wall: &Summary, virtual_time: &Summary) -> Vec<Pair> {
    let found = OPERATIONS.iter().filter_map(|&o| Some((o.name(), wall.latency(o)?, virtual_time.latency(o)?)));
    found
        .flat_map(|(operation, wall, virtual_time)| {
            [("p50", wall.p50_us, virtual_time.p50_us), ("p99", wall.p99_us, virtual_time.p99_us)]
                .map(|(quantile, wall_us, virtual_us)| Pair { operation, quantile, wall_us, virtual_us })
        })
        .collect()
}
