//! Fixed-length templates: what every derivation scheme starts from.

use crate::BitString;
use crate::projection::project;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Names the rotations that every embedding's bits come from.
const EMBEDDING_DOMAIN: &[u8] = b"biopay embedding projection v1";

/// A fixed-length template that is compared without alignment, in its real and its binary form.
///
/// Shape: `real` has the modality's dimension and unit Euclidean norm, compared by [`cosine`](Self::cosine), larger is
/// more similar. `margins` has one entry a bit, 256 to 1024 of them: the signed distance of the bit's projection
/// from its threshold in within-subject standard deviations, so that bit `i` is `margins[i] > 0` and a larger absolute
/// value means a more reliable bit. All templates of one modality and extractor version have the same shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    real: Vec<f32>,
    margins: Vec<f32>,
    bits: BitString,
    minutiae: Vec<PlacedMinutia>,
    data: Vec<u8>,
}

/// A minutia in the finger's own frame, so that it needs no other sample to be aligned with.
///
/// Units: pixels at 500 dpi and radians. The frame has its origin at the pattern's core and y towards the palm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacedMinutia {
    /// Position across the finger.
    pub x: f32,
    /// Position along the finger, towards the palm.
    pub y: f32,
    /// Direction in [0, 2π), from the x axis towards the y axis.
    pub angle: f32,
    /// How far it may be trusted, in [0, 1].
    pub quality: f32,
}

impl Template {
    /// Builds a template; `real` is normalised here, and a zero vector stays zero.
    pub fn new(mut real: Vec<f32>, margins: Vec<f32>) -> Self {
        let norm = real.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            real.iter_mut().for_each(|x| *x /= norm);
        }
        let bits = BitString::from_bits(margins.iter().map(|&m| m > 0.0));
        Self { real, margins, bits, minutiae: Vec::new(), data: Vec::new() }
    }

    /// Builds the template of an embedding that has no binary form of its own: `bits` pseudo-random rotations of it, the
    /// same for everybody, each cut at zero.
    ///
    /// Shape: margins in units in which a random direction's projection has unit variance; every scheme takes them as
    /// relative to each other. The binary agreement of two embeddings at angle θ is 1 - θ/π on average (Charikar 2002).
    pub fn from_embedding(real: Vec<f32>, bits: usize) -> Self {
        let unit = Self::new(real, Vec::new());
        let mut stream = ChaCha20Rng::from_seed(Sha256::digest(EMBEDDING_DOMAIN).into());
        let scale = (unit.real.len() as f32).sqrt();
        let margins = project(&unit.real, bits, &mut stream).into_iter().map(|x| x * scale).collect();
        Self::new(unit.real, margins)
    }

    /// Fuses templates of several characteristics of one subject at the level of features: their forms one after the other,
    /// the real-valued ones with equal weight.
    ///
    /// Source: Nandakumar and Jain 2008, "Multibiometric template security using fuzzy vault"; Rathgeb and Busch 2012,
    /// "Multi-biometric template protection: issues and challenges", section 3 (feature-level fusion before one binding).
    pub fn fused(parts: &[&Self]) -> Self {
        let joined = |form: fn(&Self) -> &[f32]| parts.iter().flat_map(|part| form(part).iter().copied()).collect();
        Self::new(joined(Self::real), joined(Self::margins))
    }

    /// Adds the minutiae that the template was made from, in order of falling quality.
    pub fn with_minutiae(self, minutiae: Vec<PlacedMinutia>) -> Self {
        Self { minutiae, ..self }
    }

    /// Adds what a user's own extractor made, for the comparator that understands it.
    pub fn with_data(self, data: Vec<u8>) -> Self {
        Self { data, ..self }
    }

    /// Returns what a user's own extractor made; nothing without one.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Returns the minutiae, in order of falling quality; none where the sample is no fingerprint, or is known by its
    /// vector alone.
    pub fn minutiae(&self) -> &[PlacedMinutia] {
        &self.minutiae
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
        dot(&self.real, &other.real)
    }

    /// Compares the binary forms: the fraction of equal bits, in [0, 1], larger is more similar.
    /// Panics when the shapes differ.
    pub fn bit_agreement(&self, other: &Self) -> f32 {
        1.0 - self.bits.hamming(&other.bits) as f32 / self.bits.len() as f32
    }
}

/// Returns the inner product, summed in [`LANES`] lanes in an order that never depends on the machine.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// Enough for the widest vector unit to work on several sums at once.
const LANES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fused_templates_are_one_after_the_other_and_compare_as_the_mean() {
        let [a, b, c] =
            [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]].map(|real| Template::new(real.to_vec(), vec![real[0] - 0.5; 3]));
        let (fused, other) = (Template::fused(&[&a, &b]), Template::fused(&[&a, &c]));
        let second = 0.6f32 - 0.5;
        assert_eq!(fused.margins(), [0.5, 0.5, 0.5, second, second, second]);
        assert!((fused.cosine(&other) - (1.0 + 0.8) / 2.0).abs() < 1e-6);
        assert_eq!(fused.bit_agreement(&other), 0.5);
    }

    #[test]
    fn an_embeddings_bits_agree_as_its_angle_says() {
        let embedding = |angle: f32| {
            let mut real = vec![0.0; 128];
            (real[0], real[1]) = (angle.cos(), angle.sin());
            Template::from_embedding(real, 1_024)
        };
        let reference = embedding(0.0);
        assert_eq!((reference.real().len(), reference.margins().len()), (128, 1_024));
        for angle in [0.3f32, 1.0, 2.0] {
            let expected = 1.0 - angle / std::f32::consts::PI;
            // The share of 1,024 agreeing bits has a standard deviation of at most 0.016.
            assert!((reference.bit_agreement(&embedding(angle)) - expected).abs() < 0.06, "angle {angle}");
        }
        let variance = reference.margins().iter().map(|m| m * m).sum::<f32>() / 1_024.0;
        assert!((variance - 1.0).abs() < 1e-3, "variance {variance}");
    }
}
