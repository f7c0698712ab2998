//! What is behind a face, out of focus.

use super::colour::Rgb;
use crate::math::{smoothstep, uniform};
use crate::noise::SmoothNoise;
use rand::{Rng, RngExt};

/// A background: a wall with a gradient, blurred shapes and, sometimes, edges.
pub(crate) struct Background {
    colour: Rgb,
    gradient: (f32, f32),
    clutter: SmoothNoise,
    amount: f32,
    edges: Vec<(f32, f32, f32)>,
}

impl Background {
    /// Draws a background for an image of side 1.
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let level = libm::expf(uniform(rng, -3.0, -0.3));
        let step = uniform(rng, 0.12, 0.5);
        let busy = rng.random::<f32>() < 0.5;
        let count = if busy { (uniform(rng, 0.0, 5.0)) as usize } else { 0 };
        Self {
            colour: Rgb(std::array::from_fn(|_| level * uniform(rng, 0.75, 1.25))),
            gradient: (uniform(rng, -0.5, 0.5), uniform(rng, -0.5, 0.5)),
            clutter: SmoothNoise::draw(rng, 1.5, 2.0, step),
            amount: if busy { uniform(rng, 0.15, 0.6) } else { uniform(rng, 0.0, 0.08) },
            edges: (0..count)
                .map(|_| (uniform(rng, 0.0, 1.0), uniform(rng, 0.008, 0.05), uniform(rng, -0.6, 0.9)))
                .collect(),
        }
    }

    /// Returns the light at a place of the image, both coordinates from 0 to about 1.
    pub(crate) fn at(&self, x: f32, y: f32) -> Rgb {
        let slope = 1.0 + self.gradient.0 * (x - 0.5) + self.gradient.1 * (y - 0.5);
        let mut level = slope * (1.0 + self.amount * self.clutter.at(x, y)).max(0.1);
        for &(at, soft, step) in &self.edges {
            level *= 1.0 + step * smoothstep(at - soft, at + soft, x + 0.04 * y);
        }
        self.colour.times(level.max(0.02))
    }
}
