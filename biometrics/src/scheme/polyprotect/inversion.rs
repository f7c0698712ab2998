//! Inversion: the embedding that is likeliest to have given one protected template, or several of them.
//!
//! Each protected element is one polynomial equation in m neighbouring numbers; there are fewer equations than numbers, or as
//! many as several transforms together have. What is sought is the vector with the least sum of squared residuals over their
//! variance and of squared elements over theirs, by Gauss and Newton's steps that Levenberg and Marquardt damp. An equation
//! touches m neighbours, so that each step solves a banded system in n m² operations.

use super::transform::{Secrets, starts};

/// One protected template whose secret integers are known.
pub(super) struct Leaked<'a> {
    /// Its elements.
    pub(super) elements: &'a [f32],
    /// The integers that it was made with.
    pub(super) secrets: &'a Secrets,
}

const STEPS: usize = 40;
/// The damping at first, its factors after a step that helps and one that does not, and where it ends.
const DAMPING: f64 = 1e-3;
const DAMPING_AFTER_SUCCESS: f64 = 0.3;
const DAMPING_AFTER_FAILURE: f64 = 8.0;
const DAMPING_MAX: f64 = 1e8;

/// Estimates the embedding of `length` numbers behind protected templates.
///
/// `deviation` is that of an element from what the embedding gives: its quantisation or, where templates are of different
/// captures, what captures differ in. The result is not normalised. Deterministic: no randomness.
pub(super) fn recover(leaked: &[Leaked<'_>], overlap: usize, length: usize, deviation: f32) -> Vec<f32> {
    let terms = leaked.iter().map(|l| l.secrets.terms()).max().unwrap_or(1);
    let weight = 1.0 / f64::from(deviation * deviation);
    // A unit vector's elements have a variance of one over its length.
    let prior = length as f64;
    let cost = |v: &[f32]| {
        let misfit: f64 = residuals(leaked, overlap, v).iter().map(|r| f64::from(r.2).powi(2)).sum();
        weight * misfit + prior * v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()
    };
    let (mut found, mut damping) = (vec![0.0f32; length], DAMPING);
    let mut best = cost(&found);
    for _ in 0..STEPS {
        let (mut system, gradient) = normal_equations(leaked, overlap, &found, terms, weight, prior);
        system.iter_mut().for_each(|row| row[0] *= 1.0 + damping);
        let Some(step) = solve_banded(system, gradient) else { break };
        let moved: Vec<f32> = found.iter().zip(&step).map(|(&v, &s)| v + s as f32).collect();
        let reached = cost(&moved);
        if reached < best {
            (found, best, damping) = (moved, reached, damping * DAMPING_AFTER_SUCCESS);
        } else {
            damping *= DAMPING_AFTER_FAILURE;
            if damping > DAMPING_MAX {
                break;
            }
        }
    }
    found
}

/// Lists each equation's template, first element and residual.
fn residuals(leaked: &[Leaked<'_>], overlap: usize, v: &[f32]) -> Vec<(usize, usize, f32)> {
    let of = |(number, l): (usize, &Leaked<'_>)| -> Vec<(usize, usize, f32)> {
        let sets = starts(v.len(), l.secrets.terms(), overlap).zip(l.elements);
        sets.map(|(start, &p)| (number, start, p - l.secrets.element(v, start))).collect()
    };
    leaked.iter().enumerate().flat_map(of).collect()
}

/// Adds up the banded matrix of a step and its right-hand side. Shape: row i holds the entries (i, i), (i, i-1) and so on.
fn normal_equations(
    leaked: &[Leaked<'_>],
    overlap: usize,
    v: &[f32],
    terms: usize,
    weight: f64,
    prior: f64,
) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut system = vec![vec![0.0; terms]; v.len()];
    system.iter_mut().for_each(|row| row[0] = prior);
    let mut gradient: Vec<f64> = v.iter().map(|&x| -prior * f64::from(x)).collect();
    for (number, start, residual) in residuals(leaked, overlap, v) {
        let slopes = leaked[number].secrets.derivatives(v, start);
        for (i, &a) in slopes.iter().enumerate() {
            gradient[start + i] += weight * f64::from(a) * f64::from(residual);
            for (j, &b) in slopes.iter().enumerate().take(i + 1) {
                system[start + i][i - j] += weight * f64::from(a) * f64::from(b);
            }
        }
    }
    (system, gradient)
}

/// Solves a positive definite banded system by Cholesky's factors; `None` where it is not positive definite.
fn solve_banded(mut system: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let (size, width) = (right.len(), system.first()?.len());
    for i in 0..size {
        for d in (0..width.min(i + 1)).rev() {
            let j = i - d;
            let shared = (1..width).take_while(|&k| k <= j).filter(|&k| d + k < width);
            let sum: f64 = shared.map(|k| system[i][d + k] * system[j][k]).sum();
            let entry = system[i][d] - sum;
            system[i][d] = match d {
                0 if entry > 0.0 => entry.sqrt(),
                0 => return None,
                _ => entry / system[j][0],
            };
        }
        let known: f64 = (1..width.min(i + 1)).map(|d| system[i][d] * right[i - d]).sum();
        right[i] = (right[i] - known) / system[i][0];
    }
    for i in (0..size).rev() {
        let known: f64 = (1..width).take_while(|d| i + d < size).map(|d| system[i + d][d] * right[i + d]).sum();
        right[i] = (right[i] - known) / system[i][0];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::super::transform::transform;
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_banded_system_is_solved() {
        // 4 1 0; 1 5 2; 0 2 6 with the solution 1, -2, 3.
        let system = vec![vec![4.0, 0.0], vec![5.0, 1.0], vec![6.0, 2.0]];
        let found = solve_banded(system, vec![2.0, -3.0, 14.0]).unwrap();
        assert!(found.iter().zip([1.0, -2.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        assert!(solve_banded(vec![vec![-1.0]], vec![1.0]).is_none());
    }

    #[test]
    fn more_leaked_transforms_give_more_of_the_embedding() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let raw: Vec<f32> = (0..128).map(|_| rng.random_range(-1.0f32..1.0)).collect();
        let norm = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        let embedding: Vec<f32> = raw.iter().map(|x| x / norm).collect();
        let secrets: Vec<Secrets> = (0..8).map(|_| Secrets::draw(5, 50, &mut rng)).collect();
        let protected: Vec<Vec<f32>> = secrets.iter().map(|s| transform(&embedding, s, 0)).collect();
        let cosine = |count: usize| {
            let pairs = protected.iter().zip(&secrets).take(count);
            let leaked: Vec<_> = pairs.map(|(elements, secrets)| Leaked { elements, secrets }).collect();
            let found = recover(&leaked, 0, 128, 0.003);
            let norm = found.iter().map(|x| x * x).sum::<f32>().sqrt();
            found.iter().zip(&embedding).map(|(a, b)| a * b).sum::<f32>() / norm
        };
        let (one, three, eight) = (cosine(1), cosine(3), cosine(8));
        // One equation of five unknowns gives about one of them: a cosine of about √(1/5).
        assert!(one > 0.35 && one < 0.7, "{one}");
        assert!(three > one + 0.1 && eight > 0.95, "{one} {three} {eight}");
    }
}
