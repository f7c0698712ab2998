//! The transform: sums of powers of neighbouring elements, weighted by a subject's secret integers.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// The secret integers of one record: a coefficient and an exponent for each element of a set.
///
/// Shape: both have m entries. Coefficients are distinct and not zero; exponents are a permutation of 1 to m.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secrets {
    pub(super) coefficients: Vec<i32>,
    pub(super) exponents: Vec<u32>,
}

impl Secrets {
    /// Draws the integers of a record: `terms` of each, coefficients between `-largest` and `largest`.
    pub(super) fn draw(terms: usize, largest: i32, stream: &mut dyn Rng) -> Self {
        let mut coefficients = Vec::with_capacity(terms);
        while coefficients.len() < terms {
            let drawn = stream.random_range(-largest..=largest);
            if drawn != 0 && !coefficients.contains(&drawn) {
                coefficients.push(drawn);
            }
        }
        let mut exponents: Vec<u32> = (1..=terms as u32).collect();
        exponents.shuffle(stream);
        Self { coefficients, exponents }
    }

    /// Returns the number of elements in a set.
    pub(super) fn terms(&self) -> usize {
        self.coefficients.len()
    }

    /// Returns the protected element of the set that begins at an element. Elements beyond the end are zero.
    pub(super) fn element(&self, embedding: &[f32], start: usize) -> f32 {
        let terms = self.coefficients.iter().zip(&self.exponents).zip(embedding.iter().skip(start));
        terms.map(|((&c, &e), &v)| c as f32 * power(v, e)).sum()
    }

    /// Returns the derivatives of that element by the elements of its set, as many as there are.
    pub(super) fn derivatives(&self, embedding: &[f32], start: usize) -> Vec<f32> {
        let terms = self.coefficients.iter().zip(&self.exponents).zip(embedding.iter().skip(start));
        terms.map(|((&c, &e), &v)| (c * e as i32) as f32 * power(v, e - 1)).collect()
    }
}

/// Lists where sets begin in an embedding of a length, each `overlap` elements before the end of the one before it.
pub(super) fn starts(length: usize, terms: usize, overlap: usize) -> impl Iterator<Item = usize> {
    (0..length.saturating_sub(overlap)).step_by(terms - overlap)
}

/// Transforms an embedding.
pub(super) fn transform(embedding: &[f32], secrets: &Secrets, overlap: usize) -> Vec<f32> {
    starts(embedding.len(), secrets.terms(), overlap).map(|start| secrets.element(embedding, start)).collect()
}

/// Multiplies out a power, so that it is the same on every machine.
fn power(value: f32, exponent: u32) -> f32 {
    (0..exponent).fold(1.0, |product, _| product * value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn secrets() -> Secrets {
        Secrets { coefficients: vec![2, -3, 4], exponents: vec![2, 1, 3] }
    }

    #[test]
    fn an_example_by_hand_at_every_overlap() {
        // Without overlap: 2 (.5)^2 - 3 (.1) + 4 (-1)^3 and, padded with zeros, 2 (.2)^2 - 3 (.4).
        let embedding = [0.5, 0.1, -1.0, 0.2, 0.4];
        let close = |found: Vec<f32>, wanted: &[f32]| {
            assert_eq!(found.len(), wanted.len(), "{found:?}");
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} and not {wanted:?}");
        };
        close(transform(&embedding, &secrets(), 0), &[-3.8, -1.12]);
        // With one: the second set begins at -1: 2 - 3 (.2) + 4 (.4)^3.
        close(transform(&embedding, &secrets(), 1), &[-3.8, 1.656]);
        // With two: .02 + 3 + 4 (.2)^3 in between.
        close(transform(&embedding, &secrets(), 2), &[-3.8, 3.052, 1.656]);
    }

    #[test]
    fn the_number_of_elements_is_the_published_one() {
        // Hahn and Marcel 2022, m = 5: 128 numbers give 26 elements without overlap and 124 at an overlap of 4; 512 give 170
        // at an overlap of 2.
        for (length, overlap, elements) in [(128, 0, 26), (128, 4, 124), (512, 2, 170)] {
            assert_eq!(starts(length, 5, overlap).count(), elements);
        }
    }

    #[test]
    fn secrets_are_distinct_integers_and_a_permutation() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200 {
            let drawn = Secrets::draw(7, 5, &mut rng);
            let mut sorted = drawn.coefficients.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert!(sorted.len() == 7 && sorted.iter().all(|c| (-5..=5).contains(c) && *c != 0), "{drawn:?}");
            let mut exponents = drawn.exponents.clone();
            exponents.sort_unstable();
            assert_eq!(exponents, [1, 2, 3, 4, 5, 6, 7]);
        }
    }
}
