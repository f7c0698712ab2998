//! What tells paper, screens and casts from skin in one grey image.

use ndarray::{Array2, ArrayView2};
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// Rings of the spectrum, evenly from 0 to the highest frequency.
const RINGS: usize = 12;
/// Bins of the rotation-invariant uniform local binary pattern of 8 neighbours: 0 to 8 ones, and the rest.
const PATTERNS: usize = 10;
/// Pixels along a side of the blocks whose local contrast is taken.
const BLOCK: usize = 8;
/// Smallest and largest side of the square that the spectrum is taken of.
const SIDE_MAX: usize = 256;
const SIDE_MIN: usize = 32;

/// Returns a sample's features; always as many, finite, whatever the image is.
///
/// Shape: per ring the logarithm of the mean power and of the highest over it (moiré and halftones stand out as peaks:
/// Patel, Han, Jain and Ott 2015); the shares of the local binary patterns (Määttä, Hadid and Pietikäinen 2011, "Face
/// spoofing detection from single images using micro-texture analysis"); mean, deviation and quantiles of local contrast, and
/// quantiles of the grey levels (quality: Galbally, Marcel and Fierrez 2014, "Image quality assessment for fake biometric
/// detection").
pub(super) fn features(pixels: &Array2<u8>) -> Vec<f32> {
    let mut out = Vec::with_capacity(2 * RINGS + PATTERNS + 12);
    spectrum(pixels, &mut out);
    patterns(pixels, &mut out);
    contrast(pixels, &mut out);
    out
}

/// Appends each ring's mean and peak of the windowed middle's power.
fn spectrum(pixels: &Array2<u8>, out: &mut Vec<f32>) {
    let side = pixels.nrows().min(pixels.ncols()).clamp(SIDE_MIN, SIDE_MAX);
    // Is the largest power of two that fits.
    let side = (side + 1).next_power_of_two() / 2;
    let power = power(pixels, side);
    let (mut sum, mut peak, mut count) = ([0.0f64; RINGS], [0.0f64; RINGS], [0u32; RINGS]);
    let half = side as f32 / 2.0;
    for ((row, column), &p) in power.indexed_iter() {
        let away = |i: usize| (i.min(side - i)) as f32 / half;
        let radius = (away(row).powi(2) + away(column).powi(2)).sqrt();
        let ring = (radius * RINGS as f32) as usize;
        if ring < RINGS && (row, column) != (0, 0) {
            sum[ring] += f64::from(p);
            peak[ring] = peak[ring].max(f64::from(p));
            count[ring] += 1;
        }
    }
    for ring in 0..RINGS {
        let mean = sum[ring] / f64::from(count[ring].max(1)) + 1e-9;
        out.push(libm::log10(mean) as f32);
        out.push(libm::log10(peak[ring] / mean + 1.0) as f32);
    }
}

/// Returns the power spectrum of a square in the image's middle under a Hann window, its mean taken off; what lies beyond the
/// image counts as the mean.
fn power(pixels: &Array2<u8>, side: usize) -> Array2<f32> {
    let (rows, columns) = pixels.dim();
    let top = rows.saturating_sub(side) / 2;
    let left = columns.saturating_sub(side) / 2;
    let mean = pixels.iter().map(|&p| f32::from(p)).sum::<f32>() / pixels.len().max(1) as f32;
    let window = |i: usize| 0.5 - 0.5 * libm::cosf(std::f32::consts::TAU * (i as f32 + 0.5) / side as f32);
    let mut grid = Array2::from_shape_fn((side, side), |(r, c)| {
        let value = pixels.get([top + r, left + c]).map_or(0.0, |&p| f32::from(p) - mean);
        Complex::new(value * window(r) * window(c), 0.0)
    });
    let plan = FftPlanner::new().plan_fft_forward(side);
    for mut row in grid.rows_mut() {
        plan.process(row.as_slice_mut().expect("rows of a fresh array are contiguous"));
    }
    let mut turned = grid.t().as_standard_layout().to_owned();
    for mut row in turned.rows_mut() {
        plan.process(row.as_slice_mut().expect("rows of a fresh array are contiguous"));
    }
    turned.mapv(|z| z.norm_sqr() / (side * side) as f32)
}

/// Appends the shares of the rotation-invariant uniform patterns (Ojala, Pietikäinen and Mäenpää 2002, riu2).
fn patterns(pixels: &Array2<u8>, out: &mut Vec<f32>) {
    const AROUND: [(usize, usize); 8] = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)];
    let mut counts = [0u32; PATTERNS];
    for window in pixels.windows((3, 3)) {
        let middle = window[[1, 1]];
        let bits: u8 = AROUND.iter().enumerate().map(|(i, &(r, c))| u8::from(window[[r, c]] >= middle) << i).sum();
        let changes = (bits ^ bits.rotate_left(1)).count_ones();
        counts[if changes <= 2 { bits.count_ones() as usize } else { PATTERNS - 1 }] += 1;
    }
    let total = counts.iter().sum::<u32>().max(1) as f32;
    out.extend(counts.map(|count| count as f32 / total));
}

/// Appends local contrast and grey levels.
fn contrast(pixels: &Array2<u8>, out: &mut Vec<f32>) {
    let deviation = |block: ArrayView2<u8>| {
        let mean = block.iter().map(|&p| f32::from(p)).sum::<f32>() / block.len() as f32;
        (block.iter().map(|&p| (f32::from(p) - mean).powi(2)).sum::<f32>() / block.len() as f32).sqrt()
    };
    let mut contrasts: Vec<f32> = pixels.exact_chunks((BLOCK, BLOCK)).into_iter().map(deviation).collect();
    let mean = contrasts.iter().sum::<f32>() / contrasts.len().max(1) as f32;
    let spread = contrasts.iter().map(|c| (c - mean).powi(2)).sum::<f32>() / contrasts.len().max(1) as f32;
    out.extend([mean / 10.0, spread.sqrt() / 10.0]);
    contrasts.sort_unstable_by(f32::total_cmp);
    let quantile =
        |values: &[f32], share: f32| values.get((share * values.len() as f32) as usize).copied().unwrap_or_default();
    out.extend([0.1, 0.5, 0.9].map(|share| quantile(&contrasts, share) / 10.0));
    let mut greys: Vec<f32> = pixels.iter().map(|&p| f32::from(p)).collect();
    greys.sort_unstable_by(f32::total_cmp);
    out.extend([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98].map(|share| quantile(&greys, share) / 100.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_stands_out_in_its_ring() {
        // Is noise: a scrambled number of each pixel.
        let scrambled =
            |n: usize| (n as u32).wrapping_mul(2_654_435_761).rotate_left(15).wrapping_mul(2_246_822_519) >> 24;
        let flat = Array2::from_shape_fn((128, 128), |(r, c)| (100 + scrambled(r * 128 + c) % 11) as u8);
        let grid = Array2::from_shape_fn((128, 128), |(r, c)| flat[[r, c]] + if c % 4 == 0 { 20 } else { 0 });
        let [flat, grid] = [flat, grid].map(|image| features(&image));
        // A period of 4 pixels is half of the highest frequency: ring 6 of 12.
        assert!(grid[13] > flat[13] + 0.3, "{} and {}", grid[13], flat[13]);
    }

    #[test]
    fn any_image_gives_as_many_finite_features() {
        for shape in [(1, 1), (3, 200), (40, 40), (374, 388)] {
            for level in [0u8, 255] {
                let found = features(&Array2::from_elem(shape, level));
                assert_eq!(found.len(), 2 * RINGS + PATTERNS + 12);
                assert!(found.iter().all(|x| x.is_finite()), "{shape:?}");
            }
        }
    }
}
