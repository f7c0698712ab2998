//! A gelatine finger: cast from a mould of a finger and pressed on the sensor.

use crate::fingerprint::condition::Condition;
use crate::fingerprint::print::print;
use crate::fingerprint::sensor::develop;
use crate::fingerprint::{CaptureQuality, Device, Finger};
use crate::math::{gaussian, smoothstep, uniform};
use crate::noise::SmoothNoise;
use crate::stream::stream;
use biopay_biometrics::Sample;
use ndarray::Array2;
use rand::Rng;

/// Standard deviation of what mould and cast smooth away, in millimetres: pores of .1 mm go, ridges of .45 mm stay (Galbally
/// et al. 2011: ridges of gummy fingers are less sharp).
const SMOOTHING: (f32, f32) = (0.035, 0.07);
/// How far the soft cast is out of shape, and over which distance, in millimetres.
const DISTORTION: (f32, f32) = (0.15, 0.35);
const DISTORTION_STEP: f32 = 4.5;
/// Bubbles to a square centimetre, and their radii in millimetres.
const BUBBLES: (f32, f32) = (4.0, 14.0);
const BUBBLE_RADIUS: (f32, f32) = (0.1, 0.5);
/// Share of the contact's radius at which its edge has faded: a thin cast touches less far than a finger rolls.
const EDGE: (f32, f32) = (0.55, 0.95);
/// Contrast of the cast beside a finger's: gelatine's refractive index and moisture differ (Matsumoto et al. 2002).
const CONTRAST: (f32, f32) = (0.55, 0.85);
/// How much of the valleys the soft cast touches too.
const FILLED: (f32, f32) = (0.05, 0.22);

/// Presents a cast of a finger to a sensor. Same arguments, same image.
///
/// Sources: Matsumoto, Matsumoto, Yamada and Hoshino 2002, "Impact of artificial gummy fingers on fingerprint systems" (casts
/// were accepted in 68 to 100 % of tries); Galbally, Alonso-Fernandez, Fierrez and Ortega-Garcia 2012, "A high performance
/// fingerprint liveness detection method based on quality related features"; Marasco and Sansone 2012 (pores are lost).
pub fn gelatine_finger(finger: &Finger, device: &Device, quality: CaptureQuality, number: u64) -> Sample {
    let component = format!("presentation/gelatine-finger/{}/{number}", device.name);
    let rng = &mut stream(finger.seed, &component, finger.subject);
    let condition = Condition::draw(finger, device, quality, rng);
    let pressed = print(finger, device, &condition, rng);
    let per_millimetre = f32::from(device.pixels_per_inch) / 25.4;
    let cast = Cast::draw(&pressed, per_millimetre, rng);
    let mut ink = cast.distorted(&pressed);
    smooth(&mut ink, uniform(rng, SMOOTHING.0, SMOOTHING.1) * per_millimetre);
    ink.indexed_iter_mut().for_each(|((row, column), ink)| *ink = cast.touched(*ink, column as f32, row as f32));
    let pixels = develop(ink, device, &condition, rng);
    Sample::fingerprint(pixels, device.pixels_per_inch)
}

/// One cast, pressed once.
struct Cast {
    shift: [SmoothNoise; 2],
    distortion: f32,
    middle: (f32, f32),
    reach: (f32, f32),
    bubbles: Vec<[f32; 3]>,
    contrast: f32,
    filled: f32,
    edge: (f32, f32),
}

impl Cast {
    fn draw(pressed: &Array2<f32>, per_millimetre: f32, rng: &mut impl Rng) -> Self {
        let (rows, columns) = pressed.dim();
        let (width, height) = (columns as f32, rows as f32);
        let (middle, reach) = contact(pressed);
        let area_cm2 = 4.0 * reach.0 * reach.1 / (10.0 * per_millimetre).powi(2);
        let count = (uniform(rng, BUBBLES.0, BUBBLES.1) * area_cm2) as usize;
        let bubble = |rng: &mut _| {
            let radius = per_millimetre * uniform(rng, BUBBLE_RADIUS.0, BUBBLE_RADIUS.1);
            let spread = |rng: &mut _| 0.7 * gaussian(rng).clamp(-1.8, 1.8);
            [middle.0 + reach.0 * spread(rng), middle.1 + reach.1 * spread(rng), radius]
        };
        let bubbles = (0..count).map(|_| bubble(rng)).collect();
        let step = DISTORTION_STEP * per_millimetre;
        let edge = uniform(rng, 0.8, 1.0);
        Self {
            shift: [(); 2].map(|()| SmoothNoise::draw(rng, width, height, step)),
            distortion: per_millimetre * uniform(rng, DISTORTION.0, DISTORTION.1),
            middle,
            reach,
            bubbles,
            contrast: uniform(rng, CONTRAST.0, CONTRAST.1),
            filled: uniform(rng, FILLED.0, FILLED.1),
            edge: (EDGE.0 * edge, EDGE.1 * edge),
        }
    }

    /// Pulls the print about as the cast is out of shape.
    fn distorted(&self, pressed: &Array2<f32>) -> Array2<f32> {
        let (rows, columns) = pressed.dim();
        Array2::from_shape_fn((rows, columns), |(row, column)| {
            let (x, y) = (column as f32, row as f32);
            let from_x = (x + self.distortion * self.shift[0].at(x, y)).clamp(0.0, columns as f32 - 1.001);
            let from_y = (y + self.distortion * self.shift[1].at(x, y)).clamp(0.0, rows as f32 - 1.001);
            let (c, r) = (from_x as usize, from_y as usize);
            let (fx, fy) = (from_x - c as f32, from_y - r as f32);
            let lerp = |a: f32, b: f32, t: f32| a + (b - a) * t;
            let top = lerp(pressed[[r, c]], pressed[[r, c + 1]], fx);
            lerp(top, lerp(pressed[[r + 1, c]], pressed[[r + 1, c + 1]], fx), fy)
        })
    }

    /// Returns what of a place the cast touches.
    fn touched(&self, ink: f32, x: f32, y: f32) -> f32 {
        let (dx, dy) = ((x - self.middle.0) / self.reach.0, (y - self.middle.1) / self.reach.1);
        let edge = 1.0 - smoothstep(self.edge.0, self.edge.1, (dx * dx + dy * dy).sqrt() / std::f32::consts::SQRT_2);
        let open = |&[bx, by, radius]: &[f32; 3]| {
            let distance = ((x - bx) * (x - bx) + (y - by) * (y - by)).sqrt();
            smoothstep(0.7 * radius, 1.1 * radius, distance)
        };
        let bubbles: f32 = self.bubbles.iter().map(open).product();
        self.contrast * (self.filled + (1.0 - self.filled) * ink) * edge * bubbles
    }
}

/// Returns the middle of what touches and half its extent, as twice the standard deviations.
fn contact(pressed: &Array2<f32>) -> ((f32, f32), (f32, f32)) {
    let (mut mass, mut x, mut y, mut xx, mut yy) = (1e-6f64, 0.0f64, 0.0f64, 0.0f64, 0.0f64);
    for ((row, column), &ink) in pressed.indexed_iter() {
        let (ink, column, row) = (f64::from(ink), column as f64, row as f64);
        mass += ink;
        x += ink * column;
        y += ink * row;
        xx += ink * column * column;
        yy += ink * row * row;
    }
    let (x, y) = (x / mass, y / mass);
    let extent = |square: f64, mean: f64| (2.0 * (square / mass - mean * mean).max(1.0).sqrt()) as f32;
    ((x as f32, y as f32), (extent(xx, x), extent(yy, y)))
}

/// Blurs by a Gaussian of the given standard deviation in pixels.
fn smooth(ink: &mut Array2<f32>, sd: f32) {
    let reach = libm::ceilf(3.0 * sd) as usize;
    let kernel: Vec<f32> = (0..=reach).map(|i| libm::expf(-0.5 * (i as f32 / sd) * (i as f32 / sd))).collect();
    let total = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
    for axis in [ndarray::Axis(0), ndarray::Axis(1)] {
        for mut lane in ink.lanes_mut(axis) {
            let line: Vec<f32> = lane.to_vec();
            let last = line.len() - 1;
            for (i, out) in lane.iter_mut().enumerate() {
                let sides = kernel.iter().enumerate().skip(1);
                let sum = sides.map(|(k, w)| w * (line[i.saturating_sub(k)] + line[(i + k).min(last)])).sum::<f32>();
                *out = (kernel[0] * line[i] + sum) / total;
            }
        }
    }
}
