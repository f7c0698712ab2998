//! Colours: linear light reflectances of skin, hair, irises and cloth.

use crate::math::{gaussian, uniform};
use rand::Rng;

/// Linear red, green and blue, 0 to 1 for a reflectance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rgb(pub(crate) [f32; 3]);

impl Rgb {
    pub(crate) const fn grey(level: f32) -> Self {
        Self([level; 3])
    }

    pub(crate) fn times(self, k: f32) -> Self {
        Self(self.0.map(|c| c * k))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    pub(crate) fn filtered(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }

    /// Goes the share `t` of the way to `other`.
    pub(crate) fn towards(self, other: Self, t: f32) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + (other.0[i] - self.0[i]) * t))
    }

    /// Returns relative luminance (ITU-R BT.709).
    pub(crate) fn luminance(self) -> f32 {
        0.2126 * self.0[0] + 0.7152 * self.0[1] + 0.0722 * self.0[2]
    }
}

/// Returns the skin of a melanin index from 0 (lightest) to 1 (darkest), blended in the logarithm of reflectance.
/// Source of the ends: Angelopoulou 2001, "Understanding the color of human skin", light and dark palms aside.
pub(crate) fn skin(melanin: f32) -> Rgb {
    let light: [f32; 3] = [0.60, 0.40, 0.31];
    let dark: [f32; 3] = [0.085, 0.048, 0.032];
    Rgb(std::array::from_fn(|i| light[i] * libm::powf(dark[i] / light[i], melanin)))
}

/// Draws a melanin index and a hair colour that goes with it; `grey` is the share of grey hair.
pub(crate) fn draw_complexion(grey: f32, rng: &mut impl Rng) -> (f32, Rgb) {
    let melanin = if uniform(rng, 0.0, 1.0) < 0.72 {
        (0.16 + 0.10 * gaussian(rng)).clamp(0.0, 0.45)
    } else {
        uniform(rng, 0.3, 0.9)
    };
    let pick = uniform(rng, 0.0, 1.0) + 0.9 * (melanin - 0.15).max(0.0);
    let natural = match pick {
        p if p < 0.06 => Rgb([0.20, 0.07, 0.03]),
        p if p < 0.22 => Rgb([0.30, 0.21, 0.11]),
        p if p < 0.45 => Rgb([0.11, 0.07, 0.04]),
        p if p < 0.70 => Rgb([0.045, 0.030, 0.020]),
        _ => Rgb([0.016, 0.013, 0.012]),
    };
    let shade = libm::expf(0.25 * gaussian(rng));
    (melanin, natural.times(shade).towards(Rgb([0.42, 0.42, 0.43]), grey))
}

/// Draws an iris colour: dark ones with dark skin.
pub(crate) fn draw_iris(melanin: f32, rng: &mut impl Rng) -> Rgb {
    let dark = Rgb([0.055, 0.032, 0.018]);
    let light = [Rgb([0.12, 0.17, 0.22]), Rgb([0.12, 0.14, 0.08]), Rgb([0.14, 0.09, 0.05]), Rgb([0.16, 0.19, 0.20])];
    if melanin > 0.3 || uniform(rng, 0.0, 1.0) < 0.4 { dark } else { light[(uniform(rng, 0.0, 3.999)) as usize] }
}
