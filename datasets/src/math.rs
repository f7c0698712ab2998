//! Small numeric helpers whose results are the same on every machine.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

pub(crate) const PI: f32 = std::f32::consts::PI;
pub(crate) const TAU: f32 = std::f32::consts::TAU;

/// A position or a displacement; x grows to the right and y downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Horizontal coordinate, rightwards.
    pub x: f32,
    /// Vertical coordinate, downwards.
    pub y: f32,
}

impl Point {
    /// Makes a point.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Adds component by component.
    pub fn plus(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }

    /// Subtracts component by component.
    pub fn minus(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }

    /// Multiplies both components.
    pub fn times(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }

    /// Turns by an angle in radians from the x axis towards the y axis (clockwise as seen in an image).
    pub fn turned(self, angle: f32) -> Self {
        let (sin, cos) = libm::sincosf(angle);
        self.turned_by(sin, cos)
    }

    /// Turns by an angle of known sine and cosine.
    pub(crate) fn turned_by(self, sin: f32, cos: f32) -> Self {
        Self::new(cos * self.x - sin * self.y, sin * self.x + cos * self.y)
    }

    /// Returns the Euclidean length.
    pub fn length(self) -> f32 {
        (self.x * self.x + self.y * self.y).sqrt()
    }
}

/// Draws from the standard normal distribution (Box and Muller 1958), with `libm` alone.
pub(crate) fn gaussian(rng: &mut impl Rng) -> f32 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    ((-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v)) as f32
}

/// Draws from a normal distribution whose tails beyond `limit` standard deviations are cut to the limit.
pub(crate) fn gaussian_within(rng: &mut impl Rng, mean: f32, sd: f32, limit: f32) -> f32 {
    mean + sd * gaussian(rng).clamp(-limit, limit)
}

/// Draws uniformly from `low` to `high`.
pub(crate) fn uniform(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// Rises smoothly from 0 at `low` to 1 at `high` (cubic Hermite).
pub(crate) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Squashes any number into (-1, 1) without a transcendental function.
pub(crate) fn squash(x: f32) -> f32 {
    x / (1.0 + x * x).sqrt()
}

/// Brings an angle into (-π, π].
pub(crate) fn wrap_angle(angle: f32) -> f32 {
    angle - TAU * libm::ceilf((angle - PI) / TAU)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::stream;

    #[test]
    fn gaussian_has_the_moments_of_a_standard_normal() {
        let mut rng = stream(1, "test", 0);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(gaussian(&mut rng))).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / draws.len() as f64;
        // Five standard errors: false alarms of 6e-7 each.
        assert!(mean.abs() < 5.0 * 0.00316, "mean {mean}");
        assert!((variance - 1.0).abs() < 5.0 * 0.00447, "variance {variance}");
    }

    #[test]
    fn wrapped_angles_stay_in_range() {
        for angle in [-7.0, -PI, 0.0, PI, 3.5, 100.0] {
            let wrapped = wrap_angle(angle);
            assert!(wrapped > -PI - 1e-5 && wrapped <= PI + 1e-5, "{angle} gave {wrapped}");
            assert!(libm::fabsf(libm::sinf(wrapped) - libm::sinf(angle)) < 1e-4);
        }
    }
}
