//! The camera: focus, exposure, gain, noise, tone curve and JPEG.

use super::colour::Rgb;
use super::device::Device;
use super::jpeg::compress;
use crate::math::{gaussian, uniform};
use ndarray::Array2;
use rand::Rng;
use std::sync::OnceLock;

/// A developed image in grey and in colour, 8 bits each.
pub(crate) struct Developed {
    pub(crate) grey: Array2<u8>,
    pub(crate) colour: Array2<[u8; 3]>,
}

/// The camera's settings at one capture.
pub(crate) struct Settings {
    blur: f32,
    motion: (f32, f32),
    exposure: f32,
    contrast: f32,
    noise: f32,
    vignette: f32,
    quality: f32,
    white: Rgb,
}

impl Settings {
    pub(crate) fn draw(device: &Device, strength: f32, rng: &mut impl Rng) -> Self {
        let spread = |rng: &mut _, sd: f32| libm::expf(sd * strength * gaussian(rng).clamp(-2.5, 2.5));
        let shake = uniform(rng, -0.9, 0.8).max(0.0) * strength;
        let (sin, cos) = libm::sincosf(uniform(rng, 0.0, std::f32::consts::PI));
        Self {
            blur: device.blur * spread(rng, 0.22),
            motion: (shake * cos, shake * sin),
            exposure: spread(rng, 0.22),
            contrast: 1.12 + 0.10 * strength * gaussian(rng),
            noise: device.noise * spread(rng, 0.4),
            vignette: uniform(rng, 0.0, 0.25),
            quality: uniform(rng, device.jpeg.0, device.jpeg.1),
            white: Rgb([spread(rng, 0.06), 1.0, spread(rng, 0.08)]),
        }
    }
}

/// Turns linear light into an image. `metered` is the face's mean luminance, which exposure is set by.
pub(crate) fn develop(mut light: Array2<Rgb>, metered: f32, s: &Settings, rng: &mut impl Rng) -> Developed {
    blur(&mut light, s.blur);
    shake(&mut light, s.motion);
    let gain = METERED_TO / metered.max(1e-4) * s.exposure;
    let (rows, columns) = light.dim();
    let middle = (rows as f32 / 2.0, columns as f32 / 2.0);
    let radius = (middle.0 * middle.0 + middle.1 * middle.1).sqrt();
    let mut tones = Array2::from_elem(light.dim(), [0.0f32; 3]);
    let curve = ToneCurve::shared();
    for ((row, column), out) in tones.indexed_iter_mut() {
        let (dy, dx) = (row as f32 - middle.0, column as f32 - middle.1);
        let distance = (dx * dx + dy * dy).sqrt() / radius;
        let falloff = 1.0 - s.vignette * distance * distance;
        let raw = light[[row, column]].filtered(s.white).times(gain * falloff);
        let shared = grain(rng.next_u64());
        *out = raw.0.map(|c| 255.0 * (0.5 + (curve.coded(c) - 0.5) * s.contrast));
        for channel in out.iter_mut() {
            // Shot noise in linear light is nearly even after the tone curve, a little stronger in the dark.
            let grain = s.noise * (1.25 - 0.5 * (*channel / 255.0)) * shared;
            *channel += grain;
        }
    }
    let colour = compress(&tones, s.quality);
    let grey = colour.mapv(|[r, g, b]| {
        // ITU-R BT.601, as cameras and JPEG convert to grey.
        ((77 * u32::from(r) + 150 * u32::from(g) + 29 * u32::from(b) + 128) >> 8) as u8
    });
    Developed { grey, colour }
}

/// SRGB's curve (IEC 61966-2-1) with a soft shoulder at even steps of light, to be interpolated: the power itself was a
/// tenth of a capture's time.
struct ToneCurve(Vec<f32>);

/// Steps of the tone curve to a unit of light, and the light that it ends at, where the shoulder is level.
const TONE_STEPS: f32 = 2048.0;
const TONE_END: f32 = 4.0;

impl ToneCurve {
    fn shared() -> &'static Self {
        static CURVE: OnceLock<ToneCurve> = OnceLock::new();
        CURVE.get_or_init(|| Self((0..=(TONE_STEPS * TONE_END) as usize + 1).map(Self::exact).collect()))
    }

    fn exact(step: usize) -> f32 {
        let x = step as f32 / TONE_STEPS;
        let soft = if x < 0.6 { x } else { 0.6 + 0.4 * ((x - 0.6) / 0.4) / (1.0 + 0.6 * (x - 0.6) / 0.4) };
        if soft <= 0.003_130_8 { 12.92 * soft } else { 1.055 * libm::powf(soft, 1.0 / 2.4) - 0.055 }
    }

    /// Maps linear light to the coded value, 1 for white.
    fn coded(&self, linear: f32) -> f32 {
        let place = linear.clamp(0.0, TONE_END) * TONE_STEPS;
        let step = place as i32 as usize;
        self.0[step] + (self.0[step + 1] - self.0[step]) * (place - step as f32)
    }
}

/// Turns random bits into a draw of mean 0 and deviation 1, nearly normal: the sum of four even ones, since grain needs no
/// tails.
fn grain(bits: u64) -> f32 {
    let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xFFFF).sum();
    // Four even draws over 65,536 have a deviation of 65,536 / sqrt(3).
    (sum as f32 - 131_070.0) * (1.732_050_8 / 65_536.0)
}

/// Blurs by a Gaussian of the given standard deviation in pixels.
fn blur(light: &mut Array2<Rgb>, sd: f32) {
    let reach = libm::ceilf(2.5 * sd) as usize;
    let bell = |i: usize| libm::expf(-0.5 * (i as f32 / sd) * (i as f32 / sd));
    let kernel: Vec<f32> = (0..=reach).map(bell).collect();
    let total = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
    for axis in [ndarray::Axis(0), ndarray::Axis(1)] {
        for mut lane in light.lanes_mut(axis) {
            let line: Vec<Rgb> = lane.iter().copied().collect();
            let last = line.len() - 1;
            for (i, out) in lane.iter_mut().enumerate() {
                let mut sum = line[i].times(kernel[0]);
                for (k, &weight) in kernel.iter().enumerate().skip(1) {
                    sum = sum.plus(line[i.saturating_sub(k)].plus(line[(i + k).min(last)]).times(weight));
                }
                *out = sum.times(1.0 / total);
            }
        }
    }
}

/// Averages the image with itself a little to both sides: the hand moved.
fn shake(light: &mut Array2<Rgb>, (dx, dy): (f32, f32)) {
    if dx.abs() + dy.abs() < 0.15 {
        return;
    }
    let still = light.clone();
    let (rows, columns) = still.dim();
    let at = |y: f32, x: f32| {
        let (y, x) = (y.clamp(0.0, rows as f32 - 1.001), x.clamp(0.0, columns as f32 - 1.001));
        let (r, c) = (y as usize, x as usize);
        let (fy, fx) = (y - r as f32, x - c as f32);
        let top = still[[r, c]].towards(still[[r, c + 1]], fx);
        top.towards(still[[r + 1, c]].towards(still[[r + 1, c + 1]], fx), fy)
    };
    for ((row, column), out) in light.indexed_iter_mut() {
        let (y, x) = (row as f32, column as f32);
        *out = out.plus(at(y + dy, x + dx)).plus(at(y - dy, x - dx)).times(1.0 / 3.0);
    }
}

/// Where metering puts the face's mean luminance.
const METERED_TO: f32 = 0.21;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::stream;

    #[test]
    fn the_tone_curve_is_srgbs_below_its_shoulder_and_level_far_above() {
        let curve = ToneCurve::shared();
        for linear in [0.0f32, 0.001, 0.01, 0.2, 0.5] {
            let coded = if linear < 0.003 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
            assert!((curve.coded(linear) - coded).abs() < 1e-3, "{} for {coded}", curve.coded(linear));
        }
        assert!(curve.coded(1e9) > 1.0 && curve.coded(1e9) < 1.2);
        assert_eq!(curve.coded(-1.0), 0.0);
    }

    /// 100,000 draws: the bounds are five standard errors of a mean and of a standard deviation.
    #[test]
    fn grain_has_mean_0_and_deviation_1() {
        let mut rng = stream(1, "test", 0);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(grain(rng.next_u64()))).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let square = draws.iter().map(|x| x * x).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.016 && (square.sqrt() - 1.0).abs() < 0.012, "{mean} {square}");
    }
}
