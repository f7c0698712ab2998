//! Linear least squares with a penalty on the weights.

use ndarray::{Array2, ArrayView2};

/// A linear map with an offset. Shape: `weights` is `[outputs, inputs]`, `offset` is `[outputs]`.
pub(crate) struct Linear {
    pub(crate) weights: Array2<f32>,
    pub(crate) offset: Vec<f32>,
}

/// Finds the map from rows `[n, d]` to targets `[n, k]` with the least squared error, each row counting `importance`
/// times, plus `penalty` times the mean input variance times the squared weights (ridge regression, Hoerl and Kennard
/// 1970). Panics when the numbers of rows differ.
pub(crate) fn ridge(rows: ArrayView2<f32>, targets: ArrayView2<f32>, importance: &[f32], penalty: f64) -> Linear {
    assert!(rows.nrows() == targets.nrows() && rows.nrows() == importance.len(), "one target and importance a row");
    let total: f64 = importance.iter().map(|&w| f64::from(w)).sum();
    let weighted_mean = |m: ArrayView2<f32>| -> Vec<f64> {
        let mut sum = vec![0.0f64; m.ncols()];
        for (row, &w) in m.rows().into_iter().zip(importance) {
            sum.iter_mut().zip(row).for_each(|(s, &x)| *s += f64::from(w) * f64::from(x));
        }
        sum.into_iter().map(|s| s / total).collect()
    };
    let (mean_in, mean_out) = (weighted_mean(rows), weighted_mean(targets));
    let centred = |m: ArrayView2<f32>, mean: &[f64]| {
        Array2::from_shape_fn(m.dim(), |(i, j)| (f64::from(m[[i, j]]) - mean[j]) * f64::from(importance[i]).sqrt())
    };
    let (x, y) = (centred(rows, &mean_in), centred(targets, &mean_out));
    let mut gram = x.t().dot(&x);
    let level = penalty * gram.diag().sum() / gram.nrows() as f64 + 1e-9;
    gram.diag_mut().map_inplace(|v| *v += level);
    let solved = solve_positive(gram, x.t().dot(&y));
    let offset = (0..mean_out.len())
        .map(|k| (mean_out[k] - solved.column(k).iter().zip(&mean_in).map(|(w, m)| w * m).sum::<f64>()) as f32)
        .collect();
    Linear { weights: solved.t().mapv(|w| w as f32), offset }
}

/// Solves A X = B for a positive definite A, by Cholesky's factorisation.
pub(crate) fn solve_positive(mut a: Array2<f64>, mut b: Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    for j in 0..n {
        for k in 0..j {
            let factor = a[[j, k]];
            for i in j..n {
                a[[i, j]] -= a[[i, k]] * factor;
            }
        }
        let root = a[[j, j]].max(1e-300).sqrt();
        for i in j..n {
            a[[i, j]] /= root;
        }
    }
    for column in 0..b.ncols() {
        for i in 0..n {
            let known: f64 = (0..i).map(|k| a[[i, k]] * b[[k, column]]).sum();
            b[[i, column]] = (b[[i, column]] - known) / a[[i, i]];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| a[[k, i]] * b[[k, column]]).sum();
            b[[i, column]] = (b[[i, column]] - known) / a[[i, i]];
        }
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_map_is_found_again_and_unimportant_rows_do_not_matter() {
        let rows = Array2::from_shape_fn((40, 3), |(i, j)| ((i * (j + 2) * 7) % 23) as f32 / 10.0);
        let mut targets = Array2::from_shape_fn((40, 1), |(i, _)| 2.0 * rows[[i, 0]] - rows[[i, 2]] + 0.5);
        targets[[3, 0]] = 100.0;
        let mut importance = vec![1.0; 40];
        importance[3] = 0.0;
        let found = ridge(rows.view(), targets.view(), &importance, 1e-9);
        let expected = [2.0, 0.0, -1.0];
        assert!(found.weights.iter().zip(expected).all(|(w, e)| (w - e).abs() < 1e-3), "{:?}", found.weights);
        assert!((found.offset[0] - 0.5).abs() < 1e-3);
    }
}
