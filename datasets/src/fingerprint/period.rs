//! How far apart ridges are.

use super::orientation::{Extent, SingularKind, SingularPoint};
use crate::math::{Point, gaussian_within, smoothstep};
use crate::noise::SmoothNoise;
use rand::Rng;

/// The distance from ridge to ridge anywhere on a finger, in pixels at 500 per inch.
#[derive(Clone, Debug)]
pub(crate) struct PeriodField {
    mean: f32,
    core_row: f32,
    delta_row: f32,
    variation: SmoothNoise,
    origin: Point,
}

impl PeriodField {
    /// Draws the field of one finger.
    pub(crate) fn draw(singular_points: &[SingularPoint], extent: &Extent, rng: &mut impl Rng) -> Self {
        let lowest = |kind, or: f32| {
            let rows = singular_points.iter().filter(|s| s.kind == kind).map(|s| s.at.y);
            rows.reduce(f32::max).unwrap_or(or)
        };
        Self {
            mean: gaussian_within(rng, MEAN, MEAN_SD, 2.0),
            core_row: lowest(SingularKind::Core, 0.0),
            delta_row: lowest(SingularKind::Delta, 110.0),
            variation: SmoothNoise::draw(rng, extent.width, extent.height, VARIATION_STEP),
            origin: extent.origin,
        }
    }

    /// Returns the ridge period at a position.
    pub(crate) fn at(&self, p: Point) -> f32 {
        let below_delta = smoothstep(self.delta_row - 40.0, self.delta_row + 60.0, p.y);
        let above_core = smoothstep(self.core_row - 20.0, self.core_row - 110.0, p.y);
        let from_core = Point::new(p.x, p.y - self.core_row).length();
        let near_core = 1.0 - smoothstep(20.0, 70.0, from_core);
        let random = 1.0 + VARIATION * self.variation.at(p.x - self.origin.x, p.y - self.origin.y);
        let place =
            1.0 + WIDER_BELOW_DELTA * below_delta + WIDER_ABOVE_CORE * above_core - NARROWER_AT_CORE * near_core;
        (self.mean * place * random).clamp(SHORTEST, LONGEST)
    }
}

/// Mean ridge period at 500 pixels per inch and its spread between fingers: 0.46 mm, as men's and women's prints
/// average (Maltoni et al., Handbook of Fingerprint Recognition, 6.4: about 9 pixels).
const MEAN: f32 = 8.7;
const MEAN_SD: f32 = 0.6;
/// Ridges are wider below the deltas and above the cores than between (Cappelli, same source, 6.5).
const WIDER_BELOW_DELTA: f32 = 0.14;
const WIDER_ABOVE_CORE: f32 = 0.07;
const NARROWER_AT_CORE: f32 = 0.04;
/// Random relative variation and its scale in finger pixels.
const VARIATION: f32 = 0.06;
const VARIATION_STEP: f32 = 45.0;
/// What the filters can draw.
pub(crate) const SHORTEST: f32 = 6.4;
pub(crate) const LONGEST: f32 = 13.0;
