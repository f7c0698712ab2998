//! What other cameras and rooms do to an image, drawn at random: training sees each face as one camera took it and as
//! others might have, so that it does not learn to lean on what a synthetic camera always does.

use ndarray::Array2;
use rand::{Rng, RngExt};
use std::ops::Range;

/// Logarithm to base 2 of the exponent of the tone curve.
const TONE: Range<f32> = -0.8..0.8;
/// Darkest grey, and how far the lightest lies below white.
const BLACK: Range<f32> = 0.0..60.0;
const WHITE: Range<f32> = 0.0..70.0;
/// Change of light across and down the image, as a share of it.
const ACROSS: Range<f32> = -0.6..0.6;
const DOWN: Range<f32> = -0.3..0.3;
/// Share of a pixel's grey that its four neighbours take over at full blur.
const BLUR: f32 = 0.8;

/// Changes tone curve, contrast, slope of the light and sharpness of an image.
pub(super) fn degraded(image: &Array2<f32>, rng: &mut dyn Rng) -> Array2<f32> {
    let (rows, columns) = image.dim();
    let exponent = libm::exp2f(rng.random_range(TONE));
    let (black, white) = (rng.random_range(BLACK), 255.0 - rng.random_range(WHITE));
    let (across, down) = (rng.random_range(ACROSS), rng.random_range(DOWN));
    let blur = BLUR * rng.random_range(0.0f32..1.0);
    Array2::from_shape_fn((rows, columns), |(y, x)| {
        let (above, below) = (y.saturating_sub(1), (y + 1).min(rows - 1));
        let (left, right) = (x.saturating_sub(1), (x + 1).min(columns - 1));
        let around = image[[above, x]] + image[[below, x]] + image[[y, left]] + image[[y, right]];
        let grey = (1.0 - blur) * image[[y, x]] + 0.25 * blur * around;
        let light = 1.0 + across * (x as f32 / columns as f32 - 0.5) + down * (y as f32 / rows as f32 - 0.5);
        black + (white - black) * libm::powf((grey * light / 255.0).clamp(0.0, 1.0), exponent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn an_image_stays_itself_and_in_range_but_changes() {
        let image =
            Array2::from_shape_fn((60, 50), |(y, x)| 127.0 + 120.0 * (0.3 * x as f32).sin() * (0.2 * y as f32).cos());
        for seed in 0..20 {
            let out = degraded(&image, &mut ChaCha8Rng::seed_from_u64(seed));
            assert!(out.iter().all(|grey| (0.0..=255.0).contains(grey)));
            let centred = |a: &Array2<f32>| a - a.sum() / a.len() as f32;
            let (a, b) = (centred(&image), centred(&out));
            let correlation = (&a * &b).sum() / ((&a * &a).sum() * (&b * &b).sum()).sqrt();
            assert!(correlation > 0.7 && correlation < 0.999_9, "{correlation} of seed {seed}");
        }
    }
}
