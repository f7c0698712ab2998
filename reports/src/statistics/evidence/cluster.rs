//! Errors of comparisons by subject, and their rates.
//!
//! Integers are counted, so the result does not depend on the order in which the comparisons come.

use super::rate::{Dependence, Rate, Unit};
use super::sums::{PairSums, SubjectSums};
use serde::{Deserialize, Serialize};
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

    /// Iterates over the subjects that had errors, with their number.
    pub(crate) fn errors(&self) -> impl Iterator<Item = (u32, u64)> {
        self.cells.iter().filter(|(_, cell)| cell.errors > 0).map(|(&subject, cell)| (subject, cell.errors))
    }

    /// Returns the rate. Where errors are few, the stated correlation within a subject stands in for theirs.
    pub fn rate(&self) -> Rate {
        self.sums().rate(None)
    }

    /// Returns the rate. Where errors are few, `least` stands in for how alike they are: what was measured at a threshold
    /// with more of them.
    pub fn rate_with(&self, least: Option<Dependence>) -> Rate {
        self.sums().rate(least)
    }

    fn sums(&self) -> SubjectSums {
        let mut sums = SubjectSums { subjects: self.cells.len() as u64, ..SubjectSums::default() };
        for cell in self.cells.values() {
            sums.trials += cell.trials;
            sums.trials_squared += u128::from(cell.trials).pow(2);
            sums.add(cell.errors, 0, cell.trials);
        }
        sums
    }
}

/// Errors and trials of non-mated comparisons by pair of subjects.
///
/// Either every comparison is counted one by one ([`add`](Self::add)), or the design tells the trials and only the errors
/// are named ([`with_design`](Self::with_design)), so that memory grows with the errors.
#[derive(Clone, Debug, Default)]
pub struct NonMatedErrors {
    cells: BTreeMap<(u32, u32), Cell>,
    design: Design,
}

/// How often each pair of subjects was compared. Entry i is that of subject i.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Design {
    /// As often as it was counted.
    #[default]
    Counted,
    /// Every sample of one with every sample of the other: the product of their numbers of samples.
    EverySample(Vec<u64>),
    /// Every reference of the lower-numbered subject with every probe of the other: the product of their numbers.
    InOrder {
        /// The number of references.
        references: Vec<u64>,
        /// The number of probes.
        probes: Vec<u64>,
    },
    /// Each one's probes with the other's one reference, where it has one.
    EveryProbe {
        /// The number of probes.
        probes: Vec<u64>,
        /// Whether the subject has a reference.
        is_enrolled: Vec<bool>,
    },
    /// The comparisons of each pair of subjects, the lower first, sorted; pairs that are not listed were not compared.
    Listed(Vec<((u32, u32), u64)>),
}

impl Design {
    /// Returns how often two subjects were compared.
    pub(crate) fn trials(&self, a: u32, b: u32) -> u64 {
        let (i, j) = (a as usize, b as usize);
        match self {
            Self::Counted => 0,
            Self::EverySample(samples) => samples[i] * samples[j],
            Self::InOrder { references, probes } => references[i.min(j)] * probes[i.max(j)],
            Self::EveryProbe { probes, is_enrolled } => {
                probes[i] * u64::from(is_enrolled[j]) + probes[j] * u64::from(is_enrolled[i])
            }
            Self::Listed(pairs) => {
                let found = pairs.binary_search_by_key(&(a.min(b), a.max(b)), |entry| entry.0);
                found.map_or(0, |at| pairs[at].1)
            }
        }
    }

    /// Returns the sums without any error, and the trials of each subject.
    pub(crate) fn totals(&self) -> (PairSums, BTreeMap<u32, u64>) {
        match self {
            Self::Counted => (PairSums::default(), BTreeMap::new()),
            Self::EverySample(samples) => in_order(samples, samples),
            Self::InOrder { references, probes } => in_order(references, probes),
            Self::EveryProbe { probes, is_enrolled } => every_probe(probes, is_enrolled),
            Self::Listed(pairs) => listed(pairs.iter().copied()),
        }
    }
}

fn in_order(references: &[u64], probes: &[u64]) -> (PairSums, BTreeMap<u32, u64>) {
    let (mut later, mut later_squares) = (0, 0);
    let (mut trials, mut squares) = (vec![0; probes.len()], 0);
    for a in (0..probes.len()).rev() {
        trials[a] += references[a] * later;
        squares += u128::from(references[a]).pow(2) * later_squares;
        later += probes[a];
        later_squares += u128::from(probes[a]).pow(2);
    }
    let mut earlier = 0;
    for a in 0..probes.len() {
        trials[a] += probes[a] * earlier;
        earlier += references[a];
    }
    let by_subject = numbered(trials.into_iter());
    (summed(&by_subject, squares), by_subject)
}

fn every_probe(probes: &[u64], is_enrolled: &[bool]) -> (PairSums, BTreeMap<u32, u64>) {
    let (all, references) = (probes.iter().sum::<u64>(), is_enrolled.iter().filter(|e| **e).count() as u64);
    let both = || probes.iter().zip(is_enrolled).map(|(&p, &e)| (u128::from(p), u128::from(e)));
    let sum = |of: fn((u128, u128)) -> u128| both().map(of).sum::<u128>();
    let squares = sum(|(p, _)| p * p) * u128::from(references) - sum(|(p, e)| p * p * e);
    let products = sum(|(p, e)| p * e).pow(2) - sum(|(p, e)| p * p * e);
    let trials = |(&p, &e): (&u64, &bool)| p * (references - u64::from(e)) + u64::from(e) * (all - p);
    let by_subject = numbered(probes.iter().zip(is_enrolled).map(trials));
    (summed(&by_subject, squares + products), by_subject)
}

fn listed(pairs: impl Iterator<Item = ((u32, u32), u64)>) -> (PairSums, BTreeMap<u32, u64>) {
    let (mut by_subject, mut pair_squares): (BTreeMap<u32, u64>, u128) = (BTreeMap::new(), 0);
    for ((a, b), trials) in pairs {
        *by_subject.entry(a).or_default() += trials;
        *by_subject.entry(b).or_default() += trials;
        pair_squares += u128::from(trials).pow(2);
    }
    (summed(&by_subject, pair_squares), by_subject)
}

fn numbered(trials: impl Iterator<Item = u64>) -> BTreeMap<u32, u64> {
    (0..).zip(trials).filter(|(_, trials)| *trials > 0).collect()
}

fn summed(by_subject: &BTreeMap<u32, u64>, pair_trials_squared: u128) -> PairSums {
    PairSums {
        subjects: by_subject.len() as u64,
        trials: by_subject.values().sum::<u64>() / 2,
        trials_squared: by_subject.values().map(|&trials| u128::from(trials).pow(2)).sum(),
        pair_trials_squared,
        ..PairSums::default()
    }
}

impl NonMatedErrors {
    /// Takes the design; errors are then added by [`add_error`](Self::add_error).
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

    /// Returns the rate. Where errors are few, the stated correlations stand in for theirs.
    pub fn rate(&self) -> Rate {
        self.sums().rate(None)
    }

    /// Returns the rate. Where errors are few, `least` stands in for how alike they are: what was measured at a threshold
    /// with more of them.
    pub fn rate_with(&self, least: Option<Dependence>) -> Rate {
        self.sums().rate(least)
    }

    /// Returns the rate of errors whose subjects are not known, which count as being as alike as `least` says.
    pub fn rate_of(&self, errors: u64, least: Option<Dependence>) -> Rate {
        let sums = self.sums();
        let least = least.unwrap_or_else(|| sums.stated());
        Rate::dependent((errors, sums.trials), sums.subjects, Unit::Pair, None, least)
    }

    fn sums(&self) -> PairSums {
        let counted = || self.cells.iter().map(|(&pair, cell)| (pair, cell.trials));
        let (mut sums, trials) = match &self.design {
            Design::Counted => listed(counted()),
            Design::EverySample(_) | Design::InOrder { .. } | Design::EveryProbe { .. } | Design::Listed(_) => {
                self.design.totals()
            }
        };
        let mut errors: BTreeMap<u32, u64> = BTreeMap::new();
        for (&(a, b), cell) in self.cells.iter().filter(|(_, cell)| cell.errors > 0) {
            sums.add_to_pair(cell.errors, 0, cell.trials);
            *errors.entry(a).or_default() += cell.errors;
            *errors.entry(b).or_default() += cell.errors;
        }
        errors.iter().for_each(|(subject, &errors)| sums.add_to_subject(errors, 0, trials[subject]));
        sums
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
            errors.add_counts(subject, if subject < 2 { 50 } else { 0 }, 50);
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
    }

    #[test]
    fn each_subjects_probes_against_each_reference_are_counted() {
        let probes = vec![5, 2, 0, 1];
        let all = Design::EveryProbe { probes: probes.clone(), is_enrolled: vec![true; 4] };
        // Every probe meets the references of the three other subjects.
        assert_eq!(NonMatedErrors::with_design(all).rate().total, 8 * 3);
        let design = Design::EveryProbe { probes, is_enrolled: vec![true, false, true, true] };
        let mut pairs = Vec::new();
        for a in 0..4 {
            pairs.extend((a + 1..4).map(|b| ((a, b), design.trials(a, b))).filter(|pair| pair.1 > 0));
        }
        assert_eq!(design.totals(), Design::Listed(pairs).totals());
        let in_order = Design::InOrder { references: vec![1, 0, 2, 1], probes: vec![2, 1, 0, 3] };
        let pairs = (0..4).flat_map(|a| (a + 1..4).map(move |b| (a, b))).map(|(a, b)| ((a, b), in_order.trials(a, b)));
        assert_eq!(in_order.totals(), Design::Listed(pairs.filter(|p| p.1 > 0).collect()).totals());
    }

    /// Expected value: equation 3 of Aronow, Samii and Assenova 2015 over all pairs of pairs that share a subject, in
    /// Python:
    ///
    /// ```python
    /// pairs = [(a, b) for a in range(9) for b in range(a) if (a * b) % 4 != 3]
    /// trials = {(a, b): 1 + (a + b) % 3 for a, b in pairs}
    /// errors = {(a, b): int(b == 2) for a, b in pairs}
    /// n = sum(trials.values()); p = sum(errors.values()) / n
    /// r = {d: errors[d] - p * trials[d] for d in pairs}
    /// print(sum(r[d] * r[e] for d in pairs for e in pairs if set(d) & set(e)) / n**2)
    /// ```
    #[test]
    fn missing_pairs_keep_the_two_way_variance() {
        let mut pairs = Vec::new();
        let mut errors = Vec::new();
        for a in 0..9u32 {
            for b in (0..a).filter(|b| (a * b) % 4 != 3) {
                pairs.push(((b, a), u64::from(1 + (a + b) % 3)));
                if b == 2 {
                    errors.push((a, b));
                }
            }
        }
        pairs.sort_unstable();
        let mut counted = NonMatedErrors::with_design(Design::Listed(pairs));
        errors.iter().for_each(|&(a, b)| counted.add_error(a, b));
        let variance = counted.sums().variance().unwrap();
        assert!((variance - VARIANCE).abs() < 1e-12, "{variance:.15}");
    }

    const VARIANCE: f64 = 0.004892794440359491;
}
