//! A ridge pattern with known minutiae, drawn from its phase.

use biopay_biometrics::Sample;
use ndarray::Array2;
use std::f32::consts::TAU;

/// A pattern of ridges: one period, one curvature, and minutiae where the phase winds once around a point.
///
/// Source: Larkin and Fletcher 2007 (a fingerprint's ridges as the cosine of a phase with spirals at the minutiae).
#[derive(Clone)]
pub struct Ridges {
    pub period: f32,
    /// Centre of the arcs that the ridges follow.
    pub centre: (f32, f32),
    /// Position of each minutia and the sense in which the phase winds around it.
    pub minutiae: Vec<(f32, f32, f32)>,
}

/// How the pattern lies under the sensor.
#[derive(Clone, Copy)]
pub struct Pose {
    pub rotation: f32,
    pub shift: (f32, f32),
    /// Pixels that the skin is bent by at most.
    pub bend: f32,
    /// Seed of the sensor's noise.
    pub noise: u32,
}

impl Pose {
    pub const STRAIGHT: Self = Self { rotation: 0.0, shift: (0.0, 0.0), bend: 0.0, noise: 1 };
}

impl Ridges {
    /// Scatters minutiae over 400 x 400 pixels, none closer to another than 24.
    pub fn random(seed: u32, count: usize) -> Self {
        let mut random = Random(seed.wrapping_mul(2_654_435_761) | 1);
        let centre = (150.0 + 100.0 * random.next(), 420.0 + 120.0 * random.next());
        let mut minutiae: Vec<(f32, f32, f32)> = Vec::new();
        while minutiae.len() < count {
            let (x, y) = (40.0 + 320.0 * random.next(), 40.0 + 320.0 * random.next());
            let sense = if random.next() < 0.5 { 1.0 } else { -1.0 };
            if minutiae.iter().all(|m| (m.0 - x).hypot(m.1 - y) > 24.0) {
                minutiae.push((x, y, sense));
            }
        }
        Self { period: 8.5 + random.next(), centre, minutiae }
    }

    /// Draws the pattern inside an ellipse on white, with noise of 8 grey levels.
    pub fn draw(&self, rows: usize, columns: usize, pose: Pose) -> Sample {
        let mut random = Random(pose.noise | 1);
        let (half_x, half_y) = (columns as f32 / 2.0, rows as f32 / 2.0);
        let pixels = Array2::from_shape_fn((rows, columns), |(row, column)| {
            let noise = 8.0 * (random.next() + random.next() + random.next() - 1.5) * 2.0;
            let (dx, dy) = (column as f32 - half_x, row as f32 - half_y);
            let edge = (dx / half_x).hypot(dy / half_y);
            let (x, y) = self.place(dx, dy, pose);
            let ridge = 140.0 + 90.0 * self.phase(x, y).cos();
            // Contact fades over the outer tenth: a hard edge would be a line of its own.
            let contact = ((0.98 - edge) / 0.1).clamp(0.0, 1.0);
            let grey = 250.0 + contact * (ridge - 250.0);
            (grey + noise).clamp(0.0, 255.0) as u8
        });
        Sample::fingerprint(pixels, 500)
    }

    /// Returns where a pixel, relative to the image's middle, lies on the finger.
    pub fn place(&self, dx: f32, dy: f32, pose: Pose) -> (f32, f32) {
        let (sin, cos) = pose.rotation.sin_cos();
        let bend = |t: f32| pose.bend * (t / 90.0).sin();
        let (dx, dy) = (dx + bend(dy), dy + bend(dx));
        (200.0 + pose.shift.0 + dx * cos - dy * sin, 200.0 + pose.shift.1 + dx * sin + dy * cos)
    }

    fn phase(&self, x: f32, y: f32) -> f32 {
        let radius = (x - self.centre.0).hypot(y - self.centre.1);
        let winding: f32 = self.minutiae.iter().map(|m| m.2 * (y - m.1).atan2(x - m.0)).sum();
        TAU * radius / self.period + winding
    }
}

/// Marsaglia's xorshift: no crate's generator is needed for a test pattern.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}
