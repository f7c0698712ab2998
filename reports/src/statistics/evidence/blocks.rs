//! Latencies in successive blocks of time: as how many independent ones they count.
//!
//! Latencies that wait in one queue are alike while the queue is long. Latencies of blocks that are longer than the queue
//! remembers are not, so that counts by block show the variance that counts by latency hide.

use crate::statistics::interval::{Z, student_t};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Blocks that an operation's time is divided into, at most; at least half as many where it lasted so long.
const BLOCKS_MAX: u64 = 64;
/// Below this many blocks that hold a latency, each block counts as one latency.
const BLOCKS_MIN: usize = 8;
/// Latencies that must lie beyond a quantile for their blocks to show how alike they are.
const BEYOND_MIN: f64 = 20.0;
/// Latencies beyond a higher quantile count as being at least as alike as those beyond this one.
const CENTRAL: f64 = 0.9;
/// From this weight on latencies are alike; then fewer than [`INDEPENDENT_MIN`] independent ones say nothing.
const ALIKE: f64 = 2.0;
/// The fewest independent latencies whose number a run shows: with fewer the intervals of a queue were measured to cover
/// its percentiles in 30 to 80 % of runs (tests/coverage/latencies.rs).
const INDEPENDENT_MIN: f64 = 20.0;
/// Bits that a latency is kept to: within 1.6 %.
const SIGNIFICANT_BITS: u32 = 7;

/// How often each latency was seen in each block of time. The width of a block is the least power of two that divides
/// the time from the first latency to the last into so few blocks, so that merging is associative and commutative.
/// Units: microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeBlocks {
    width_us: u64,
    counts: BTreeMap<(u64, u64), u64>,
}

impl Default for TimeBlocks {
    fn default() -> Self {
        Self { width_us: 1, counts: BTreeMap::new() }
    }
}

impl TimeBlocks {
    /// Counts a latency that was known at an instant of the run's clock.
    pub(crate) fn add(&mut self, at_us: u64, latency_us: u64) {
        self.put(at_us / self.width_us, rounded(latency_us), 1);
    }

    /// Counts latencies of a block whose width is [`width_us`](Self::width_us).
    fn put(&mut self, block: u64, latency_us: u64, count: u64) {
        *self.counts.entry((block, latency_us)).or_default() += count;
        while self.span() >= BLOCKS_MAX {
            self.widen();
        }
    }

    /// Returns by how many blocks the last one is after the first.
    fn span(&self) -> u64 {
        let ends = self.counts.first_key_value().zip(self.counts.last_key_value());
        ends.map_or(0, |((first, _), (last, _))| last.0 - first.0)
    }

    fn widen(&mut self) {
        self.width_us *= 2;
        let before = std::mem::take(&mut self.counts);
        for ((block, latency_us), count) in before {
            *self.counts.entry((block / 2, latency_us)).or_default() += count;
        }
    }

    /// Adds all latencies of other blocks.
    pub(crate) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        while self.width_us < other.width_us {
            self.widen();
        }
        while other.width_us < self.width_us {
            other.widen();
        }
        for ((block, latency_us), count) in other.counts {
            *self.counts.entry((block, latency_us)).or_default() += count;
        }
        while self.span() >= BLOCKS_MAX {
            self.widen();
        }
    }

    /// Returns how long a block is.
    pub(crate) fn width_us(&self) -> u64 {
        self.width_us
    }

    /// Iterates over block, latency and count.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.counts.iter().map(|(&(block, latency_us), &count)| (block, latency_us, count))
    }

    /// Takes counts as [`iter`](Self::iter) lists them.
    pub(crate) fn from_counts(width_us: u64, counts: impl Iterator<Item = (u64, u64, u64)>) -> Self {
        let counts = counts.map(|(block, latency_us, count)| ((block, latency_us), count)).collect();
        Self { width_us: width_us.max(1), counts }
    }

    /// Returns as how many independent latencies these count for a quantile; `None` without any.
    ///
    /// With r_b the latencies of block b beyond the quantile less their share p of the block, the variance of their number
    /// is that of Σr_b: Σr_b² + 2Σr_b r_{b+1} + ... over the lags whose sum is positive (Geyer 1992), which n independent
    /// latencies would have as n p (1-p). It is widened by Student's t for the number of blocks. Source: Law and Kelton
    /// 2000, "Simulation Modeling and Analysis", section 9.5.3, for batches of one run.
    pub fn independent(&self, quantile: f64) -> Option<f64> {
        let total: u64 = self.counts.values().sum();
        let n = total as f64;
        let own = self.effect(n, self.quantile(n, quantile)?)?;
        // A high quantile is passed in a few visits of a long queue, too few to show how alike they are.
        let central = CENTRAL.min(1.0 - BEYOND_MIN / n).max(0.5);
        let effect = if quantile > central { own.max(self.effect(n, self.quantile(n, central)?)?) } else { own };
        Some(worth(n, effect))
    }

    /// Returns as how many independent latencies these count for their mean.
    pub fn independent_of_mean(&self) -> Option<f64> {
        let n = self.counts.values().sum::<u64>() as f64;
        let of = |f: fn(f64) -> f64| self.iter().map(|(_, v, count)| f(v as f64) * count as f64).sum::<f64>() / n;
        let mean = of(|v| v);
        let variance = of(|v| v * v) - mean * mean;
        let residuals = self.residuals(|latency_us| latency_us as f64 - mean);
        let effect = weight(&residuals, n * variance, n, Centre::OwnMean)?;
        // However few they are: to state the interval only from some number on selects the runs that saw too little
        // dependence, and fewer of those cover (tests/coverage/latencies.rs).
        Some((n / effect).max(1.0))
    }

    fn effect(&self, n: f64, limit: u64) -> Option<f64> {
        let beyond: u64 = self.iter().filter(|(_, latency_us, _)| *latency_us > limit).map(|(.., count)| count).sum();
        let p = beyond as f64 / n;
        let residuals = self.residuals(|latency_us| f64::from(u8::from(latency_us > limit)) - p);
        weight(&residuals, n * p * (1.0 - p), n, Centre::Quantile)
    }

    fn quantile(&self, n: f64, quantile: f64) -> Option<u64> {
        let mut sorted: Vec<(u64, u64)> = self.iter().map(|(_, latency_us, count)| (latency_us, count)).collect();
        sorted.sort_unstable();
        let rank = (quantile * n).ceil() as u64;
        let mut below = 0;
        let found = sorted.iter().find(|(_, count)| {
            below += count;
            below >= rank
        });
        found.or(sorted.last()).map(|(latency_us, _)| *latency_us)
    }

    /// Sums values by block, from the first to the last; `None` for a block without a latency.
    fn residuals(&self, value: impl Fn(u64) -> f64) -> Vec<Option<f64>> {
        let first = self.counts.first_key_value().map_or(0, |((block, _), _)| *block);
        let mut out = vec![None; self.span() as usize + 1];
        for (block, latency_us, count) in self.iter() {
            *out[(block - first) as usize].get_or_insert(0.0) += value(latency_us) * count as f64;
        }
        out
    }
}

/// Returns as how many independent latencies n count. A run that is hardly longer than its queue remembers does not show
/// how alike they are: it counts as one.
fn worth(n: f64, effect: f64) -> f64 {
    if effect > ALIKE && n / effect < INDEPENDENT_MIN { 1.0 } else { (n / effect).max(1.0) }
}

/// What residuals are taken from.
#[derive(Clone, Copy, PartialEq)]
enum Centre {
    /// A quantile, whose interval of order statistics is already too long by up to a rank on each side.
    Quantile,
    /// The mean of the same latencies, to which every product of residuals is nearer than to the true one: products over
    /// 2L + 1 lags in B blocks come out as 1 - (2L + 1)/B of what they should be.
    OwnMean,
}

/// The least share of the variance that products of residuals from their own mean are taken to show.
const SHOWN_MIN: f64 = 0.25;

/// Returns how many latencies weigh as much as one independent one, from residuals by block and the variance that their
/// sum has where all are independent.
fn weight(residuals: &[Option<f64>], independent: f64, n: f64, centre: Centre) -> Option<f64> {
    let blocks = residuals.iter().flatten().count();
    if blocks == 0 {
        return None;
    }
    if blocks < BLOCKS_MIN {
        return Some((n / blocks as f64).max(1.0));
    }
    if independent <= 0.0 {
        return Some(1.0);
    }
    let lagged =
        |lag: usize| -> f64 { residuals.iter().zip(&residuals[lag..]).filter_map(|(a, b)| Some((*a)? * (*b)?)).sum() };
    let mut lags = 0;
    let mut variance = lagged(0);
    while lags < residuals.len() / 4 {
        let more = lagged(lags + 1);
        if more <= 0.0 {
            break;
        }
        variance += 2.0 * more;
        lags += 1;
    }
    let freedom = (blocks / (lags + 1)).saturating_sub(1).max(1) as u64;
    let widened = (student_t(freedom) / Z).powi(2);
    let shown = match centre {
        Centre::Quantile => 1.0,
        Centre::OwnMean => (1.0 - (2 * lags + 1) as f64 / blocks as f64).max(SHOWN_MIN),
    };
    let variance = variance * blocks as f64 / (blocks - 1) as f64 * widened / shown;
    Some((variance / independent).clamp(1.0, n))
}

/// Cuts a latency to its first bits.
fn rounded(latency_us: u64) -> u64 {
    let bits = u64::BITS - latency_us.leading_zeros();
    let cut = bits.saturating_sub(SIGNIFICANT_BITS);
    latency_us >> cut << cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn merging_is_like_counting_at_once() {
        let times: Vec<(u64, u64)> = (0..5_000u64).map(|i| (i * i % 7_919_003, 100 + i * 37 % 900)).collect();
        let counted = |times: &[(u64, u64)]| {
            let mut blocks = TimeBlocks::default();
            times.iter().for_each(|&(at, latency)| blocks.add(at, latency));
            blocks
        };
        let whole = counted(&times);
        let (early, late) = times.split_at(1_234);
        let mut merged = counted(late);
        merged.merge(&counted(early));
        assert_eq!(merged, whole);
        assert!((BLOCKS_MAX / 2..BLOCKS_MAX).contains(&whole.span()), "{}", whole.span());
        assert_eq!(TimeBlocks::from_counts(whole.width_us(), whole.iter()), whole);
    }

    #[test]
    fn independent_latencies_count_nearly_all_and_alike_ones_do_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (mut independent, mut alike) = (TimeBlocks::default(), TimeBlocks::default());
        let mut level = 1_000.0;
        for i in 0..20_000u64 {
            if i % 500 == 0 {
                level = 500.0 + 1_000.0 * rng.random::<f64>();
            }
            independent.add(i * 1_000, (1_000.0 * (0.5 + rng.random::<f64>())) as u64);
            alike.add(i * 1_000, (level + 10.0 * rng.random::<f64>()) as u64);
        }
        for quantile in [0.5, 0.9, 0.99] {
            assert!(independent.independent(quantile).unwrap() > 8_000.0, "{:?}", independent.independent(quantile));
            assert!(alike.independent(quantile).unwrap() < 150.0, "{:?}", alike.independent(quantile));
        }
        assert!(independent.independent_of_mean().unwrap() > 8_000.0);
        assert!(alike.independent_of_mean().unwrap() < 150.0);
        assert_eq!(TimeBlocks::default().independent(0.5), None);
    }
}
