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
    beta_interval_at(CONFIDENCE, count, total)
}

/// Returns Clopper-Pearson's interval at another confidence.
pub(crate) fn beta_interval_at(confidence: f64, count: f64, total: f64) -> Interval {
    let tail = (1.0 - confidence) / 2.0;
    let lower = if count <= 0.0 { 0.0 } else { beta::quantile(tail, count, total - count + 1.0) };
    let upper = if count >= total { 1.0 } else { beta::quantile(1.0 - tail, count + 1.0, total - count) };
    Interval { lower, upper }
}

/// Steps of the search for a bound, which is then known to a ten-thousandth of its distance from the rate.
const MID_P_STEPS: usize = 7;

/// Returns the mid-P interval of `count` out of `total`, which may be effective (fractional) counts: Clopper-Pearson's with
/// half of the probability of the count itself, so that its coverage is 95 % on average and not at least.
///
/// Source: Lancaster 1961; Berry and Armitage 1995, "Mid-P confidence intervals: a brief review".
pub(crate) fn mid_p(count: f64, total: f64) -> Interval {
    let exact = beta_interval(count, total);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    // The probability of more than the count and half that of the count itself, where the rate is p.
    let more = |p: f64| {
        let at_least = |k: f64| {
            if k <= 0.0 {
                1.0
            } else if k > total {
                0.0
            } else {
                beta::regularized(p, k, total - k + 1.0)
            }
        };
        0.5 * (at_least(count) + at_least(count + 1.0))
    };
    let p = count / total;
    let lower = if count <= 0.0 { 0.0 } else { crossing(exact.lower, p, |p| more(p) - tail) };
    let upper = if count >= total { 1.0 } else { crossing(p, exact.upper, |p| more(p) - 1.0 + tail) };
    Interval { lower, upper }
}

/// Finds where a rising function is 0, between where it is below and where it is above (the Illinois form of regula falsi:
/// Dowell and Jarratt 1971). Where it is on one side all the way, the end that is nearer to 0.
///
/// That happens to a count that is no whole number, because trials are dependent, and has no other count above it.
fn crossing(mut low: f64, mut high: f64, rising: impl Fn(f64) -> f64) -> f64 {
    let (mut at_low, mut at_high) = (rising(low), rising(high));
    if at_low >= 0.0 {
        return low;
    }
    if at_high <= 0.0 {
        return high;
    }
    let mut middle = 0.5 * (low + high);
    let mut is_repeated = None;
    for _ in 0..MID_P_STEPS {
        middle = (low * at_high - high * at_low) / (at_high - at_low);
        let found = rising(middle);
        if found < 0.0 {
            (low, at_low) = (middle, found);
            at_high *= if is_repeated == Some(false) { 0.5 } else { 1.0 };
        } else {
            (high, at_high) = (middle, found);
            at_low *= if is_repeated == Some(true) { 0.5 } else { 1.0 };
        }
        is_repeated = Some(found >= 0.0);
    }
    middle.clamp(low, high)
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

    /// ISO/IEC 19795-1:2006, B.1 (after Mansfield and Wayman 2002, section 7.2): no error in 300 trials shows a rate of at
    /// most 1 % with a confidence of 95 %, and 30 errors in 3,000 trials one of 0.7 to 1.3 % with 90 %.
    #[test]
    fn iso_19795_1s_own_examples() {
        let one_sided = beta::quantile(0.95, 1.0, 300.0);
        assert!((0.0099..0.01).contains(&one_sided), "{one_sided}");
        let (lower, upper) = (beta::quantile(0.05, 30.0, 2_971.0), beta::quantile(0.95, 31.0, 2_970.0));
        assert!((lower - 0.007).abs() < 5e-4 && (upper - 0.013).abs() < 7e-4, "{lower} {upper}");
        // The two-sided interval that is printed is wider than both.
        assert!(clopper_pearson(0, 300).upper > one_sided && clopper_pearson(30, 3_000).upper > upper);
    }

    const SCIPY_EXACT: [(u64, u64, f64, f64); 5] = [
        (0, 1_000_000, 0.0, 3.688872650206488e-06),
        (3, 1_000_000_000, 6.186721233228957e-10, 8.767273044460697e-09),
        (500_000_000, 1_000_000_000, 0.4999690097484223, 0.5000309902515777),
        (7, 280, 0.010109069806336586, 0.05082893291758989),
        (45, 2880, 0.011419215967537439, 0.02085214761371124),
    ];

    /// Expected values: the mid-P tails of scipy.stats.binom solved by scipy.optimize.brentq, SciPy 1.17.1; of no error in
    /// 1,000 the upper bound is 1 - 0.05^(1/1000), the rule of three.
    #[test]
    fn a_fraction_of_an_error_has_an_interval_too() {
        for total in [1.0, 1.3, 2.0, 3.7, 12.5] {
            for share in (0..=40).map(|i| f64::from(i) / 40.0) {
                let Interval { lower, upper } = mid_p(share * total, total);
                assert!(0.0 <= lower && lower <= share && share <= upper && upper <= 1.0, "{share} of {total}");
            }
        }
        // Clopper's and Pearson's bound, where half of a probability reaches no confidence.
        assert_eq!(mid_p(1.5, 2.0).upper, beta_interval(1.5, 2.0).upper);
    }

    #[test]
    fn mid_p_agrees_with_scipy() {
        for (k, n, lower, upper) in [(7.0, 280.0, 0.010998, 0.048822), (1.0, 100.0, 0.000500, 0.048320)] {
            let interval = mid_p(k, n);
            assert!((interval.lower - lower).abs() < 2e-5 && (interval.upper - upper).abs() < 2e-5, "{interval:?}");
        }
        assert_close(mid_p(0.0, 1_000.0).upper, 1.0 - 0.05f64.powf(1e-3), 1e-3);
        assert_eq!((mid_p(0.0, 10.0).lower, mid_p(10.0, 10.0).upper), (0.0, 1.0));
    }

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
