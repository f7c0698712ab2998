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
    let raw = histograms(image, cell);
    let (rows, columns, _) = raw.dim();
    let energy = Array2::from_shape_fn((rows, columns), |(r, c)| {
        (0..BINS).map(|b| raw[[r, c, b]] * raw[[r, c, b]]).sum::<f32>()
    });
    let total: f32 = energy.sum() / (rows * columns).max(1) as f32;
    let floor = FLOOR * total + 1e-9;
    let block = |r: isize, c: isize| {
        let at = |r: isize, c: isize| {
            energy[[r.clamp(0, rows as isize - 1) as usize, c.clamp(0, columns as isize - 1) as usize]]
        };
        (at(r, c) + at(r + 1, c) + at(r, c + 1) + at(r + 1, c + 1) + 4.0 * floor).sqrt()
    };
    let mut out = Array3::zeros((rows, columns, BINS));
    for r in 0..rows {
        for c in 0..columns {
            let (ri, ci) = (r as isize, c as isize);
            let norms = [block(ri - 1, ci - 1), block(ri - 1, ci), block(ri, ci - 1), block(ri, ci)];
            for b in 0..BINS {
                out[[r, c, b]] = norms.iter().map(|n| (raw[[r, c, b]] / n).min(CLIP)).sum::<f32>();
            }
        }
    }
    out
}

/// Sums gradients into cells, shared between neighbouring cells and orientations.
fn histograms(image: &Array2<f32>, cell: usize) -> Array3<f32> {
    let (height, width) = image.dim();
    let (rows, columns) = (height / cell, width / cell);
    let mut out = Array3::<f32>::zeros((rows, columns, BINS));
    let pixels = image.as_slice().expect("crops are in standard order");
    let shares: Vec<(isize, f32)> = (0..width.max(height)).map(|i| share(i, cell)).collect();
    for y in 1..(rows * cell).min(height - 1) {
        let (row, fy) = shares[y];
        for (x, &(column, fx)) in shares.iter().enumerate().take((columns * cell).min(width - 1)).skip(1) {
            let at = y * width + x;
            let (dx, dy) = (pixels[at + 1] - pixels[at - 1], pixels[at + width] - pixels[at - width]);
            let strength = (dx * dx + dy * dy).sqrt();
            if strength < 1e-6 {
                continue;
            }
            let (bin, fraction) = orientation(dx, dy);
            for (r, wy) in [(row, 1.0 - fy), (row + 1, fy)] {
                for (c, wx) in [(column, 1.0 - fx), (column + 1, fx)] {
                    if r < 0 || c < 0 || r >= rows as isize || c >= columns as isize {
                        continue;
                    }
                    let weight = strength * wy * wx;
                    out[[r as usize, c as usize, bin]] += weight * (1.0 - fraction);
                    out[[r as usize, c as usize, (bin + 1) % BINS]] += weight * fraction;
                }
            }
        }
    }
    out
}

/// Returns the first of the two cells that a pixel shares its gradient between, and the second's share.
fn share(i: usize, cell: usize) -> (isize, f32) {
    let place = (i as f32 + 0.5) / cell as f32 - 0.5;
    (place.floor() as isize, place - place.floor())
}

/// Returns the first of the two orientations around a gradient, and the second's share.
fn orientation(dx: f32, dy: f32) -> (usize, f32) {
    let angle = arctangent(dy, dx).rem_euclid(PI);
    let place = angle * (BINS as f32 / PI);
    let bin = (place as usize).min(BINS - 1);
    (bin, place - bin as f32)
}

/// Is `atan2` to 2e-4 radians, by a polynomial: fast, and the same on every machine.
/// Source: Abramowitz and Stegun 4.4.47 has the form; coefficients are a minimax fit on [0, 1].
fn arctangent(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let t = ax.min(ay) / ax.max(ay).max(1e-20);
    let s = t * t;
    let mut angle = ((-0.046_496_47 * s + 0.159_314_22) * s - 0.327_622_76) * s * t + t;
    if ay > ax {
        angle = PI / 2.0 - angle;
    }
    if x < 0.0 {
        angle = PI - angle;
    }
    if y < 0.0 { -angle } else { angle }
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
    fn the_arctangent_is_right_in_every_quadrant() {
        for i in 0..360 {
            let angle = (i as f32 - 179.5).to_radians();
            assert!((arctangent(3.0 * angle.sin(), 3.0 * angle.cos()) - angle).abs() < 5e-4, "{angle}");
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
