//! What a public selection of reliable bits gives away: with more projections than dimensions, which of them are large
//! is nearly the template itself, up to its sign. An attacker needs no biometric, only the helper and the shipped map.
//!
//! Sources: Mondelli and Montanari 2019 (spectral initialisation of phase retrieval); Fienup 1982 (alternating
//! projections).

use biopay_biometrics::Template;
use ndarray::{Array1, Array2};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DIMENSIONS: usize = 128;
const BITS: usize = 1_024;
const SELECTED: usize = 511;

/// Draws a template whose later dimensions vary less, as discriminants do.
fn template(seed: u64) -> Template {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let value = |i: usize| (0..4).map(|_| rng.random_range(-1.0f32..1.0)).sum::<f32>() / (1.0 + i as f32 / 40.0);
    Template::from_embedding((0..DIMENSIONS).map(value).collect(), BITS)
}

/// Returns the public map, `[BITS, DIMENSIONS]`, scaled by how much each dimension varies in the population.
fn map() -> Array2<f32> {
    let mut out = Array2::zeros((BITS, DIMENSIONS));
    for dimension in 0..DIMENSIONS {
        let mut unit = vec![0.0; DIMENSIONS];
        unit[dimension] = 1.0;
        let scale = 1.0 / (1.0 + dimension as f32 / 40.0);
        let column = Template::from_embedding(unit, BITS).margins().iter().map(|m| m * scale).collect::<Vec<_>>();
        out.column_mut(dimension).assign(&Array1::from_vec(column));
    }
    out
}

fn selection(margins: &[f32]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..margins.len()).collect();
    order.sort_by(|&a, &b| margins[b].abs().total_cmp(&margins[a].abs()));
    let mut selected = vec![false; margins.len()];
    order.into_iter().take(SELECTED).for_each(|i| selected[i] = true);
    selected
}

/// Estimates the margins up to their common sign from the selection alone: the leading eigenvector of the signed sum of
/// the map's outer products.
fn estimate(map: &Array2<f32>, selected: &[bool]) -> Vec<f32> {
    let signs = Array1::from_iter(selected.iter().map(|&s| if s { 1.0f32 } else { -1.0 }));
    let weighted = map * &signs.insert_axis(ndarray::Axis(1));
    let matrix = weighted.t().dot(map);
    // A shift makes the largest eigenvalue the one of largest magnitude.
    let shift = matrix.diag().iter().map(|x| x.abs()).sum::<f32>();
    let mut vector = Array1::from_elem(DIMENSIONS, 1.0f32);
    for _ in 0..3_000 {
        vector = matrix.dot(&vector) + &vector * (0.1 * shift);
        let norm = vector.dot(&vector).sqrt();
        vector /= norm;
    }
    map.dot(&vector).to_vec()
}

#[test]
fn a_selection_of_reliable_bits_gives_most_of_them_away() {
    let map = map();
    let agreement = |subject: u64, selected: &[bool]| {
        let (own, guess) = (template(subject), estimate(&map, selected));
        let right = (0..BITS).filter(|&i| selected[i] && (guess[i] > 0.0) == own.bits().bit(i)).count();
        let share = right as f32 / SELECTED as f32;
        share.max(1.0 - share)
    };
    let own: Vec<f32> = (0..8).map(|s| agreement(s, &selection(template(s).margins()))).collect();
    // Somebody else's selection tells nothing: the better of two signs agrees in little more than half.
    let foreign: Vec<f32> = (0..8).map(|s| agreement(s, &selection(template(s + 100).margins()))).collect();
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    println!("attacker's bits that are right: {:.3}, by chance {:.3}", mean(&own), mean(&foreign));
    assert!(mean(&own) > 0.75, "{own:?}");
    assert!(mean(&foreign) < 0.62, "{foreign:?}");
}
