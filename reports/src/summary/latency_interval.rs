//! Intervals of latency percentiles and means, from as many latencies as are independent of each other.

use super::network::Traffic;
use crate::run_folder::latency::LatencyRecorder;
use crate::statistics::beta;
use crate::statistics::evidence::method::Method;
use crate::statistics::interval::{CONFIDENCE, student_t};
use hdrhistogram::Histogram;
use serde::Serialize;

/// The quantiles by their words.
pub const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)];
/// The word of a mean.
pub(crate) const MEAN: &str = "mean";

/// A percentile or a mean with its 95 % interval. Units: microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LatencyEstimate {
    /// `p50`, `p90`, `p99`, `p999` or `mean`.
    pub word: &'static str,
    /// The observed value.
    pub value_us: f64,
    /// Lower bound; `None` where too few independent latencies lie on this side.
    pub lower95_us: Option<f64>,
    /// Upper bound, likewise.
    pub upper95_us: Option<f64>,
    /// The method of the interval.
    pub method: Method,
}

impl LatencyEstimate {
    /// Returns whether the interval has a bound on one side at least.
    pub(crate) fn is_bounded(&self) -> bool {
        self.lower95_us.is_some() || self.upper95_us.is_some()
    }
}

/// As how many independent latencies those of an operation count.
#[derive(Clone, Copy)]
pub(crate) struct Weight<'a> {
    pub(crate) latency: &'a LatencyRecorder,
    pub(crate) traffic: &'a Traffic,
}

impl Weight<'_> {
    /// Returns the number for a quantile, or for the mean where there is none, and the method that it makes of the
    /// interval.
    ///
    /// Latencies that wait in one queue are alike: blocks of time show how much. Where handsets have different links, the
    /// share of each link decides an operation over all of them, and its latencies are worth no more than a handset each;
    /// those of one link all count.
    pub(crate) fn independent(&self, operation: &str, quantile: Option<f64>) -> (u64, Method) {
        let count = self.latency.operation(operation).map_or(0, Histogram::len);
        let blocks = self.latency.blocks(operation);
        let shown = blocks.and_then(|b| quantile.map_or_else(|| b.independent_of_mean(), |q| b.independent(q)));
        let (independent, method) = match shown {
            Some(shown) => ((shown as u64).min(count), Method::Blocks),
            None => (count, if quantile.is_some() { Method::OrderStatistics } else { Method::IndependentLatencies }),
        };
        let profiles = &self.traffic.profiles;
        let is_of_one_link = operation.split('@').skip(1).any(|word| profiles.contains(word));
        if profiles.len() > 1 && !is_of_one_link && self.traffic.handsets < independent {
            return (self.traffic.handsets, Method::Handsets);
        }
        (independent, method)
    }
}

impl Weight<'_> {
    /// Returns every percentile and the mean of an operation.
    pub(super) fn estimates(&self, operation: &str, histogram: &Histogram<u64>) -> Vec<LatencyEstimate> {
        let quantile = |(word, quantile): (&'static str, f64)| {
            let (independent, method) = self.independent(operation, Some(quantile));
            let (lower95_us, upper95_us) = quantile_interval(histogram, quantile, independent);
            let value_us = histogram.value_at_quantile(quantile) as f64;
            LatencyEstimate { word, value_us, lower95_us, upper95_us, method }
        };
        let mut out: Vec<_> = QUANTILES.into_iter().map(quantile).collect();
        let (independent, method) = self.independent(operation, None);
        let mean = histogram.mean();
        let (lower95_us, upper95_us) = mean_interval(mean, histogram.stdev(), independent);
        out.push(LatencyEstimate { word: MEAN, value_us: mean, lower95_us, upper95_us, method });
        out
    }
}

/// Returns the 95 % interval of a mean by Student's t, for its reciprocal: the standard error of a queue's mean grows as
/// the square of the mean (as 1/(1-ρ)² at a load of ρ, the mean as 1/(1-ρ)), and that of the reciprocal hardly at all. The
/// upper bound is missing where the reciprocal's reaches 0. `n` says as how many independent latencies they count.
fn mean_interval(mean: f64, deviation: f64, n: u64) -> (Option<f64>, Option<f64>) {
    if n < 2 || mean <= 0.0 {
        return (None, None);
    }
    let half = student_t(n - 1) * deviation / (n as f64).sqrt() / mean;
    (Some(mean / (1.0 + half)), (half < 1.0).then(|| mean / (1.0 - half)))
}

/// Returns the distribution-free 95 % interval of a quantile from order statistics; a bound is missing where too few
/// samples lie beyond the quantile to give one. `n` says as how many independent samples they count.
///
/// Source: Hahn and Meeker 1991, "Statistical Intervals", section 5.2.
fn quantile_interval(histogram: &Histogram<u64>, quantile: f64, n: u64) -> (Option<f64>, Option<f64>) {
    // Of many latencies that weigh as much as one independent one, no rank is that one's.
    if n < 2 {
        return (None, None);
    }
    let tail = (1.0 - CONFIDENCE) / 2.0;
    // P(at least k of n samples lie at or below the quantile).
    let at_least = |k: u64| if k == 0 { 1.0 } else { beta::regularized(quantile, k as f64, (n - k + 1) as f64) };
    let first = |holds: &dyn Fn(u64) -> bool| {
        let (mut low, mut high) = (0, n + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(middle) { high = middle } else { low = middle + 1 }
        }
        low
    };
    // The sample of rank l lies above the quantile when fewer than l do not: as rarely as the tail.
    let lower = first(&|k| k > n || at_least(k) < 1.0 - tail).saturating_sub(1);
    let upper = first(&|k| k > n || at_least(k) <= tail);
    let ranked = |rank: u64| histogram.value_at_quantile(rank as f64 / n as f64) as f64;
    ((lower >= 1).then(|| ranked(lower)), (upper <= n).then(|| ranked(upper)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut out = Histogram::new(3).unwrap();
        values.into_iter().for_each(|v| out.record(v).unwrap());
        out
    }

    /// Expected ranks: scipy.stats.binom.ppf(0.025, 100, 0.5) = 40 and ppf(0.975, 100, 0.5) + 1 = 61.
    #[test]
    fn a_medians_interval_has_the_binomial_ranks() {
        assert_eq!(quantile_interval(&histogram(1..=100), 0.5, 100), (Some(40.0), Some(61.0)));
    }

    /// Expected: t(24) = 2.0639 (scipy.stats.t.ppf(0.975, 24)), so that half is 2.0639 / 5 of the mean.
    #[test]
    fn a_means_interval_is_that_of_its_reciprocal() {
        let (lower, upper) = mean_interval(100.0, 100.0, 25);
        assert!((lower.unwrap() - 70.78).abs() < 0.01 && (upper.unwrap() - 170.31).abs() < 0.03, "{lower:?} {upper:?}");
        assert!(mean_interval(100.0, 100.0, 3).1.is_none(), "three independent latencies bound no mean from above");
        assert_eq!(mean_interval(100.0, 100.0, 1), (None, None));
    }

    #[test]
    fn over_several_links_a_handset_counts_once() {
        let traffic = |profiles: &[&str]| Traffic {
            profiles: profiles.iter().map(|p| (*p).to_owned()).collect(),
            handsets: 20,
            ..Traffic::default()
        };
        let mut latency = LatencyRecorder::default();
        for operation in ["charge", "charge@4g", "charge@intended"] {
            (1..=100).for_each(|v| latency.record(operation, v));
        }
        let (mixed, one) = (traffic(&["2g", "4g"]), traffic(&["4g"]));
        let of = |operation, traffic| Weight { latency: &latency, traffic }.independent(operation, Some(0.5));
        assert_eq!(of("charge", &mixed), (20, Method::Handsets));
        assert_eq!(of("charge@4g", &mixed), (100, Method::OrderStatistics));
        assert_eq!(of("charge@intended", &mixed), (20, Method::Handsets));
        assert_eq!(of("charge", &one), (100, Method::OrderStatistics));
        let (lower, upper) = quantile_interval(&histogram(1..=100), 0.5, 20);
        assert!(lower.unwrap() < 40.0 && upper.unwrap() > 61.0, "{lower:?} {upper:?}");
    }

    #[test]
    fn few_samples_bound_no_high_quantile() {
        let (lower, upper) = quantile_interval(&histogram(1..=50), 0.99, 50);
        assert!(lower.is_some() && upper.is_none(), "{lower:?} {upper:?}");
        assert!(quantile_interval(&histogram(1..=1_000), 0.99, 1_000).1.is_some());
        assert_eq!(quantile_interval(&histogram(1..=1_000), 0.99, 1), (None, None));
    }

    /// Of 400 samples of 300 uniform values, 95 % of the intervals hold the quantile; 370 fail once in 10⁶ seeds only.
    #[test]
    fn intervals_cover_as_often_as_they_say() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let covered = (0..400)
            .filter(|_| {
                let h = histogram((0..300).map(|_| rng.random_range(0..1_000)));
                let (lower, upper) = quantile_interval(&h, 0.9, h.len());
                lower.unwrap() <= 900.0 && 899.0 <= upper.unwrap()
            })
            .count();
        assert!((364..=399).contains(&covered), "{covered} of 400");
    }
}
