//! Error rates of schemes from comparisons that come one by one: memory grows with the pairs of subjects, not with the
//! comparisons.

use crate::cluster::{MatedErrors, NonMatedErrors};
use crate::distribution::Distribution;
use crate::rates::ScoreSet;
use crate::records::Comparison;
use crate::summary::SchemeSummary;
use std::collections::BTreeMap;

/// Scores and pairs that are gathered before they are added up: a few megabytes.
const GATHERED_MAX: usize = 1 << 20;

/// Gathers comparisons by scheme.
#[derive(Default)]
pub struct SchemeTally {
    schemes: BTreeMap<String, Counts>,
}

#[derive(Default)]
struct Counts {
    mated: MatedErrors,
    pairs: Gathered<(u32, u32)>,
    mated_scores: Gathered<u32>,
    non_mated_scores: Gathered<u32>,
    failures: u64,
    has_scores: bool,
}

impl SchemeTally {
    /// Counts one comparison; the order does not matter.
    pub fn add(&mut self, c: &Comparison) {
        if !self.schemes.contains_key(&c.scheme) {
            self.schemes.insert(c.scheme.clone(), Counts::default());
        }
        let counts = self.schemes.get_mut(&c.scheme).expect("it was put there");
        counts.failures += u64::from(c.failure.is_some());
        counts.has_scores |= c.score.is_some();
        let score = c.score.unwrap_or(f32::NEG_INFINITY).to_bits();
        if c.is_mated() {
            counts.mated.add(c.reference_subject, !c.accepted);
            counts.mated_scores.add(score, 0);
        } else {
            let (a, b) = (c.reference_subject, c.probe_subject);
            counts.pairs.add((a.min(b), a.max(b)), u64::from(c.accepted));
            counts.non_mated_scores.add(score, 0);
        }
    }

    /// Returns the rates of each scheme, by name.
    pub fn finish(self) -> Vec<SchemeSummary> {
        self.schemes.into_iter().map(|(name, counts)| counts.summary(name)).collect()
    }
}

impl Counts {
    fn summary(self, scheme: String) -> SchemeSummary {
        let distribution = |scores: Gathered<u32>| {
            Distribution::from_counts(scores.finish().into_iter().map(|(bits, _, n)| (f32::from_bits(bits), n)))
        };
        let scores =
            ScoreSet { mated: distribution(self.mated_scores), non_mated: distribution(self.non_mated_scores) };
        let scores = Some(scores).filter(|s| self.has_scores && !s.is_empty());
        SchemeSummary {
            scheme,
            fnmr: self.mated.rate(),
            fmr: NonMatedErrors::from_pairs(self.pairs.finish()).rate(),
            failures: self.failures,
            eer: scores.as_ref().map(ScoreSet::equal_error_rate),
            fmr100: scores.as_ref().map(|s| s.lowest_fnmr(1e-2).fnmr),
            fmr1000: scores.as_ref().map(|s| s.lowest_fnmr(1e-3).fnmr),
            scores,
        }
    }
}

/// Adds up errors and trials by key: new ones are gathered, then sorted and merged with the others.
struct Gathered<K> {
    counts: Vec<(K, u64, u64)>,
    merged: usize,
}

impl<K> Default for Gathered<K> {
    fn default() -> Self {
        Self { counts: Vec::new(), merged: 0 }
    }
}

impl<K: Copy + Ord> Gathered<K> {
    fn add(&mut self, key: K, errors: u64) {
        self.counts.push((key, errors, 1));
        if self.counts.len() >= 2 * self.merged + GATHERED_MAX {
            self.merge();
        }
    }

    fn merge(&mut self) {
        self.counts.sort_unstable_by_key(|c| c.0);
        self.counts.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                (kept.1, kept.2) = (kept.1 + next.1, kept.2 + next.2);
            }
            is_same
        });
        self.merged = self.counts.len();
    }

    /// Returns keys with their errors and trials, sorted.
    fn finish(mut self) -> Vec<(K, u64, u64)> {
        self.merge();
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn merging_now_and_then_counts_like_merging_once(keys in proptest::collection::vec(0u32..20, 0..200)) {
            let mut gathered = Gathered::default();
            let mut plain: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
            for (i, &key) in keys.iter().enumerate() {
                gathered.add(key, u64::from(i % 3 == 0));
                let count = plain.entry(key).or_default();
                (count.0, count.1) = (count.0 + u64::from(i % 3 == 0), count.1 + 1);
                if i % 7 == 0 {
                    gathered.merge();
                }
            }
            let expected: Vec<_> = plain.into_iter().map(|(key, (errors, trials))| (key, errors, trials)).collect();
            prop_assert_eq!(gathered.finish(), expected);
        }
    }
}
