//! Events per second over the run.

use super::{Axis, Chart, Scale};

/// Draws one stepped line a series. Shape: each series has one count a second of the run.
pub fn timeline(series: &[(&str, &[u64])]) -> String {
    let seconds = series.iter().map(|(_, counts)| counts.len()).max().unwrap_or(1);
    let most = series.iter().flat_map(|(_, counts)| counts.iter()).copied().max().unwrap_or(1);
    let x = Axis::new(Scale::Linear, 0.0, seconds as f64, "seconds since the start");
    let y = Axis::new(Scale::Linear, 0.0, most as f64 * 1.1, "per second");
    let mut chart = Chart::new("events per second", x, y);
    for (colour, (name, counts)) in series.iter().enumerate() {
        let steps: Vec<_> = counts
            .iter()
            .enumerate()
            .flat_map(|(second, &count)| [(second as f64, count as f64), (second as f64 + 1.0, count as f64)])
            .collect();
        chart.area(&steps, colour);
        chart.line(&steps, colour);
        let peak = counts.iter().enumerate().max_by_key(|&(i, &count)| (count, usize::MAX - i));
        if let Some((second, &count)) = peak {
            chart.label(second as f64, count as f64, name, colour);
        }
    }
    chart.finish()
}
