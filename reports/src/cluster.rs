//! Variances of FMR and FNMR that allow for the comparisons of one subject being alike.
//!
//! Integers are counted, so the result does not depend on the order in which the comparisons come.

use crate::interval::Rate;
use std::collections::BTreeMap;

/// Counts a trial's errors by subject, or by pair of subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cell {
    errors: u64,
    trials: u64,
}

/// Gathers mated comparisons by subject and gives their error rate.
#[derive(Clone, Debug, Default)]
pub struct MatedErrors {
    cells: BTreeMap<u32, Cell>,
}

impl MatedErrors {
    /// Counts one mated comparison (or transaction) of `subject`.
    pub fn add(&mut self, subject: u32, is_error: bool) {
        let cell = self.cells.entry(subject).or_default();
        cell.trials += 1;
        cell.errors += u64::from(is_error);
    }

    /// Returns the rate with the variance V = (Σaᵢ² - 2pΣaᵢmᵢ + p²Σmᵢ²) / (m̄² n(n-1)) over n subjects with aᵢ errors
    /// in mᵢ trials. Source: ISO/IEC 19795-1:2021, annex B; Schuckers 2010, chapter 3.
    pub fn rate(&self) -> Rate {
        let n = self.cells.len() as u64;
        let (errors, trials) = self.cells.values().fold((0, 0), |(e, t), c| (e + c.errors, t + c.trials));
        if n < 2 {
            return Rate { subjects: n, ..Rate::independent(errors, trials) };
        }
        let p = errors as f64 / trials as f64;
        let sum = |f: fn(&Cell) -> u64| self.cells.values().map(f).sum::<u64>() as f64;
        let numerator = sum(|c| c.errors * c.errors) - 2.0 * p * sum(|c| c.errors * c.trials)
            + p * p * sum(|c| c.trials * c.trials);
        let clusters = n as f64;
        let mean_trials = trials as f64 / clusters;
        let variance = numerator.max(0.0) / (mean_trials * mean_trials * clusters * (clusters - 1.0));
        Rate::clustered(errors, trials, n, Some(variance))
    }
}

/// Gathers non-mated comparisons by pair of subjects and gives their error rate.
#[derive(Clone, Debug, Default)]
pub struct NonMatedErrors {
    cells: BTreeMap<(u32, u32), Cell>,
}

impl NonMatedErrors {
    /// Counts one non-mated comparison between two subjects, in either order.
    pub fn add(&mut self, a: u32, b: u32, is_error: bool) {
        let cell = self.cells.entry((a.min(b), a.max(b))).or_default();
        cell.trials += 1;
        cell.errors += u64::from(is_error);
    }

    /// Returns the rate with the variance V = [4(n-2)ζ₁ + 2ζ₂] / (n(n-1)), where h_ij is the share of errors between
    /// subjects i and j, ζ₁ = cov(h_ij, h_ik) and ζ₂ = var(h_ij). Source: the variance of a U-statistic of degree two,
    /// Hoeffding 1948; for biometrics Bickel's form in Wayman 1999.
    ///
    /// The variance needs every pair of subjects; where pairs are missing there is no clustered interval.
    pub fn rate(&self) -> Rate {
        let (errors, trials) = self.cells.values().fold((0, 0), |(e, t), c| (e + c.errors, t + c.trials));
        let subjects: BTreeMap<u32, usize> = {
            let mut ids: Vec<u32> = self.cells.keys().flat_map(|&(a, b)| [a, b]).collect();
            ids.sort_unstable();
            ids.dedup();
            ids.into_iter().enumerate().map(|(i, id)| (id, i)).collect()
        };
        let n = subjects.len();
        let complete = n >= 3 && self.cells.len() == n * (n - 1) / 2;
        let variance = complete.then(|| self.pair_variance(&subjects));
        Rate::clustered(errors, trials, n as u64, variance)
    }

    fn pair_variance(&self, subjects: &BTreeMap<u32, usize>) -> f64 {
        let n = subjects.len() as f64;
        let shares: Vec<(usize, usize, f64)> = self
            .cells
            .iter()
            .map(|(&(a, b), c)| (subjects[&a], subjects[&b], c.errors as f64 / c.trials as f64))
            .collect();
        let mean = shares.iter().map(|s| s.2).sum::<f64>() / shares.len() as f64;
        let squares = shares.iter().map(|s| (s.2 - mean).powi(2)).sum::<f64>();
        let mut by_subject = vec![0.0; subjects.len()];
        for &(a, b, share) in &shares {
            by_subject[a] += share - mean;
            by_subject[b] += share - mean;
        }
        // Over ordered triples i, j≠k: the square of a subject's sum, less its own squares.
        let crossed = by_subject.iter().map(|s| s * s).sum::<f64>() - 2.0 * squares;
        let zeta1 = (crossed / (n * (n - 1.0) * (n - 2.0))).max(0.0);
        let zeta2 = squares / shares.len() as f64;
        (4.0 * (n - 2.0) * zeta1 + 2.0 * zeta2) / (n * (n - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_a_subject_is_the_binomial_variance() {
        let mut errors = MatedErrors::default();
        for subject in 0..100 {
            errors.add(subject, subject < 10);
        }
        let rate = errors.rate();
        assert_eq!((rate.count, rate.total, rate.subjects), (10, 100, 100));
        let (clustered, exact) = (rate.clustered.unwrap(), rate.exact.unwrap());
        assert!((clustered.upper - exact.upper).abs() < 0.01, "{clustered:?} {exact:?}");
    }

    #[test]
    fn errors_that_share_a_subject_widen_the_interval() {
        let mut errors = MatedErrors::default();
        for subject in 0..20 {
            (0..50).for_each(|_| errors.add(subject, subject < 2));
        }
        let rate = errors.rate();
        let (clustered, exact) = (rate.clustered.unwrap(), rate.exact.unwrap());
        assert!(clustered.upper - clustered.lower > 3.0 * (exact.upper - exact.lower), "{clustered:?} {exact:?}");
    }

    #[test]
    fn a_wolf_widens_the_non_mated_interval() {
        let mut errors = NonMatedErrors::default();
        for a in 0..30 {
            for b in 0..a {
                errors.add(a, b, b == 0);
            }
        }
        let rate = errors.rate();
        assert_eq!((rate.count, rate.total), (29, 435));
        let (clustered, exact) = (rate.clustered.unwrap(), rate.exact.unwrap());
        assert!(clustered.upper > exact.upper + 0.05, "{clustered:?} {exact:?}");
    }

    #[test]
    fn missing_pairs_leave_the_clustered_interval_out() {
        let mut errors = NonMatedErrors::default();
        errors.add(1, 2, false);
        errors.add(3, 4, false);
        assert_eq!(errors.rate().clustered, None);
    }
}
