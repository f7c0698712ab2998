//! The symbols that a payload consists of, where it is not a digest.

use super::payload::QrPayload;
use rand::{Rng, RngExt};

/// The layout of a payload's symbols, which follow a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadSymbols {
    /// The length of the header. Units: bytes.
    pub(super) header_bytes: usize,
    /// The bits that each symbol takes.
    pub(super) bits: usize,
    /// The number of values that a symbol can have.
    pub values: usize,
    /// The number of symbols.
    pub count: usize,
}

impl PayloadSymbols {
    /// Reads a little-endian number of two bytes of a payload's header.
    pub(super) fn number(payload: &QrPayload, at: usize) -> Option<usize> {
        Some(usize::from(u16::from_le_bytes([*payload.body.get(at)?, *payload.body.get(at + 1)?])))
    }

    /// Returns a symbol's value.
    pub(crate) fn value(&self, body: &[u8], symbol: usize) -> usize {
        let bit = |i: usize| usize::from(body[self.header_bytes + i / 8] >> (i % 8) & 1);
        (0..self.bits).map(|i| bit(symbol * self.bits + i) << i).sum()
    }

    /// Sets a symbol's value.
    pub(crate) fn set(&self, body: &mut [u8], symbol: usize, value: usize) {
        for i in 0..self.bits {
            let at = symbol * self.bits + i;
            let (byte, mask) = (self.header_bytes + at / 8, 1u8 << (at % 8));
            body[byte] = if value >> i & 1 == 1 { body[byte] | mask } else { body[byte] & !mask };
        }
    }

    /// Draws every symbol anew.
    pub(crate) fn randomise(&self, body: &mut [u8], rng: &mut dyn Rng) {
        (0..self.count).for_each(|symbol| self.set(body, symbol, rng.random_range(0..self.values as u32) as usize));
    }
}
