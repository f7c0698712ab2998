//! Reed-Solomon codes over GF(2^m), with errors and erasures.
//!
//! A codeword is the message polynomial's values at the powers of the primitive element (the construction of Reed and
//! Solomon 1960). The fields' primitive polynomials stand in [`field`](super::field): x^7 + x^3 + 1 for GF(2^7), and
//! x^16 + x^12 + x^3 + x + 1 for GF(2^16).

use super::interpolation::{evaluate, reconstruct};
use super::{Field, Uncorrectable};
use crate::Error;

/// The longest code: decoding takes time in the square of its length.
pub const LENGTH_MAX: usize = 4_096;

/// A Reed-Solomon code.
///
/// Shape: messages of [`message_symbols`](Self::message_symbols) field elements, codewords of [`length`](Self::length).
#[derive(Clone, Debug)]
pub struct ReedSolomon {
    field: Field,
    length: usize,
    message_symbols: usize,
}

impl ReedSolomon {
    /// Builds the code over GF(2^degree).
    ///
    /// # Errors
    /// [`Error::Parameter`] unless 0 < k <= n <= 2^degree - 1, and n is at most [`LENGTH_MAX`].
    pub fn new(degree: u32, length: usize, message_symbols: usize) -> Result<Self, Error> {
        let field = Field::new(degree)?;
        if length > field.order().min(LENGTH_MAX) {
            return Err(Error::Parameter {
                name: "code length",
                why: "it must be at most 2^m - 1 symbols and at most 4096",
            });
        }
        if message_symbols == 0 || message_symbols > length {
            return Err(Error::Parameter {
                name: "message symbols",
                why: "there must be at least 1 and at most as many as the code is long",
            });
        }
        Ok(Self { field, length, message_symbols })
    }

    /// Returns n, the symbols of a codeword.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns k, the symbols of a message.
    pub fn message_symbols(&self) -> usize {
        self.message_symbols
    }

    /// Returns the bits of a symbol.
    pub fn symbol_bits(&self) -> u32 {
        self.field.degree()
    }

    /// Encodes a message; panics when it does not have [`message_symbols`](Self::message_symbols) symbols of the field.
    pub fn encode(&self, message: &[u16]) -> Vec<u16> {
        assert_eq!(message.len(), self.message_symbols, "a message of this code");
        assert!(message.iter().all(|&s| usize::from(s) <= self.field.order()), "symbols of this field");
        (0..self.length).map(|i| evaluate(&self.field, message, self.field.power(i))).collect()
    }

    /// Finds the message of the codeword that differs from what was received in e symbols beside s erased ones
    /// (`None`), for 2e + s <= n - k; panics when there are not [`length`](Self::length) symbols of the field.
    ///
    /// # Errors
    /// [`Uncorrectable`].
    pub fn decode(&self, received: &[Option<u16>]) -> Result<Vec<u16>, Uncorrectable> {
        assert_eq!(received.len(), self.length, "a word of this code");
        assert!(received.iter().flatten().all(|&s| usize::from(s) <= self.field.order()), "symbols of this field");
        let points = received.iter().enumerate().filter_map(|(i, symbol)| symbol.map(|s| (self.field.power(i), s)));
        reconstruct(&self.field, &points.collect::<Vec<_>>(), self.message_symbols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::seq::index;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn damaged(code: &ReedSolomon, codeword: &[u16], errors: usize, erasures: usize, seed: u64) -> Vec<Option<u16>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut word: Vec<_> = codeword.iter().copied().map(Some).collect();
        let order = (1u32 << code.symbol_bits()) - 1;
        for (n, at) in index::sample(&mut rng, word.len(), errors + erasures).into_iter().enumerate() {
            word[at] = (n >= errors)
                .then_some(())
                .map_or_else(|| Some(codeword[at] ^ rng.random_range(1..=order) as u16), |()| None);
        }
        word
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn errors_and_erasures_within_the_distance_are_corrected(
            seed: u64,
            (degree, n, k) in prop_oneof![Just((7u32, 127usize, 20usize)), Just((7, 32, 20)), Just((16, 200, 64))],
            share in 0.0f64..=1.0,
        ) {
            let code = ReedSolomon::new(degree, n, k).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let message: Vec<u16> = (0..k).map(|_| rng.random_range(0..1u32 << degree) as u16).collect();
            let errors = ((n - k) as f64 / 2.0 * share) as usize;
            let word = damaged(&code, &code.encode(&message), errors, n - k - 2 * errors, seed);
            prop_assert_eq!(code.decode(&word), Ok(message));
        }
    }

    #[test]
    fn beyond_the_distance_it_reports_failure() {
        // A random word of the (32, 8) code over GF(2^7) lies within 12 symbols of a codeword with a probability of
        // about C(32, 12) 2^84 2^56 / 2^224 = 1e-17.
        let code = ReedSolomon::new(7, 32, 8).unwrap();
        let codeword = code.encode(&[1, 2, 3, 4, 5, 6, 7, 8]);
        for seed in 0..20 {
            assert_eq!(code.decode(&damaged(&code, &codeword, 13, 0, seed)), Err(Uncorrectable));
            assert_eq!(code.decode(&damaged(&code, &codeword, 0, 25, seed)), Err(Uncorrectable));
        }
    }

    #[test]
    fn impossible_parameters_are_refused() {
        for (degree, n, k) in [(7, 128, 3), (7, 0, 0), (7, 5, 0), (7, 5, 6), (16, 4097, 2), (17, 5, 2)] {
            assert!(ReedSolomon::new(degree, n, k).is_err());
        }
    }
}
