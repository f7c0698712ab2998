//! Rates at thresholds that the data themselves select: FNMR at a given FMR, and the equal error rate.
//!
//! The true threshold t at which FMR(t) is the target is unknown, and so is FNMR(t). A value e of FNMR is in the interval
//! where some threshold agrees with both: where ((FMR(t) - target)/h)² + ((FNMR(t) - e)/k)² ≤ 1, with h and k the half
//! widths of both rates' 95 % intervals at t on the side of the difference. The threshold is profiled out, which leaves one
//! degree of freedom, so that the bound is that of one 95 % interval. For the equal error rate both rates are held
//! against e. The half widths are those of the mid-P interval at the number of trials that a rate is worth: two exact
//! intervals together would cover nearly always where errors are few.
//!
//! Source: Woodruff 1952, "Confidence intervals for medians and other position measures", for inverting the interval of
//! the selecting rate; Cox and Hinkley 1974, section 9.3, for profiling out a nuisance parameter.

use super::curve::{PointRates, SubjectScores};
use super::method::Method;
use super::rate::Rate;
use crate::statistics::interval::{Interval, mid_p};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ranks from the highest non-mated (or lowest mated) score that are always looked at.
const FIRST_RANKS: u64 = 24;
/// Ranks around the selected one: so many a doubling, over two doublings on each side.
const RANKS_A_DOUBLING: i32 = 24;

/// A rate at a threshold that the data selected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selected {
    /// The observed rate.
    pub value: f64,
    /// Lower bound of its 95 % interval.
    pub lower95: f64,
    /// Upper bound.
    pub upper95: f64,
    /// The method of the interval.
    pub method: Method,
}

impl SubjectScores {
    /// Returns the lowest FNMR at an FMR of at most `target` (FMR100 is 1/100); `None` where the comparisons do not show
    /// any threshold to have such an FMR: where the upper bound of the FMR exceeds the target at all of them.
    pub fn fnmr_at(&self, target: f64) -> Option<Selected> {
        let grid = self.around(self.set().lowest_fnmr(target).fmr.max(target), None);
        self.shown(&grid, target)?;
        let value = self.set().lowest_fnmr(target).fnmr;
        let points = points(&grid);
        let distance = |e: f64| {
            let at = |(fmr, fnmr): &(Width, Width)| fmr.squared(fmr.stepped(target)) + fnmr.squared(e);
            points.iter().map(at).fold(f64::INFINITY, f64::min)
        };
        Some(selected(value, distance))
    }

    /// Returns the equal error rate by the interval rule of FVC2000; `None` without comparisons of both kinds.
    pub fn equal_error_rate(&self) -> Option<Selected> {
        if self.set().is_empty() {
            return None;
        }
        let value = self.set().equal_error_rate();
        let grid = self.around(value, Some(value));
        let points = points(&grid);
        let distance = |e: f64| {
            let at = |(fmr, fnmr): &(Width, Width)| fmr.squared(e) + fnmr.squared(e);
            points.iter().map(at).fold(f64::INFINITY, f64::min)
        };
        Some(selected(value, distance))
    }

    /// Returns both rates at the lowest threshold at which the upper bound of the FMR is at most `limit`; `None` where the
    /// comparisons show none.
    pub fn within(&self, limit: f64) -> Option<PointRates> {
        if self.set().is_empty() {
            return None;
        }
        self.shown(&self.around(limit, None), limit)
    }

    fn shown(&self, grid: &[PointRates], target: f64) -> Option<PointRates> {
        grid.iter().find(|p| p.fmr.interval().is_some_and(|i| i.upper <= target)).copied()
    }

    /// Returns both rates at thresholds around those with such an FMR, and such an FNMR, in ascending order.
    fn around(&self, fmr: f64, fnmr: Option<f64>) -> Vec<PointRates> {
        let (mated, non_mated) = (&self.set().mated, &self.set().non_mated);
        let total = non_mated.total();
        let from_top = ranks(fmr, total).filter_map(|rank| non_mated.ranked(total.checked_sub(rank + 1)?));
        let from_bottom = fnmr.into_iter().flat_map(|fnmr| ranks(fnmr, mated.total()));
        let mut thresholds: Vec<f32> = from_top.map(f32::next_up).collect();
        thresholds.extend(from_bottom.filter_map(|rank| mated.ranked(rank)));
        thresholds.push(f32::INFINITY);
        thresholds.sort_unstable_by(f32::total_cmp);
        thresholds.dedup();
        self.rates(&thresholds)
    }
}

/// Lists the first ranks, and those around a share of all.
fn ranks(share: f64, total: u64) -> impl Iterator<Item = u64> {
    let middle = share * total as f64;
    let around = (-2 * RANKS_A_DOUBLING..=2 * RANKS_A_DOUBLING)
        .map(move |i| (middle * 2f64.powf(f64::from(i) / f64::from(RANKS_A_DOUBLING))).round() as u64);
    (0..FIRST_RANKS).chain(around)
}

/// An observed rate with the half widths of its interval.
struct Width {
    observed: f64,
    below: f64,
    above: f64,
    /// What one error more adds.
    step: f64,
}

impl Width {
    /// Measures a rate; `None` without trials.
    fn of(rate: &Rate) -> Option<Self> {
        let (observed, total) = (rate.value()?, rate.total as f64);
        let Interval { lower, upper } = mid_p(rate.count as f64 / rate.design_effect, total / rate.design_effect);
        Some(Self { observed, below: observed - lower, above: upper - observed, step: 1.0 / total })
    }

    /// Returns the rate itself where the target lies between it and the next that can be observed.
    fn stepped(&self, target: f64) -> f64 {
        if (self.observed..self.observed + self.step).contains(&target) { self.observed } else { target }
    }

    /// Returns the squared difference from a value, in half widths on that side.
    fn squared(&self, value: f64) -> f64 {
        let difference = value - self.observed;
        let half = if difference >= 0.0 { self.above } else { self.below };
        if difference == 0.0 { 0.0 } else { (difference / half.max(f64::MIN_POSITIVE)).powi(2) }
    }
}

/// Measures both rates at each threshold.
fn points(grid: &[PointRates]) -> Vec<(Width, Width)> {
    grid.iter().filter_map(|p| Width::of(&p.fmr).zip(Width::of(&p.fnmr))).collect()
}

/// Finds the values on both sides of the observed one whose distance is 1.
fn selected(value: f64, distance: impl Fn(f64) -> f64) -> Selected {
    let bound = |end: f64| {
        let (mut inside, mut outside) = (value, end);
        if distance(end) <= 1.0 {
            return end;
        }
        for _ in 0..60 {
            let middle = 0.5 * (inside + outside);
            if distance(middle) <= 1.0 { inside = middle } else { outside = middle }
        }
        inside
    };
    let Interval { lower, upper } = Interval { lower: bound(0.0), upper: bound(1.0) };
    Selected { value, lower95: lower, upper95: upper, method: Method::ThresholdInterval }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::evidence::cluster::Design;
    use crate::statistics::rates::ScoreSet;

    fn scores(subjects: u32, shift: f32) -> SubjectScores {
        let noise = |i: u32| ((i * 7_919 + 104_729) % 1_009) as f32 / 1_009.0;
        let mated: Vec<(f32, u32, u64)> = (0..4 * subjects).map(|i| (shift + noise(i), i % subjects, 1)).collect();
        let pairs = (0..subjects).flat_map(|a| (a + 1..subjects).map(move |b| (a, b)));
        let non_mated: Vec<_> = pairs.map(|(a, b)| (noise(a * 613 + b * 31), (a, b))).collect();
        let set = ScoreSet::new(mated.iter().map(|m| m.0).collect(), non_mated.iter().map(|n| n.0).collect());
        SubjectScores::new(set, mated, non_mated, f32::NEG_INFINITY, Design::EverySample(vec![1; subjects as usize]))
    }

    #[test]
    fn an_interval_holds_the_observed_rate_and_allows_for_the_threshold() {
        let scores = scores(60, 0.6);
        let fmr100 = scores.fnmr_at(0.01).unwrap();
        assert!(fmr100.lower95 < fmr100.value && fmr100.value < fmr100.upper95, "{fmr100:?}");
        let threshold = scores.set().lowest_fnmr(0.01).threshold;
        let fnmr = scores.rates(&[threshold])[0].fnmr;
        let fixed = mid_p(fnmr.count as f64 / fnmr.design_effect, fnmr.total as f64 / fnmr.design_effect);
        assert!(fmr100.upper95 >= fixed.upper - 2e-3 && fmr100.lower95 <= fixed.lower + 2e-3, "{fmr100:?} {fixed:?}");
        let eer = scores.equal_error_rate().unwrap();
        assert!(eer.lower95 < eer.value && eer.value < eer.upper95, "{eer:?}");
    }

    #[test]
    fn a_rate_that_the_comparisons_cannot_show_is_not_stated() {
        // 45 comparisons: not one false match among them leaves an FMR of 8 %.
        let scores = scores(10, 1.0);
        assert_eq!((scores.fnmr_at(1e-4), scores.within(1e-4)), (None, None));
        assert!(scores.fnmr_at(0.2).is_some());
        let eer = scores.equal_error_rate().unwrap();
        assert!(eer.value == 0.0 && eer.lower95 == 0.0 && eer.upper95 > 0.01, "{eer:?}");
    }

    #[test]
    fn requirements_are_judged_where_the_upper_bound_meets_the_limit() {
        let scores = scores(200, 1.0);
        let point = scores.within(0.01).unwrap();
        assert!(point.fmr.interval().unwrap().upper <= 0.01 && point.fmr.value().unwrap() > 0.002, "{point:?}");
    }
}
