//! Smooth random fields.

use crate::math::gaussian;
use rand::Rng;

/// A smooth random field: normal values on a square lattice, interpolated by cubic B-splines.
///
/// Standard deviation is about 1, correlation length about one lattice step; it repeats beyond its edges.
#[derive(Clone, Debug)]
pub(crate) struct SmoothNoise {
    values: Vec<f32>,
    columns: usize,
    rows: usize,
    per_step: f32,
}

/// Undoes the smoothing's loss: the squared weights integrate to 151/315 in one dimension (the cubic B-spline's
/// autocorrelation at 0), so white noise of unit variance keeps a standard deviation of 151/315 in two.
const SPLINE_GAIN: f32 = 315.0 / 151.0;

impl SmoothNoise {
    /// Draws a field that covers `width` by `height` with lattice steps of `step`, all in the same unit.
    pub(crate) fn draw(rng: &mut impl Rng, width: f32, height: f32, step: f32) -> Self {
        let cells = |length: f32| (libm::ceilf(length / step) as usize).clamp(1, 4096) + 3;
        let (columns, rows) = (cells(width), cells(height));
        let values = (0..columns * rows).map(|_| gaussian(rng) * SPLINE_GAIN).collect();
        Self { values, columns, rows, per_step: 1.0 / step }
    }

    /// Returns the field's value at a position.
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let (column, wx) = spline(x * self.per_step);
        let (row, wy) = spline(y * self.per_step);
        let inside = |first: i32, length: usize| first >= 0 && first as usize + 4 <= length;
        if inside(column, self.columns) && inside(row, self.rows) {
            let mut sum = 0.0;
            for (j, weight_y) in wy.iter().enumerate() {
                let from = (row as usize + j) * self.columns + column as usize;
                let line = &self.values[from..from + 4];
                sum += weight_y * (wx[0] * line[0] + wx[1] * line[1] + wx[2] * line[2] + wx[3] * line[3]);
            }
            return sum;
        }
        let columns: [usize; 4] = std::array::from_fn(|i| wrap(column + i as i32, self.columns));
        let mut sum = 0.0;
        for (j, weight_y) in wy.iter().enumerate() {
            let base = wrap(row + j as i32, self.rows) * self.columns;
            for (i, weight_x) in wx.iter().enumerate() {
                sum += weight_x * weight_y * self.values[base + columns[i]];
            }
        }
        sum
    }
}

fn wrap(index: i32, length: usize) -> usize {
    // Most places need no division.
    if (0..length as i32).contains(&index) { index as usize } else { index.rem_euclid(length as i32) as usize }
}

/// Returns the first of four lattice points and the cubic B-spline weights of all four.
fn spline(position: f32) -> (i32, [f32; 4]) {
    // Is the floor; a conversion is faster than the function.
    let truncated = position as i32;
    let floor = truncated - i32::from(position < truncated as f32);
    let t = position - floor as f32;
    let s = 1.0 - t;
    let (t2, s2) = (t * t, s * s);
    let weights = [s2 * s, 4.0 - 3.0 * t2 * (2.0 - t), 4.0 - 3.0 * s2 * (2.0 - s), t2 * t].map(|w| w / 6.0);
    (floor, weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::stream;

    #[test]
    fn the_field_is_smooth_and_has_unit_variance() {
        let field = SmoothNoise::draw(&mut stream(1, "test", 0), 400.0, 400.0, 10.0);
        let values: Vec<f32> = (0..160_000).map(|i| field.at((i % 400) as f32, (i / 400) as f32)).collect();
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        // About 1,600 independent cells: the standard error is about 0.04, and this is five of them.
        assert!((variance - 1.0).abs() < 0.2, "variance {variance}");
        let step = values.windows(2).take(399).map(|w| (w[0] - w[1]).abs()).fold(0.0, f32::max);
        assert!(step < 0.5, "a step of {step} between neighbours");
    }
}
