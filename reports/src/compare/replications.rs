//! Several runs of each build, whose seeds differ.
//!
//! What cannot be known within one run, as how far a queue that only grows would have grown with another seed, shows in the
//! figures of several. Where both sides have the same seeds, each is compared with its like.

use super::difference::{Comparison, Difference, Finding, Side, find, judged};
use super::statistics::{Change, rates};
use crate::error::Error;
use crate::figures::metric::{Metric, Unit};
use crate::statistics::beta;
use crate::statistics::evidence::method::Method;
use crate::statistics::evidence::rate::Rate;
use crate::statistics::interval::student_t;

/// Runs of each side that are needed.
const RUNS_MIN: usize = 2;

/// Compares every figure of several runs of each build, whose seeds differ: figures vary as they do over the runs.
///
/// # Errors
/// [`Error::Replications`] where a side has less than two runs.
pub fn compare_replicated(
    first: &[Side],
    second: &[Side],
    noise: f64,
    cautions: Vec<String>,
) -> Result<Comparison, Error> {
    let name = |sides: &[Side]| sides.iter().map(|side| side.name.as_str()).collect::<Vec<_>>().join(", ");
    Ok(judged((name(first), name(second)), noise, cautions, differences(first, second, noise)?))
}

/// Compares every figure that all runs have.
fn differences(first: &[Side], second: &[Side], noise: f64) -> Result<Vec<Difference>, Error> {
    if first.len() < RUNS_MIN || second.len() < RUNS_MIN {
        return Err(Error::Replications { first: first.len(), second: second.len() });
    }
    let seeds = |sides: &[Side]| sides.iter().map(|side| side.seed).collect::<Vec<_>>();
    let is_paired = seeds(first) == seeds(second);
    let names = first[0].metrics.iter().map(|metric| metric.name.as_str());
    Ok(names.filter_map(|name| difference(&all(first, name)?, &all(second, name)?, is_paired, noise)).collect())
}

fn all<'a>(sides: &'a [Side], name: &str) -> Option<Vec<&'a Metric>> {
    sides.iter().map(|side| find(side, name)).collect()
}

fn difference(first: &[&Metric], second: &[&Metric], is_paired: bool, noise: f64) -> Option<Difference> {
    let pooled = |metrics: &[&Metric]| {
        let rates: Option<Vec<Rate>> = metrics.iter().map(|m| m.rate).collect();
        rates.and_then(|rates| Rate::pooled(&rates))
    };
    let (a, b) = (pooled(first), pooled(second));
    let noise = if first[0].unit == Unit::Microseconds { noise } else { 0.0 };
    let test = match a.zip(b) {
        Some((a, b)) => rates(&a, &b),
        None if is_paired => paired(&values(first), &values(second), noise),
        None => welch(&values(first), &values(second), noise),
    };
    let (first, second) = (summed(first, a), summed(second, b));
    Some(Difference {
        name: first.name.clone(),
        unit: first.unit,
        change: Some(second.value - first.value),
        first: Some(first),
        second: Some(second),
        change95: test.map(|t| t.interval),
        p_value: test.map(|t| t.p_value),
        p_adjusted: None,
        finding: Finding::NotTested,
    })
}

fn values(metrics: &[&Metric]) -> Vec<f64> {
    metrics.iter().map(|metric| metric.value).collect()
}

/// Makes one figure of those of several runs: the pooled rate, or the mean with Student's interval.
fn summed(metrics: &[&Metric], pooled: Option<Rate>) -> Metric {
    let (count, total) = (metrics.iter().map(|m| m.count).sum(), metrics.iter().map(|m| m.total).sum());
    let base = Metric { count, total, rate: pooled, ..metrics[0].clone() };
    if let Some((value, interval)) = pooled.and_then(|rate| rate.value().zip(rate.interval())) {
        let method = pooled.map(|rate| rate.method);
        return Metric { value, lower95: Some(interval.lower), upper95: Some(interval.upper), method, ..base };
    }
    let (mean, variance) = moments(&values(metrics));
    let half = student_t(metrics.len() as u64 - 1) * (variance / metrics.len() as f64).sqrt();
    let (lower95, upper95) = (Some(mean - half), Some(mean + half));
    Metric { value: mean, lower95, upper95, method: Some(Method::Replications), sampled: true, ..base }
}

/// Returns the mean and the sample variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Tests the differences of runs with the same seed (Student 1908); `None` where they do not vary.
fn paired(first: &[f64], second: &[f64], noise: f64) -> Option<Change> {
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| b - a).collect();
    let (mean, variance) = moments(&differences);
    let n = differences.len() as f64;
    tested(mean, variance / n, n - 1.0, noise * moments(first).0)
}

/// Tests the difference of two means (Welch 1947); `None` where the figures do not vary.
fn welch(first: &[f64], second: &[f64], noise: f64) -> Option<Change> {
    let ((a, va), (b, vb)) = (moments(first), moments(second));
    let (ea, eb) = (va / first.len() as f64, vb / second.len() as f64);
    let freedom = (ea + eb).powi(2) / (ea * ea / (first.len() - 1) as f64 + eb * eb / (second.len() - 1) as f64);
    tested(b - a, ea + eb, freedom, noise * a)
}

fn tested(difference: f64, variance: f64, freedom: f64, allowed: f64) -> Option<Change> {
    if variance <= 0.0 {
        return None;
    }
    let spread = variance.sqrt();
    let t = (difference.abs() - allowed.abs()).max(0.0) / spread;
    let p_value = beta::regularized(freedom / (freedom + t * t), freedom / 2.0, 0.5);
    let half = student_t(freedom.floor() as u64) * spread;
    Some(Change { interval: (difference - half, difference + half), p_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: scipy.stats.ttest_ind(equal_var=False) and ttest_rel, SciPy 1.17.1.
    #[test]
    fn students_tests_agree_with_scipy() {
        let (a, b) = ([10.0, 12.0, 9.0, 11.0], [14.0, 13.0, 15.0, 11.0]);
        let p = |change: Option<Change>| change.unwrap().p_value;
        assert!((p(welch(&a, &b, 0.0)) - WELCH).abs() < 1e-6, "{}", p(welch(&a, &b, 0.0)));
        assert!((p(paired(&a, &b, 0.0)) - PAIRED).abs() < 1e-6, "{}", p(paired(&a, &b, 0.0)));
        assert_eq!(welch(&[1.0, 1.0], &[2.0, 2.0], 0.0), None);
        assert!(p(welch(&a, &b, 0.5)) > 0.9);
    }

    const WELCH: f64 = 0.045224646059659576;
    const PAIRED: f64 = 0.13969773963372337;
}
