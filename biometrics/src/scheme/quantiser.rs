//! Real-valued templates in few bits, and how similar two of them still are.
//!
//! Each value takes `depth` bits. One bit is its sign; more bits number the levels of the uniform quantiser that distorts
//! unit Gaussian values least (Max 1960, "Quantizing for minimum distortion", table II). Similarity is 1 - θ/π in either
//! case: the angle θ between the mid-points of the levels, or at one bit the share of equal signs, whose expectation
//! that is (Charikar 2002). Of n signs the share has a standard deviation of at most 1/(2 √n); the levels of four bits
//! leave 1.2 % of a value's variance, so that as many bits tell more when they are spent on depth than on more signs.

use crate::{BitString, Error};

/// Most bits a value.
pub(super) const DEPTH_MAX: usize = 8;

/// Widths of a level by depth from two bits. Units: standard deviations of the values.
const STEPS: [f32; DEPTH_MAX - 1] = [0.9957, 0.5860, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308];

/// A quantiser that turns values into bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quantiser {
    depth: usize,
}

impl Quantiser {
    /// Takes the bits of a value.
    ///
    /// # Errors
    /// [`Error::Parameter`] under this name unless there are 1 to 8.
    pub(super) fn new(name: &'static str, depth: usize) -> Result<Self, Error> {
        if (1..=DEPTH_MAX).contains(&depth) {
            Ok(Self { depth })
        } else {
            Err(Error::Parameter { name, why: "it must be 1 to 8 bits a value" })
        }
    }

    /// Returns the bits of a value.
    pub(super) fn depth(self) -> usize {
        self.depth
    }

    /// Packs values. Units: their standard deviation is about 1.
    pub(super) fn encode(self, values: &[f32]) -> BitString {
        BitString::from_bits(values.iter().flat_map(|&value| {
            let level = self.level(value);
            (0..self.depth).map(move |i| level >> i & 1 == 1)
        }))
    }

    /// Returns the mid-points of the levels, or the signs.
    pub(super) fn decode(self, bits: &BitString) -> Vec<f32> {
        let level = |value: usize| (0..self.depth).map(|i| usize::from(bits.bit(value * self.depth + i)) << i).sum();
        (0..bits.len() / self.depth).map(|value| self.mid_point(level(value))).collect()
    }

    /// Compares two strings of equal length; in [0, 1], larger is more similar, one half is by chance.
    pub(super) fn similarity(self, a: &BitString, b: &BitString) -> f32 {
        if self.depth == 1 {
            return 1.0 - a.hamming(b) as f32 / a.len() as f32;
        }
        let (a, b) = (self.decode(a), self.decode(b));
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f32>();
        let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt().max(f32::MIN_POSITIVE);
        1.0 - libm::acosf(cosine.clamp(-1.0, 1.0)) / std::f32::consts::PI
    }

    fn level(self, value: f32) -> usize {
        if self.depth == 1 {
            return usize::from(value > 0.0);
        }
        let half = (1usize << (self.depth - 1)) as f32;
        // A value that is not a number falls to level 0: casts saturate.
        ((value / self.step()).floor() + half).clamp(0.0, 2.0 * half - 1.0) as usize
    }

    fn mid_point(self, level: usize) -> f32 {
        if self.depth == 1 {
            return if level == 1 { 1.0 } else { -1.0 };
        }
        let half = (1usize << (self.depth - 1)) as f32;
        (level as f32 - half + 0.5) * self.step()
    }

    fn step(self) -> f32 {
        STEPS[self.depth - 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Draws standard normal values (Box and Muller 1958).
    fn normals(count: usize, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = |_| {
            let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
            radius * (std::f32::consts::TAU * rng.random::<f32>()).cos()
        };
        (0..count).map(&mut normal).collect()
    }

    #[test]
    fn the_distortion_of_unit_gaussian_values_is_the_published_one() {
        let values = normals(100_000, 1);
        // Max 1960, table II, uniform levels.
        for (depth, published) in [(2, 0.1188), (3, 0.03744), (4, 0.01154), (5, 0.003495)] {
            let quantiser = Quantiser::new("depth", depth).unwrap();
            let back = quantiser.decode(&quantiser.encode(&values));
            let distortion = values.iter().zip(&back).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / values.len() as f32;
            // At five bits the rare values beyond the last level carry an eighth of it: four standard errors of a mean of
            // 100,000 squares are 5 % there, and less at fewer bits.
            assert!((distortion / published - 1.0).abs() < 0.05, "{depth} bits: {distortion}");
        }
    }

    #[test]
    fn similarity_is_one_minus_the_angle_over_pi_at_every_depth() {
        let (a, noise) = (normals(4_096, 2), normals(4_096, 3));
        for correlation in [0.0f32, 0.5, 0.9] {
            let other = (1.0 - correlation * correlation).sqrt();
            let b: Vec<f32> = a.iter().zip(&noise).map(|(x, n)| correlation * x + other * n).collect();
            let expected = 1.0 - correlation.acos() / std::f32::consts::PI;
            for depth in 1..=DEPTH_MAX {
                let quantiser = Quantiser::new("depth", depth).unwrap();
                let found = quantiser.similarity(&quantiser.encode(&a), &quantiser.encode(&b));
                // The correlation of 4,096 pairs has an error of 0.016; levels of two bits lose up to 12 % of it.
                let allowed = if depth == 2 { 0.06 } else { 0.035 };
                assert!((found - expected).abs() < allowed, "{depth} bits at {correlation}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_a_level_and_depths_out_of_range_are_refused() {
        let quantiser = Quantiser::new("depth", 4).unwrap();
        assert_eq!(quantiser.encode(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]).len(), 12);
        assert_eq!(quantiser.similarity(&BitString::zeros(0), &BitString::zeros(0)), 0.5);
        assert!(Quantiser::new("depth", 0).is_err() && Quantiser::new("depth", 9).is_err());
    }
}
