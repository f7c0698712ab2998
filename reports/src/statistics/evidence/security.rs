//! What a scheme's payload is worth as a secret, in bits.

use crate::statistics::distribution::Distribution;
use crate::statistics::evidence::rate::Rate;
use serde::{Deserialize, Serialize};

/// The bounds on a scheme's security, each in bits; the smallest one is the scheme's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectiveSecurity {
    /// Bits of the key that a payload commits to, where there is one.
    pub key_bits: Option<f64>,
    /// -log₂ of the false accept rate of one try, at the upper bound of its 95 % interval.
    pub false_accept_bits: f64,
    /// Degrees of freedom of the template's bits, an upper bound on their entropy.
    pub template_bits: Option<f64>,
}

impl EffectiveSecurity {
    /// Gathers the bounds. Where nothing was falsely accepted the interval's upper bound stands in, so that few
    /// comparisons give few bits.
    pub fn new(key_bits: Option<usize>, false_accepts: &Rate, template_bits: Option<f64>) -> Self {
        let upper = false_accepts.interval().map_or(1.0, |i| i.upper);
        Self { key_bits: key_bits.map(|bits| bits as f64), false_accept_bits: 0.0 - upper.log2(), template_bits }
    }

    /// Returns the least bound. Units: bits.
    pub fn bits(&self) -> f64 {
        [self.key_bits, self.template_bits].into_iter().flatten().fold(self.false_accept_bits, f64::min)
    }
}

/// Returns Daugman's degrees of freedom N = p(1-p)/σ² of non-mated fractions of equal bits.
///
/// Units: independent fair coins that would spread as far; `None` where all scores are the same. Source: Daugman 2003,
/// "The importance of being random", section 3.
pub fn degrees_of_freedom(agreement: &Distribution) -> Option<f64> {
    let (p, variance) = agreement.moments();
    (variance > 0.0).then(|| p * (1.0 - p) / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_bound_counts() {
        let none_of_a_million = Rate::independent(0, 1_000_000);
        let security = EffectiveSecurity::new(Some(64), &none_of_a_million, Some(40.0));
        // -log2(3.689e-6)
        assert!((security.bits() - 18.05).abs() < 0.01, "{security:?}");
        assert_eq!(EffectiveSecurity::new(Some(8), &none_of_a_million, None).bits(), 8.0);
        assert_eq!(EffectiveSecurity::new(None, &Rate::independent(0, 0), None).bits(), 0.0);
    }

    #[test]
    fn fair_coins_are_their_own_degrees_of_freedom() {
        // The binomial distribution of 8 fair coins, as fractions.
        let binomial = [1u64, 8, 28, 56, 70, 56, 28, 8, 1];
        let agreement = Distribution::from_counts(binomial.iter().enumerate().map(|(k, &n)| (k as f32 / 8.0, n)));
        assert!((degrees_of_freedom(&agreement).unwrap() - 8.0).abs() < 1e-9);
        assert_eq!(degrees_of_freedom(&Distribution::new([0.5, 0.5])), None);
    }
}
