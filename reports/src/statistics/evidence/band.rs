//! Intervals of FMR and FNMR over the thresholds: the band around a DET.
//!
//! At each threshold both rates have their 95 % interval, which allows for the comparisons of one subject being alike, as
//! at the operating point. The band joins the corners of these rectangles.

use super::curve::{PointRates, SubjectScores};
use crate::statistics::interval::Interval;
use crate::statistics::probit::probit;

/// Thresholds of a band, at most.
const THRESHOLDS_MAX: usize = 64;

/// Both rates at thresholds in ascending order, so that the FMR falls and the FNMR rises.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band(pub Vec<PointRates>);

impl Band {
    /// Computes the band of a scheme.
    pub(crate) fn of(scores: &SubjectScores) -> Self {
        Self(scores.rates(&thresholds(scores)))
    }

    /// Returns the corners of both rates' lower bounds, and those of their upper bounds, as (FMR, FNMR).
    pub(crate) fn corners(&self) -> [Vec<(f64, f64)>; 2] {
        let corner = |of: fn(Interval) -> f64| {
            let both = |p: &PointRates| Some((of(p.fmr.interval()?), of(p.fnmr.interval()?)));
            self.0.iter().filter_map(both).collect()
        };
        [corner(|i| i.lower), corner(|i| i.upper)]
    }
}

/// Chooses thresholds that lie evenly along the curve.
fn thresholds(scores: &SubjectScores) -> Vec<f32> {
    let curve: Vec<_> = scores.set().curve().into_iter().filter(|p| p.threshold.is_finite()).collect();
    let drawn = |p: f64| probit(p.clamp(1e-7, 1.0 - 1e-7));
    let mut along = vec![0.0];
    for pair in curve.windows(2) {
        let step = (drawn(pair[1].fmr) - drawn(pair[0].fmr)).abs() + (drawn(pair[1].fnmr) - drawn(pair[0].fnmr)).abs();
        along.push(along[along.len() - 1] + step);
    }
    let (mut out, mut next) = (Vec::new(), 0.0);
    let step = along[along.len() - 1] / THRESHOLDS_MAX as f64;
    for (point, at) in curve.into_iter().zip(along) {
        if at >= next {
            out.push(point.threshold);
            next = at + step;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::evidence::cluster::Design;
    use crate::statistics::rates::ScoreSet;

    #[test]
    fn a_band_has_few_points_and_its_corners_lie_around_the_curve() {
        let mated: Vec<(f32, u32, u64)> = (0..300).map(|i| (0.4 + (i % 97) as f32 / 97.0, i % 30, 1)).collect();
        let pairs = (0..30u32).flat_map(|a| (a + 1..30).map(move |b| (((a * 7 + b * 5) % 89) as f32 / 89.0, (a, b))));
        let non_mated: Vec<_> = pairs.collect();
        let set = ScoreSet::new(mated.iter().map(|m| m.0).collect(), non_mated.iter().map(|n| n.0).collect());
        let design = Design::EverySample(vec![1; 30]);
        let band = Band::of(&SubjectScores::new(set, mated, non_mated, f32::NEG_INFINITY, design));
        assert!((20..=THRESHOLDS_MAX + 1).contains(&band.0.len()), "{}", band.0.len());
        let [lower, upper] = band.corners();
        for ((point, low), high) in band.0.iter().zip(lower).zip(upper) {
            let (fmr, fnmr) = (point.fmr.value().unwrap(), point.fnmr.value().unwrap());
            assert!(low.0 <= fmr && fmr <= high.0 && low.1 <= fnmr && fnmr <= high.1, "{point:?}");
        }
    }
}
