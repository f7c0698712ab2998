//! The network: layers of pseudo-random orthonormal weights, without bias, each hidden one followed by a rectifier.

use crate::projection::{project, project_back};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// A record's network.
pub(super) struct Network {
    layers: Vec<Layer>,
}

struct Layer {
    seed: [u8; 32],
    width: usize,
}

impl Network {
    /// Draws the weights of a network: hidden layers of a width, and as many outputs.
    pub(super) fn draw(hidden_layers: usize, hidden_width: usize, outputs: usize, stream: &mut dyn Rng) -> Self {
        let widths = std::iter::repeat_n(hidden_width, hidden_layers).chain([outputs]);
        let layer = |width| {
            let mut seed = [0; 32];
            stream.fill_bytes(&mut seed);
            Layer { seed, width }
        };
        Self { layers: widths.map(layer).collect() }
    }

    /// Returns what enters each layer, and the outputs as the last entry.
    ///
    /// Shape: one vector more than there are layers, the first being the input.
    pub(super) fn activations(&self, input: &[f32]) -> Vec<Vec<f32>> {
        let mut out = vec![input.to_vec()];
        for (number, layer) in self.layers.iter().enumerate() {
            let mut values = project(&out[number], layer.width, &mut layer.stream());
            if number + 1 < self.layers.len() {
                values.iter_mut().for_each(|x| *x = x.max(0.0));
            }
            out.push(values);
        }
        out
    }

    /// Returns the outputs.
    pub(super) fn outputs(&self, input: &[f32]) -> Vec<f32> {
        self.activations(input).pop().expect("a network has an output layer")
    }

    /// Carries a gradient by the outputs back to the input, through the rectifiers that were open.
    pub(super) fn gradient(&self, activations: &[Vec<f32>], by_outputs: Vec<f32>) -> Vec<f32> {
        let mut gradient = by_outputs;
        for (number, layer) in self.layers.iter().enumerate().rev() {
            gradient = project_back(&gradient, activations[number].len(), &mut layer.stream());
            if number > 0 {
                let open = gradient.iter_mut().zip(&activations[number]);
                open.filter(|(_, entered)| **entered <= 0.0).for_each(|(slope, _)| *slope = 0.0);
            }
        }
        gradient
    }
}

impl Layer {
    fn stream(&self) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> (Network, Vec<f32>) {
        let network = Network::draw(2, 64, 32, &mut ChaCha20Rng::seed_from_u64(1));
        (network, (0..16).map(|i| ((i * i) % 7) as f32 - 3.0).collect())
    }

    #[test]
    fn hidden_values_are_rectified_and_lengths_are_the_layers() {
        let (network, input) = network();
        let activations = network.activations(&input);
        assert_eq!(activations.iter().map(Vec::len).collect::<Vec<_>>(), [16, 64, 64, 32]);
        for hidden in &activations[1..3] {
            let zeros = hidden.iter().filter(|x| **x == 0.0).count();
            assert!(hidden.iter().all(|x| *x >= 0.0) && zeros > 12 && zeros < 52, "{zeros}");
        }
        assert!(activations[3].iter().any(|x| *x < 0.0));
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let (network, input) = network();
        let weights: Vec<f32> = (0..32).map(|i| (i as f32 - 16.0) / 16.0).collect();
        let value = |x: &[f32]| network.outputs(x).iter().zip(&weights).map(|(y, w)| y * w).sum::<f32>();
        let gradient = network.gradient(&network.activations(&input), weights.clone());
        for at in 0..16 {
            let moved = |by: f32| {
                let mut x = input.clone();
                x[at] += by;
                value(&x)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - gradient[at]).abs() < 0.02, "{at}: {slope} and {}", gradient[at]);
        }
    }
}
