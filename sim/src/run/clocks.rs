//! One scenario on both clocks: the accuracy of virtual time's model on this machine.

use biopay_reports::Summary;
use biopay_reports::records::Operation;
use serde::Serialize;

/// The expected range of ratios; one outside shows that the model lacks something.
pub const RATIOS_EXPECTED: std::ops::RangeInclusive<f64> = 0.7..=1.4;
/// The compared operations: those for which a customer waits.
const OPERATIONS: [Operation; 6] = [
    Operation::Connect,
    Operation::Register,
    Operation::Login,
    Operation::PresentQr,
    Operation::Charge,
    Operation::Payment,
];

/// One figure on both clocks.
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
    /// Returns the virtual figure divided by the wall clock's.
    pub fn ratio(&self) -> f64 {
        self.virtual_us as f64 / self.wall_us.max(1) as f64
    }

    /// Returns whether the ratio is in the expected range.
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
