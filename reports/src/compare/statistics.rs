//! Tests of two samples: what is known of the difference between them.

use crate::statistics::beta;
use crate::statistics::evidence::rate::Rate;
use hdrhistogram::Histogram;

/// Probabilities below this are left out of a bootstrap's distribution.
const NEGLIGIBLE: f64 = 1e-12;
/// Samples that must lie beyond a quantile for its bootstrap to mean anything.
const BEYOND_MIN: f64 = 10.0;
/// The most errors that are summed over one by one.
const EXACT_MAX: u64 = 100_000;
/// The standard normal quantile at 97.5 %.
const Z: f64 = 1.959_963_984_540_054;

/// A change from one run to the other, with its interval and the p-value of its test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Bounds of the 95 % interval of the second less the first, in the figure's unit.
    pub interval: (f64, f64),
    /// Probability of a difference at least as large if there were none beyond the noise that is allowed for.
    pub p_value: f64,
}

/// Tests whether two rates differ. Trials that are alike within a subject count for as much less as the clustered
/// interval is wider.
///
/// Source: Fisher 1935 for the test; Zou and Donner 2008 (MOVER) for the interval. `None` without trials.
pub fn rates(a: &Rate, b: &Rate) -> Option<Change> {
    let (pa, pb) = (a.value()?, b.value()?);
    let (ia, ib) = (a.interval()?, b.interval()?);
    let below = ((pb - ib.lower).powi(2) + (ia.upper - pa).powi(2)).sqrt();
    let above = ((ib.upper - pb).powi(2) + (pa - ia.lower).powi(2)).sqrt();
    let effective = |rate: &Rate| {
        let scaled = |n: u64| (n as f64 / rate.design_effect).round() as u64;
        let total = scaled(rate.total).max(1);
        (scaled(rate.count).min(total), total)
    };
    let difference = pb - pa;
    Some(Change { interval: (difference - below, difference + above), p_value: fisher(effective(a), effective(b)) })
}

/// Returns the two-sided p-value of Fisher's exact test of (errors, trials) against (errors, trials); of the pooled
/// normal test where errors are too many to need an exact one.
fn fisher(a: (u64, u64), b: (u64, u64)) -> f64 {
    let (errors, trials) = (a.0 + b.0, a.1 + b.1);
    if errors.min(trials - errors) > EXACT_MAX {
        let p = errors as f64 / trials as f64;
        let spread = (p * (1.0 - p) * (1.0 / a.1 as f64 + 1.0 / b.1 as f64)).sqrt();
        return two_sided((a.0 as f64 / a.1 as f64 - b.0 as f64 / b.1 as f64) / spread);
    }
    let (low, high) = (errors.saturating_sub(b.1), errors.min(a.1));
    let ln_choose = |n: u64, k: u64| {
        libm::lgamma(n as f64 + 1.0) - libm::lgamma(k as f64 + 1.0) - libm::lgamma((n - k) as f64 + 1.0)
    };
    let all = ln_choose(trials, errors);
    let probability = |k: u64| (ln_choose(a.1, k) + ln_choose(b.1, errors - k) - all).exp();
    // Tables that are as likely count too; rounding must not leave them out.
    let limit = probability(a.0) * (1.0 + 1e-6);
    (low..=high).map(probability).filter(|&p| p <= limit).sum::<f64>().min(1.0)
}

/// Latencies of one operation, and as how many independent ones they count.
#[derive(Clone, Copy, Debug)]
pub struct Latencies<'a> {
    /// What was recorded.
    pub histogram: &'a Histogram<u64>,
    /// Fewer than were recorded where those of one handset are alike.
    pub independent: u64,
}

impl<'a> Latencies<'a> {
    /// Counts every latency as independent of the others.
    pub fn all(histogram: &'a Histogram<u64>) -> Self {
        Self { histogram, independent: histogram.len() }
    }
}

/// Tests whether a quantile of two histograms differs by more than `noise` of itself. `None` where fewer than ten
/// independent samples of either lie beyond it.
///
/// A bootstrap sample's order statistic k of n is the observed quantile at a draw from Beta(k, n - k + 1), so that the
/// bootstrap's distribution is known without a draw. Source: Efron 1979; Hutson and Ernst 2000, "The exact bootstrap mean
/// and variance of an L-estimator".
pub fn quantiles(a: Latencies<'_>, b: Latencies<'_>, quantile: f64, noise: f64) -> Option<Change> {
    let beyond = |l: Latencies<'_>| l.independent as f64 * quantile.min(1.0 - quantile);
    if beyond(a) < BEYOND_MIN || beyond(b) < BEYOND_MIN {
        return None;
    }
    let (first, second) = (Resampled::of(a, quantile), Resampled::of(b, quantile));
    let is_greater = b.histogram.value_at_quantile(quantile) > a.histogram.value_at_quantile(quantile);
    // The probability that the second does not differ in the direction that is seen.
    let null: f64 = if is_greater {
        first.cells().map(|(x, mass)| mass * second.up_to(x * (1.0 + noise))).sum()
    } else {
        first.cells().map(|(x, mass)| mass * (1.0 - second.below(x * (1.0 - noise)))).sum()
    };
    let changed_by = |change: f64| first.cells().map(|(x, mass)| mass * second.up_to(x + change)).sum::<f64>();
    let most = first.values.iter().chain(&second.values).copied().fold(0.0, f64::max);
    let at = |share: f64| {
        let (mut low, mut high) = (-most, most);
        while high - low > (1e-6 * most).max(0.5) {
            let middle = 0.5 * (low + high);
            if changed_by(middle) < share { low = middle } else { high = middle }
        }
        high
    };
    Some(Change { interval: (at(0.025), at(0.975)), p_value: (2.0 * null).min(1.0) })
}

/// The distribution of a quantile of samples drawn again from a histogram.
struct Resampled {
    values: Vec<f64>,
    /// The probability of each value or a lower one.
    cumulated: Vec<f64>,
}

impl Resampled {
    fn of(latencies: Latencies<'_>, quantile: f64) -> Self {
        let n = latencies.independent;
        let k = ((quantile * n as f64).ceil() as u64).clamp(1, n);
        let (total, mut up_to) = (latencies.histogram.len() as f64, 0);
        let (mut values, mut cumulated) = (Vec::new(), Vec::new());
        for bucket in latencies.histogram.iter_recorded() {
            up_to += bucket.count_since_last_iteration();
            let probability = beta::regularized(up_to as f64 / total, k as f64, (n - k + 1) as f64);
            if probability > NEGLIGIBLE {
                values.push(bucket.value_iterated_to() as f64);
                cumulated.push(probability);
            }
            if probability > 1.0 - NEGLIGIBLE {
                break;
            }
        }
        Self { values, cumulated }
    }

    /// Iterates over values with their probabilities.
    fn cells(&self) -> impl Iterator<Item = (f64, f64)> {
        let before = std::iter::once(0.0).chain(self.cumulated.iter().copied());
        self.values.iter().zip(&self.cumulated).zip(before).map(|((value, up_to), before)| (*value, up_to - before))
    }

    /// Returns the probability of at most a value.
    fn up_to(&self, value: f64) -> f64 {
        let count = self.values.partition_point(|v| *v <= value);
        count.checked_sub(1).map_or(0.0, |last| self.cumulated[last])
    }

    /// Returns the probability of less than a value.
    fn below(&self, value: f64) -> f64 {
        let count = self.values.partition_point(|v| *v < value);
        count.checked_sub(1).map_or(0.0, |last| self.cumulated[last])
    }
}

/// Tests whether the means of two histograms differ by more than `noise` of the first. `None` below thirty independent
/// samples.
///
/// Source: Welch 1947, at numbers where its distribution is normal.
pub fn means(a: Latencies<'_>, b: Latencies<'_>, noise: f64) -> Option<Change> {
    if a.independent.min(b.independent) < 30 {
        return None;
    }
    let variance = |l: Latencies<'_>| l.histogram.stdev().powi(2) / l.independent as f64;
    let spread = (variance(a) + variance(b)).sqrt();
    let difference = b.histogram.mean() - a.histogram.mean();
    let beyond = (difference.abs() - noise * a.histogram.mean()).max(0.0);
    let p_value = if beyond == 0.0 { 1.0 } else { two_sided(beyond / spread.max(f64::MIN_POSITIVE)) };
    Some(Change { interval: (difference - Z * spread, difference + Z * spread), p_value })
}

/// Returns the two-sided p-value of a standard normal statistic.
fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Adjusts p-values so that a threshold of 5 % bounds the chance of any false alarm among them.
///
/// Source: Holm 1979.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut most = 0.0f64;
    for (place, &index) in order.iter().enumerate() {
        most = most.max(((p_values.len() - place) as f64 * p_values[index]).min(1.0));
        adjusted[index] = most;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::evidence::method::Method;
    use crate::statistics::evidence::rate::{Dependence, Unit};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn close(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance * expected, "{value} is not {expected}");
    }

    /// Expected values: the definition in exact integer arithmetic (Python's `math.comb` and `fractions`).
    #[test]
    fn fishers_test_has_its_published_values() {
        // The lady tasting tea, and Agresti's 2 by 2 examples.
        close(fisher((3, 4), (1, 4)), 0.485_714_285_714, 1e-9);
        close(fisher((8, 10), (1, 6)), 0.034_965_034_965, 1e-9);
        close(fisher((0, 1_000), (10, 1_000)), 0.001909465165341615, 1e-8);
        close(fisher((37, 900), (61, 800)), 0.002364216225071388, 1e-8);
        assert_eq!(fisher((0, 50), (0, 70)), 1.0);
    }

    #[test]
    fn normal_tails() {
        close(two_sided(1.959_963_984_540_054), 0.05, 1e-6);
        close(two_sided(4.0), 6.334_248_366_623_996e-5, 1e-5);
        close(two_sided(0.0), 1.0, 1e-12);
    }

    #[test]
    fn holms_values() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (value, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            close(*value, expected, 1e-12);
        }
    }

    fn exponential(n: usize, mean: f64, seed: u64) -> Histogram<u64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut h = Histogram::new(3).unwrap();
        for _ in 0..n {
            let u: f64 = rng.random_range(f64::MIN_POSITIVE..1.0);
            h.record((-u.ln() * mean) as u64).unwrap();
        }
        h
    }

    /// Of 200 pairs of equal samples about 10 have p below 5 %; more than 24 occur once in 10⁵ seeds.
    #[test]
    fn equal_samples_seldom_differ() {
        let alarms = |test: &dyn Fn(&Histogram<u64>, &Histogram<u64>) -> f64| {
            (0..200)
                .filter(|&i| test(&exponential(2_000, 1e5, 2 * i), &exponential(2_000, 1e5, 2 * i + 1)) < 0.05)
                .count()
        };
        let median = alarms(&|a, b| quantiles(Latencies::all(a), Latencies::all(b), 0.5, 0.0).unwrap().p_value);
        let high = alarms(&|a, b| quantiles(Latencies::all(a), Latencies::all(b), 0.99, 0.0).unwrap().p_value);
        let mean = alarms(&|a, b| means(Latencies::all(a), Latencies::all(b), 0.0).unwrap().p_value);
        assert!(median <= 24 && high <= 24 && mean <= 24, "{median} {high} {mean} of 200");
        assert!(median + high + mean >= 5, "the tests never alarm: {median} {high} {mean}");
    }

    #[test]
    fn a_shift_is_found_with_its_size() {
        let (a, b) = (exponential(20_000, 1e5, 1), exponential(20_000, 1.1e5, 2));
        let (a, b) = (Latencies::all(&a), Latencies::all(&b));
        let change = quantiles(a, b, 0.5, 0.02).unwrap();
        let true_change = 0.1 * 1e5 * 2f64.ln();
        assert!(change.p_value < 1e-3, "{change:?}");
        assert!(change.interval.0 < true_change && true_change < change.interval.1, "{change:?}");
        assert!(means(a, b, 0.02).unwrap().p_value < 1e-3);
        // The same latencies of fifty handsets that are each like themselves show nothing.
        let alike = |l: Latencies<'_>| quantiles(Latencies { independent: 50, ..l }, b, 0.5, 0.02).unwrap();
        assert!(alike(a).p_value > 0.05, "{:?}", alike(a));
        assert!(quantiles(Latencies { independent: 50, ..a }, b, 0.99, 0.02).is_none());
    }

    #[test]
    fn rates_of_alike_trials_need_more_of_them() {
        let independent = (Rate::independent(20, 1_000), Rate::independent(45, 1_000));
        let p = rates(&independent.0, &independent.1).unwrap().p_value;
        // The same counts with a variance four times as large.
        let alike = |rate: Rate| {
            let share = rate.value().unwrap();
            let variance = 4.0 * share * (1.0 - share) / 1_000.0;
            let least = Dependence { effect: 1.0, at: None, method: Method::StatedCorrelation };
            Rate::dependent((rate.count, rate.total), 100, Unit::Subject, Some(variance), least)
        };
        let clustered = rates(&alike(independent.0), &alike(independent.1)).unwrap();
        assert!(p < 0.01 && clustered.p_value > 0.05, "{p} {clustered:?}");
        assert!(clustered.interval.0 < 0.0 && clustered.interval.1 > 0.025);
        assert!(rates(&Rate::independent(0, 0), &independent.1).is_none());
    }
}
