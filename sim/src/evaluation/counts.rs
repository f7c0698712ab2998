//! The counts of comparisons by score, the mated scores by subject, and the highest non-mated scores.

use super::scorer::Compared;
use biopay_reports::cluster::Design;
use biopay_reports::curve::SubjectScores;
use biopay_reports::distribution::Distribution;
use biopay_reports::rates::ScoreSet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The number of non-mated comparisons that are kept one by one: enough for the clustered interval of a rate of 1 in
/// 10,000 out of 10⁹ comparisons, in 3 MB.
pub const TAIL_MAX: usize = 200_000;

/// The counts of comparisons, which may be added in any order. Memory is constant in the number of non-mated
/// comparisons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Mated comparisons by subject and score.
    mated: BTreeMap<(u32, ScoreKey), Decided>,
    /// Non-mated comparisons by score.
    non_mated: BTreeMap<ScoreKey, Decided>,
    /// Mated comparisons that are counted among the non-mated ones, here or in counts to be merged.
    owed: BTreeMap<ScoreKey, u64>,
    /// The highest non-mated scores, with both subjects, at most [`TAIL_MAX`] and then some.
    tail: Vec<(ScoreKey, u32, u32)>,
    /// Scores up to this one were dropped from the tail; 0 where none was.
    dropped_up_to: ScoreKey,
    /// False accepts of a scheme by both subjects, at most [`TAIL_MAX`].
    false_accepts: Vec<(u32, u32)>,
}

/// A score as an integer of the same order; the least is that of -∞.
type ScoreKey = u32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Decided {
    comparisons: u64,
    accepted: u64,
}

impl Decided {
    fn add(&mut self, other: Self) {
        self.comparisons += other.comparisons;
        self.accepted += other.accepted;
    }
}

fn key(score: f32) -> ScoreKey {
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn score(key: ScoreKey) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

impl Counts {
    /// Counts one comparison.
    pub fn add(&mut self, reference: u32, probe: u32, compared: Compared) {
        let decided = Decided { comparisons: 1, accepted: u64::from(compared.accepted == Some(true)) };
        if reference == probe {
            return self.mated.entry((reference, key(compared.score))).or_default().add(decided);
        }
        self.non_mated.entry(key(compared.score)).or_default().add(decided);
        self.keep(reference, probe, compared.score);
        if decided.accepted > 0 && self.false_accepts.len() < TAIL_MAX {
            self.false_accepts.push((reference, probe));
        }
    }

    /// Counts mated comparisons of one subject without a decision.
    pub fn add_mated(&mut self, subject: u32, value: f32, comparisons: u64) {
        self.mated.entry((subject, key(value))).or_default().comparisons += comparisons;
    }

    /// Counts non-mated comparisons with one score, without their subjects.
    pub fn add_non_mated(&mut self, value: f32, comparisons: u64) {
        if comparisons > 0 {
            self.non_mated.entry(key(value)).or_default().comparisons += comparisons;
        }
    }

    /// Takes one comparison out of the non-mated ones, now or once the unit that counts it is merged.
    pub fn owe_non_mated(&mut self, value: f32) {
        *self.owed.entry(key(value)).or_default() += 1;
    }

    /// Stores the subjects of a high score, without counting the comparison.
    pub fn keep(&mut self, a: u32, b: u32, value: f32) {
        let key = key(value);
        if key > self.dropped_up_to {
            self.tail.push((key, a.min(b), a.max(b)));
            if self.tail.len() > 4 * TAIL_MAX {
                self.shrink();
            }
        }
    }

    /// Records that pairs up to this score were never offered to [`keep`](Self::keep).
    pub fn tail_above(&mut self, value: f32) {
        self.dropped_up_to = self.dropped_up_to.max(key(value));
    }

    /// Adds the counts of another part.
    pub fn merge(&mut self, other: Self) {
        other.mated.into_iter().for_each(|(k, d)| self.mated.entry(k).or_default().add(d));
        other.non_mated.into_iter().for_each(|(k, d)| self.non_mated.entry(k).or_default().add(d));
        other.owed.into_iter().for_each(|(k, n)| *self.owed.entry(k).or_default() += n);
        self.dropped_up_to = self.dropped_up_to.max(other.dropped_up_to);
        self.tail.extend(other.tail);
        self.shrink();
        self.false_accepts.extend(other.false_accepts);
    }

    /// Drops the lowest scores of a tail that is too long: always all pairs of a score, so that the order of additions
    /// does not matter.
    fn shrink(&mut self) {
        self.tail.sort_unstable_by(|a, b| b.cmp(a));
        if self.tail.len() > TAIL_MAX {
            self.dropped_up_to = self.dropped_up_to.max(self.tail[TAIL_MAX].0);
        }
        self.tail.retain(|t| t.0 > self.dropped_up_to);
    }

    /// Returns both kinds of scores of the comparisons that took place.
    pub fn scores(&self) -> ScoreSet {
        let mated = self.mated.iter().map(|(&(_, k), d)| (score(k), d.comparisons));
        let owed = |k| self.owed.get(&k).copied().unwrap_or(0);
        let non_mated = self.non_mated.iter().map(|(&k, d)| (score(k), d.comparisons.saturating_sub(owed(k))));
        let took_place = |(score, _): &(f32, u64)| score.is_finite();
        let (mated, non_mated) = (mated.filter(took_place), non_mated.filter(took_place));
        ScoreSet { mated: Distribution::from_counts(mated), non_mated: Distribution::from_counts(non_mated) }
    }

    /// Iterates over mated comparisons that took place: subject, score, how many, how many of them accepted by the scheme.
    pub fn mated(&self) -> impl Iterator<Item = (u32, f32, u64, u64)> + '_ {
        let all = self.mated.iter().map(|(&(subject, k), d)| (subject, score(k), d.comparisons, d.accepted));
        all.filter(|(_, score, _, _)| score.is_finite())
    }

    /// Returns the scores with their subjects, for their rates over the thresholds.
    pub fn subject_scores(&self, design: Design) -> SubjectScores {
        let mated = self.mated().map(|(subject, score, comparisons, _)| (score, subject, comparisons)).collect();
        let kept = self.tail.iter().filter(|t| t.0 > self.dropped_up_to);
        let tail = kept.map(|t| (score(t.0), (t.1, t.2))).filter(|t| t.0.is_finite()).collect();
        let lowest = if self.dropped_up_to == 0 { f32::NEG_INFINITY } else { score(self.dropped_up_to) };
        SubjectScores::new(self.scores(), mated, tail, lowest, design)
    }

    /// Returns the number of false accepts of a scheme and the pairs of subjects; `None` for these where not all were
    /// kept.
    pub fn false_accepts(&self) -> (u64, Option<&[(u32, u32)]>) {
        let count = self.non_mated.values().map(|d| d.accepted).sum();
        (count, (self.false_accepts.len() as u64 == count).then_some(&self.false_accepts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_scores_do() {
        let scores = [f32::NEG_INFINITY, -1.0, -0.5, 0.0, 1e-9, 0.7, 300.0];
        assert!(scores.windows(2).all(|w| key(w[0]) < key(w[1])));
        assert!(scores.iter().all(|&s| score(key(s)) == s));
        assert_eq!(key(-0.0), key(0.0));
    }

    #[test]
    fn the_order_of_merging_does_not_show() {
        let counted = |range: std::ops::Range<u32>| {
            let mut counts = Counts::default();
            for i in range {
                let compared = Compared { score: (i % 97) as f32 / 97.0, accepted: Some(i % 5 == 0) };
                counts.add(i % 7, i % 11, compared);
            }
            counts
        };
        let (mut ab, mut ba) = (counted(0..300), counted(300..900));
        ab.merge(counted(300..900));
        ba.merge(counted(0..300));
        ab.false_accepts.sort_unstable();
        ba.false_accepts.sort_unstable();
        assert_eq!(ab, ba);
        assert_eq!(ab.scores(), counted(0..900).scores());
    }

    #[test]
    fn a_tail_that_was_cut_is_not_passed_off_as_whole() {
        let mut counts = Counts::default();
        for i in 0..5 * TAIL_MAX as u32 {
            counts.add(0, 1, Compared { score: i as f32, accepted: None });
        }
        counts.merge(Counts::default());
        let scores = counts.subject_scores(Design::EverySample(vec![1_000, 1_000]));
        let [low, high] = [10.0, 4.9 * TAIL_MAX as f32].map(|threshold| scores.rates(&[threshold])[0].fmr);
        assert_eq!((low.count, high.count), (5 * TAIL_MAX as u64 - 10, TAIL_MAX as u64 / 10));
    }
}
