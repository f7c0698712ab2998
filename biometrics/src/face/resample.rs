//! Reading images between their pixels.

use ndarray::Array2;

/// A reader of an image between its pixels; positions outside are clamped to its border.
pub(super) struct Reader<'a> {
    pixels: &'a [f32],
    columns: usize,
    last: (usize, usize),
    edge: (f32, f32),
}

impl<'a> Reader<'a> {
    /// Prepares an image of at least two rows and columns, which acquisition sees to, in standard order.
    pub(super) fn new(image: &'a Array2<f32>) -> Self {
        let (rows, columns) = image.dim();
        let pixels = image.as_slice().expect("prepared images are in standard order");
        let edge = ((columns - 1) as f32, (rows - 1) as f32);
        Self { pixels, columns, last: (columns - 2, rows - 2), edge }
    }

    /// Interpolates between the four pixels around a place.
    #[inline]
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x.max(0.0).min(self.edge.0), y.max(0.0).min(self.edge.1));
        // Through `i32`: the conversion to `usize` takes several times as long.
        let (x0, y0) = ((x as i32 as usize).min(self.last.0), (y as i32 as usize).min(self.last.1));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let above = y0 * self.columns + x0;
        let top = &self.pixels[above..above + 2];
        let bottom = &self.pixels[above + self.columns..above + self.columns + 2];
        let left = top[0] + (bottom[0] - top[0]) * fy;
        let right = top[1] + (bottom[1] - top[1]) * fy;
        left + (right - left) * fx
    }
}

/// The places along one axis that the pixels of a new image cover: pixel i lies from `start + i * step` on.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    /// New pixels.
    pub(super) length: usize,
    /// Where the first one begins, in pixels of the old image.
    pub(super) start: f32,
    /// How many old pixels it covers.
    pub(super) step: f32,
}

/// Samples an image anew along both axes, each new pixel the mean of up to `taps_max` places an axis, so that shrinking
/// does not alias. Rows first: along one axis at a time the work grows with the taps and not with their square.
pub(super) fn resampled(image: &Array2<f32>, rows: Axis, columns: Axis, taps_max: usize) -> Array2<f32> {
    let (old_rows, old_columns) = image.dim();
    let pixels = image.as_slice().expect("prepared images are in standard order");
    let (across, down) = (columns.weights(old_columns, taps_max), rows.weights(old_rows, taps_max));
    let mut narrowed = vec![0.0f32; old_rows * columns.length];
    for (old, new) in pixels.chunks_exact(old_columns).zip(narrowed.chunks_exact_mut(columns.length)) {
        for (value, taps) in new.iter_mut().zip(across.chunks_exact(across.len() / columns.length)) {
            *value = taps.iter().map(|&(index, weight)| weight * old[index]).sum();
        }
    }
    let mut out = vec![0.0f32; rows.length * columns.length];
    for (new, taps) in out.chunks_exact_mut(columns.length).zip(down.chunks_exact(down.len() / rows.length)) {
        for &(index, weight) in taps {
            let old = &narrowed[index * columns.length..(index + 1) * columns.length];
            new.iter_mut().zip(old).for_each(|(n, o)| *n += weight * o);
        }
    }
    Array2::from_shape_vec((rows.length, columns.length), out).expect("as many values as the shape says")
}

impl Axis {
    /// Lists which old pixels make each new one, equally many for each.
    fn weights(self, old_length: usize, taps_max: usize) -> Vec<(usize, f32)> {
        let taps = (self.step.ceil() as usize).clamp(1, taps_max);
        let share = 1.0 / taps as f32;
        let last = old_length - 1;
        let mut out = Vec::with_capacity(2 * taps * self.length);
        for i in 0..self.length {
            for k in 0..taps {
                let place = self.start + (i as f32 + (k as f32 + 0.5) * share) * self.step - 0.5;
                let place = place.clamp(0.0, last as f32);
                let (before, fraction) = (place as usize, place - place.floor());
                out.push((before, share * (1.0 - fraction)));
                out.push(((before + 1).min(last), share * fraction));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_between_pixels_are_interpolated_and_those_outside_clamped() {
        let image = Array2::from_shape_fn((40, 50), |(y, x)| x as f32 + 100.0 * y as f32);
        let reader = Reader::new(&image);
        assert!((reader.at(12.25, 7.5) - 762.25).abs() < 1e-3);
        assert_eq!(reader.at(-5.0, 90.0), 3_900.0);
        assert_eq!(reader.at(49.0, 39.0), 3_949.0);
    }

    #[test]
    fn a_shrunk_ramp_is_the_ramp_at_the_new_pixels_middles() {
        let image = Array2::from_shape_fn((60, 90), |(y, x)| x as f32 + 0.5 * y as f32);
        let axis = |length: usize, step: f32| Axis { length, start: 0.0, step };
        let out = resampled(&image, axis(24, 2.5), axis(36, 2.5), 3);
        assert_eq!(out.dim(), (24, 36));
        let middle = |i: usize| (i as f32 + 0.5) * 2.5 - 0.5;
        for (row, column) in [(3, 4), (12, 30), (20, 9)] {
            let wanted = middle(column) + 0.5 * middle(row);
            assert!((out[[row, column]] - wanted).abs() < 1e-3, "{} for {wanted}", out[[row, column]]);
        }
    }
}
