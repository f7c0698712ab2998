//! The camera: blur, exposure and the sensor's noise.

use super::viewing::Viewing;
use crate::math::gaussian;
use ndarray::{Array2, Axis};
use rand::Rng;

/// White is exposed to this grey level, so that there is room above it for glare.
const WHITE_LEVEL: f32 = 215.0;
/// Share of the noise that is there in the dark; the rest grows with the root of the light.
const READ_NOISE: f32 = 0.4;

/// Turns light into grey levels.
pub(super) fn expose(light: Array2<f32>, viewing: &Viewing, rng: &mut impl Rng) -> Array2<u8> {
    blurred(light, viewing.blur).mapv(|light| {
        let sd = viewing.noise * (READ_NOISE + (1.0 - READ_NOISE) * light.max(0.0).sqrt());
        (WHITE_LEVEL * light + sd * gaussian(rng)).clamp(0.0, 255.0) as u8
    })
}

/// Blurs with a Gaussian of standard deviation `sigma` pixels, edges held.
fn blurred(light: Array2<f32>, sigma: f32) -> Array2<f32> {
    if sigma <= 0.0 {
        return light;
    }
    let kernel = kernel(sigma);
    along(Axis(1), along(Axis(0), light, &kernel), &kernel)
}

fn kernel(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as i32;
    let weights: Vec<f32> = (-radius..=radius).map(|i| libm::expf(-((i * i) as f32) / (2.0 * sigma * sigma))).collect();
    let sum: f32 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

fn along(axis: Axis, image: Array2<f32>, kernel: &[f32]) -> Array2<f32> {
    let radius = (kernel.len() / 2) as isize;
    let mut out = Array2::zeros(image.dim());
    for (lane, mut result) in image.lanes(axis).into_iter().zip(out.lanes_mut(axis)) {
        let last = lane.len() as isize - 1;
        for i in 0..=last {
            let tap = |(k, w): (usize, &f32)| w * lane[(i + k as isize - radius).clamp(0, last) as usize];
            result[i as usize] = kernel.iter().enumerate().map(tap).sum();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_keeps_the_light_and_spreads_a_point_by_its_width() {
        let mut point = Array2::zeros((41, 41));
        point[(20, 20)] = 1.0;
        let spread = blurred(point, 2.0);
        let sum: f32 = spread.iter().sum();
        let variance: f32 = spread.indexed_iter().map(|((r, _), &w)| w * (r as f32 - 20.0).powi(2)).sum();
        assert!((sum - 1.0).abs() < 1e-4 && (variance - 4.0).abs() < 0.15, "{sum} {variance}");
    }
}
