//! Illumination normalisation: gamma, difference of Gaussians, contrast equalisation.
//!
//! Source: Tan and Triggs 2010, "Enhanced local texture feature sets for face recognition under difficult lighting
//! conditions", section II.

use super::parameters::{BLUR_INNER, BLUR_OUTER, CONTRAST_LIMIT, CONTRAST_POWER, GAMMA};
use crate::fingerprint::gaussian_blur;
use ndarray::Array2;

/// Normalises an image of grey levels from 0 to 255; the result lies within plus or minus the contrast limit.
pub(super) fn normalise(image: &Array2<f32>) -> Array2<f32> {
    let bright = image.mapv(|grey| (grey.max(0.0) / 255.0 + 1e-3).powf(GAMMA));
    let mut out = gaussian_blur(&bright, BLUR_INNER) - gaussian_blur(&bright, BLUR_OUTER);
    scale_to_mean(&mut out, f32::INFINITY);
    scale_to_mean(&mut out, CONTRAST_LIMIT);
    out.mapv_inplace(|x| CONTRAST_LIMIT * (x / CONTRAST_LIMIT).tanh());
    out
}

fn scale_to_mean(image: &mut Array2<f32>, limit: f32) {
    let sum: f32 = image.iter().map(|x| x.abs().min(limit).max(1e-12).powf(CONTRAST_POWER)).sum();
    let mean = (sum / image.len() as f32).powf(1.0 / CONTRAST_POWER);
    let factor = 1.0 / mean.max(1e-6);
    image.mapv_inplace(|x| x * factor);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposure_and_a_soft_shadow_change_little() {
        let face = |x: usize, y: usize| 110.0 + 40.0 * ((x as f32) * 0.7).sin() * ((y as f32) * 0.5).cos();
        let even = Array2::from_shape_fn((48, 48), |(y, x)| face(x, y));
        let shaded = Array2::from_shape_fn((48, 48), |(y, x)| face(x, y) * (0.35 + 0.012 * x as f32));
        let (a, b) = (normalise(&even), normalise(&shaded));
        let dot = |a: &Array2<f32>, b: &Array2<f32>| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        let correlation = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        assert!(correlation > 0.97, "{correlation}");
    }
}
