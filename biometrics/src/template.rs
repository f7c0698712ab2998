//! Fixed-length templates: what every derivation scheme starts from.

use crate::BitString;

/// Holds a fixed-length template that is compared without alignment, in its real and its binary form.
///
/// Shape: `real` has the modality's dimension and unit Euclidean norm, compared by [`cosine`](Self::cosine), larger is
/// more similar. `margins` has one entry a bit, 256 to 1024 of them: the signed distance of the bit's projection
/// from its threshold in within-subject standard deviations, so that bit `i` is `margins[i] > 0` and a larger absolute
/// value means a more reliable bit. All templates of one modality and extractor version have the same shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    real: Vec<f32>,
    margins: Vec<f32>,
    bits: BitString,
}

impl Template {
    /// Builds a template; `real` is normalised here, and a zero vector stays zero.
    pub fn new(mut real: Vec<f32>, margins: Vec<f32>) -> Self {
        let norm = real.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            real.iter_mut().for_each(|x| *x /= norm);
        }
        let bits = BitString::from_bits(margins.iter().map(|&m| m > 0.0));
        Self { real, margins, bits }
    }

    /// Returns the real-valued form, of unit norm.
    pub fn real(&self) -> &[f32] {
        &self.real
    }

    /// Returns each bit's signed distance from its threshold, in within-subject standard deviations.
    pub fn margins(&self) -> &[f32] {
        &self.margins
    }

    /// Returns the binary form.
    pub fn bits(&self) -> &BitString {
        &self.bits
    }

    /// Compares the real-valued forms; in [-1, 1], larger is more similar. Panics when the shapes differ.
    pub fn cosine(&self, other: &Self) -> f32 {
        assert_eq!(self.real.len(), other.real.len(), "templates of different shapes");
        self.real.iter().zip(&other.real).map(|(a, b)| a * b).sum()
    }

    /// Compares the binary forms: the fraction of equal bits, in [0, 1], larger is more similar.
    /// Panics when the shapes differ.
    pub fn bit_agreement(&self, other: &Self) -> f32 {
        1.0 - self.bits.hamming(&other.bits) as f32 / self.bits.len() as f32
    }
}
