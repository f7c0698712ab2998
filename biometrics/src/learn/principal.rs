//! Principal components of many long vectors, by randomised subspace iteration.

use super::eigen::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::{Rng, RngExt};

/// Rounds of the iteration and extra directions carried along.
/// Source: Halko, Martinsson and Tropp 2011, section 4.5 (a few rounds and 5 to 10 extra directions).
const ROUNDS: usize = 5;
const EXTRA: usize = 8;

/// Principal components.
///
/// Shape: `mean` is `[d]`, `directions` is `[p, d]` with orthonormal rows, `variances` is `[p]` in falling order.
pub(crate) struct Principal {
    pub(crate) mean: Array1<f32>,
    pub(crate) directions: Array2<f32>,
    pub(crate) variances: Vec<f32>,
}

/// Finds at most `count` principal components of the rows, `[n, d]`.
pub(crate) fn principal_components(rows: ArrayView2<f32>, count: usize, rng: &mut dyn Rng) -> Principal {
    let (n, d) = rows.dim();
    assert!(n > 1, "components of at least two rows");
    let mean = mean_row(rows);
    let centred = &rows - &mean;
    let width = (count + EXTRA).min(d).min(n);
    let mut basis = Array2::from_shape_simple_fn((d, width), || rng.random_range(-1.0f32..1.0));
    for _ in 0..ROUNDS {
        basis = orthonormal_columns(centred.t().dot(&centred.dot(&basis)));
    }
    let scores = centred.dot(&basis).mapv(f64::from);
    let spectrum = symmetric_eigen(scores.t().dot(&scores) / (n - 1) as f64);
    let kept = count.min(width);
    let turn = spectrum.vectors.select(Axis(0), &(0..kept).collect::<Vec<_>>()).mapv(|x| x as f32);
    let variances = spectrum.values[..kept].iter().map(|&v| v.max(0.0) as f32).collect();
    Principal { mean, directions: turn.dot(&basis.t()), variances }
}

fn mean_row(rows: ArrayView2<f32>) -> Array1<f32> {
    let mut sum = Array1::<f64>::zeros(rows.ncols());
    for row in rows.rows() {
        sum.iter_mut().zip(row).for_each(|(s, &x)| *s += f64::from(x));
    }
    sum.mapv(|s| (s / rows.nrows() as f64) as f32)
}

/// Orthonormalises columns by the inverse square root of their Gram matrix; directions that vanish stay zero.
fn orthonormal_columns(matrix: Array2<f32>) -> Array2<f32> {
    let matrix = matrix.mapv(f64::from);
    let spectrum = symmetric_eigen(matrix.t().dot(&matrix));
    let floor = spectrum.values[0] * 1e-13;
    let mut turn = spectrum.vectors.clone();
    for (mut row, &value) in turn.rows_mut().into_iter().zip(&spectrum.values) {
        row *= if value > floor { value.sqrt().recip() } else { 0.0 };
    }
    matrix.dot(&turn.t()).mapv(|x| x as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_axes_of_a_stretched_cloud_are_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let deviations: [f32; 6] = [9.0, 5.0, 2.0, 0.5, 0.5, 0.1];
        // Uniform in plus or minus sqrt(3) has unit variance; 4,000 rows give it within 3 % (one standard deviation).
        let rows = Array2::from_shape_fn((4000, 6), |(_, j)| deviations[j] * rng.random_range(-1.732f32..1.732) + 3.0);
        let found = principal_components(rows.view(), 3, &mut rng);
        for (i, deviation) in deviations.into_iter().take(3).enumerate() {
            assert!((found.variances[i].sqrt() / deviation - 1.0).abs() < 0.1);
            assert!(found.directions[[i, i]].abs() > 0.99, "{:?}", found.directions.row(i));
            assert!((found.mean[i] - 3.0).abs() < 0.6);
        }
    }
}
