//! The attack on several helpers of one subject: the template that all of them take to vectors with few entries.
//!
//! A helper's matrix takes the template to a codeword, nearly all of whose entries are zero, so that a row that is drawn is at
//! right angles to the template with probability 1 - α/n. An adversary draws n rows of s helpers, two or more, solves for the
//! vector that is nearest to all right angles, and knows that it is right when every helper takes it to a codeword: in about
//! (1 - 1/s)^(-sα) tries on average, 2^(2α) with two helpers and e^α with many, without any record.
//! Source: Zhu and Wang 2025, "Hypersphere secure sketch revisited: probabilistic linear regression attack on IronMask in
//! multiple usage", PoPETs 2025(4).

use super::code::Codeword;
use super::matrix::{Matrix, dot, normalise};
use rand::Rng;
use rand::seq::index;

/// The cosine to its nearest codeword that a right template has under every helper. Unrelated vectors of 128 entries have
/// about 0.5 at four entries and 0.7 at sixteen.
const FOUND: f32 = 0.9;
/// Rounds of inverse iteration; each brings the least direction forward by the ratio of the two least squares.
const ROUNDS: usize = 4;
/// What is added to the diagonal, so that an exact solution can be solved for.
const RIDGE: f64 = 1e-6;

/// Searches for the template; `None` after so many tries. The result has unit norm and either sign, and comes with the
/// tries that it took.
pub(super) fn recover(matrices: &[Matrix], nonzero: usize, tries: u64, rng: &mut dyn Rng) -> Option<(Vec<f32>, u64)> {
    let size = matrices.first()?.size();
    for attempt in 1..=tries {
        let drawn = index::sample(rng, matrices.len() * size, size);
        let rows: Vec<&[f32]> = drawn.into_iter().map(|i| matrices[i / size].row(i % size)).collect();
        let Some(found) = least_direction(&rows, size) else { continue };
        let is_codeword = |matrix: &Matrix| {
            let image = matrix.times(&found);
            dot(&image, &Codeword::nearest(&image, nonzero).vector(size)) > FOUND
        };
        if matrices.iter().all(is_codeword) {
            return Some((found, attempt));
        }
    }
    None
}

/// Returns the unit vector with the least sum of squared products with the rows, by inverse iteration.
fn least_direction(rows: &[&[f32]], size: usize) -> Option<Vec<f32>> {
    let factor = cholesky(squares(rows, size), size)?;
    let mut found: Vec<f64> = (0..size).map(|i| 1.0 + (i % 7) as f64).collect();
    for _ in 0..ROUNDS {
        solve(&factor, size, &mut found);
        let norm = found.iter().map(|x| x * x).sum::<f64>().sqrt();
        found.iter_mut().for_each(|x| *x /= norm);
    }
    let mut out: Vec<f32> = found.into_iter().map(|x| x as f32).collect();
    normalise(&mut out);
    out.iter().all(|x| x.is_finite()).then_some(out)
}

/// Adds up the rows' squares; the lower triangle alone.
fn squares(rows: &[&[f32]], size: usize) -> Vec<f64> {
    let mut out = vec![0.0; size * size];
    for row in rows {
        for (i, &a) in row.iter().enumerate() {
            out[i * size..=i * size + i].iter_mut().zip(*row).for_each(|(sum, &b)| *sum += f64::from(a) * f64::from(b));
        }
    }
    (0..size).for_each(|i| out[i * size + i] += RIDGE);
    out
}

/// Factors a positive definite matrix in place; `None` where it is not.
fn cholesky(mut a: Vec<f64>, size: usize) -> Option<Vec<f64>> {
    for i in 0..size {
        for j in 0..=i {
            let shared: f64 = (0..j).map(|k| a[i * size + k] * a[j * size + k]).sum();
            let entry = a[i * size + j] - shared;
            a[i * size + j] = if i == j { Some(entry).filter(|e| *e > 0.0)?.sqrt() } else { entry / a[j * size + j] };
        }
    }
    Some(a)
}

/// Solves with the factor, forwards and backwards.
fn solve(factor: &[f64], size: usize, right: &mut [f64]) {
    for i in 0..size {
        let known: f64 = (0..i).map(|k| factor[i * size + k] * right[k]).sum();
        right[i] = (right[i] - known) / factor[i * size + i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|k| factor[k * size + i] * right[k]).sum();
        right[i] = (right[i] - known) / factor[i * size + i];
    }
}
