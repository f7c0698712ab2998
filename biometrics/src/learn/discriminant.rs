//! Linear discriminants: the directions in which subjects differ most for how little one subject's captures do.

use super::eigen::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Linear discriminants.
///
/// Shape: a vector x of `[d]` maps to `directions.dot(x - mean)`, `[p]`, in units in which one subject's captures have
/// unit variance in every coordinate and no correlation; `between` is the subjects' own variance in each, falling.
pub(crate) struct Discriminants {
    pub(crate) mean: Array1<f32>,
    pub(crate) directions: Array2<f32>,
    pub(crate) between: Vec<f32>,
}

/// Finds at most `count` discriminants of the rows, `[n, d]`, of which row i belongs to `subjects[i]`.
///
/// `shrinkage` in [0, 1] moves the within-subject covariance towards its diagonal's mean, which keeps directions that
/// were seen to vary little by chance from being trusted (Friedman 1989, regularised discriminant analysis).
pub(crate) fn discriminants(rows: ArrayView2<f32>, subjects: &[u64], count: usize, shrinkage: f64) -> Discriminants {
    assert_eq!(rows.nrows(), subjects.len(), "one subject a row");
    let groups = groups(subjects);
    let rows = rows.mapv(f64::from);
    let mean = rows.mean_axis(Axis(0)).expect("at least one row");
    let (within, means) = scatter_within(&rows, &groups);
    let whiten = inverse_square_root(shrunk(within, shrinkage));
    let sizes: Vec<f64> = groups.iter().map(|g| g.len() as f64).collect();
    let centred = (&means - &mean).dot(&whiten.t());
    let noise = sizes.iter().map(|s| 1.0 / s).sum::<f64>() / sizes.len() as f64;
    let spectrum = symmetric_eigen(centred.t().dot(&centred) / (groups.len() - 1).max(1) as f64);
    let kept = count.min(spectrum.values.len());
    let turn = spectrum.vectors.select(Axis(0), &(0..kept).collect::<Vec<_>>());
    // A mean of s captures carries 1/s of the unit within-subject variance, which is not the subject's own.
    let between = spectrum.values[..kept].iter().map(|v| (v - noise).max(0.0) as f32).collect();
    Discriminants { mean: mean.mapv(|x| x as f32), directions: turn.dot(&whiten).mapv(|x| x as f32), between }
}

/// Lists each subject's rows, subjects in order of first appearance.
fn groups(subjects: &[u64]) -> Vec<Vec<usize>> {
    let mut index = std::collections::BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, subject) in subjects.iter().enumerate() {
        let at = *index.entry(subject).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(row);
    }
    groups
}

/// Returns the pooled covariance of rows about their subject's mean, and the means, `[subjects, d]`.
fn scatter_within(rows: &Array2<f64>, groups: &[Vec<usize>]) -> (Array2<f64>, Array2<f64>) {
    let mut residuals = rows.clone();
    let mut means = Array2::zeros((groups.len(), rows.ncols()));
    for (group, mut mean) in groups.iter().zip(means.rows_mut()) {
        for &row in group {
            mean += &rows.row(row);
        }
        mean /= group.len() as f64;
        for &row in group {
            residuals.row_mut(row).scaled_add(-1.0, &mean);
        }
    }
    let degrees = (rows.nrows() - groups.len()).max(1) as f64;
    (residuals.t().dot(&residuals) / degrees, means)
}

fn shrunk(mut covariance: Array2<f64>, shrinkage: f64) -> Array2<f64> {
    let n = covariance.nrows();
    let mean = covariance.diag().sum() / n as f64;
    covariance *= 1.0 - shrinkage;
    covariance.diag_mut().map_inplace(|x| *x += shrinkage * mean + 1e-12);
    covariance
}

/// Returns W with W C W' = I.
fn inverse_square_root(covariance: Array2<f64>) -> Array2<f64> {
    let spectrum = symmetric_eigen(covariance);
    let floor = spectrum.values[0].max(1e-300) * 1e-9;
    let mut whiten = spectrum.vectors;
    for (mut row, &value) in whiten.rows_mut().into_iter().zip(&spectrum.values) {
        row /= value.max(floor).sqrt();
    }
    whiten
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_direction_that_tells_subjects_apart_comes_first_in_within_subject_units() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let unit = |rng: &mut ChaCha8Rng| rng.random_range(-1.732f32..1.732);
        let (mut rows, mut subjects) = (Vec::new(), Vec::new());
        for subject in 0..300u64 {
            let own = [0.6 * unit(&mut rng), 0.0, 0.1 * unit(&mut rng)];
            for _ in 0..5 {
                rows.extend([own[0] + 0.2 * unit(&mut rng), 5.0 * unit(&mut rng), own[2] + unit(&mut rng)]);
                subjects.push(subject);
            }
        }
        let rows = Array2::from_shape_vec((1500, 3), rows).unwrap();
        let found = discriminants(rows.view(), &subjects, 2, 0.0);
        // (0.6 / 0.2)^2 = 9, estimated from 300 subjects to about 6 % (one standard deviation).
        assert!((found.between[0] - 9.0).abs() < 2.0, "{:?}", found.between);
        let direction = found.directions.row(0);
        assert!((direction[0].abs() - 5.0).abs() < 0.5 && direction[1].abs() < 0.1, "{direction:?}");
        assert!(found.between[1] < 0.1);
    }
}
