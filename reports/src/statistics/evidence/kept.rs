//! Scores with their subjects, as far as memory allows: all mated ones, and the highest of the others.

/// The highest non-mated comparisons that are kept one by one.
const KEPT: usize = 200_000;

/// Scores with their subjects that come one by one, in any order.
#[derive(Default)]
pub(crate) struct KeptScores {
    mated: Vec<(f32, u32, u64)>,
    non_mated: Vec<(f32, (u32, u32))>,
    /// Once there are enough, what is up to this score is not kept.
    lowest: Option<f32>,
}

impl KeptScores {
    /// Takes a mated comparison of a subject.
    pub(crate) fn add_mated(&mut self, subject: u32, score: f32) {
        self.mated.push((score, subject, 1));
    }

    /// Takes a comparison of two subjects, the lower first.
    pub(crate) fn add_non_mated(&mut self, pair: (u32, u32), score: f32) {
        if self.lowest.is_some_and(|lowest| score <= lowest) {
            return;
        }
        self.non_mated.push((score, pair));
        if self.non_mated.len() >= 2 * KEPT {
            let at = self.non_mated.select_nth_unstable_by(KEPT, |a, b| b.0.total_cmp(&a.0)).1.0;
            self.lowest = Some(at);
            self.non_mated.retain(|kept| kept.0 > at);
        }
    }

    /// Returns mated and non-mated scores, and the score up to which the latter were not kept.
    #[expect(clippy::type_complexity, reason = "two lists of a score with whom it is of")]
    pub(crate) fn finish(self) -> (Vec<(f32, u32, u64)>, Vec<(f32, (u32, u32))>, f32) {
        (self.mated, self.non_mated, self.lowest.unwrap_or(f32::NEG_INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_scores_are_kept_or_dropped() {
        let mut kept = KeptScores::default();
        for i in 0..3 * KEPT {
            kept.add_non_mated((0, 1), (i % 1_000) as f32);
        }
        let (_, top, lowest) = kept.finish();
        assert!(top.iter().all(|s| s.0 > lowest) && top.len() < 2 * KEPT);
        assert!((400.0..700.0).contains(&lowest), "{lowest}");
        assert_eq!(top.iter().filter(|s| s.0 == 999.0).count(), 3 * KEPT / 1_000);
    }
}
