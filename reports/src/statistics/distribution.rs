//! How often each comparison score occurred: memory grows with the number of different scores, not of comparisons.

/// Comparison scores as different values with their counts; larger is more similar.
///
/// A failure to acquire is counted under negative infinity, and never dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Different scores in ascending order.
    scores: Vec<f32>,
    /// Comparisons with a score up to and with the one at the same index.
    up_to: Vec<u64>,
}

impl Distribution {
    /// Counts single scores; a NaN counts as negative infinity.
    pub fn new(scores: impl IntoIterator<Item = f32>) -> Self {
        Self::from_counts(scores.into_iter().map(|score| (score, 1)))
    }

    /// Adds up counts by score, in any order.
    pub fn from_counts(counts: impl IntoIterator<Item = (f32, u64)>) -> Self {
        let number = |score: f32| if score.is_nan() { f32::NEG_INFINITY } else { score + 0.0 };
        let mut counts: Vec<(f32, u64)> =
            counts.into_iter().filter(|c| c.1 > 0).map(|(score, count)| (number(score), count)).collect();
        counts.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut out = Self::default();
        let mut total = 0;
        for (score, count) in counts {
            total += count;
            if out.scores.last() == Some(&score) {
                *out.up_to.last_mut().expect("as long as the scores") = total;
            } else {
                out.scores.push(score);
                out.up_to.push(total);
            }
        }
        out
    }

    /// Returns the number of comparisons.
    pub fn total(&self) -> u64 {
        self.up_to.last().copied().unwrap_or(0)
    }

    /// Returns whether there are no comparisons.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// Iterates over the different scores, ascending, with their counts.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (f32, u64)> + '_ {
        self.scores.iter().enumerate().map(|(i, &score)| (score, self.up_to[i] - self.before(i)))
    }

    /// Iterates over the scores that are numbers, which leaves out failures.
    pub fn finite(&self) -> impl DoubleEndedIterator<Item = (f32, u64)> + '_ {
        self.iter().filter(|(score, _)| score.is_finite())
    }

    /// Returns how many comparisons have a score below `threshold`.
    pub fn below(&self, threshold: f32) -> u64 {
        self.before(self.scores.partition_point(|&s| s < threshold))
    }

    /// Returns the score that the comparison of this rank has, in ascending order from 0; `None` beyond the last.
    pub fn ranked(&self, rank: u64) -> Option<f32> {
        self.scores.get(self.up_to.partition_point(|&count| count <= rank)).copied()
    }

    /// Returns mean and population variance of the finite scores; zeros where there are none.
    pub fn moments(&self) -> (f64, f64) {
        let count = self.finite().map(|c| c.1).sum::<u64>().max(1) as f64;
        let mean = self.finite().map(|(s, n)| f64::from(s) * n as f64).sum::<f64>() / count;
        (mean, self.finite().map(|(s, n)| (f64::from(s) - mean).powi(2) * n as f64).sum::<f64>() / count)
    }

    fn before(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |last| self.up_to[last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_and_ranks_are_those_of_the_sorted_scores(scores in proptest::collection::vec(0u8..9, 0..60)) {
            let mut plain: Vec<f32> = scores.iter().map(|&s| f32::from(s) / 4.0).collect();
            let distribution = Distribution::new(plain.iter().copied());
            plain.sort_by(f32::total_cmp);
            prop_assert_eq!(distribution.total() as usize, plain.len());
            for (rank, &score) in plain.iter().enumerate() {
                prop_assert_eq!(distribution.ranked(rank as u64), Some(score));
                prop_assert_eq!(distribution.below(score) as usize, plain.partition_point(|&s| s < score));
            }
            prop_assert_eq!(distribution.ranked(plain.len() as u64), None);
        }
    }

    #[test]
    fn zeros_of_both_signs_are_one_score_and_nan_is_a_failure() {
        let distribution = Distribution::new([0.0, -0.0, f32::NAN]);
        assert_eq!(distribution.iter().collect::<Vec<_>>(), [(f32::NEG_INFINITY, 1), (0.0, 2)]);
        assert_eq!(distribution.moments(), (0.0, 0.0));
    }
}
