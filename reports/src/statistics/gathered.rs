//! Counts by key of what comes one by one, in any order, in a sorted vector.

/// Counts that are gathered before they are added up: a few megabytes.
const GATHERED_MAX: usize = 1 << 20;

/// Adds up errors and trials by key: new ones are gathered, then sorted and merged with the others.
pub(crate) struct Gathered<K> {
    counts: Vec<(K, u64, u64)>,
    merged: usize,
}

impl<K> Default for Gathered<K> {
    fn default() -> Self {
        Self { counts: Vec::new(), merged: 0 }
    }
}

impl<K: Copy + Ord> Gathered<K> {
    /// Counts one trial of `key`.
    pub(crate) fn add(&mut self, key: K, errors: u64) {
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
    pub(crate) fn finish(mut self) -> Vec<(K, u64, u64)> {
        self.merge();
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

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
