//! Latency against offered load: where it bends is the knee.

use super::{Axis, Chart, Scale};
use crate::run_folder::knee::{Knee, Step, StepEnding};

/// Draws median and 99th percentile of a payment over the offered rate, with the objective; a step that did not hold has
/// a hollow dot.
pub fn knee(knee: &Knee) -> Chart {
    let mut steps: Vec<&Step> = knee.steps.iter().collect();
    steps.sort_by(|a, b| a.offered_per_s.total_cmp(&b.offered_per_s));
    let rates = || steps.iter().map(|s| s.offered_per_s);
    let (low, high) = (rates().fold(f64::INFINITY, f64::min), rates().fold(1.0, f64::max));
    let times = || steps.iter().flat_map(|s| [s.p50_ms, s.p99_ms]).filter(|ms| *ms > 0.0);
    let least = times().fold(knee.objective_ms.max(1e-3), f64::min) / 1.5;
    let most = times().fold(knee.objective_ms.max(1e-2), f64::max) * 1.5;
    let x = Axis::new(Scale::Log10, low.min(high) / 1.15, high * 1.15, "offered payments a second");
    let y = Axis::new(Scale::Log10, least, most, "latency from the intended start in ms");
    let mut chart = Chart::new("latency against offered load", x, y);
    if knee.objective_ms > 0.0 {
        chart.rule_y(knee.objective_ms, "objective for p99");
    }
    for (name, of, colour) in [("p50", (|s: &Step| s.p50_ms) as fn(&Step) -> f64, 0), ("p99", |s| s.p99_ms, 1)] {
        let points: Vec<(f64, f64)> = steps.iter().map(|s| (s.offered_per_s, of(s).max(least))).collect();
        chart.line(&points, colour);
        for (step, &(x, y)) in steps.iter().zip(&points) {
            if step.verdict == StepEnding::Held { chart.dot(x, y, colour) } else { chart.ring(x, y, colour) }
        }
        if let Some(&(x, y)) = points.last() {
            chart.label(x, y, name, colour);
        }
    }
    if let Some(held) = knee.held_per_s {
        chart.rule_x(held, "held");
    }
    chart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_search_and_a_step_without_latency_draw_without_a_nan() {
        let step = |p99_ms| Step {
            folder: String::new(),
            offered_per_s: 50.0,
            charged_per_s: 0.0,
            p50_ms: 0.0,
            p99_ms,
            payments: 0,
            failed: 0,
            lag_p99_ms: 0.0,
            verdict: StepEnding::TooManyFailed,
        };
        for steps in [vec![], vec![step(0.0)], vec![step(0.0), step(7.0)]] {
            let svg = knee(&Knee { steps, ..Knee::default() }).svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
