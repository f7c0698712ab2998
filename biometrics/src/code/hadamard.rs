//! Biorthogonal Hadamard codes, decoded by the fast Walsh-Hadamard transform: the first-order Reed-Muller codes.
//!
//! Source: MacWilliams and Sloane 1977, chapter 14 (the Green machine decoder).

use super::Uncorrectable;
use crate::{BitString, Error};

/// The largest order: 2^12 bits.
const ORDER_MAX: u32 = 12;

/// The code of length 2^m with m + 1 message bits and minimum distance 2^(m-1).
///
/// Bit i of the codeword of message u is the parity of (u mod 2^m) and i, inverted when bit m of u is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hadamard {
    order: u32,
}

/// The codeword that explains a received word best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Its message.
    pub message: u16,
    /// How much better its correlation is than the second best one's; zero on a tie.
    pub lead: f32,
}

impl Hadamard {
    /// Builds the code of order m.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless m is 1 to 12.
    pub fn new(order: u32) -> Result<Self, Error> {
        if !(1..=ORDER_MAX).contains(&order) {
            return Err(Error::Parameter { name: "Hadamard order", why: "it must be 1 to 12" });
        }
        Ok(Self { order })
    }

    /// Returns the bits of a codeword, 2^m.
    pub fn length(&self) -> usize {
        1 << self.order
    }

    /// Returns the bits of a message, m + 1.
    pub fn message_bits(&self) -> u32 {
        self.order + 1
    }

    /// Encodes a message; panics when it has more than [`message_bits`](Self::message_bits) bits.
    pub fn encode(&self, message: u16) -> BitString {
        assert!(u32::from(message) >> self.message_bits() == 0, "a message of this code");
        let (row, inverted) = (u32::from(message) & ((1 << self.order) - 1), message >> self.order & 1 == 1);
        BitString::from_bits((0..self.length() as u32).map(|i| ((row & i).count_ones() % 2 == 1) != inverted))
    }

    /// Finds the codeword with the largest correlation; panics when there are not [`length`](Self::length) values.
    ///
    /// On signs alone it corrects 2^(m-2) - 1 errors.
    pub fn best(&self, soft: &[f32]) -> Best {
        assert_eq!(soft.len(), self.length(), "a word of this code");
        let mut spectrum = soft.to_vec();
        walsh_hadamard(&mut spectrum);
        // A one counts positive, so the all-zero row correlates negatively with zeros.
        let (mut best, mut first, mut second) = (0, f32::NEG_INFINITY, f32::NEG_INFINITY);
        for (row, &value) in spectrum.iter().enumerate() {
            if value.abs() > first {
                (second, first) = (first, value.abs());
                best = row as u16 | u16::from(value > 0.0) << self.order;
            } else {
                second = second.max(value.abs());
            }
        }
        Best { message: best, lead: first - second }
    }

    /// Decodes a word.
    ///
    /// # Errors
    /// [`Uncorrectable`] on a tie.
    pub fn decode(&self, soft: &[f32]) -> Result<u16, Uncorrectable> {
        let best = self.best(soft);
        if best.lead > 0.0 { Ok(best.message) } else { Err(Uncorrectable) }
    }
}

/// Transforms in place, without scaling; panics when the length is no power of two.
pub fn walsh_hadamard(values: &mut [f32]) {
    assert!(values.len().is_power_of_two(), "a length of 2^m");
    let mut half = 1;
    while half < values.len() {
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn soft(word: &BitString) -> Vec<f32> {
        word.iter().map(|bit| if bit { 1.0 } else { -1.0 }).collect()
    }

    #[test]
    fn all_codewords_lie_half_the_length_apart_or_are_opposites() {
        let code = Hadamard::new(4).unwrap();
        for a in 0..32 {
            for b in 0..32 {
                let distance = code.encode(a).hamming(&code.encode(b));
                let expected = if a == b {
                    0
                } else if a ^ b == 16 {
                    16
                } else {
                    8
                };
                assert_eq!(distance, expected, "{a} {b}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_corrects_a_quarter_of_the_length_less_one(
            message in 0u16..128,
            places in proptest::sample::subsequence((0..64).collect::<Vec<usize>>(), 0..=15),
        ) {
            let code = Hadamard::new(6).unwrap();
            let mut word = code.encode(message);
            places.iter().for_each(|&i| word.set(i, !word.bit(i)));
            prop_assert_eq!(code.decode(&soft(&word)), Ok(message));
        }
    }

    #[test]
    fn a_word_halfway_is_a_tie() {
        let code = Hadamard::new(6).unwrap();
        assert_eq!(code.decode(&[0.0; 64]), Err(Uncorrectable));
        let halfway: Vec<f32> = soft(&code.encode(3)).iter().zip(soft(&code.encode(9))).map(|(a, b)| a + b).collect();
        assert_eq!(code.decode(&halfway), Err(Uncorrectable));
    }

    #[test]
    fn impossible_orders_are_refused() {
        assert!(Hadamard::new(0).is_err() && Hadamard::new(13).is_err());
    }
}
