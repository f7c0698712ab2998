//! The error-correcting code on the sphere: unit vectors with a few entries of one magnitude, and zeros.

use rand::seq::index;
use rand::{Rng, RngExt};

/// A codeword: which entries are not zero, and their signs.
///
/// Shape: positions in rising order; every such entry has the magnitude 1/√α of α entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Codeword {
    entries: Vec<(u16, bool)>,
}

impl Codeword {
    /// Draws one of the codewords with `nonzero` entries in a dimension, each as likely as another.
    pub(super) fn draw(dimension: usize, nonzero: usize, rng: &mut dyn Rng) -> Self {
        let mut entries: Vec<(u16, bool)> =
            index::sample(rng, dimension, nonzero).into_iter().map(|at| (at as u16, false)).collect();
        entries.sort_unstable();
        entries.iter_mut().for_each(|entry| entry.1 = rng.random());
        Self { entries }
    }

    /// Returns the codeword nearest to a vector: its `nonzero` entries of the largest magnitude, ties to the lower index.
    pub(super) fn nearest(vector: &[f32], nonzero: usize) -> Self {
        let mut order: Vec<usize> = (0..vector.len()).collect();
        order.sort_by(|&a, &b| vector[b].abs().total_cmp(&vector[a].abs()).then(a.cmp(&b)));
        let mut entries: Vec<(u16, bool)> =
            order.into_iter().take(nonzero).map(|at| (at as u16, vector[at] > 0.0)).collect();
        entries.sort_unstable();
        Self { entries }
    }

    /// Returns the unit vector.
    pub(super) fn vector(&self, dimension: usize) -> Vec<f32> {
        let magnitude = (self.entries.len() as f32).sqrt().recip();
        let mut out = vec![0.0; dimension];
        self.entries
            .iter()
            .for_each(|&(at, positive)| out[usize::from(at)] = if positive { magnitude } else { -magnitude });
        out
    }

    /// Returns the bytes that a key is made of: each entry's position, with its sign as the lowest bit.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.entries.iter().flat_map(|&(at, positive)| (at << 1 | u16::from(positive)).to_le_bytes()).collect()
    }
}

/// Returns the bits that numbering the codewords takes, log₂(C(n, α) 2^α) rounded down.
pub(super) fn key_bits(dimension: usize, nonzero: usize) -> usize {
    let ways = |i: usize| libm::log2((dimension - i) as f64 / (i + 1) as f64);
    ((0..nonzero).map(ways).sum::<f64>() + nonzero as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_number_of_codewords_is_the_published_one() {
        // Kim et al. 2021 state 115 bits of security at n = 512 and α = 16.
        assert_eq!(key_bits(512, 16), 115);
        // C(4, 2) 2² = 24.
        assert_eq!(key_bits(4, 2), 4);
    }

    #[test]
    fn a_codeword_is_a_unit_vector_that_decodes_to_itself_and_so_do_its_neighbours() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..50 {
            let word = Codeword::draw(128, 8, &mut rng);
            let mut vector = word.vector(128);
            assert!((vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-6);
            assert_eq!(Codeword::nearest(&vector, 8), word);
            // Entries of 0.354 stand out from disturbances below half of it.
            vector.iter_mut().for_each(|x| *x += rng.random_range(-0.17f32..0.17));
            assert_eq!(Codeword::nearest(&vector, 8), word);
        }
    }

    #[test]
    fn an_example_by_hand() {
        let word = Codeword::nearest(&[0.1, -0.9, 0.3, 0.0, 0.8], 2);
        assert_eq!(word.entries, [(1, false), (4, true)]);
        let half = 0.5f32.sqrt();
        assert_eq!(word.vector(5), [0.0, -half, 0.0, 0.0, half]);
        assert_eq!(word.to_bytes(), [2, 0, 9, 0]);
    }
}
