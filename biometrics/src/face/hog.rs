//! Histograms of oriented gradients.
//!
//! Source: Dalal and Triggs 2005; cells normalised by their four neighbourhoods and summed, as in Felzenszwalb et al.
//! 2010, section 6, with unsigned orientations alone.

use ndarray::{Array2, Array3};
use std::f32::consts::PI;

/// Orientations of a histogram.
pub(super) const BINS: usize = 9;
/// What a normalised value is cut at, and what keeps flat cells from being blown up.
const CLIP: f32 = 0.25;
const FLOOR: f32 = 1e-3;

/// Computes normalised cell histograms. Shape: `[cell rows, cell columns, BINS]`; what does not fill a cell is left
/// out. The image's contrast is first brought to a deviation of one.
pub(super) fn cells(image: &Array2<f32>, cell: usize) -> Array3<f32> {
    let mut out = histograms(image, cell);
    let (rows, columns, _) = out.dim();
    let values = out.as_slice_mut().expect("a new array is in standard order");
    let energy: Vec<f32> = values.chunks_exact(BINS).map(|h| h.iter().map(|x| x * x).sum()).collect();
    let floor = FLOOR * energy.iter().sum::<f32>() / energy.len().max(1) as f32 + 1e-9;
    let scales = neighbourhood_scales(&energy, (rows, columns), floor);
    for (index, histogram) in values.chunks_exact_mut(BINS).enumerate() {
        let at = index / columns * (columns + 1) + index % columns;
        let around = [scales[at], scales[at + 1], scales[at + columns + 1], scales[at + columns + 2]];
        for value in histogram {
            *value = around.iter().map(|scale| (*value * scale).min(CLIP)).sum();
        }
    }
    out
}

/// Returns what brings each block of two by two cells to unit energy. Shape: one row and column more than cells; blocks at
/// the border count its cells twice.
fn neighbourhood_scales(energy: &[f32], (rows, columns): (usize, usize), floor: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity((rows + 1) * (columns + 1));
    for row in 0..=rows {
        let lines = [row.saturating_sub(1), row.min(rows - 1)].map(|r| &energy[r * columns..(r + 1) * columns]);
        for column in 0..=columns {
            let (left, right) = (column.saturating_sub(1), column.min(columns - 1));
            let sum: f32 = lines.iter().map(|line| line[left] + line[right]).sum();
            out.push(1.0 / (sum + 4.0 * floor).sqrt());
        }
    }
    out
}

/// Sums gradients into cells, shared between neighbouring cells and orientations.
fn histograms(image: &Array2<f32>, cell: usize) -> Array3<f32> {
    let (height, width) = image.dim();
    let (rows, columns) = (height / cell, width / cell);
    let mut out = Array3::<f32>::zeros((rows, columns, BINS));
    let sums = out.as_slice_mut().expect("a new array is in standard order");
    let pixels = image.as_slice().expect("crops are in standard order");
    let shares: Vec<(usize, f32)> = (0..width.max(height)).map(|i| share(i, cell)).collect();
    let inner = (columns * cell).min(width - 1);
    let mut gradients = vec![(0.0f32, 0.0f32); width];
    // Cells of one line of pixels, one more at each end for what falls outside, and one orientation more that is the
    // first again.
    let mut line = vec![[0.0f32; BINS + 1]; columns + 2];
    for y in 1..(rows * cell).min(height - 1) {
        let around = &pixels[(y - 1) * width..(y + 2) * width];
        line_gradients(around, width, &mut gradients[1..inner]);
        line.iter_mut().for_each(|histogram| histogram.fill(0.0));
        for (&(strength, place), &(column, fx)) in gradients[1..inner].iter().zip(&shares[1..inner]) {
            let bin = (place as i32 as usize).min(BINS - 1);
            let second = strength * (place - bin as f32);
            let first = strength - second;
            let [left, right] = &mut line[column..column + 2] else { continue };
            left[bin] += first * (1.0 - fx);
            left[bin + 1] += second * (1.0 - fx);
            right[bin] += first * fx;
            right[bin + 1] += second * fx;
        }
        let (row, fy) = shares[y];
        for (row, weight) in [(row, 1.0 - fy), (row + 1, fy)] {
            if row == 0 || row > rows {
                continue;
            }
            let cells = &mut sums[(row - 1) * columns * BINS..row * columns * BINS];
            for (sum, histogram) in cells.chunks_exact_mut(BINS).zip(&line[1..]) {
                sum.iter_mut().zip(histogram).for_each(|(s, h)| *s += weight * h);
                sum[0] += weight * histogram[BINS];
            }
        }
    }
    out
}

/// Computes strength and orientation, the latter in bins, along the middle of three lines of pixels, from the second
/// pixel on.
fn line_gradients(lines: &[f32], width: usize, out: &mut [(f32, f32)]) {
    let (above, middle, below) = (&lines[..width], &lines[width..2 * width], &lines[2 * width..3 * width]);
    let sides = middle.iter().zip(&middle[2..]);
    for (gradient, ((left, right), (top, bottom))) in out.iter_mut().zip(sides.zip(above[1..].iter().zip(&below[1..])))
    {
        let (dx, dy) = (right - left, bottom - top);
        *gradient = ((dx * dx + dy * dy).sqrt(), half_turn(dx, dy) * (BINS as f32 / PI));
    }
}

/// Returns the first of the two cells that a pixel shares its gradient between, counted from 1, and the second's share.
fn share(i: usize, cell: usize) -> (usize, f32) {
    let place = (i as f32 + 0.5) / cell as f32 + 0.5;
    (place as usize, place - place.floor())
}

/// Is the angle of a direction without its sign, in [0, π], to 2e-4 radians, by a polynomial: fast, and the same on every
/// machine. Source: Abramowitz and Stegun 4.4.47 has the form; coefficients are a minimax fit on [0, 1].
#[inline]
fn half_turn(x: f32, y: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let t = ax.min(ay) / ax.max(ay).max(1e-20);
    let s = t * t;
    let first = ((-0.046_496_47 * s + 0.159_314_22) * s - 0.327_622_76) * s * t + t;
    let quarter = if ay > ax { PI / 2.0 - first } else { first };
    if (x < 0.0) != (y < 0.0) { PI - quarter } else { quarter }
}

/// Returns the orientation that a mirror image shows in place of `bin`, when bins stand for their own centres.
///
/// Bin b holds angles around b π / BINS, which mirroring turns into π less.
pub(super) fn mirrored_bin(bin: usize) -> usize {
    (BINS - bin) % BINS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientations_are_right_in_every_quadrant() {
        for i in 0..360 {
            let angle = (i as f32 - 179.5).to_radians();
            let found = half_turn(3.0 * angle.cos(), 3.0 * angle.sin());
            assert!((found - angle.rem_euclid(PI)).abs() < 5e-4, "{found} for {angle}");
        }
    }

    #[test]
    fn stripes_fill_the_bin_across_them_and_mirror_into_its_mirror() {
        let striped = |tilt: f32| Array2::from_shape_fn((32, 32), |(y, x)| ((x as f32 + tilt * y as f32) * 0.8).sin());
        let strongest = |tilt| {
            let cells = cells(&striped(tilt), 8);
            (0..BINS).max_by(|&a, &b| cells[[1, 1, a]].total_cmp(&cells[[1, 1, b]])).unwrap()
        };
        assert_eq!(strongest(0.0), 0);
        assert_eq!(strongest(-0.84), mirrored_bin(strongest(0.84)));
        assert_ne!(strongest(-0.84), strongest(0.84));
    }
}
