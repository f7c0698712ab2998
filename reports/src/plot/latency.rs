//! Latency by percentile, the quantile axis in nines, as HdrHistogram plots it.

use super::{Axis, Chart, Scale};
use crate::records::Operation;
use crate::run_folder::latency::LatencyRecorder;
use hdrhistogram::Histogram;

/// The operations whose latency is worth a line: those that a customer waits for.
pub(crate) const PLOTTED: [Operation; 5] =
    [Operation::Connect, Operation::Register, Operation::Login, Operation::PresentQr, Operation::Charge];

/// Draws one line an operation that a customer waits for. Units: the axis in milliseconds.
pub(crate) fn latency_percentiles(latency: &LatencyRecorder) -> Chart {
    let is_plotted = |name: &str| PLOTTED.iter().any(|operation| name == *operation);
    let filled: Vec<_> = latency.operations().filter(|(name, h)| is_plotted(name) && !h.is_empty()).collect();
    latency_series("latency by percentile", &filled)
}

/// Draws one line a named histogram, in the order of the colours. Units: recorded in microseconds, drawn in milliseconds.
pub(crate) fn latency_series(title: &str, filled: &[(&str, &Histogram<u64>)]) -> Chart {
    let most = filled.iter().map(|(_, h)| h.len()).max().unwrap_or(1);
    let top_quantile = 1.0 - 1.0 / (most as f64).max(10.0);
    let low = filled.iter().map(|(_, h)| h.min().max(10)).min().unwrap_or(1_000) as f64 / 1e3;
    let high = filled.iter().map(|(_, h)| h.max()).max().unwrap_or(10_000) as f64 / 1e3;
    let x = Axis::new(Scale::Nines, 0.0, top_quantile, "quantile");
    let y = Axis::new(Scale::Log10, low, high.max(low * 10.0), "latency in ms");
    let mut chart = Chart::new(title, x, y);
    for (colour, (name, histogram)) in filled.iter().enumerate() {
        let points = points(histogram, top_quantile);
        chart.line(&points, colour);
        if let Some(&(q, ms)) = points.last() {
            chart.label(q, ms, name, colour);
        }
    }
    chart
}

/// Samples the quantile function evenly along the nines axis, up to where the operation has a value of its own.
fn points(histogram: &Histogram<u64>, top_quantile: f64) -> Vec<(f64, f64)> {
    let own_top = top_quantile.min(1.0 - 1.0 / (histogram.len() as f64).max(2.0));
    let nines = -(1.0 - own_top).log10();
    let quantile = |i: u32| 1.0 - 10f64.powf(-nines * f64::from(i) / 100.0);
    (0..=100).map(|i| (quantile(i), histogram.value_at_quantile(quantile(i)) as f64 / 1e3)).collect()
}
