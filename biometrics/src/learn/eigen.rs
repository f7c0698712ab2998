//! Eigenvalues and eigenvectors of real symmetric matrices.
//!
//! Householder reduction to tridiagonal form, then the implicit QL iteration with Wilkinson's shift.
//! Source: Golub and Van Loan, Matrix Computations, 4th edition, sections 8.3.1 and 8.3.5.

use ndarray::{Array2, s};

/// Rounds of the QL iteration allowed for one eigenvalue; two are usual.
const ROUNDS_MAX: usize = 60;

/// A spectral decomposition.
///
/// Shape: `values` is `[n]` in falling order; row i of `vectors`, `[n, n]`, is the unit eigenvector of `values[i]`.
pub(super) struct Spectrum {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Array2<f64>,
}

/// Decomposes a symmetric matrix; only its lower triangle is read.
pub(super) fn symmetric_eigen(matrix: Array2<f64>) -> Spectrum {
    assert_eq!(matrix.nrows(), matrix.ncols(), "a square matrix");
    let (mut diagonal, mut below, mut rows) = tridiagonalise(matrix);
    for low in 0..diagonal.len() {
        iterate_until_split(low, &mut diagonal, &mut below, &mut rows);
    }
    sorted(diagonal, rows)
}

/// Returns the diagonal, the subdiagonal (entry i below diagonal i) and the transposed orthogonal basis.
fn tridiagonalise(mut a: Array2<f64>) -> (Vec<f64>, Vec<f64>, Array2<f64>) {
    let n = a.nrows();
    let mut below = vec![0.0; n];
    let mut reflectors: Vec<Vec<f64>> = Vec::with_capacity(n);
    for k in 0..n.saturating_sub(1) {
        let column: Vec<f64> = (k + 1..n).map(|i| a[[i, k]]).collect();
        let (reflector, reflected) = householder(column);
        below[k] = reflected;
        reflect_both_sides(&mut a, k + 1, &reflector);
        reflectors.push(reflector);
    }
    let mut basis = Array2::eye(n);
    for (k, reflector) in reflectors.iter().enumerate().rev() {
        reflect_rows(&mut basis, k + 1, reflector);
    }
    let diagonal = (0..n).map(|i| a[[i, i]]).collect();
    (diagonal, below, basis.reversed_axes().as_standard_layout().into_owned())
}

/// Returns the unit vector whose reflection turns the column into a multiple of the first axis, and that multiple.
fn householder(mut column: Vec<f64>) -> (Vec<f64>, f64) {
    let norm = column.iter().map(|x| x * x).sum::<f64>().sqrt();
    if column.len() < 2 || norm == 0.0 {
        let first = column[0];
        return (vec![0.0; column.len()], first);
    }
    let target = if column[0] > 0.0 { -norm } else { norm };
    column[0] -= target;
    let length = column.iter().map(|x| x * x).sum::<f64>().sqrt();
    column.iter_mut().for_each(|x| *x /= length);
    (column, target)
}

/// Replaces the trailing block B by HBH with H = I - 2vv': B - vw' - wv', w = 2Bv - 2(v'Bv)v.
fn reflect_both_sides(a: &mut Array2<f64>, from: usize, v: &[f64]) {
    let n = v.len();
    let mut product = vec![0.0; n];
    for i in 0..n {
        let row = a.slice(s![from + i, from..=from + i]);
        let mut sum = 0.0;
        for (j, &entry) in row.iter().enumerate().take(i) {
            sum += entry * v[j];
            product[j] += entry * v[i];
        }
        product[i] += sum + row[i] * v[i];
    }
    let twice: f64 = 2.0 * v.iter().zip(&product).map(|(a, b)| a * b).sum::<f64>();
    let w: Vec<f64> = product.iter().zip(v).map(|(p, v)| 2.0 * p - twice * v).collect();
    for i in 0..n {
        let mut row = a.slice_mut(s![from + i, from..=from + i]);
        for (j, entry) in row.iter_mut().enumerate() {
            *entry -= v[i] * w[j] + w[i] * v[j];
        }
    }
}

/// Applies H = I - 2vv' to the rows from `from` on.
fn reflect_rows(basis: &mut Array2<f64>, from: usize, v: &[f64]) {
    let columns = basis.ncols();
    let mut sums = vec![0.0; columns];
    for (i, &weight) in v.iter().enumerate() {
        let row = basis.row(from + i);
        sums.iter_mut().zip(row).for_each(|(s, b)| *s += weight * b);
    }
    for (i, &weight) in v.iter().enumerate() {
        let mut row = basis.row_mut(from + i);
        row.iter_mut().zip(&sums).for_each(|(b, s)| *b -= 2.0 * weight * s);
    }
}

/// Iterates until the subdiagonal entry at `low` vanishes, which makes `diagonal[low]` an eigenvalue.
fn iterate_until_split(low: usize, diagonal: &mut [f64], below: &mut [f64], rows: &mut Array2<f64>) {
    for _ in 0..ROUNDS_MAX {
        let negligible = |i: usize| below[i].abs() <= f64::EPSILON * (diagonal[i].abs() + diagonal[i + 1].abs());
        let high = (low..diagonal.len() - 1).find(|&i| negligible(i)).unwrap_or(diagonal.len() - 1);
        if high == low {
            return;
        }
        sweep(low, high, diagonal, below, rows);
    }
}

/// Chases one bulge from `high` up to `low` with Givens rotations, shifted by Wilkinson's estimate at `low`.
fn sweep(low: usize, high: usize, d: &mut [f64], e: &mut [f64], rows: &mut Array2<f64>) {
    let half_gap = (d[low + 1] - d[low]) / (2.0 * e[low]);
    let root = half_gap.hypot(1.0);
    let mut g = d[high] - d[low] + e[low] / (half_gap + root.copysign(half_gap));
    let (mut sin, mut cos, mut carried) = (1.0, 1.0, 0.0);
    for i in (low..high).rev() {
        let (f, b) = (sin * e[i], cos * e[i]);
        let length = f.hypot(g);
        e[i + 1] = length;
        if length == 0.0 {
            d[i + 1] -= carried;
            e[high] = 0.0;
            return;
        }
        (sin, cos) = (f / length, g / length);
        let shifted = d[i + 1] - carried;
        let mixed = (d[i] - shifted) * sin + 2.0 * cos * b;
        carried = sin * mixed;
        d[i + 1] = shifted + carried;
        g = cos * mixed - b;
        rotate_rows(rows, i, sin, cos);
    }
    d[low] -= carried;
    e[low] = g;
    e[high] = 0.0;
}

fn rotate_rows(rows: &mut Array2<f64>, i: usize, sin: f64, cos: f64) {
    let (mut upper, mut lower) = rows.multi_slice_mut((s![i, ..], s![i + 1, ..]));
    for (a, b) in upper.iter_mut().zip(lower.iter_mut()) {
        (*a, *b) = (cos * *a - sin * *b, sin * *a + cos * *b);
    }
}

fn sorted(diagonal: Vec<f64>, rows: Array2<f64>) -> Spectrum {
    let mut order: Vec<usize> = (0..diagonal.len()).collect();
    order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
    let values = order.iter().map(|&i| diagonal[i]).collect();
    Spectrum { values, vectors: rows.select(ndarray::Axis(0), &order) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn random_symmetric(n: usize, seed: u64) -> Array2<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let any = Array2::from_shape_simple_fn((n, n), || rng.random_range(-1.0..1.0));
        &any + &any.t()
    }

    #[test]
    fn the_parts_multiply_back_to_the_matrix() {
        for n in [1, 2, 3, 10, 60] {
            let matrix = random_symmetric(n, n as u64);
            let Spectrum { values, vectors } = symmetric_eigen(matrix.clone());
            assert!(values.is_sorted_by(|a, b| a >= b));
            let scaled = Array2::from_shape_fn((n, n), |(i, j)| values[i] * vectors[[i, j]]);
            let difference = (vectors.t().dot(&scaled) - matrix).mapv(f64::abs).sum() / (n * n) as f64;
            assert!(difference < 1e-12, "n = {n}: {difference}");
            let gram = vectors.dot(&vectors.t()) - Array2::<f64>::eye(n);
            assert!(gram.iter().all(|x| x.abs() < 1e-10), "n = {n}: not orthonormal");
        }
    }

    #[test]
    fn known_and_degenerate_spectra_are_found() {
        // The path graph's Laplacian: 2 - 2 cos(pi k / n).
        let n = 12;
        let path = Array2::from_shape_fn((n, n), |(i, j)| match i.abs_diff(j) {
            0 => {
                if i == 0 || i == n - 1 {
                    1.0
                } else {
                    2.0
                }
            }
            1 => -1.0,
            _ => 0.0,
        });
        let values = symmetric_eigen(path).values;
        for (k, value) in values.iter().rev().enumerate() {
            let expected = 2.0 - 2.0 * (std::f64::consts::PI * k as f64 / n as f64).cos();
            assert!((value - expected).abs() < 1e-12);
        }
        assert!(symmetric_eigen(Array2::zeros((5, 5))).values.iter().all(|&v| v == 0.0));
        assert!(symmetric_eigen(Array2::eye(5)).values.iter().all(|&v| v == 1.0));
    }
}
