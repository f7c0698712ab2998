//! Error-correcting codes: what turns a noisy binary template into a repeatable key.
//!
//! Soft values follow a template's margins: positive speaks for a one, and a larger magnitude is surer.

pub mod bch;
pub mod concatenated;
mod crc;
pub mod field;
pub mod hadamard;
pub mod interpolation;
pub mod polar;
mod polar_path;
pub mod reed_solomon;

pub use bch::Bch;
pub use concatenated::Concatenated;
pub use field::Field;
pub use hadamard::Hadamard;
pub use polar::Polar;
pub use reed_solomon::ReedSolomon;

use crate::BitString;

/// The decoder's failure: no codeword is near enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more errors than the code corrects")]
pub struct Uncorrectable;

/// A binary block code, decoded from soft values.
pub trait BlockCode: Send + Sync {
    /// Returns n, the bits of a codeword.
    fn length(&self) -> usize;

    /// Returns k, the bits of a message.
    fn message_bits(&self) -> usize;

    /// Encodes a message; panics when it does not have [`message_bits`](Self::message_bits) bits.
    fn encode(&self, message: &BitString) -> BitString;

    /// Finds the message whose codeword explains the soft values; panics when there are not
    /// [`length`](Self::length) of them.
    ///
    /// # Errors
    /// [`Uncorrectable`].
    fn decode(&self, soft: &[f32]) -> Result<BitString, Uncorrectable>;
}

impl BlockCode for Bch {
    fn length(&self) -> usize {
        self.length()
    }

    fn message_bits(&self) -> usize {
        self.message_bits()
    }

    fn encode(&self, message: &BitString) -> BitString {
        self.encode(message)
    }

    /// Takes the signs alone: the decoder is a hard one.
    fn decode(&self, soft: &[f32]) -> Result<BitString, Uncorrectable> {
        let received = BitString::from_bits(soft.iter().map(|&s| s > 0.0));
        self.decode(&received).map(|decoded| decoded.message)
    }
}
