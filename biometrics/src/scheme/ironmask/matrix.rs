//! Orthogonal matrices: a random one that takes a template to a codeword, and its bytes.

use rand::{Rng, RngExt};

/// The levels of an entry between 0 and 1/2: an entry of a random orthogonal matrix of 64 rows and more is seldom larger.
const LEVELS: f32 = 254.0;

/// A square matrix.
///
/// Shape: `size` squared entries, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    size: usize,
    entries: Vec<f32>,
}

impl Matrix {
    /// Draws a random orthogonal matrix that takes the unit vector `from` to the unit vector `to`: a uniform one, followed by
    /// the rotation in the plane of where it leads and where it shall (Kim et al. 2021).
    pub(super) fn leading(from: &[f32], to: &[f32], rng: &mut dyn Rng) -> Self {
        let mut matrix = Self::uniform(from.len(), rng);
        let reached = matrix.times(from);
        let cosine = dot(&reached, to).clamp(-1.0, 1.0);
        let mut other: Vec<f32> = to.iter().zip(&reached).map(|(t, r)| t - cosine * r).collect();
        normalise(&mut other);
        let sine = (1.0 - cosine * cosine).max(0.0).sqrt();
        let (along, across) = (matrix.transposed_times(&reached), matrix.transposed_times(&other));
        let size = matrix.size;
        for (row, (&u, &w)) in matrix.entries.chunks_exact_mut(size).zip(reached.iter().zip(&other)) {
            for (entry, (&a, &b)) in row.iter_mut().zip(along.iter().zip(&across)) {
                *entry += u * (a * (cosine - 1.0) - b * sine) + w * (b * (cosine - 1.0) + a * sine);
            }
        }
        matrix
    }

    /// Draws an orthogonal matrix, each as likely as another: Gram and Schmidt's rows of normal values.
    fn uniform(size: usize, rng: &mut dyn Rng) -> Self {
        let mut entries: Vec<f32> = Vec::with_capacity(size * size);
        while entries.len() < size * size {
            let mut row: Vec<f32> = (0..size).map(|_| normal(rng)).collect();
            // A second round takes away what rounding has left of the rows before.
            for _ in 0..2 {
                for before in entries.chunks_exact(size) {
                    let shared = dot(&row, before);
                    row.iter_mut().zip(before).for_each(|(x, b)| *x -= shared * b);
                }
                normalise(&mut row);
            }
            entries.extend(row);
        }
        Self { size, entries }
    }

    /// Returns the number of rows.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns a row.
    pub(super) fn row(&self, number: usize) -> &[f32] {
        &self.entries[number * self.size..(number + 1) * self.size]
    }

    /// Multiplies with a vector.
    pub(super) fn times(&self, vector: &[f32]) -> Vec<f32> {
        self.entries.chunks_exact(self.size).map(|row| dot(row, vector)).collect()
    }

    /// Multiplies the transposed matrix with a vector.
    pub(super) fn transposed_times(&self, vector: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.size];
        for (row, &factor) in self.entries.chunks_exact(self.size).zip(vector) {
            out.iter_mut().zip(row).for_each(|(sum, x)| *sum += factor * x);
        }
        out
    }

    /// Writes each entry in one byte, as a level of 1/254.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.entries.iter().map(|x| (x * LEVELS).round().clamp(-127.0, 127.0) as i8 as u8).collect()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` unless there are as many entries as a square of this size has.
    pub(super) fn from_bytes(bytes: &[u8], size: usize) -> Option<Self> {
        let entries = || bytes.iter().map(|&byte| f32::from(byte as i8) / LEVELS).collect();
        (bytes.len() == size * size).then(|| Self { size, entries: entries() })
    }
}

/// Returns the inner product, summed in order.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Brings a vector to unit norm; a zero vector stays zero.
pub(super) fn normalise(vector: &mut [f32]) {
    let norm = dot(vector, vector).sqrt().max(f32::MIN_POSITIVE);
    vector.iter_mut().for_each(|x| *x /= norm);
}

/// Draws a standard normal value (Marsaglia's polar method 1964).
fn normal(rng: &mut dyn Rng) -> f32 {
    loop {
        let (x, y) = (rng.random_range(-1.0f64..1.0), rng.random_range(-1.0f64..1.0));
        let s = x * x + y * y;
        if s < 1.0 && s > 0.0 {
            return (x * (-2.0 * libm::log(s) / s).sqrt()) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_matrix_is_orthogonal_and_leads_where_it_shall() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let [mut from, mut to] = [(); 2].map(|()| (0..96).map(|_| normal(&mut rng)).collect::<Vec<f32>>());
        normalise(&mut from);
        normalise(&mut to);
        let matrix = Matrix::leading(&from, &to, &mut rng);
        assert!(matrix.times(&from).iter().zip(&to).all(|(a, b)| (a - b).abs() < 1e-4));
        assert!(matrix.transposed_times(&to).iter().zip(&from).all(|(a, b)| (a - b).abs() < 1e-4));
        for (i, j) in [(0, 0), (0, 1), (5, 90), (95, 95)] {
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((dot(matrix.row(i), matrix.row(j)) - expected).abs() < 1e-4, "rows {i} and {j}");
        }
        // A byte an entry turns the image by less than a hundredth.
        let read = Matrix::from_bytes(&matrix.to_bytes(), 96).unwrap();
        assert!(read.times(&from).iter().zip(&to).all(|(a, b)| (a - b).abs() < 0.01));
        assert!(Matrix::from_bytes(&[0; 10], 3).is_none());
    }
}
