//! Pseudo-random rotations of a vector, fast enough to draw anew for every record.
//!
//! Each block of outputs is H D₃ H D₂ H D₁ x with the normalised Walsh-Hadamard matrix H and diagonals D of random
//! signs: exactly orthonormal, in n log n additions (Andoni, Indyk, Laarhoven, Razenshteyn and Schmidt 2015, "Practical
//! and optimal LSH for angular distance"). Gram and Schmidt's way to a random orthonormal matrix takes n³.

use crate::code::hadamard::walsh_hadamard;
use rand::Rng;

/// Rounds of signs and transform in a rotation.
const ROUNDS: usize = 3;

/// Projects a vector on `outputs` directions: orthonormal ones in each block of n, the blocks independent.
///
/// Shape: any input; n is its length, filled up with zeros to a power of two. The same stream gives the same bits on
/// every machine.
pub fn project(input: &[f32], outputs: usize, stream: &mut dyn Rng) -> Vec<f32> {
    let size = input.len().max(1).next_power_of_two();
    let mut out = Vec::with_capacity(outputs);
    let mut block = vec![0.0f32; size];
    while out.len() < outputs {
        block.fill(0.0);
        block[..input.len()].copy_from_slice(input);
        rotate(&mut block, stream);
        out.extend(block.iter().take(outputs - out.len()));
    }
    out
}

/// Adds up the directions of [`project`], each weighted by one of `weights`: its transpose, and in each whole block its
/// inverse.
///
/// Shape: `length` values, as many as the vector that was projected has.
pub fn project_back(weights: &[f32], length: usize, stream: &mut dyn Rng) -> Vec<f32> {
    let size = length.max(1).next_power_of_two();
    let mut out = vec![0.0; length];
    for weights in weights.chunks(size) {
        let mut block = vec![0.0f32; size];
        block[..weights.len()].copy_from_slice(weights);
        let signs: Vec<u64> = (0..ROUNDS * size.div_ceil(64)).map(|_| stream.next_u64()).collect();
        for signs in signs.rchunks(size.div_ceil(64)) {
            walsh_hadamard(&mut block);
            block.chunks_mut(64).zip(signs).for_each(|(values, &signs)| turn(values, signs, size));
        }
        out.iter_mut().zip(block).for_each(|(sum, value)| *sum += value);
    }
    out
}

fn rotate(block: &mut [f32], stream: &mut dyn Rng) {
    let size = block.len();
    for _ in 0..ROUNDS {
        block.chunks_mut(64).for_each(|values| turn(values, stream.next_u64(), size));
        walsh_hadamard(block);
    }
}

/// Turns the signs of up to 64 values, and takes back the length that the transform adds.
fn turn(values: &mut [f32], signs: u64, size: usize) {
    let scale = (size as f32).sqrt().recip();
    values.iter_mut().enumerate().for_each(|(i, x)| *x *= if signs >> i & 1 == 1 { scale } else { -scale });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn lengths_and_angles_are_kept_in_every_block() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let [a, b] = [(); 2].map(|()| (0..256).map(|_| rng.random_range(-1.0f32..1.0)).collect::<Vec<_>>());
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f32>();
        let turned = [&a, &b].map(|x| project(x, 512, &mut ChaCha20Rng::seed_from_u64(2)));
        for block in [0..256, 256..512] {
            let [p, q] = [0, 1].map(|i| &turned[i][block.clone()]);
            for (now, before) in [(dot(p, p), dot(&a, &a)), (dot(p, q), dot(&a, &b))] {
                assert!((now - before).abs() < 1e-3, "{now} {before}");
            }
        }
    }

    #[test]
    fn back_from_whole_blocks_is_where_it_came_from() {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        for length in [1usize, 3, 64, 100, 256] {
            let input: Vec<f32> = (0..length).map(|_| rng.random_range(-1.0f32..1.0)).collect();
            let blocks = 2 * length.next_power_of_two();
            let turned = project(&input, blocks, &mut ChaCha20Rng::seed_from_u64(8));
            let back = project_back(&turned, length, &mut ChaCha20Rng::seed_from_u64(8));
            assert!(input.iter().zip(&back).all(|(a, b)| (2.0 * a - b).abs() < 1e-4), "length {length}");
        }
    }

    #[test]
    fn any_length_projects_and_another_stream_gives_unrelated_values() {
        for length in [0, 1, 3, 100] {
            assert_eq!(project(&vec![1.0; length], 70, &mut ChaCha20Rng::seed_from_u64(3)).len(), 70);
        }
        let [a, b] = [4, 5].map(|seed| project(&[1.0; 128], 128, &mut ChaCha20Rng::seed_from_u64(seed)));
        let agreeing = a.iter().zip(&b).filter(|(x, y)| (**x > 0.0) == (**y > 0.0)).count();
        // 64 +- 5.7: five standard deviations, 6e-7.
        assert!((36..=92).contains(&agreeing), "{agreeing} of 128 signs agree");
    }
}
