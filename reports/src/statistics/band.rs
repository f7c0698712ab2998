//! Intervals of FMR and FNMR over the thresholds: the band around a DET.
//!
//! At each threshold both rates have their 95 % interval, which allows for the comparisons of one subject being alike, as
//! at the operating point. The band joins the corners of these rectangles.

use crate::statistics::interval::{Interval, Rate};
use crate::statistics::rates::{OperatingPoint, ScoreSet};
use std::collections::BTreeMap;

/// The best non-mated comparisons that are kept one by one. Below the worst of them there is no band.
const KEPT: usize = 100_000;
/// Thresholds of a band, at most.
const THRESHOLDS_MAX: usize = 64;

/// Errors and trials of pairs of subjects, sorted by pair.
pub(crate) type Pairs = [((u32, u32), u64, u64)];

/// Both rates at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BandPoint {
    /// The threshold.
    pub threshold: f32,
    /// False match rate.
    pub fmr: Rate,
    /// False non-match rate.
    pub fnmr: Rate,
}

/// Both rates at thresholds in ascending order, so that the FMR falls and the FNMR rises.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band(pub Vec<BandPoint>);

impl Band {
    /// Returns the corners of both rates' lower bounds, and those of their upper bounds, as (FMR, FNMR).
    ///
    /// A threshold without a single error does not know how alike a subject's comparisons are, and its interval is the
    /// widest that can be. But a rate that falls with the threshold is no greater than at the threshold before, whose
    /// upper bound then holds here too.
    pub fn corners(&self) -> [Vec<(f64, f64)>; 2] {
        let fmr = bounded(self.0.iter().map(|p| &p.fmr));
        let mut fnmr = bounded(self.0.iter().rev().map(|p| &p.fnmr));
        fnmr.reverse();
        let corner = |of: fn(&Interval) -> f64| fmr.iter().map(of).zip(fnmr.iter().map(of)).collect();
        [corner(|i| i.lower), corner(|i| i.upper)]
    }

    /// Computes the band of a scheme.
    pub(crate) fn of(scores: &ScoreSet, scored: Scored, pairs: &Pairs) -> Self {
        let (mated, top) = scored.sorted();
        let lowest = if top.len() < KEPT { f32::NEG_INFINITY } else { top[top.len() - 1].0 };
        let points = thresholds(scores);
        let mut mated = Mated::new(mated, scores.mated.total());
        let mut non_mated = NonMated::new(top, pairs, scores.non_mated.total());
        // FNMR takes scores in from below, FMR from above.
        let fnmr: Vec<Rate> = points.iter().map(|p| mated.below(p.threshold)).collect();
        let mut fmr: Vec<Rate> = points.iter().rev().map(|p| non_mated.from(p.threshold)).collect();
        fmr.reverse();
        let point = |((p, fmr), fnmr): ((&OperatingPoint, Rate), Rate)| BandPoint { threshold: p.threshold, fmr, fnmr };
        let all = points.iter().zip(fmr).zip(fnmr).map(point);
        Self(all.filter(|p| p.threshold > lowest).collect())
    }
}

/// Returns the intervals of a rate that falls from one to the next.
fn bounded<'a>(falling: impl Iterator<Item = &'a Rate>) -> Vec<Interval> {
    let mut before = Interval { lower: 0.0, upper: 1.0 };
    let bound = |rate: &Rate| {
        let own = rate.interval().unwrap_or(Interval { lower: 0.0, upper: 1.0 });
        if rate.count > 0 {
            before = own;
        }
        Interval { upper: own.upper.min(before.upper), ..own }
    };
    falling.map(bound).collect()
}

/// Scores with their subjects: all mated ones, and the highest of the others.
#[derive(Default)]
pub(crate) struct Scored {
    mated: Vec<(f32, u32)>,
    non_mated: Vec<(f32, (u32, u32))>,
    /// Once there are enough, what is below is not kept.
    least: Option<f32>,
}

impl Scored {
    /// Takes a mated comparison of a subject; nothing is a failure, which never matches.
    pub(crate) fn add_mated(&mut self, subject: u32, score: Option<f32>) {
        self.mated.push((score.unwrap_or(f32::NEG_INFINITY), subject));
    }

    /// Takes a comparison of two subjects, the lower first.
    pub(crate) fn add_non_mated(&mut self, pair: (u32, u32), score: Option<f32>) {
        let Some(score) = score.filter(|s| !s.is_nan() && self.least.is_none_or(|least| *s >= least)) else { return };
        self.non_mated.push((score, pair));
        if self.non_mated.len() >= 2 * KEPT {
            self.non_mated.select_nth_unstable_by(KEPT - 1, descending);
            self.non_mated.truncate(KEPT);
            self.least = Some(self.non_mated[KEPT - 1].0);
        }
    }

    /// Returns the mated scores in ascending and the best of the others in descending order.
    #[expect(clippy::type_complexity, reason = "two lists of a score with whom it is of")]
    fn sorted(mut self) -> (Vec<(f32, u32)>, Vec<(f32, (u32, u32))>) {
        self.mated.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.non_mated.sort_unstable_by(descending);
        self.non_mated.truncate(KEPT);
        (self.mated, self.non_mated)
    }
}

fn descending(a: &(f32, (u32, u32)), b: &(f32, (u32, u32))) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Chooses thresholds that lie evenly along the curve, of those that are numbers.
fn thresholds(scores: &ScoreSet) -> Vec<OperatingPoint> {
    let curve: Vec<OperatingPoint> = scores.curve().into_iter().filter(|p| p.threshold.is_finite()).collect();
    let drawn = |p: f64| crate::statistics::probit::probit(p.clamp(1e-7, 1.0 - 1e-7));
    let mut along = vec![0.0];
    for pair in curve.windows(2) {
        let step = (drawn(pair[1].fmr) - drawn(pair[0].fmr)).abs() + (drawn(pair[1].fnmr) - drawn(pair[0].fnmr)).abs();
        along.push(along[along.len() - 1] + step);
    }
    let (mut out, mut next) = (Vec::new(), 0.0);
    let step = along[along.len() - 1] / THRESHOLDS_MAX as f64;
    for (point, at) in curve.into_iter().zip(along) {
        if at >= next {
            out.push(point);
            next = at + step;
        }
    }
    out
}

/// Counts of mated errors while the threshold rises.
struct Mated {
    scores: std::iter::Peekable<std::vec::IntoIter<(f32, u32)>>,
    /// Errors and trials by subject.
    cells: BTreeMap<u32, (u64, u64)>,
    trials: u64,
    trials_squared: u64,
    errors: u64,
    errors_squared: u64,
    errors_by_trials: u64,
}

impl Mated {
    fn new(scores: Vec<(f32, u32)>, trials: u64) -> Self {
        let mut cells: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        scores.iter().for_each(|(_, subject)| cells.entry(*subject).or_default().1 += 1);
        let trials_squared = cells.values().map(|(_, m)| m * m).sum();
        let scores = scores.into_iter().peekable();
        Self { scores, cells, trials, trials_squared, errors: 0, errors_squared: 0, errors_by_trials: 0 }
    }

    /// Returns the rate of mated scores below a threshold, with the variance of
    /// [`MatedErrors`](crate::statistics::cluster::MatedErrors).
    fn below(&mut self, threshold: f32) -> Rate {
        while let Some((_, subject)) = self.scores.next_if(|(score, _)| *score < threshold) {
            let (errors, trials) = self.cells.entry(subject).or_default();
            self.errors_squared += 2 * *errors + 1;
            self.errors_by_trials += *trials;
            *errors += 1;
            self.errors += 1;
        }
        let n = self.cells.len() as u64;
        if n < 2 {
            return Rate { subjects: n, ..Rate::independent(self.errors, self.trials) };
        }
        let p = self.errors as f64 / self.trials as f64;
        let [squares, crossed, trials] =
            [self.errors_squared, self.errors_by_trials, self.trials_squared].map(|v| v as f64);
        let numerator = squares - 2.0 * p * crossed + p * p * trials;
        let (clusters, mean) = (n as f64, self.trials as f64 / n as f64);
        let variance = numerator.max(0.0) / (mean * mean * clusters * (clusters - 1.0));
        Rate::clustered(self.errors, self.trials, n, Some(variance))
    }
}

/// Counts of non-mated errors while the threshold falls.
struct NonMated<'a> {
    scores: std::iter::Peekable<std::vec::IntoIter<(f32, (u32, u32))>>,
    pairs: &'a Pairs,
    trials: u64,
    subjects: u64,
    is_complete: bool,
    errors: u64,
    /// The share of errors of each pair that has any, and their sums by subject.
    shares: BTreeMap<(u32, u32), f64>,
    by_subject: BTreeMap<u32, f64>,
    sum: f64,
    squares: f64,
    subject_squares: f64,
}

impl<'a> NonMated<'a> {
    fn new(scores: Vec<(f32, (u32, u32))>, pairs: &'a Pairs, trials: u64) -> Self {
        let mut subjects: Vec<u32> = pairs.iter().flat_map(|((a, b), _, _)| [*a, *b]).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let n = subjects.len();
        Self {
            scores: scores.into_iter().peekable(),
            pairs,
            trials,
            subjects: n as u64,
            is_complete: n >= 3 && pairs.len() == n * (n - 1) / 2,
            errors: 0,
            shares: BTreeMap::new(),
            by_subject: BTreeMap::new(),
            sum: 0.0,
            squares: 0.0,
            subject_squares: 0.0,
        }
    }

    /// Returns the rate of non-mated scores from a threshold on, with the variance of
    /// [`NonMatedErrors`](crate::statistics::cluster::NonMatedErrors).
    fn from(&mut self, threshold: f32) -> Rate {
        while let Some((_, pair)) = self.scores.next_if(|(score, _)| *score >= threshold) {
            self.errors += 1;
            self.add(pair);
        }
        let variance = (self.is_complete && self.errors > 0).then(|| self.variance());
        // Without an error the rate itself knows what a subject is worth.
        let variance = variance.or(self.is_complete.then_some(0.0));
        Rate::clustered(self.errors, self.trials, self.subjects, variance)
    }

    fn add(&mut self, pair: (u32, u32)) {
        let Ok(at) = self.pairs.binary_search_by_key(&pair, |entry| entry.0) else { return };
        let step = 1.0 / self.pairs[at].2 as f64;
        let share = self.shares.entry(pair).or_default();
        self.squares += (*share + step).powi(2) - share.powi(2);
        *share += step;
        self.sum += step;
        for subject in [pair.0, pair.1] {
            let own = self.by_subject.entry(subject).or_default();
            self.subject_squares += (*own + step).powi(2) - own.powi(2);
            *own += step;
        }
    }

    fn variance(&self) -> f64 {
        let n = self.subjects as f64;
        let pairs = n * (n - 1.0) / 2.0;
        let mean = self.sum / pairs;
        let squares = self.squares - mean * mean * pairs;
        // Each subject's sum is taken less its expectation; all sums together are twice the pairs'.
        let expected = mean * (n - 1.0);
        let by_subject = self.subject_squares - 4.0 * expected * self.sum + n * expected * expected;
        let crossed = by_subject - 2.0 * squares;
        let zeta1 = (crossed / (n * (n - 1.0) * (n - 2.0))).max(0.0);
        let zeta2 = squares.max(0.0) / pairs;
        (4.0 * (n - 2.0) * zeta1 + 2.0 * zeta2) / (n * (n - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::cluster::{MatedErrors, NonMatedErrors};

    /// A score that depends on both subjects, so that some have more errors than others.
    fn score(a: u32, b: u32, trial: u32) -> f32 {
        ((a * 37 + b * 101 + trial * 53) % 97) as f32 / 97.0
    }

    #[test]
    fn the_intervals_are_those_of_counting_at_each_threshold() {
        let (mut scored, mut pairs, mut mated, mut non_mated) = (Scored::default(), Vec::new(), Vec::new(), Vec::new());
        for a in 0..12u32 {
            for trial in 0..3 + a % 2 {
                mated.push((a, score(a, a, trial) + 0.3));
                scored.add_mated(a, Some(score(a, a, trial) + 0.3));
            }
            for b in a + 1..12 {
                for trial in 0..2 {
                    non_mated.push(((a, b), score(a, b, trial)));
                    scored.add_non_mated((a, b), Some(score(a, b, trial)));
                }
                pairs.push(((a, b), 0, 2));
            }
        }
        let set = ScoreSet::new(mated.iter().map(|m| m.1).collect(), non_mated.iter().map(|m| m.1).collect());
        let band = Band::of(&set, scored, &pairs);
        assert!(band.0.len() > 20 && band.0.len() <= THRESHOLDS_MAX + 1, "{}", band.0.len());
        for point in &band.0 {
            let (mut own, mut other) = (MatedErrors::default(), NonMatedErrors::default());
            mated.iter().for_each(|(subject, s)| own.add(*subject, *s < point.threshold));
            non_mated.iter().for_each(|((a, b), s)| other.add(*a, *b, *s >= point.threshold));
            for (ours, plain) in [(point.fnmr, own.rate()), (point.fmr, other.rate())] {
                assert_eq!((ours.count, ours.total), (plain.count, plain.total));
                let (i, j) = (ours.interval().unwrap(), plain.interval().unwrap());
                assert!((i.lower - j.lower).abs() < 1e-9 && (i.upper - j.upper).abs() < 1e-9, "{i:?} {j:?}");
            }
        }
    }

    #[test]
    fn no_error_is_no_worse_than_one() {
        let rates = [Rate::clustered(9, 900, 30, Some(1e-5)), Rate::clustered(0, 900, 30, Some(0.0))];
        let [one, none] = [0, 1].map(|i| bounded(rates.iter())[i]);
        assert!(rates[1].interval().unwrap().upper > 0.1);
        assert_eq!((none.lower, none.upper), (0.0, one.upper));
    }

    #[test]
    fn only_the_best_are_kept_and_the_band_ends_where_they_do() {
        let mut scored = Scored::default();
        for i in 0..3 * KEPT {
            scored.add_non_mated((0, 1), Some((i % 1_000) as f32));
        }
        let (_, top) = scored.sorted();
        assert_eq!((top.len(), top[0].0), (KEPT, 999.0));
        assert!(top[KEPT - 1].0 >= 665.0, "{}", top[KEPT - 1].0);
    }
}
