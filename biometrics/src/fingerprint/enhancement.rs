//! Contextual filtering: each tile is filtered by the Gabor kernel of its own orientation and period.

use super::orientation::OrientationMap;
use super::parameters::{
    CELL_PIXELS, GABOR_ACROSS_PERIODS, GABOR_ALONG, GABOR_ORIENTATIONS, GABOR_PERIODS, GABOR_RADIUS, PERIOD_MAX,
    PERIOD_MIN, TILE_COLUMNS, TILE_ROWS,
};
use ndarray::Array2;
use std::f32::consts::PI;

const SIDE: usize = 2 * GABOR_RADIUS + 1;
const TAPS: usize = SIDE * SIDE;

/// The even Gabor kernels for every orientation and period.
///
/// Source: Hong, Wan and Jain 1998, section 2.7. Each kernel sums to zero, so that a flat area gives nothing, and its
/// response to a plane wave of its own period and unit amplitude is one.
pub(super) struct GaborBank {
    taps: Vec<f32>,
}

impl GaborBank {
    /// Computes the whole bank.
    pub(super) fn new() -> Self {
        let mut taps = Vec::with_capacity(GABOR_ORIENTATIONS * GABOR_PERIODS * TAPS);
        for orientation in 0..GABOR_ORIENTATIONS {
            for period in 0..GABOR_PERIODS {
                taps.extend(kernel(PI * orientation as f32 / GABOR_ORIENTATIONS as f32, bank_period(period)));
            }
        }
        Self { taps }
    }

    fn nearest(&self, orientation: f32, period: f32) -> &[f32; TAPS] {
        let turn = (orientation / PI * GABOR_ORIENTATIONS as f32).round() as usize % GABOR_ORIENTATIONS;
        let step = (period / PERIOD_MIN).ln() / (PERIOD_MAX / PERIOD_MIN).ln() * (GABOR_PERIODS - 1) as f32;
        let start = (turn * GABOR_PERIODS + (step.round() as usize).min(GABOR_PERIODS - 1)) * TAPS;
        self.taps[start..start + TAPS].try_into().expect("the slice has TAPS entries")
    }
}

/// Filters the foreground, ridges stay negative; zero elsewhere.
pub(super) fn enhance(
    normalised: &Array2<f32>,
    orientation: &OrientationMap,
    period: &Array2<f32>,
    mask: &Array2<bool>,
    bank: &GaborBank,
) -> Array2<f32> {
    let (rows, columns) = normalised.dim();
    let (padded, stride) = pad(normalised);
    let filter_tile = tile_filter();
    let mut out = Array2::zeros((rows, columns));
    for y in (0..rows).step_by(TILE_ROWS) {
        for x in (0..columns).step_by(TILE_COLUMNS) {
            let cell = [y / CELL_PIXELS, x / CELL_PIXELS];
            if !mask[cell] {
                continue;
            }
            let (half_x, half_y) = ((TILE_COLUMNS as f32 - 1.0) / 2.0, (TILE_ROWS as f32 - 1.0) / 2.0);
            let turn = orientation.at(x as f32 + half_x, y as f32 + half_y);
            let tile = filter_tile(&padded[y * stride + x..], stride, bank.nearest(turn, period[cell]));
            for (dy, row) in tile.iter().enumerate().take(rows - y) {
                for (dx, &value) in row.iter().enumerate().take(columns - x) {
                    out[[y + dy, x + dx]] = value;
                }
            }
        }
    }
    out
}

type Tile = [[f32; TILE_COLUMNS]; TILE_ROWS];

/// Picks the widest version of the inner loop that this processor has; all of them compute the same bits, because
/// each output adds its products in the same order and nothing is fused.
fn tile_filter() -> fn(&[f32], usize, &[f32; TAPS]) -> Tile {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that the function asks for.
        #[allow(unsafe_code)] // a safe function with a target feature can only be called so
        return |window, stride, kernel| unsafe { filter_tile_avx2(window, stride, kernel) };
    }
    filter_tile
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn filter_tile_avx2(window: &[f32], stride: usize, kernel: &[f32; TAPS]) -> Tile {
    filter_tile(window, stride, kernel)
}

/// Correlates one tile with a kernel. `window` starts at the tile's top left, the padding's radius above and left.
#[inline(always)]
fn filter_tile(window: &[f32], stride: usize, kernel: &[f32; TAPS]) -> Tile {
    let mut sum = [[0.0f32; TILE_COLUMNS]; TILE_ROWS];
    for (ky, taps) in kernel.chunks_exact(SIDE).enumerate() {
        let rows: [&[f32; SIDE + TILE_COLUMNS - 1]; TILE_ROWS] = std::array::from_fn(|dy| {
            let start = (ky + dy) * stride;
            window[start..start + SIDE + TILE_COLUMNS - 1].try_into().expect("the slice has that length")
        });
        let margin = CORNER[ky];
        for kx in margin..SIDE - margin {
            for (sum_row, row) in sum.iter_mut().zip(rows) {
                for (value, grey) in sum_row.iter_mut().zip(&row[kx..kx + TILE_COLUMNS]) {
                    *value += taps[kx] * grey;
                }
            }
        }
    }
    sum
}

/// Taps at either end of each kernel row that lie outside the round support and are zero.
const CORNER: [usize; SIDE] = {
    let mut out = [0; SIDE];
    let mut row = 0;
    while row < SIDE {
        let dy = row.abs_diff(GABOR_RADIUS);
        while is_corner(GABOR_RADIUS - out[row], dy) {
            out[row] += 1;
        }
        row += 1;
    }
    out
};

const fn is_corner(dx: usize, dy: usize) -> bool {
    dx * dx + dy * dy > GABOR_RADIUS * GABOR_RADIUS + GABOR_RADIUS
}

/// Puts a border of zeros around the image: the kernel's radius, and a tile more on the right and at the bottom.
fn pad(image: &Array2<f32>) -> (Vec<f32>, usize) {
    let (rows, columns) = image.dim();
    let stride = columns + 2 * GABOR_RADIUS + TILE_COLUMNS;
    let mut padded = vec![0.0; stride * (rows + 2 * GABOR_RADIUS + TILE_ROWS)];
    for (y, row) in image.rows().into_iter().enumerate() {
        let start = (y + GABOR_RADIUS) * stride + GABOR_RADIUS;
        for (target, &source) in padded[start..start + columns].iter_mut().zip(row) {
            *target = source;
        }
    }
    (padded, stride)
}

fn bank_period(step: usize) -> f32 {
    PERIOD_MIN * (PERIOD_MAX / PERIOD_MIN).powf(step as f32 / (GABOR_PERIODS - 1) as f32)
}

fn kernel(ridge: f32, period: f32) -> [f32; TAPS] {
    let (sin, cos) = ridge.sin_cos();
    let sigma_across = GABOR_ACROSS_PERIODS * period;
    let offset = |i: usize| ((i % SIDE) as f32 - GABOR_RADIUS as f32, (i / SIDE) as f32 - GABOR_RADIUS as f32);
    let envelope: [f32; TAPS] = std::array::from_fn(|i| {
        let (dx, dy) = offset(i);
        let (along, across) = (dx * cos + dy * sin, dy * cos - dx * sin);
        let inside = !is_corner(dx.abs() as usize, dy.abs() as usize);
        if inside { (-0.5 * ((along / GABOR_ALONG).powi(2) + (across / sigma_across).powi(2))).exp() } else { 0.0 }
    });
    let wave: [f32; TAPS] = std::array::from_fn(|i| {
        let (dx, dy) = offset(i);
        (2.0 * PI * (dy * cos - dx * sin) / period).cos()
    });
    let weight: f32 = envelope.iter().sum();
    let mean = envelope.iter().zip(&wave).map(|(e, w)| e * w).sum::<f32>() / weight;
    let gain: f32 = envelope.iter().zip(&wave).map(|(e, w)| e * (w - mean) * w).sum();
    std::array::from_fn(|i| envelope[i] * (wave[i] - mean) / gain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_passes_its_own_wave_and_stops_a_flat_area() {
        let bank = GaborBank::new();
        let (turn, period) = (PI * 5.0 / 32.0, bank_period(6));
        let kernel = bank.nearest(turn, period);
        assert!(kernel.iter().sum::<f32>().abs() < 1e-4);
        let wave = |phase: f32| -> f32 {
            let at = |i: usize| {
                let (dx, dy) = ((i % SIDE) as f32 - 8.0, (i / SIDE) as f32 - 8.0);
                (2.0 * PI * (dy * turn.cos() - dx * turn.sin()) / period + phase).cos()
            };
            kernel.iter().enumerate().map(|(i, k)| k * at(i)).sum()
        };
        assert!((wave(0.0) - 1.0).abs() < 1e-3);
        assert!(wave(PI / 2.0).abs() < 1e-3);
    }
}
