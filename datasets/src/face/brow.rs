//! Eyebrows.

use super::generic::bump;
use crate::math::{gaussian, smoothstep, uniform};
use rand::Rng;

/// The shape of a person's eyebrows, on the generic head. Units: millimetres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brows {
    inner: f32,
    outer: f32,
    height: f32,
    slope: f32,
    arch: f32,
    peak: f32,
    thickness: f32,
    taper: f32,
    density: f32,
    joined: f32,
}

impl Brows {
    pub(crate) fn draw(masculinity: f32, rng: &mut impl Rng) -> Self {
        Self {
            inner: uniform(rng, 8.5, 15.0),
            outer: uniform(rng, 46.0, 54.0),
            height: 14.0 + 1.9 * gaussian(rng).clamp(-2.0, 2.2) - 1.2 * masculinity,
            slope: 1.4 + 1.8 * gaussian(rng).clamp(-2.0, 2.0),
            arch: (3.4 - 1.0 * masculinity + 1.4 * gaussian(rng)).clamp(0.3, 7.0),
            peak: uniform(rng, 0.5, 0.72),
            thickness: (3.4 + 0.8 * masculinity + 0.75 * gaussian(rng)).clamp(1.3, 5.6),
            taper: uniform(rng, 0.25, 0.65),
            density: (0.86 + 0.12 * masculinity + 0.16 * gaussian(rng)).clamp(0.3, 0.97),
            joined: (uniform(rng, -0.6, 0.45) + 0.15 * masculinity).max(0.0),
        }
    }

    /// Returns how much of a place is covered by brow hair; `stroke` is a noise of unit step.
    pub(crate) fn share(&self, x: f32, y: f32, stroke: &impl Fn(f32, f32) -> f32) -> f32 {
        let ax = x.abs();
        if ax > 60.0 || !(0.0..34.0).contains(&y) {
            return 0.0;
        }
        let s = (ax - self.inner) / (self.outer - self.inner);
        let rise = if s < self.peak { s / self.peak } else { 1.0 - (s - self.peak) / (1.0 - self.peak) };
        let bent = rise * (2.0 - rise.abs());
        let middle = self.height + self.slope * (s - 0.3) + self.arch * (bent - 0.5);
        let half = self.thickness * (1.0 - (1.0 - self.taper) * smoothstep(0.35, 1.0, s));
        let lean = (x * 0.55, x * 0.35 + y * 1.1);
        let ragged = 0.9 * stroke(lean.0 * 2.2 + 40.0, lean.1 * 0.7);
        let across = smoothstep(half + 1.2, half - 1.4, (y - middle).abs() + ragged);
        let along = smoothstep(-0.10, 0.10, s) * (1.0 - smoothstep(0.85, 1.04, s));
        let gap = self.joined * bump(ax, 0.0, 9.0) * bump(y, self.height - 1.0, 3.0);
        let hairs = (0.78 + 0.34 * stroke(x * 1.3 - y * 0.6, y * 0.9 + 0.4 * x)).clamp(0.2, 1.0);
        (self.density * hairs * (across * along + gap)).clamp(0.0, 0.97)
    }
}
