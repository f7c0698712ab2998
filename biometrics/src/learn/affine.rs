//! Affine maps with weights of one byte, small enough for the repository.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Sums are kept in this many lanes, in an order that never depends on the machine.
const LANES: usize = 16;

/// A map of x to (weights x) scaled row by row, plus an offset.
///
/// Shape: `weights` is `[rows, columns]` in steps of `scales[row]`, `offset` is `[rows]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Affine {
    columns: usize,
    weights: Vec<i8>,
    scales: Vec<f32>,
    offset: Vec<f32>,
}

impl Affine {
    /// Builds directions (x - mean), quantised; the offset is computed from the quantised weights, so that the mean
    /// still maps to zero.
    pub(crate) fn centred(directions: Array2<f32>, mean: &Array1<f32>) -> Self {
        let mut out = Self::with_offset(directions, &Array1::zeros(0));
        let mut at_mean = vec![0.0; out.scales.len()];
        out.offset = at_mean.clone();
        out.apply(&mean.to_vec(), &mut at_mean);
        out.offset = at_mean.into_iter().map(|x| -x).collect();
        out
    }

    /// Builds directions x + offset, with the directions quantised.
    pub(crate) fn with_offset(directions: Array2<f32>, offset: &Array1<f32>) -> Self {
        let mut out = Self {
            columns: directions.ncols(),
            weights: Vec::with_capacity(directions.len()),
            scales: Vec::with_capacity(directions.nrows()),
            offset: offset.to_vec(),
        };
        for row in directions.rows() {
            let scale = row.iter().fold(1e-30f32, |largest, x| largest.max(x.abs())) / 127.0;
            out.scales.push(scale);
            out.weights.extend(row.iter().map(|x| (x / scale).round() as i8));
        }
        out
    }

    /// Returns rows and columns, or zeros when the parts do not fit together.
    pub(crate) fn shape(&self) -> (usize, usize) {
        let rows = self.scales.len();
        let fits = self.offset.len() == rows && self.weights.len() == rows * self.columns;
        if fits { (rows, self.columns) } else { (0, 0) }
    }

    /// Maps one vector; panics when a length does not fit.
    pub(crate) fn apply(&self, input: &[f32], output: &mut [f32]) {
        assert_eq!((input.len(), output.len()), (self.columns, self.scales.len()), "an input of this map");
        for (row, out) in output.iter_mut().enumerate() {
            let weights = &self.weights[row * self.columns..][..self.columns];
            *out = dot(weights, input) * self.scales[row] + self.offset[row];
        }
    }
}

fn dot(weights: &[i8], input: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (whole, rest) = input.as_chunks::<LANES>();
    let (weights, weights_rest) = weights.as_chunks::<LANES>();
    for (x, w) in whole.iter().zip(weights) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * f32::from(w[lane]);
        }
    }
    let tail: f32 = rest.iter().zip(weights_rest).map(|(x, &w)| x * f32::from(w)).sum();
    lanes.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn quantised_weights_give_the_product_within_their_step_and_the_mean_gives_zero() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let weights = Array2::from_shape_simple_fn((7, 37), || rng.random_range(-2.0f32..2.0));
        let mean = Array1::from_shape_simple_fn(37, || rng.random_range(-1.0f32..1.0));
        let map = Affine::centred(weights.clone(), &mean);
        assert_eq!(map.shape(), (7, 37));
        let mut out = vec![0.0; 7];
        map.apply(&mean.to_vec(), &mut out);
        assert!(out.iter().all(|x| x.abs() < 1e-5), "{out:?}");
        let input = Array1::from_shape_simple_fn(37, || rng.random_range(-1.0f32..1.0));
        map.apply(&input.to_vec(), &mut out);
        let exact = weights.dot(&(&input - &mean));
        // Each of 37 weights is off by at most half a step of 2 / 127, each input by at most 2 from the mean.
        assert!(out.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 37.0 * 2.0 * 1.0 / 127.0), "{out:?} {exact:?}");
    }

    #[test]
    fn parts_that_do_not_fit_have_no_shape() {
        let damaged = Affine { columns: 3, weights: vec![0; 5], scales: vec![1.0; 2], offset: vec![0.0; 2] };
        assert_eq!(damaged.shape(), (0, 0));
    }
}
