//! How far two protected templates of one subject can be told to belong together.
//!
//! Source: Gomez-Barrero, Galbally, Rathgeb and Busch 2018, "General framework to evaluate unlinkability in biometric
//! template protection systems", equations 3 to 9; ISO/IEC 30136:2018.

use crate::statistics::distribution::Distribution;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Prior odds of mated to non-mated that the measure is stated for: the attacker knows nothing before.
const PRIOR_ODDS: f64 = 1.0;
/// Shuffles of the labels for the null.
const PERMUTATIONS: usize = 100;
/// Most scores of a kind that the null is drawn from: shuffling more changes its second digit at most.
const NULL_SCORES_MAX: usize = 20_000;

/// The linkability of a system, and of unlinkable data of the same size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unlinkability {
    /// D_sys in [0, 1]; 0 is fully unlinkable, 1 fully linkable.
    pub d_sys: f64,
    /// Mean D_sys after shuffling which scores are mated.
    pub null_mean: f64,
    /// The 95th percentile of D_sys after shuffling: a D_sys below it is no evidence of linkability.
    pub null_upper95: f64,
    /// Mated linkage scores.
    pub mated: u64,
    /// Non-mated linkage scores.
    pub non_mated: u64,
}

/// Measures linkage scores, larger is more likely the same subject; `None` without scores of both kinds.
pub fn unlinkability(mated: &Distribution, non_mated: &Distribution, seed: u64) -> Option<Unlinkability> {
    if mated.is_empty() || non_mated.is_empty() {
        return None;
    }
    let null = null(mated, non_mated, seed);
    Some(Unlinkability {
        d_sys: d_sys(mated, non_mated),
        null_mean: null.iter().sum::<f64>() / null.len() as f64,
        null_upper95: null[(0.95 * (null.len() - 1) as f64).ceil() as usize],
        mated: mated.total(),
        non_mated: non_mated.total(),
    })
}

/// Returns D_sys = ∫ D↔(s) p(s|mated) ds, where D↔(s) = 2ωLR/(1+ωLR) - 1 above ωLR = 1 and 0 below.
///
/// The densities are histograms of equal width over the range of both, as many bins as the cube root rule gives the
/// smaller kind (twice the cube root of its number, Terrell and Scott 1985), or one for each different score where
/// these are fewer.
pub fn d_sys(mated: &Distribution, non_mated: &Distribution) -> f64 {
    let bins = bins(mated, non_mated);
    let (m, n) = (mated.total() as f64, non_mated.total() as f64);
    bins.iter()
        .map(|&(in_mated, in_non_mated)| {
            let (p, q) = (in_mated as f64 / m, in_non_mated as f64 / n);
            let odds = PRIOR_ODDS * p / q;
            if odds > 1.0 { p * if q > 0.0 { 2.0 * odds / (1.0 + odds) - 1.0 } else { 1.0 } } else { 0.0 }
        })
        .sum()
}

/// Counts both kinds of scores in common bins.
fn bins(mated: &Distribution, non_mated: &Distribution) -> Vec<(u64, u64)> {
    let finite = || mated.finite().chain(non_mated.finite()).map(|(s, _)| f64::from(s));
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let rule = 2.0 * (mated.total().min(non_mated.total()) as f64).cbrt();
    let count = rule.ceil() as usize;
    // One more for failures, which have no place on the axis.
    let mut out = vec![(0, 0); count + 1];
    let bin = |score: f32| {
        let place = (f64::from(score) - low) / (high - low).max(f64::MIN_POSITIVE);
        if score.is_finite() { ((place * count as f64) as usize).min(count - 1) } else { count }
    };
    mated.iter().for_each(|(score, n)| out[bin(score)].0 += n);
    non_mated.iter().for_each(|(score, n)| out[bin(score)].1 += n);
    out
}

/// Returns D_sys of shuffled labels in ascending order.
fn null(mated: &Distribution, non_mated: &Distribution, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (m, n) = (spread(mated), spread(non_mated));
    let mut pooled: Vec<f32> = m.iter().chain(&n).copied().collect();
    let mut out: Vec<f64> = (0..PERMUTATIONS)
        .map(|_| {
            pooled.shuffle(&mut rng);
            let (a, b) = pooled.split_at(m.len());
            d_sys(&Distribution::new(a.iter().copied()), &Distribution::new(b.iter().copied()))
        })
        .collect();
    out.sort_by(f64::total_cmp);
    out
}

/// Returns all scores, or as many as the null needs at even ranks.
fn spread(scores: &Distribution) -> Vec<f32> {
    let total = scores.total();
    let count = total.min(NULL_SCORES_MAX as u64);
    (0..count).filter_map(|i| scores.ranked(i * total / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution as _, Normal};

    fn gaussian(mean: f64, count: usize, seed: u64) -> Distribution {
        let normal = Normal::new(mean, 1.0).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Distribution::new((0..count).map(|_| normal.sample(&mut rng) as f32))
    }

    /// Expected values: the integral for unit Gaussians at distance Δμ, by adaptive quadrature.
    #[test]
    fn gaussians_have_their_known_linkability() {
        for (distance, expected) in [(0.25, 0.05743), (0.5, 0.12818), (1.0, 0.29349), (2.0, 0.61654), (4.0, 0.94295)] {
            let measured = d_sys(&gaussian(distance, 400_000, 1), &gaussian(0.0, 400_000, 2));
            assert!((measured - expected).abs() < 0.005, "{distance}: {measured} instead of {expected}");
        }
    }

    #[test]
    fn unlinkable_scores_lie_within_their_null() {
        let measured = unlinkability(&gaussian(0.0, 1_000, 1), &gaussian(0.0, 1_000, 2), 3).unwrap();
        assert!(measured.d_sys > 0.0 && measured.d_sys < 1.5 * measured.null_upper95, "{measured:?}");
        assert!(measured.null_mean > 0.02, "a finite sample always shows some: {measured:?}");
    }

    #[test]
    fn separated_scores_are_fully_linkable() {
        let (mated, non_mated) = (Distribution::new([1.0; 50]), Distribution::new([0.0; 50]));
        let measured = unlinkability(&mated, &non_mated, 1).unwrap();
        assert_eq!(measured.d_sys, 1.0);
        assert!(measured.null_upper95 < 0.5);
    }
}
