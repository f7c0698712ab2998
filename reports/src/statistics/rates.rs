//! Error rates over all thresholds of a set of comparison scores.
//!
//! A comparison matches when its score is at least the threshold; larger is more similar. A failure to acquire stands
//! as a score of negative infinity: it never matches and is never dropped (the FVC2000 convention).

use crate::statistics::distribution::Distribution;

/// Mated and non-mated scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreSet {
    /// Scores of mated comparisons.
    pub mated: Distribution,
    /// Scores of non-mated comparisons.
    pub non_mated: Distribution,
}

/// The two error rates at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// The threshold; infinity where nothing matches.
    pub threshold: f32,
    /// Share of non-mated comparisons with a score at or above the threshold.
    pub fmr: f64,
    /// Share of mated comparisons with a score below the threshold.
    pub fnmr: f64,
}

impl ScoreSet {
    /// Counts single scores; a NaN counts as negative infinity.
    pub fn new(mated: Vec<f32>, non_mated: Vec<f32>) -> Self {
        Self { mated: Distribution::new(mated), non_mated: Distribution::new(non_mated) }
    }

    /// Returns whether a kind of comparison is missing, so that no rate is defined.
    pub fn is_empty(&self) -> bool {
        self.mated.is_empty() || self.non_mated.is_empty()
    }

    /// Returns the rates at one threshold; panics when a kind of comparison is missing.
    pub fn at(&self, threshold: f32) -> OperatingPoint {
        assert!(!self.is_empty(), "rates need mated and non-mated comparisons");
        let (mated, non_mated) = (self.mated.total(), self.non_mated.total());
        OperatingPoint {
            threshold,
            fmr: (non_mated - self.non_mated.below(threshold)) as f64 / non_mated as f64,
            fnmr: self.mated.below(threshold) as f64 / mated as f64,
        }
    }

    /// Returns the rates at every threshold where one of them changes, in ascending order of the threshold, the last
    /// at infinity.
    pub fn curve(&self) -> Vec<OperatingPoint> {
        let mut thresholds: Vec<f32> = self.mated.iter().chain(self.non_mated.iter()).map(|(score, _)| score).collect();
        thresholds.sort_by(f32::total_cmp);
        thresholds.dedup();
        thresholds.push(f32::INFINITY);
        thresholds.into_iter().map(|t| self.at(t)).collect()
    }

    /// Returns the equal error rate by the interval rule.
    ///
    /// Source: Maio et al. 2002, "FVC2000: Fingerprint Verification Competition", section 4.
    pub fn equal_error_rate(&self) -> f64 {
        let curve = self.curve();
        let last = curve.iter().rev().find(|p| p.fnmr <= p.fmr).unwrap_or(&curve[0]);
        let first = curve.iter().find(|p| p.fnmr >= p.fmr).unwrap_or(&curve[curve.len() - 1]);
        let best = if last.fnmr + last.fmr <= first.fnmr + first.fmr { last } else { first };
        (best.fnmr + best.fmr) / 2.0
    }

    /// Returns the point with the lowest FNMR whose FMR is at most `fmr_max` (FMR100 is `fmr_max` = 1/100), never the
    /// nearest point. With `fmr_max` = 0 it is ZeroFMR.
    pub fn lowest_fnmr(&self, fmr_max: f64) -> OperatingPoint {
        let total = self.non_mated.total();
        let allowed = (fmr_max * total as f64 * (1.0 + 1e-12)).floor() as u64;
        let last_rejected = (total - allowed.min(total)).checked_sub(1).and_then(|rank| self.non_mated.ranked(rank));
        self.at(last_rejected.map_or(f32::NEG_INFINITY, next_above))
    }

    /// Returns the decidability d' = |μ₁ - μ₂| / √((σ₁² + σ₂²) / 2) over the finite scores; `None` where they do not spread.
    ///
    /// Source: Daugman 2000, "Biometric decision landscapes".
    pub fn decidability(&self) -> Option<f64> {
        let (mean1, variance1) = self.mated.moments();
        let (mean2, variance2) = self.non_mated.moments();
        let spread = ((variance1 + variance2) / 2.0).sqrt();
        (spread > 0.0).then(|| (mean1 - mean2).abs() / spread)
    }
}

/// Returns the smallest threshold that a score of `score` does not reach.
fn next_above(score: f32) -> f32 {
    if score == f32::NEG_INFINITY { f32::MIN } else { score.next_up() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn separated_scores_have_no_error() {
        let set = ScoreSet::new(vec![0.8, 0.9], vec![0.1, 0.2, 0.3]);
        assert_eq!(set.equal_error_rate(), 0.0);
        assert_eq!(set.lowest_fnmr(0.0).fnmr, 0.0);
    }

    #[test]
    fn rates_at_a_threshold_count_ties_as_matches() {
        let set = ScoreSet::new(vec![0.5, 0.7], vec![0.5, 0.2, 0.1, 0.6]);
        let point = set.at(0.5);
        assert_eq!((point.fmr, point.fnmr), (0.5, 0.0));
    }

    #[test]
    fn the_lowest_fnmr_never_exceeds_the_allowed_fmr() {
        let non_mated: Vec<f32> = (0..100).map(|i| i as f32 / 100.0).collect();
        let set = ScoreSet::new(vec![0.97, 0.985, 0.995], non_mated);
        let point = set.lowest_fnmr(0.01);
        assert_eq!((point.fmr, point.fnmr), (0.01, 1.0 / 3.0));
    }

    #[test]
    fn failures_to_acquire_stay_in_the_count() {
        let set = ScoreSet::new(vec![f32::NAN, 0.9], vec![f32::NEG_INFINITY, 0.1]);
        assert_eq!(set.at(0.5).fnmr, 0.5);
        assert_eq!(set.lowest_fnmr(0.0).fnmr, 0.5);
    }

    proptest! {
        #[test]
        fn rates_move_the_right_way(
            mated in proptest::collection::vec(0u8..20, 1..40),
            non_mated in proptest::collection::vec(0u8..20, 1..40),
        ) {
            let set = ScoreSet::new(
                mated.iter().map(|&s| f32::from(s)).collect(),
                non_mated.iter().map(|&s| f32::from(s)).collect(),
            );
            let curve = set.curve();
            prop_assert!(curve.windows(2).all(|w| w[0].fmr >= w[1].fmr && w[0].fnmr <= w[1].fnmr));
            // Compared with a plain search over the whole curve.
            for target in [0.0, 0.1, 0.5] {
                let best = curve.iter().filter(|p| p.fmr <= target).map(|p| p.fnmr).fold(f64::INFINITY, f64::min);
                prop_assert!((set.lowest_fnmr(target).fnmr - best).abs() < 1e-12);
            }
        }
    }
}
