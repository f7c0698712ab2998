//! Bit strings of fixed length, packed in 64-bit words.

use serde::{Deserialize, Serialize};

/// A fixed number of bits.
///
/// Shape: `len` bits in `len.div_ceil(64)` words, bit `i` at bit `i % 64` of word `i / 64`; unused bits are zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BitString {
    words: Vec<u64>,
    len: usize,
}

impl BitString {
    /// Returns `len` zero bits.
    pub fn zeros(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// Packs an iterator of bits.
    pub fn from_bits(bits: impl IntoIterator<Item = bool>) -> Self {
        let mut out = Self { words: Vec::new(), len: 0 };
        bits.into_iter().for_each(|bit| out.push(bit));
        out
    }

    /// Appends a bit.
    pub fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        self.words[self.len / 64] |= u64::from(bit) << (self.len % 64);
        self.len += 1;
    }

    /// Unpacks `len` bits from bytes, least significant bit first; `None` when there are not exactly enough bytes
    /// or an unused bit is set.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Option<Self> {
        if bytes.len() != len.div_ceil(8) {
            return None;
        }
        let mut words = vec![0u64; len.div_ceil(64)];
        for (i, &byte) in bytes.iter().enumerate() {
            words[i / 8] |= u64::from(byte) << (8 * (i % 8));
        }
        let spare_bits = (64 - len % 64) % 64;
        let clean = words.last().is_none_or(|&last| spare_bits == 0 || last >> (64 - spare_bits) == 0);
        clean.then_some(Self { words, len })
    }

    /// Packs the bits into `len.div_ceil(8)` bytes, least significant bit first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = self.words.iter().flat_map(|word| word.to_le_bytes());
        bytes.take(self.len.div_ceil(8)).collect()
    }

    /// Returns the number of bits.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no bits at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns bit `index`; panics when it is out of range.
    pub fn bit(&self, index: usize) -> bool {
        assert!(index < self.len, "bit {index} of {}", self.len);
        self.words[index / 64] >> (index % 64) & 1 == 1
    }

    /// Sets bit `index`; panics when it is out of range.
    pub fn set(&mut self, index: usize, value: bool) {
        assert!(index < self.len, "bit {index} of {}", self.len);
        let mask = 1u64 << (index % 64);
        if value {
            self.words[index / 64] |= mask;
        } else {
            self.words[index / 64] &= !mask;
        }
    }

    /// Iterates over the bits in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.len).map(|i| self.bit(i))
    }

    /// Returns the packed words.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Counts the ones.
    pub fn count_ones(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Returns the bitwise exclusive or; panics when the lengths differ.
    pub fn xor(&self, other: &Self) -> Self {
        assert_eq!(self.len, other.len, "bit strings of different lengths");
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a ^ b).collect();
        Self { words, len: self.len }
    }

    /// Counts the differing bits; panics when the lengths differ.
    pub fn hamming(&self, other: &Self) -> u32 {
        assert_eq!(self.len, other.len, "bit strings of different lengths");
        self.words.iter().zip(&other.words).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_round_trip(bits in proptest::collection::vec(any::<bool>(), 0..300)) {
            let string = BitString::from_bits(bits.iter().copied());
            prop_assert_eq!(string.len(), bits.len());
            prop_assert_eq!(BitString::from_bytes(&string.to_bytes(), bits.len()), Some(string.clone()));
            prop_assert!(string.iter().eq(bits));
        }

        #[test]
        fn hamming_counts_the_ones_of_xor(a in any::<[u64; 3]>(), b in any::<[u64; 3]>(), len in 1usize..=192) {
            let take = |words: [u64; 3]| BitString::from_bits((0..len).map(|i| words[i / 64] >> (i % 64) & 1 == 1));
            let (a, b) = (take(a), take(b));
            prop_assert_eq!(a.hamming(&b), a.xor(&b).count_ones());
        }
    }

    #[test]
    fn spare_bits_and_wrong_lengths_are_refused() {
        assert_eq!(BitString::from_bytes(&[0b1000_0000], 7), None);
        assert_eq!(BitString::from_bytes(&[0, 0], 7), None);
    }
}
