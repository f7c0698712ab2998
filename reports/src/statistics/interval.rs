//! Intervals of a share from counts of independent trials.

use crate::statistics::beta;
use serde::{Deserialize, Serialize};

/// The confidence that every interval of this crate states.
pub(crate) const CONFIDENCE: f64 = 0.95;
/// The standard normal quantile at 97.5 %.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// A two-sided 95 % confidence interval of a rate.
///
/// Units: fractions in [0, 1], `lower <= upper`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
}

/// Returns the Clopper-Pearson interval of `count` out of `total`.
///
/// Panics when `count > total` or `total` is 0. Source: Clopper and Pearson 1934; ISO/IEC 19795-1:2021, annex B.
pub(crate) fn clopper_pearson(count: u64, total: u64) -> Interval {
    assert!(count <= total && total > 0, "{count} of {total}");
    beta_interval(count as f64, total as f64)
}

/// Returns Wilson's score interval of `count` out of `total`, which may be effective (fractional) counts.
///
/// Source: Wilson 1927.
pub(crate) fn wilson(count: f64, total: f64) -> Interval {
    let p = count / total;
    let spread = Z * Z / total;
    let centre = (p + spread / 2.0) / (1.0 + spread);
    let half = Z / (1.0 + spread) * (p * (1.0 - p) / total + spread / (4.0 * total)).sqrt();
    let lower = if count <= 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let upper = if count >= total { 1.0 } else { (centre + half).min(1.0) };
    Interval { lower, upper }
}

/// Returns the Clopper-Pearson interval of `count` out of `total`, which may be effective (fractional) counts.
pub(crate) fn beta_interval(count: f64, total: f64) -> Interval {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let lower = if count <= 0.0 { 0.0 } else { beta::quantile(tail, count, total - count + 1.0) };
    let upper = if count >= total { 1.0 } else { beta::quantile(1.0 - tail, count + 1.0, total - count) };
    Interval { lower, upper }
}

/// Returns Student's t quantile at 97.5 %. Source: DLMF 8.17 through the incomplete beta function.
pub(crate) fn student_t(freedom: u64) -> f64 {
    let v = freedom.max(1) as f64;
    let x = beta::quantile(1.0 - CONFIDENCE, v / 2.0, 0.5);
    (v * (1.0 - x) / x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(actual: f64, expected: f64, relative: f64) {
        let error = if expected == 0.0 { actual.abs() } else { (actual / expected - 1.0).abs() };
        assert!(error < relative, "{actual:e} instead of {expected:e}");
    }

    /// Expected values: scipy.stats.beta.ppf(.025, k, n-k+1) and ppf(.975, k+1, n-k), SciPy 1.17.1, but for the upper
    /// bound of 3 in 1e9: there SciPy gives 8.76727308868e-9, and the binomial sum in 60 decimal digits gives the value
    /// below.
    #[test]
    fn clopper_pearson_agrees_with_scipy() {
        for (k, n, lower, upper) in SCIPY_EXACT {
            let interval = clopper_pearson(k, n);
            assert_close(interval.lower, lower, 1e-9);
            assert_close(interval.upper, upper, 1e-9);
        }
    }

    const SCIPY_EXACT: [(u64, u64, f64, f64); 5] = [
        (0, 1_000_000, 0.0, 3.688872650206488e-06),
        (3, 1_000_000_000, 6.186721233228957e-10, 8.767273044460697e-09),
        (500_000_000, 1_000_000_000, 0.4999690097484223, 0.5000309902515777),
        (7, 280, 0.010109069806336586, 0.05082893291758989),
        (45, 2880, 0.011419215967537439, 0.02085214761371124),
    ];

    #[test]
    fn student_t_agrees_with_its_table() {
        for (freedom, expected) in [(1, 12.706_204_736), (9, 2.262_157_163), (30, 2.042_272_456), (1000, 1.962_339_081)]
        {
            assert_close(student_t(freedom), expected, 1e-8);
        }
    }

    /// Expected values: the formula of Wilson 1927 in 50 decimal digits (Python's `decimal`).
    #[test]
    fn wilson_agrees_with_its_formula_at_small_rates_and_large_counts() {
        for (k, n, lower, upper) in WILSON_EXACT {
            let interval = wilson(k, n);
            assert_close(interval.lower, lower, 1e-9);
            assert_close(interval.upper, upper, 1e-9);
        }
    }

    const WILSON_EXACT: [(f64, f64, f64, f64); 3] = [
        (0.0, 1_000_000.0, 0.0, 3.841444063944942e-06),
        (3.0, 1_000_000_000.0, 1.0202707288769236e-09, 8.821188054011644e-09),
        (500_000_000.0, 1_000_000_000.0, 0.4999690102484443, 0.5000309897515557),
    ];

    #[test]
    fn wilson_is_inside_zero_and_one() {
        assert_eq!(wilson(0.0, 10.0).lower, 0.0);
        assert_eq!(wilson(10.0, 10.0).upper, 1.0);
        assert_close(wilson(0.0, 10.0).upper, 0.277_533, 1e-5);
    }
}
