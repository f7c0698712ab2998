//! The best guess of a vault's set without a biometric.
//!
//! A decoder asks for 2 ω - s >= k, of a set of s elements that shares ω with the vault's. An element whose codeword is
//! guessed as c ones brings 2 min(a, c) - c of it, where a is its own interval, and one more where a > c, or one less, when
//! it is guessed as c + 1. Intervals are equally frequent, so that guessing c for all is worth an amount M that is known
//! beforehand, and the s elements that are raised to c + 1 are worth 2 H - s, of which H, those above c, follows the
//! hypergeometric law. The best c and s are found by trying all. c = 0 and s = k is the guess of k elements of the set
//! that Tams, Mihailescu and Munk 2015 count.

use rand::Rng;
use rand::seq::index;

/// A way of guessing, and the chance that one guess opens a vault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    elements: usize,
    /// Ones that every codeword is guessed to have, c.
    ones: usize,
    /// Elements drawn at random that are guessed to have one more, s.
    raised: usize,
    bits: f64,
}

impl Guess {
    /// Finds the best guess at a vault of these elements, intervals and coefficients.
    pub(super) fn best(elements: usize, intervals: usize, coefficients: usize) -> Self {
        let factorials = log_factorials(elements);
        let guesses = (0..intervals - 1).flat_map(|ones| {
            let above = elements / intervals * (intervals - 1 - ones);
            let worth = worth(elements / intervals, intervals, ones);
            let tail = Tail { factorials: &factorials, all: elements, above };
            (0..=elements)
                .map(move |raised| {
                    let needed = (raised as i64 + coefficients as i64 - worth + 1).div_euclid(2).max(0) as usize;
                    let bits = -tail.log2_at_least(raised, needed);
                    Self { elements, ones, raised, bits }
                })
                .collect::<Vec<_>>()
        });
        guesses.min_by(|a, b| a.bits.total_cmp(&b.bits)).expect("there are at least two intervals")
    }

    /// Returns -log2 of the chance that one guess succeeds. Units: bits.
    pub fn bits(&self) -> f64 {
        self.bits
    }

    /// Draws a guess: indices into the universe.
    pub fn draw(&self, rng: &mut dyn Rng) -> Vec<usize> {
        let raised = index::sample(rng, self.elements, self.raised).into_iter();
        let raised = raised.map(|element| self.ones * self.elements + element);
        (0..self.ones * self.elements).chain(raised).collect()
    }
}

/// Returns what it is worth to guess that every codeword has `ones` ones.
fn worth(per_interval: usize, intervals: usize, ones: usize) -> i64 {
    (0..intervals).map(|own| per_interval as i64 * (2 * own.min(ones) as i64 - ones as i64)).sum()
}

/// The hypergeometric law of how many of some elements lie above an interval.
struct Tail<'a> {
    factorials: &'a [f64],
    all: usize,
    above: usize,
}

impl Tail<'_> {
    /// Returns log2 of the chance that at least `needed` of `drawn` elements lie above.
    fn log2_at_least(&self, drawn: usize, needed: usize) -> f64 {
        let least = needed.max((drawn + self.above).saturating_sub(self.all));
        let most = drawn.min(self.above);
        let log = |hits: usize| {
            self.choose(self.above, hits) + self.choose(self.all - self.above, drawn - hits)
                - self.choose(self.all, drawn)
        };
        let chance: f64 = (least..=most).map(|hits| libm::exp(log(hits))).sum();
        libm::log2(chance.min(1.0))
    }

    fn choose(&self, of: usize, count: usize) -> f64 {
        self.factorials[of] - self.factorials[count] - self.factorials[of - count]
    }
}

/// Returns the natural logarithms of 0! to n!.
fn log_factorials(n: usize) -> Vec<f64> {
    let mut sum = 0.0;
    (0..=n)
        .map(|i| {
            sum += libm::log((i.max(1)) as f64);
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::scheme::{FuzzyVault, Scheme, VaultParameters};
    use crate::{QrPayload, Template};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn vault(elements: usize, intervals: usize, coefficients: usize) -> FuzzyVault {
        FuzzyVault::new(VaultParameters { elements, intervals, coefficients, ..Default::default() }).unwrap()
    }

    /// Counts the vaults that one guess each opens, among the vaults of `people` different people.
    fn opened(scheme: &FuzzyVault, people: usize) -> usize {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let opens = |_: &usize| {
            let person = Template::new((0..64).map(|_| rng.random_range(-1.0f32..1.0)).collect(), Vec::new());
            let enrolment = scheme.enrol(&[person], None, &mut rng).unwrap();
            let guess = scheme.guess().draw(&mut rng);
            let found: Result<QrPayload, _> = scheme.payload_of_elements(&enrolment.helper, &guess);
            found == Ok(enrolment.payload)
        };
        (0..people).filter(opens).count()
    }

    #[test]
    fn a_vault_of_many_intervals_opens_to_anybody_who_takes_the_middle_ones() {
        let scheme = vault(64, 16, 210);
        assert_eq!((scheme.guess().bits(), scheme.key_bits()), (0.0, Some(0)));
        assert_eq!(opened(&scheme, 20), 20);
    }

    #[test]
    fn guesses_succeed_as_often_as_stated() {
        for (intervals, coefficients) in [(2, 10), (4, 38)] {
            let scheme = vault(64, intervals, coefficients);
            let expected = 600.0 * libm::exp2(-scheme.guess().bits());
            let found = opened(&scheme, 600) as f64;
            // A count of about 20 to 60: four standard deviations.
            assert!(expected > 5.0 && (found - expected).abs() < 4.0 * expected.sqrt(), "{found}, {expected}");
        }
    }

    #[test]
    fn the_defaults_cost_a_guesser_what_they_say() {
        for (scheme, bits) in [(vault(256, 4, 175), 28.3), (vault(512, 2, 73), 33.6), (vault(128, 4, 69), 2.06)] {
            let found = scheme.guess().bits();
            assert!((found - bits).abs() < 0.1, "{found} and not {bits}");
        }
    }
}
