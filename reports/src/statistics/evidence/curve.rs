//! Both error rates at many thresholds at once, from scores with their subjects.

use super::cluster::Design;
use super::rate::{Dependence, Rate, Unit};
use super::sums::{PairSums, SubjectSums};
use crate::statistics::rates::ScoreSet;
use std::collections::BTreeMap;

/// The number of errors at which it is measured how alike those of a subject are, for thresholds with fewer.
const MEASURED_AT: usize = 50;

/// Both rates at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointRates {
    /// The threshold; infinity where nothing matches.
    pub threshold: f32,
    /// False match rate.
    pub fmr: Rate,
    /// False non-match rate.
    pub fnmr: Rate,
}

/// Scores of completed comparisons with the subjects that they are of.
#[derive(Clone, Debug)]
pub struct SubjectScores {
    set: ScoreSet,
    /// Mated scores in ascending order, with the subject and how many comparisons have the score.
    mated: Vec<(f32, u32, u64)>,
    /// The highest non-mated scores in descending order, with both subjects.
    non_mated: Vec<(f32, (u32, u32))>,
    /// Non-mated scores up to this one were not kept with their subjects.
    lowest: f32,
    design: Design,
    fmr_dependence: Option<Dependence>,
    fnmr_dependence: Option<Dependence>,
}

impl SubjectScores {
    /// Takes scores in any order. `non_mated` has every score above `lowest`, `design` how often each pair of subjects was
    /// compared.
    pub fn new(
        set: ScoreSet,
        mut mated: Vec<(f32, u32, u64)>,
        mut non_mated: Vec<(f32, (u32, u32))>,
        lowest: f32,
        design: Design,
    ) -> Self {
        mated.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        non_mated.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut scores = Self { set, mated, non_mated, lowest, design, fmr_dependence: None, fnmr_dependence: None };
        scores.fnmr_dependence = scores.measured_fnmr();
        scores.fmr_dependence = scores.measured_fmr();
        scores
    }

    /// Returns the scores without their subjects.
    pub fn set(&self) -> &ScoreSet {
        &self.set
    }

    /// Drops the subjects.
    pub(crate) fn into_set(self) -> ScoreSet {
        self.set
    }

    /// Returns how alike false matches of a subject are; `None` where there are too few to tell.
    pub fn fmr_dependence(&self) -> Option<Dependence> {
        self.fmr_dependence
    }

    /// Returns how alike false non-matches of a subject are; `None` where there are too few to tell.
    pub fn fnmr_dependence(&self) -> Option<Dependence> {
        self.fnmr_dependence
    }

    /// Returns both rates at thresholds in ascending order. Upper bounds carry over: the FMR at a threshold is no greater
    /// than at a lower one, the FNMR no greater than at a higher one.
    pub fn rates(&self, thresholds: &[f32]) -> Vec<PointRates> {
        let mut non_mated = NonMated::new(self);
        let mut fmr: Vec<Rate> = thresholds.iter().rev().map(|&t| non_mated.from(t)).collect();
        fmr.reverse();
        carry_over(fmr.iter_mut());
        let mut mated = Mated::new(self);
        let mut fnmr: Vec<Rate> = thresholds.iter().map(|&t| mated.below(t)).collect();
        carry_over(fnmr.iter_mut().rev());
        let point = |((&threshold, fmr), fnmr): ((&f32, Rate), Rate)| PointRates { threshold, fmr, fnmr };
        thresholds.iter().zip(fmr).zip(fnmr).map(point).collect()
    }

    fn measured_fnmr(&self) -> Option<Dependence> {
        let threshold = self.set.mated.ranked(MEASURED_AT as u64)?;
        let mut counted = Mated::new(self);
        counted.below(threshold.next_up());
        counted.sums.measured()
    }

    fn measured_fmr(&self) -> Option<Dependence> {
        let threshold = self.non_mated.get(MEASURED_AT)?.0;
        let mut counted = NonMated::new(self);
        counted.from(threshold);
        counted.sums.measured()
    }
}

/// Lowers each upper bound to that of the rate before, which is at least as large.
fn carry_over<'a>(falling: impl Iterator<Item = &'a mut Rate>) {
    let mut before = 1.0;
    for rate in falling {
        if let Some(interval) = rate.clustered.as_mut().or(rate.exact.as_mut()) {
            interval.upper = interval.upper.min(before);
            before = interval.upper;
        }
    }
}

/// Counts of mated errors while the threshold rises.
struct Mated<'a> {
    scores: &'a [(f32, u32, u64)],
    next: usize,
    /// Errors and trials by subject.
    cells: BTreeMap<u32, (u64, u64)>,
    sums: SubjectSums,
    least: Option<Dependence>,
}

impl<'a> Mated<'a> {
    fn new(of: &'a SubjectScores) -> Self {
        let mut cells: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        of.mated.iter().for_each(|&(_, subject, count)| cells.entry(subject).or_default().1 += count);
        let sums = SubjectSums {
            subjects: cells.len() as u64,
            trials: cells.values().map(|(_, trials)| trials).sum(),
            trials_squared: cells.values().map(|(_, trials)| u128::from(*trials).pow(2)).sum(),
            ..SubjectSums::default()
        };
        Self { scores: &of.mated, next: 0, cells, sums, least: of.fnmr_dependence }
    }

    /// Returns the rate of mated scores below a threshold.
    fn below(&mut self, threshold: f32) -> Rate {
        while let Some(&(_, subject, count)) = self.scores.get(self.next).filter(|s| s.0 < threshold) {
            let (errors, trials) = self.cells.entry(subject).or_default();
            self.sums.add(count, *errors, *trials);
            *errors += count;
            self.next += 1;
        }
        self.sums.rate(self.least)
    }
}

/// Counts of non-mated errors while the threshold falls.
struct NonMated<'a> {
    of: &'a SubjectScores,
    next: usize,
    /// Trials by subject.
    trials: BTreeMap<u32, u64>,
    pair_errors: BTreeMap<(u32, u32), u64>,
    subject_errors: BTreeMap<u32, u64>,
    sums: PairSums,
}

impl<'a> NonMated<'a> {
    fn new(of: &'a SubjectScores) -> Self {
        let (sums, trials) = of.design.totals();
        Self { of, next: 0, trials, pair_errors: BTreeMap::new(), subject_errors: BTreeMap::new(), sums }
    }

    /// Returns the rate of non-mated scores from a threshold on. Where some were not kept with their subjects, they count as
    /// being as alike as those that were.
    fn from(&mut self, threshold: f32) -> Rate {
        while let Some(&(_, pair)) = self.of.non_mated.get(self.next).filter(|s| s.0 >= threshold) {
            self.add(pair);
            self.next += 1;
        }
        if threshold > self.of.lowest {
            return self.sums.rate(self.of.fmr_dependence);
        }
        let total = self.of.set.non_mated.total();
        let errors = total - self.of.set.non_mated.below(threshold);
        match self.sums.measured().or(self.of.fmr_dependence) {
            Some(least) => Rate::dependent((errors, total), self.sums.subjects, Unit::Pair, None, least),
            None => Rate::independent(errors, total),
        }
    }

    fn add(&mut self, pair: (u32, u32)) {
        let errors = self.pair_errors.entry(pair).or_default();
        self.sums.add_to_pair(1, *errors, self.of.design.trials(pair.0, pair.1));
        *errors += 1;
        for subject in [pair.0, pair.1] {
            let errors = self.subject_errors.entry(subject).or_default();
            let trials = self.trials.get(&subject).copied().unwrap_or(0);
            self.sums.add_to_subject(1, *errors, trials);
            *errors += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::evidence::cluster::{MatedErrors, NonMatedErrors};

    /// A score that depends on both subjects, so that some have more errors than others.
    fn score(a: u32, b: u32, trial: u32) -> f32 {
        ((a * 37 + b * 101 + trial * 53) % 97) as f32 / 97.0
    }

    #[test]
    fn the_intervals_are_those_of_counting_at_each_threshold() {
        let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
        for a in 0..12u32 {
            mated.extend((0..3 + a % 2).map(|trial| (score(a, a, trial) + 0.3, a, 1)));
            for b in a + 1..12 {
                non_mated.extend((0..2).map(|trial| (score(a, b, trial), (a, b))));
            }
        }
        let set = ScoreSet::new(mated.iter().map(|m| m.0).collect(), non_mated.iter().map(|m| m.0).collect());
        let design = Design::Listed((0..12).flat_map(|a| (a + 1..12).map(move |b| ((a, b), 2))).collect());
        let scores = SubjectScores::new(set, mated.clone(), non_mated.clone(), f32::NEG_INFINITY, design);
        let thresholds: Vec<f32> = (0..40).map(|i| i as f32 / 30.0).collect();
        for point in scores.rates(&thresholds) {
            let (mut own, mut other) = (MatedErrors::default(), NonMatedErrors::default());
            mated.iter().for_each(|(s, subject, _)| own.add(*subject, *s < point.threshold));
            non_mated.iter().for_each(|(s, (a, b))| other.add(*a, *b, *s >= point.threshold));
            let plain = (own.rate_with(scores.fnmr_dependence), other.rate_with(scores.fmr_dependence));
            for (ours, plain) in [(point.fnmr, plain.0), (point.fmr, plain.1)] {
                assert_eq!((ours.count, ours.total), (plain.count, plain.total));
                let (i, j) = (ours.interval().unwrap(), plain.interval().unwrap());
                assert!((i.lower - j.lower).abs() < 1e-9 && i.upper < j.upper + 1e-9, "{i:?} {j:?}");
            }
        }
    }

    #[test]
    fn upper_bounds_carry_over() {
        let mut rates = [9, 12, 0].map(|count| Rate::independent(count, 900));
        carry_over(rates.iter_mut());
        let uppers = rates.map(|rate| rate.interval().unwrap().upper);
        assert_eq!(uppers[1], uppers[0]);
        assert!(uppers[2] < uppers[0]);
    }
}
