//! The sensor: from touching skin to grey levels.

use super::Device;
use super::condition::Condition;
use super::device::Technology;
use super::grain::bell;
use crate::math::gaussian;
use crate::noise::SmoothNoise;
use ndarray::Array2;
use rand::Rng;

/// Develops a print into the device's image: blur, background, contrast, noise, 8 bits.
pub(crate) fn develop(mut ink: Array2<f32>, device: &Device, condition: &Condition, rng: &mut impl Rng) -> Array2<u8> {
    blur(&mut ink, device.blur);
    let background = Background::draw(device, rng);
    let noise = device.noise * (0.5 + 0.5 * condition.roughness);
    let mut bytes = vec![0u8; 4 * device.columns];
    let mut pixels = Array2::zeros((device.rows, device.columns));
    for (row, mut line) in pixels.outer_iter_mut().enumerate() {
        rng.fill_bytes(&mut bytes);
        let paper = background.row(row);
        for (column, (out, random)) in line.iter_mut().zip(bytes.chunks_exact(4)).enumerate() {
            let grey = paper[column] + (device.ridge - paper[column]) * ink[(row, column)] + noise * bell(random);
            *out = grey.clamp(0.0, 255.0) as u8;
        }
    }
    pixels
}

/// Blurs in place with a three-tap kernel of the given standard deviation, across and then down.
fn blur(ink: &mut Array2<f32>, sigma: f32) {
    let side = (sigma * sigma / 2.0).min(0.3);
    let middle = 1.0 - 2.0 * side;
    for axis in [ndarray::Axis(0), ndarray::Axis(1)] {
        for mut lane in ink.lanes_mut(axis) {
            let mut before = lane[0];
            for i in 0..lane.len() {
                let after = lane[(i + 1).min(lane.len() - 1)];
                let here = lane[i];
                lane[i] = side * before + middle * here + side * after;
                before = here;
            }
        }
    }
}

/// The grey level of the empty sensor.
struct Background {
    level: f32,
    columns: Vec<f32>,
    slow: SmoothNoise,
    unevenness: f32,
}

impl Background {
    fn draw(device: &Device, rng: &mut impl Rng) -> Self {
        let (unevenness, stripes) = match device.technology {
            Technology::Optical => (2.0, 0.4),
            Technology::Capacitive => (8.0, 5.0),
            Technology::Sweep => (5.0, 3.0),
        };
        Self {
            level: device.background,
            columns: (0..device.columns).map(|_| stripes * gaussian(rng)).collect(),
            slow: SmoothNoise::draw(rng, device.columns as f32, device.rows as f32, 120.0),
            unevenness,
        }
    }

    /// Returns one row's grey levels; the slow field is taken at nodes and drawn straight between them.
    fn row(&self, row: usize) -> Vec<f32> {
        let node = |i: usize| self.level + self.unevenness * self.slow.at((i * NODE_STEP) as f32, row as f32);
        let nodes: Vec<f32> = (0..=self.columns.len().div_ceil(NODE_STEP)).map(node).collect();
        let level = |(column, stripe): (usize, &f32)| {
            let (left, right) = (nodes[column / NODE_STEP], nodes[column / NODE_STEP + 1]);
            stripe + left + (right - left) * (column % NODE_STEP) as f32 / NODE_STEP as f32
        };
        self.columns.iter().enumerate().map(level).collect()
    }
}

/// Columns between nodes of the background's slow field.
const NODE_STEP: usize = 32;
