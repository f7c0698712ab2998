//! Common textures: the small-scale roughness of skin and of what lies between skin and sensor.

use crate::stream::stream;
use rand::Rng;
use std::sync::OnceLock;

/// A texture of [`GRAIN_SIDE`] by [`GRAIN_SIDE`] pixels that repeats; unit variance.
pub(crate) struct Grain {
    values: Vec<f32>,
}

/// Pixels to a side of the texture, a power of two.
const GRAIN_SIDE: usize = 512;
/// Pixels of a whole number of repeats, more than any position is negative.
const REPEATS_AHEAD: f32 = 8.0 * GRAIN_SIDE as f32;

impl Grain {
    /// Returns the fine texture: specks of about 3 pixels.
    pub(crate) fn fine() -> &'static Self {
        static FINE: OnceLock<Grain> = OnceLock::new();
        FINE.get_or_init(|| Self::make(0, 2))
    }

    /// Returns the coarse texture: blotches of about 7 pixels.
    pub(crate) fn coarse() -> &'static Self {
        static COARSE: OnceLock<Grain> = OnceLock::new();
        COARSE.get_or_init(|| Self::make(1, 9))
    }

    /// Returns the value at a position, interpolated.
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let (x0, x1, tx) = neighbours(x);
        let (y0, y1, ty) = neighbours(y);
        let (upper, lower) =
            (&self.values[y0 * GRAIN_SIDE..][..GRAIN_SIDE], &self.values[y1 * GRAIN_SIDE..][..GRAIN_SIDE]);
        let top = upper[x0] + (upper[x1] - upper[x0]) * tx;
        let bottom = lower[x0] + (lower[x1] - lower[x0]) * tx;
        top + (bottom - top) * ty
    }

    fn make(which: u64, smoothings: usize) -> Self {
        let mut rng = stream(0, "fingerprint/grain", which);
        let mut bytes = vec![0u8; 4 * GRAIN_SIDE * GRAIN_SIDE];
        rng.fill_bytes(&mut bytes);
        let mut values: Vec<f32> = bytes.chunks_exact(4).map(bell).collect();
        for _ in 0..smoothings {
            values = smoothed(&values);
        }
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        values.iter_mut().for_each(|v| *v /= variance.sqrt());
        Self { values }
    }
}

/// Returns the two columns (or rows) round a position, and how far it lies between them.
///
/// Truncation is the floor here, because the shift by whole repeats makes every position on a finger positive.
fn neighbours(position: f32) -> (usize, usize, f32) {
    let shifted = position + REPEATS_AHEAD;
    let floor = shifted as usize;
    (floor & (GRAIN_SIDE - 1), (floor + 1) & (GRAIN_SIDE - 1), shifted - floor as f32)
}

/// Turns four random bytes into a nearly normal number of mean 0 and variance 1 (their sum's variance is 21845).
pub(crate) fn bell(bytes: &[u8]) -> f32 {
    let sum: i32 = bytes[..4].iter().map(|&b| i32::from(b)).sum();
    (sum - 510) as f32 / 147.8
}

/// Averages each value with its neighbours, binomially, across both edges.
fn smoothed(values: &[f32]) -> Vec<f32> {
    let mask = GRAIN_SIDE - 1;
    let across = |i: usize| {
        let line = i & !mask;
        values[line | ((i + mask) & mask)] * 0.25 + values[i] * 0.5 + values[line | ((i + 1) & mask)] * 0.25
    };
    let lines: Vec<f32> = (0..values.len()).map(across).collect();
    let all = values.len() - 1;
    let down = |i: usize| {
        lines[(i + values.len() - GRAIN_SIDE) & all] * 0.25 + lines[i] * 0.5 + lines[(i + GRAIN_SIDE) & all] * 0.25
    };
    (0..values.len()).map(down).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grain_repeats_and_has_unit_variance() {
        let grain = Grain::fine();
        assert_eq!(grain.at(3.25, 7.5), grain.at(3.25 + 512.0, 7.5 - 512.0));
        let variance = grain.values.iter().map(|v| v * v).sum::<f32>() / grain.values.len() as f32;
        assert!((variance - 1.0).abs() < 1e-2, "variance {variance}");
    }
}
