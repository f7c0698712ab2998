//! Variances of FMR and FNMR that allow for the comparisons of one subject being alike.
//!
//! Integers are counted, so the result does not depend on the order in which the comparisons come.

use crate::statistics::interval::{CONFIDENCE, Interval, Rate};
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Errors and trials of one subject, or of one pair of subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cell {
    errors: u64,
    trials: u64,
}

/// Errors and trials of mated comparisons by subject.
#[derive(Clone, Debug, Default)]
pub struct MatedErrors {
    cells: BTreeMap<u32, Cell>,
}

impl MatedErrors {
    /// Counts one mated comparison (or transaction) of `subject`.
    pub fn add(&mut self, subject: u32, is_error: bool) {
        self.add_counts(subject, u64::from(is_error), 1);
    }

    /// Counts mated comparisons of `subject`.
    pub fn add_counts(&mut self, subject: u32, errors: u64, trials: u64) {
        let cell = self.cells.entry(subject).or_default();
        cell.trials += trials;
        cell.errors += errors;
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

    /// Returns the percentile interval of the rate over subjects drawn again with replacement.
    ///
    /// Source: Bolle, Ratha and Pankanti 2004, "Error analysis of pattern recognition systems: the subsets bootstrap".
    pub fn bootstrap(&self, replicates: usize, seed: u64) -> Option<Interval> {
        let cells: Vec<Cell> = self.cells.values().copied().collect();
        percentiles(cells.len(), replicates, seed, |weights| {
            let (errors, trials) = cells.iter().zip(weights).fold((0, 0), |(e, t), (cell, &weight)| {
                (e + u64::from(weight) * cell.errors, t + u64::from(weight) * cell.trials)
            });
            (trials > 0).then(|| errors as f64 / trials as f64)
        })
    }
}

/// Errors and trials of non-mated comparisons by pair of subjects.
///
/// Every pair of subjects either is counted one by one ([`add`](Self::add)), or all are compared by one design and only
/// the errors are named ([`with_design`](Self::with_design)), so that memory grows with the errors.
#[derive(Clone, Debug, Default)]
pub struct NonMatedErrors {
    cells: BTreeMap<(u32, u32), Cell>,
    design: Design,
}

/// How often each pair of subjects was compared. Entry i is that of subject i.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Design {
    /// As often as it was counted.
    #[default]
    Counted,
    /// Every sample of one with every sample of the other: the product of their numbers of samples.
    EverySample(Vec<u64>),
    /// Each one's probes with the other's one reference: the sum of their numbers of probes.
    EveryProbe(Vec<u64>),
}

impl Design {
    fn subjects(&self) -> Option<usize> {
        match self {
            Self::Counted => None,
            Self::EverySample(samples) | Self::EveryProbe(samples) => Some(samples.len()),
        }
    }

    fn trials(&self, a: u32, b: u32) -> u64 {
        match self {
            Self::Counted => 0,
            Self::EverySample(samples) => samples[a as usize] * samples[b as usize],
            Self::EveryProbe(probes) => probes[a as usize] + probes[b as usize],
        }
    }

    /// Sums the trials over all pairs of subjects, each weighted by the product of its subjects' weights.
    fn weighted_trials(&self, weights: &[u32]) -> u64 {
        let sum = |f: &dyn Fn(u64, u64) -> u64, numbers: &[u64]| -> u64 {
            numbers.iter().zip(weights).map(|(&m, &w)| f(m, u64::from(w))).sum()
        };
        match self {
            Self::Counted => 0,
            Self::EverySample(m) => (sum(&|m, w| m * w, m).pow(2) - sum(&|m, w| (m * w).pow(2), m)) / 2,
            Self::EveryProbe(m) => {
                let all: u64 = weights.iter().map(|&w| u64::from(w)).sum();
                sum(&|m, w| m * w * (all - w), m)
            }
        }
    }
}

impl NonMatedErrors {
    /// Says which pairs were compared; errors are then added by [`add_error`](Self::add_error).
    pub fn with_design(design: Design) -> Self {
        Self { cells: BTreeMap::new(), design }
    }

    /// Takes errors and trials of pairs of subjects, the lower subject first, each pair once.
    pub fn from_pairs(pairs: impl IntoIterator<Item = ((u32, u32), u64, u64)>) -> Self {
        let cells = pairs.into_iter().map(|(pair, errors, trials)| (pair, Cell { errors, trials })).collect();
        Self { cells, design: Design::Counted }
    }

    /// Counts one non-mated comparison between two subjects, in either order.
    pub fn add(&mut self, a: u32, b: u32, is_error: bool) {
        let cell = self.cells.entry((a.min(b), a.max(b))).or_default();
        cell.trials += 1;
        cell.errors += u64::from(is_error);
    }

    /// Counts one error among the comparisons that [`with_design`](Self::with_design) announced.
    pub fn add_error(&mut self, a: u32, b: u32) {
        let trials = self.design.trials(a, b);
        let cell = self.cells.entry((a.min(b), a.max(b))).or_insert(Cell { errors: 0, trials });
        cell.errors += 1;
    }

    /// Returns the rate with the variance V = [4(n-2)ζ₁ + 2ζ₂] / (n(n-1)), where h_ij is the share of errors between
    /// subjects i and j, ζ₁ = cov(h_ij, h_ik) and ζ₂ = var(h_ij). Source: the variance of a U-statistic of degree two,
    /// Hoeffding 1948; for biometrics Bickel's form in Wayman 1999.
    ///
    /// The variance needs every pair of subjects; where pairs are missing there is no clustered interval.
    pub fn rate(&self) -> Rate {
        let errors = self.cells.values().map(|c| c.errors).sum();
        if let Some(n) = self.design.subjects() {
            let trials = self.design.weighted_trials(&vec![1; n]);
            return Rate::clustered(errors, trials, n as u64, (n >= 3).then(|| self.variance(n, |id| id as usize)));
        }
        let trials = self.cells.values().map(|c| c.trials).sum();
        let index = self.index();
        let n = index.len();
        let complete = n >= 3 && self.cells.len() == n * (n - 1) / 2;
        Rate::clustered(errors, trials, n as u64, complete.then(|| self.variance(n, |id| index[&id])))
    }

    /// Returns the percentile interval of the rate over subjects drawn again with replacement; a subject drawn twice is
    /// not compared with itself. Pairs of subjects without an error must be known to have been compared.
    ///
    /// Source: Bolle, Ratha and Pankanti 2004, the subsets bootstrap, over both subjects of a pair.
    pub fn bootstrap(&self, replicates: usize, seed: u64) -> Option<Interval> {
        if let Some(n) = self.design.subjects() {
            return percentiles(n, replicates, seed, |weights| {
                let weight = |(&(a, b), c): (&(u32, u32), &Cell)| {
                    c.errors * u64::from(weights[a as usize]) * u64::from(weights[b as usize])
                };
                let trials = self.design.weighted_trials(weights);
                (trials > 0).then(|| self.cells.iter().map(weight).sum::<u64>() as f64 / trials as f64)
            });
        }
        let index = self.index();
        let cells: Vec<(usize, usize, Cell)> =
            self.cells.iter().map(|(&(a, b), &c)| (index[&a], index[&b], c)).collect();
        percentiles(index.len(), replicates, seed, |weights| {
            let (errors, trials) = cells.iter().fold((0, 0), |(e, t), &(a, b, cell)| {
                let weight = u64::from(weights[a]) * u64::from(weights[b]);
                (e + weight * cell.errors, t + weight * cell.trials)
            });
            (trials > 0).then(|| errors as f64 / trials as f64)
        })
    }

    fn index(&self) -> BTreeMap<u32, usize> {
        let mut ids: Vec<u32> = self.cells.keys().flat_map(|&(a, b)| [a, b]).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().enumerate().map(|(i, id)| (id, i)).collect()
    }

    /// Sums over the pairs with errors alone: all others have the share 0.
    fn variance(&self, subjects: usize, index: impl Fn(u32) -> usize) -> f64 {
        let n = subjects as f64;
        let pairs = n * (n - 1.0) / 2.0;
        let shares = || self.cells.iter().map(|(&ids, c)| (ids, c.errors as f64 / c.trials as f64));
        let mean = shares().map(|s| s.1).sum::<f64>() / pairs;
        let squares = shares().map(|s| s.1 * s.1).sum::<f64>() - mean * mean * pairs;
        let mut by_subject = vec![-mean * (n - 1.0); subjects];
        for ((a, b), share) in shares() {
            by_subject[index(a)] += share;
            by_subject[index(b)] += share;
        }
        // Over ordered triples i, j≠k: the square of a subject's sum, less its own squares.
        let crossed = by_subject.iter().map(|s| s * s).sum::<f64>() - 2.0 * squares;
        let zeta1 = (crossed / (n * (n - 1.0) * (n - 2.0))).max(0.0);
        let zeta2 = squares.max(0.0) / pairs;
        (4.0 * (n - 2.0) * zeta1 + 2.0 * zeta2) / (n * (n - 1.0))
    }
}

/// Draws subjects with replacement and returns the percentiles of what `rate` makes of their weights.
fn percentiles(
    subjects: usize,
    replicates: usize,
    seed: u64,
    rate: impl Fn(&[u32]) -> Option<f64>,
) -> Option<Interval> {
    if subjects < 2 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rates: Vec<f64> = (0..replicates)
        .filter_map(|_| {
            let mut weights = vec![0; subjects];
            (0..subjects).for_each(|_| weights[rng.random_range(0..subjects)] += 1);
            rate(&weights)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let at = |quantile: f64| rates.get((quantile * (rates.len().max(1) - 1) as f64).round() as usize).copied();
    Some(Interval { lower: at(tail)?, upper: at(1.0 - tail)? })
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
        let bootstrap = errors.bootstrap(1_000, 1).unwrap();
        assert!((bootstrap.upper - exact.upper).abs() < 0.03, "{bootstrap:?} {exact:?}");
    }

    #[test]
    fn errors_that_share_a_subject_widen_the_interval() {
        let mut errors = MatedErrors::default();
        for subject in 0..20 {
            errors.add_counts(subject, if subject < 2 { 50 } else { 0 }, 50);
        }
        let rate = errors.rate();
        let (clustered, exact) = (rate.clustered.unwrap(), rate.exact.unwrap());
        assert!(clustered.upper - clustered.lower > 3.0 * (exact.upper - exact.lower), "{clustered:?} {exact:?}");
        let bootstrap = errors.bootstrap(1_000, 1).unwrap();
        assert!(bootstrap.upper - bootstrap.lower > 3.0 * (exact.upper - exact.lower), "{bootstrap:?} {exact:?}");
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
    fn errors_alone_give_what_all_pairs_give() {
        let samples = [2u64, 3, 1, 2, 2, 4];
        let mut sparse = NonMatedErrors::with_design(Design::EverySample(samples.to_vec()));
        let mut all = NonMatedErrors::default();
        for a in 0..6u32 {
            for b in 0..a {
                for trial in 0..samples[a as usize] * samples[b as usize] {
                    let is_error = (a + b) % 4 == 0 && trial == 0;
                    all.add(a, b, is_error);
                    if is_error {
                        sparse.add_error(b, a);
                    }
                }
            }
        }
        let (all_rate, sparse_rate) = (all.rate(), sparse.rate());
        assert_eq!((all_rate.count, all_rate.total), (sparse_rate.count, sparse_rate.total));
        let (a, b) = (all_rate.clustered.unwrap(), sparse_rate.clustered.unwrap());
        assert!((a.lower - b.lower).abs() < 1e-9 && (a.upper - b.upper).abs() < 1e-9, "{a:?} {b:?}");
        assert_eq!(all.bootstrap(200, 3), sparse.bootstrap(200, 3));
    }

    #[test]
    fn each_subjects_probes_against_each_reference_are_counted() {
        let errors = NonMatedErrors::with_design(Design::EveryProbe(vec![5, 2, 0, 1]));
        // Every probe meets the references of the three other subjects.
        assert_eq!(errors.rate().total, 8 * 3);
    }

    #[test]
    fn missing_pairs_leave_the_clustered_interval_out() {
        let mut errors = NonMatedErrors::default();
        errors.add(1, 2, false);
        errors.add(3, 4, false);
        assert_eq!(errors.rate().clustered, None);
    }
}
