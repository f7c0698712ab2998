//! Reed-Solomon over GF(2^7) outside, a Hadamard code of 64 bits inside: burst errors in blocks, random ones in bits.
//!
//! The inner decoder says how sure it is, and the outer one is tried with ever more of the least sure blocks erased.
//!
//! Sources: Hao, Anderson and Daugman 2006, "Combining crypto with biometrics effectively" (the concatenation, for iris
//! codes); Forney 1966 (generalised minimum distance decoding).

use super::{BlockCode, Hadamard, ReedSolomon, Uncorrectable};
use crate::{BitString, Error};

/// Bits of an outer symbol, which are the inner code's message bits.
pub const SYMBOL_BITS: usize = 7;
/// Bits of an inner codeword.
pub const BLOCK_BITS: usize = 64;
/// The inner code's order.
const ORDER: u32 = 6;

/// The concatenated code.
#[derive(Clone, Debug)]
pub struct Concatenated {
    outer: ReedSolomon,
    inner: Hadamard,
}

impl Concatenated {
    /// Builds the code of `blocks` inner codewords, of which `message_symbols` carry the message.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless 0 < k <= blocks <= 127.
    pub fn new(blocks: usize, message_symbols: usize) -> Result<Self, Error> {
        let outer = ReedSolomon::new(SYMBOL_BITS as u32, blocks, message_symbols)?;
        Ok(Self { outer, inner: Hadamard::new(ORDER)? })
    }

    /// Correlates a message's codeword with soft values: larger explains them better.
    fn correlation(&self, message: &[u16], soft: &[f32]) -> f32 {
        let blocks = self.outer.encode(message);
        let of_block = |(symbol, values): (&u16, &[f32])| -> f32 {
            self.inner.encode(*symbol).iter().zip(values).map(|(bit, &s)| if bit { s } else { -s }).sum()
        };
        blocks.iter().zip(soft.chunks_exact(BLOCK_BITS)).map(of_block).sum()
    }
}

impl BlockCode for Concatenated {
    fn length(&self) -> usize {
        self.outer.length() * BLOCK_BITS
    }

    fn message_bits(&self) -> usize {
        self.outer.message_symbols() * SYMBOL_BITS
    }

    fn encode(&self, message: &BitString) -> BitString {
        assert_eq!(message.len(), self.message_bits(), "a message of this code");
        let blocks = self.outer.encode(&to_symbols(message));
        BitString::from_bits(blocks.iter().flat_map(|&s| self.inner.encode(s).iter().collect::<Vec<_>>()))
    }

    fn decode(&self, soft: &[f32]) -> Result<BitString, Uncorrectable> {
        assert_eq!(soft.len(), self.length(), "a word of this code");
        let best: Vec<_> = soft.chunks_exact(BLOCK_BITS).map(|block| self.inner.best(block)).collect();
        let mut by_lead: Vec<usize> = (0..best.len()).collect();
        by_lead.sort_by(|&a, &b| best[a].lead.total_cmp(&best[b].lead).then(a.cmp(&b)));
        let mut word: Vec<_> = best.iter().map(|b| Some(b.message)).collect();
        let mut found: Option<(f32, Vec<u16>)> = None;
        let spare = self.outer.length() - self.outer.message_symbols();
        for erased in 0..=spare {
            if erased > 0 {
                word[by_lead[erased - 1]] = None;
            }
            let Ok(message) = self.outer.decode(&word) else { continue };
            let correlation = self.correlation(&message, soft);
            if found.as_ref().is_none_or(|(most, _)| correlation > *most) {
                found = Some((correlation, message));
            }
        }
        found.map(|(_, message)| from_symbols(&message)).ok_or(Uncorrectable)
    }
}

fn to_symbols(bits: &BitString) -> Vec<u16> {
    let symbol = |i| (0..SYMBOL_BITS).fold(0, |s, j| s | u16::from(bits.bit(i * SYMBOL_BITS + j)) << j);
    (0..bits.len() / SYMBOL_BITS).map(symbol).collect()
}

fn from_symbols(symbols: &[u16]) -> BitString {
    BitString::from_bits(symbols.iter().flat_map(|&s| (0..SYMBOL_BITS).map(move |j| s >> j & 1 == 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn bursts_and_scattered_errors_are_corrected_together(seed: u64, bursts in 0usize..=3) {
            let code = Concatenated::new(16, 10).unwrap();
            prop_assert_eq!((code.length(), code.message_bits()), (1_024, 70));
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let message = BitString::from_bits((0..70).map(|_| rng.random::<bool>()));
            let mut soft: Vec<f32> = code.encode(&message).iter().map(|b| if b { 1.0 } else { -1.0 }).collect();
            for (number, block) in soft.chunks_exact_mut(BLOCK_BITS).enumerate() {
                if number < bursts {
                    block.iter_mut().for_each(|s| *s = if rng.random() { 1.0 } else { -1.0 });
                } else {
                    rand::seq::index::sample(&mut rng, BLOCK_BITS, 15).iter().for_each(|i| block[i] = -block[i]);
                }
            }
            prop_assert_eq!(code.decode(&soft), Ok(message));
        }

        #[test]
        fn noise_never_panics(soft in proptest::collection::vec(any::<f32>(), 256)) {
            let _ = Concatenated::new(4, 2).unwrap().decode(&soft);
        }
    }

    #[test]
    fn unsure_blocks_are_erased_so_that_twice_as_many_are_corrected() {
        let code = Concatenated::new(16, 10).unwrap();
        let message = BitString::from_bits((0..70).map(|i| i % 3 == 0));
        let mut soft: Vec<f32> = code.encode(&message).iter().map(|b| if b { 1.0 } else { -1.0 }).collect();
        // Six blocks are wrong, and almost silent.
        soft[..6 * BLOCK_BITS].iter_mut().enumerate().for_each(|(i, s)| *s = if i % 5 < 2 { 0.1 } else { -0.1 });
        assert_eq!(code.decode(&soft), Ok(message));
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(Concatenated::new(128, 10).is_err() && Concatenated::new(16, 0).is_err());
    }
}
