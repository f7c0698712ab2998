//! Score histograms, and error rates against the threshold.

use super::{Axis, Chart, Scale};
use crate::statistics::distribution::Distribution;
use crate::statistics::rates::ScoreSet;

const BINS: usize = 64;

/// Draws mated and non-mated scores as shares of their counts on a logarithmic axis, with the operating threshold
/// where there is one.
pub fn score_histogram(scores: &ScoreSet, threshold: Option<f64>) -> Chart {
    let (low, high) = range(scores);
    let floor = 0.5 / scores.mated.total().max(scores.non_mated.total()) as f64;
    let x = Axis::new(Scale::Linear, low, high, "comparison score (larger is more similar)");
    let y = Axis::new(Scale::Log10, floor, 1.0, "share of comparisons");
    let mut chart = Chart::new("histogram of mated and non-mated scores", x, y);
    for (name, values, colour) in [("non-mated", &scores.non_mated, 1), ("mated", &scores.mated, 0)] {
        let shares = shares(values, low, high);
        let steps = steps(&shares, low, high, floor);
        chart.area(&steps, colour);
        chart.line(&steps, colour);
        let (peak, share) = peak(&shares);
        chart.label(low + (peak as f64 + 0.5) / BINS as f64 * (high - low), share, name, colour);
    }
    if let Some(threshold) = threshold {
        chart.rule_x(threshold, "threshold");
    }
    chart
}

/// Draws FMR and FNMR against the threshold.
pub fn error_rates(scores: &ScoreSet) -> Chart {
    let (low, high) = range(scores);
    let floor = 0.5 / scores.non_mated.total() as f64;
    let x = Axis::new(Scale::Linear, low, high, "threshold");
    let y = Axis::new(Scale::Log10, floor, 1.0, "error rate");
    let mut chart = Chart::new("FMR and FNMR against the threshold", x, y);
    let points: Vec<_> = (0..=256).map(|i| scores.at((low + (high - low) * f64::from(i) / 256.0) as f32)).collect();
    let fmr: Vec<_> = points.iter().map(|p| (f64::from(p.threshold), p.fmr.max(floor))).collect();
    let fnmr: Vec<_> = points.iter().map(|p| (f64::from(p.threshold), p.fnmr.max(floor))).collect();
    chart.line(&fmr, 1);
    chart.line(&fnmr, 0);
    chart.label(low + 0.15 * (high - low), 0.9, "FMR", 1);
    chart.label(low + 0.85 * (high - low), 0.9, "FNMR", 0);
    chart
}

fn range(scores: &ScoreSet) -> (f64, f64) {
    let finite = || scores.mated.finite().chain(scores.non_mated.finite()).map(|(s, _)| f64::from(s));
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if low < high { (low, high) } else { (0.0, 1.0) }
}

/// Returns the share of all scores in each bin; failures (infinite scores) are in no bin but in the total.
fn shares(scores: &Distribution, low: f64, high: f64) -> Vec<f64> {
    let mut counts = vec![0u64; BINS];
    for (score, count) in scores.finite() {
        let bin = ((f64::from(score) - low) / (high - low) * BINS as f64) as usize;
        counts[bin.min(BINS - 1)] += count;
    }
    counts.into_iter().map(|count| count as f64 / scores.total().max(1) as f64).collect()
}

fn steps(shares: &[f64], low: f64, high: f64, floor: f64) -> Vec<(f64, f64)> {
    let width = (high - low) / shares.len() as f64;
    let edges = |i: usize| [low + i as f64 * width, low + (i + 1) as f64 * width];
    shares.iter().enumerate().flat_map(|(i, &share)| edges(i).map(|x| (x, share.max(floor)))).collect()
}

fn peak(shares: &[f64]) -> (usize, f64) {
    shares.iter().copied().enumerate().fold((0, 0.0), |best, bin| if bin.1 > best.1 { bin } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one_less_the_failures() {
        let scores = Distribution::new([0.0, 0.5, 1.0, f32::NEG_INFINITY]);
        assert!((shares(&scores, 0.0, 1.0).iter().sum::<f64>() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn one_value_alone_draws_without_a_nan() {
        let svg = score_histogram(&ScoreSet::new(vec![0.5], vec![0.5]), Some(0.4)).svg();
        assert!(!svg.contains("NaN") && svg.contains("threshold"));
        assert!(!error_rates(&ScoreSet::new(vec![f32::NAN], vec![f32::NAN])).svg().contains("NaN"));
    }
}
