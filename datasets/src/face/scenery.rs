//! Images without a face: what a camera sees when nobody is there, and patterns that are easily taken for something.

use super::background::Background;
use crate::math::{gaussian, uniform};
use crate::stream::stream;
use biopay_biometrics::Sample;
use ndarray::Array2;
use rand::Rng;

/// Makes the image without a face of a number. Shape: 112 by 112. Same arguments, same bytes.
pub fn scenery(seed: u64, number: u64) -> Sample {
    let rng = &mut stream(seed, "face/scenery", number);
    let pattern = Pattern::draw(rng, number);
    let background = Background::draw(rng);
    let grain = uniform(rng, 0.0, 1.0) * uniform(rng, 0.0, 30.0);
    let gain = 0.3 / background.at(0.5, 0.5).luminance().max(1e-3);
    let pixels = Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
        let (x, y) = (column as f32 / SIDE as f32, row as f32 / SIDE as f32);
        let light = (background.at(x, y).luminance() * gain).clamp(0.0, 1.0).sqrt();
        let grey = 255.0 * light + pattern.at(x, y) + grain * gaussian(rng);
        grey.clamp(0.0, 255.0) as u8
    });
    Sample::face(pixels)
}

/// A pattern over the background.
struct Pattern {
    kind: u64,
    strength: f32,
    across: (f32, f32),
    centre: (f32, f32),
    phase: f32,
}

impl Pattern {
    fn draw(rng: &mut impl Rng, number: u64) -> Self {
        Self {
            kind: number % KINDS,
            strength: uniform(rng, 10.0, 80.0),
            across: (uniform(rng, 2.0, 90.0), uniform(rng, -60.0, 90.0)),
            centre: (uniform(rng, 0.2, 0.8), uniform(rng, 0.2, 0.8)),
            phase: uniform(rng, 0.0, 6.0),
        }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let wave = |t: f32| libm::sinf(t + self.phase);
        let (dx, dy) = (x - self.centre.0, y - self.centre.1);
        let radius = (dx * dx + dy * dy).sqrt();
        self.strength
            * match self.kind {
                0 => 0.0,
                1 => wave(self.across.0 * x + self.across.1 * y),
                2 => wave(self.across.0 * x) * wave(self.across.1 * y),
                3 => wave(self.across.0 * radius),
                4 => wave(self.across.0 * x + self.across.1 * y).signum(),
                _ => libm::expf(-radius * radius * self.across.0) * 2.0,
            }
    }
}

const SIDE: usize = 112;
const KINDS: u64 = 6;
