//! Plots: a chart with axes, and one function a figure; as SVG text or as a PNG.
//!
//! Colours are CSS classes (`c0`…), so that one file serves light and dark; lines carry their names, so that no figure
//! needs a legend or colour alone.

mod axis;
mod chart;
mod det;
mod knee;
mod latency;
mod png;
mod scores;
mod shape;
mod svg;
mod timeline;

pub use axis::{Axis, Scale};
pub use chart::Chart;
pub use det::{DetSeries, det};
pub use knee::knee;
pub(crate) use latency::{PLOTTED, latency_percentiles, latency_series};
pub use scores::{error_rates, score_histogram};
pub use timeline::timeline;
