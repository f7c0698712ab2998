//! From discriminants to a real-valued form compared by cosine, and from that to bits.

use super::affine::Affine;
use super::discriminant::Discriminants;
use ndarray::{Array1, Array2, Axis};
use rand::{Rng, RngExt};
use std::collections::BTreeMap;

/// Scales each discriminant by the root of its weight in the log likelihood ratio of two captures: with unit variance
/// within a subject and b between, the product of the two coordinates counts b / (1 + 2b) (Prince and Elder 2007).
pub(crate) fn weighted_for_cosine(found: &Discriminants) -> Array2<f32> {
    let mut directions = found.directions.clone();
    for (mut row, between) in directions.rows_mut().into_iter().zip(&found.between) {
        row *= (between / (1.0 + 2.0 * between)).sqrt();
    }
    directions
}

/// Learns the binary form of templates, `[captures, length]`: random rotations, cut at the median, in within-subject
/// deviations. Panics when there are no templates.
pub(crate) fn binary_form(templates: &Array2<f32>, subjects: &[u64], bits: usize, rng: &mut dyn Rng) -> Affine {
    let rotation = random_rotations(bits, templates.ncols(), rng);
    let scores = templates.dot(&rotation.t());
    let mut directions = rotation;
    let mut thresholds = Array1::zeros(bits);
    for (bit, mut direction) in directions.rows_mut().into_iter().enumerate() {
        let column = scores.column(bit).to_vec();
        let deviation = within_deviation(&column, subjects);
        direction /= deviation;
        thresholds[bit] = median(column) / deviation;
    }
    Affine::with_offset(directions, &thresholds.mapv(|t: f32| -t))
}

/// Stacks random orthonormal matrices until there is a row a bit.
fn random_rotations(bits: usize, length: usize, rng: &mut dyn Rng) -> Array2<f32> {
    let mut out = Array2::zeros((bits, length));
    for mut chunk in out.axis_chunks_iter_mut(Axis(0), length) {
        for i in 0..chunk.nrows() {
            let mut row = Array1::from_shape_simple_fn(length, || {
                // The sum of four uniforms is near enough to a normal for a random direction.
                (0..4).map(|_| rng.random_range(-1.0f32..1.0)).sum::<f32>()
            });
            for j in 0..i {
                let overlap = row.dot(&chunk.row(j));
                row.scaled_add(-overlap, &chunk.row(j));
            }
            let norm = row.dot(&row).sqrt();
            chunk.row_mut(i).assign(&(row / norm));
        }
    }
    out
}

fn within_deviation(values: &[f32], subjects: &[u64]) -> f32 {
    let mut groups: BTreeMap<u64, (f64, f64, f64)> = BTreeMap::new();
    for (&value, subject) in values.iter().zip(subjects) {
        let group = groups.entry(*subject).or_default();
        let value = f64::from(value);
        *group = (group.0 + 1.0, group.1 + value, group.2 + value * value);
    }
    let squares: f64 = groups.values().map(|(n, sum, square)| square - sum * sum / n).sum();
    let degrees = values.len().saturating_sub(groups.len()).max(1) as f64;
    (squares / degrees).sqrt().max(1e-9) as f32
}

fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
