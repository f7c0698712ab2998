//! Lights: a key that casts shadows, a fill, and the sky and ground around.

use super::colour::Rgb;
use super::vector::Vec3;
use crate::math::{gaussian, uniform};
use rand::{Rng, RngExt};

/// A light at infinity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lamp {
    /// Towards the light.
    pub(crate) direction: Vec3,
    pub(crate) colour: Rgb,
}

/// A ll light on a face.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lighting {
    pub(crate) key: Lamp,
    pub(crate) fill: Lamp,
    pub(crate) rim: Lamp,
    pub(crate) sky: Rgb,
    pub(crate) ground: Rgb,
    pub(crate) side: (Vec3, f32),
}

impl Lighting {
    /// Draws light; `strength` spreads it away from soft light from the front, 1 by default.
    pub(crate) fn draw(strength: f32, rng: &mut impl Rng) -> Self {
        let lamp = |rng: &mut _, spread: (f32, f32), power: f32| {
            let azimuth = spread.0 * gaussian(rng);
            let height = 0.55 + spread.1 * gaussian(rng);
            Lamp { direction: direction(azimuth, height), colour: tint(rng).times(power) }
        };
        let hard = rng.random::<f32>() * strength.min(1.5);
        let key_power = 0.5 + 0.7 * hard;
        let side = rng.random::<f32>() < 0.25;
        let spread = if side { 0.95 } else { 0.45 };
        Self {
            key: lamp(rng, (spread * strength, 0.30 * strength), key_power),
            fill: {
                let power = uniform(rng, 0.05, 0.35);
                lamp(rng, (0.9 * strength, 0.3), power)
            },
            rim: {
                let azimuth = if rng.random::<bool>() { 2.3 } else { -2.3 };
                let power = uniform(rng, -0.5, 0.4).max(0.0) * strength;
                Lamp { direction: direction(azimuth, 0.4), colour: tint(rng).times(power) }
            },
            sky: tint(rng).times(uniform(rng, 0.22, 0.50)),
            ground: tint(rng).times(uniform(rng, 0.10, 0.28)),
            side: (direction(uniform(rng, -1.6, 1.6), 0.0), 0.4 * rng.random::<f32>() * strength.min(1.5)),
        }
    }

    /// Returns the ambient light on a surface of some normal.
    pub(crate) fn ambient(&self, normal: Vec3) -> Rgb {
        let up = 0.5 + 0.5 * normal.y;
        let sided = 1.0 + self.side.1 * normal.dot(self.side.0);
        self.ground.towards(self.sky, up).times(sided)
    }
}

/// Returns a direction by its azimuth (0 towards the camera, positive to the image's right) and height angle.
fn direction(azimuth: f32, height: f32) -> Vec3 {
    let (sa, ca) = libm::sincosf(azimuth);
    let (sh, ch) = libm::sincosf(height.clamp(-0.5, 1.35));
    Vec3::new(sa * ch, sh, ca * ch)
}

/// Draws the colour of a light: along the line from candle to sky, unit luminance.
fn tint(rng: &mut impl Rng) -> Rgb {
    let warm = 0.22 * gaussian(rng).clamp(-2.0, 2.0);
    let raw = Rgb([1.0 + 0.5 * warm, 1.0, 1.0 - 0.7 * warm]);
    raw.times(1.0 / raw.luminance())
}
