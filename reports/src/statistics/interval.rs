//! Counts of errors and the intervals around their rates.

use crate::statistics::beta;
use serde::{Deserialize, Serialize};

/// The confidence that every interval of this crate states.
pub const CONFIDENCE: f64 = 0.95;
/// Below this many subjects a variance across subjects says next to nothing.
const SUBJECTS_MIN: u64 = 5;
/// The standard normal quantile at 97.5 %.
const Z: f64 = 1.959_963_984_540_054;

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

/// A count of errors (or successes) out of a number of trials, with its intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// How often it happened.
    pub count: u64,
    /// How often it could have happened.
    pub total: u64,
    /// Clopper-Pearson's interval, which assumes independent trials; `None` without trials.
    pub exact: Option<Interval>,
    /// Wilson's interval, which assumes independent trials; `None` without trials.
    pub wilson: Option<Interval>,
    /// The interval that allows for trials of one subject being alike; `None` where subjects are unknown or too few.
    pub clustered: Option<Interval>,
    /// The number of subjects behind the trials.
    pub subjects: u64,
}

impl Rate {
    /// Counts trials that are independent of each other.
    pub fn independent(count: u64, total: u64) -> Self {
        let defined = total > 0;
        Self {
            count,
            total,
            exact: defined.then(|| clopper_pearson(count, total)),
            wilson: defined.then(|| wilson(count as f64, total as f64)),
            clustered: None,
            subjects: total,
        }
    }

    /// Counts trials that are alike within a subject, with the variance of the rate across subjects
    /// (see [`crate::cluster`]).
    pub fn clustered(count: u64, total: u64, subjects: u64, variance: Option<f64>) -> Self {
        let variance = variance.filter(|_| subjects >= SUBJECTS_MIN);
        let clustered = variance.map(|v| effective_sample(count, total, subjects, v));
        Self { clustered, subjects, ..Self::independent(count, total) }
    }

    /// Returns the observed rate, or `None` without trials.
    pub fn value(&self) -> Option<f64> {
        (self.total > 0).then(|| self.count as f64 / self.total as f64)
    }

    /// Returns the interval to quote: the clustered one where it exists, else Clopper-Pearson's.
    pub fn interval(&self) -> Option<Interval> {
        self.clustered.or(self.exact)
    }
}

/// Returns the Clopper-Pearson interval of `count` out of `total`.
///
/// Panics when `count > total` or `total` is 0. Source: Clopper and Pearson 1934; ISO/IEC 19795-1:2021, annex B.
pub fn clopper_pearson(count: u64, total: u64) -> Interval {
    assert!(count <= total && total > 0, "{count} of {total}");
    beta_interval(count as f64, total as f64)
}

/// Returns Wilson's score interval of `count` out of `total`, which may be effective (fractional) counts.
///
/// Source: Wilson 1927.
pub fn wilson(count: f64, total: f64) -> Interval {
    let p = count / total;
    let spread = Z * Z / total;
    let centre = (p + spread / 2.0) / (1.0 + spread);
    let half = Z / (1.0 + spread) * (p * (1.0 - p) / total + spread / (4.0 * total)).sqrt();
    let lower = if count <= 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let upper = if count >= total { 1.0 } else { (centre + half).min(1.0) };
    Interval { lower, upper }
}

/// Returns the 95 % upper bound when nothing was seen in `total` trials: about 3 / total.
///
/// Source: ISO/IEC 19795-1:2021, the "rule of 3".
pub fn rule_of_three(total: u64) -> f64 {
    3.0 / total as f64
}

fn beta_interval(count: f64, total: f64) -> Interval {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let lower = if count <= 0.0 { 0.0 } else { beta::quantile(tail, count, total - count + 1.0) };
    let upper = if count >= total { 1.0 } else { beta::quantile(1.0 - tail, count + 1.0, total - count) };
    Interval { lower, upper }
}

/// Returns the exact interval at the sample size that the clustered variance is worth.
///
/// Without a single error the variance is unknown, and each subject counts as one trial, which is the safe side.
/// Source: Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts
/// estimated from survey data", with Student's t for the number of subjects.
fn effective_sample(count: u64, total: u64, subjects: u64, variance: f64) -> Interval {
    let (n, clusters) = (total as f64, subjects as f64);
    let p = count as f64 / n;
    if variance <= 0.0 || count == 0 || count == total {
        let trials = n.min(clusters);
        return beta_interval(p * trials, trials);
    }
    let shrink = (Z / student_t(subjects - 1)).powi(2);
    let effective = (p * (1.0 - p) / variance * shrink).min(n);
    beta_interval(p * effective, effective)
}

/// Returns Student's t quantile at 97.5 %. Source: DLMF 8.17 through the incomplete beta function.
fn student_t(freedom: u64) -> f64 {
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

    #[test]
    fn no_trials_give_no_rate() {
        let rate = Rate::independent(0, 0);
        assert_eq!((rate.value(), rate.interval()), (None, None));
    }
}
