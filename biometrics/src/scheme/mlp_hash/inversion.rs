//! Inversion with the network known: the unit vector whose outputs lie most clearly on the payload's side of their mean.
//!
//! Gradient descent on the logistic loss of each output's distance from the outputs' mean, by the payload's bits, from the
//! vector that the bits give when every rectifier is half open. The payload is the output of a network that is known, so that
//! nothing but the rectifiers stands between it and the template: an attack of a known model (white box).

use super::network::Network;
use crate::BitString;

const STEPS: usize = 60;
/// The length of the first and of the last step, on the unit sphere.
const FIRST_STEP: f32 = 0.4;
const LAST_STEP: f32 = 0.02;

/// Estimates the template of `dimension` numbers behind a payload's bits. Deterministic: no randomness.
pub(super) fn recover(network: &Network, bits: &BitString, dimension: usize) -> Vec<f32> {
    let sides: Vec<f32> = bits.iter().map(|bit| if bit { 1.0 } else { -1.0 }).collect();
    let open = network.activations(&vec![0.0; dimension]).into_iter().map(|a| vec![1.0; a.len()]).collect::<Vec<_>>();
    let mut found = unit(network.gradient(&open, centred(&sides)));
    let mut best = (f32::INFINITY, found.clone());
    for step in 0..STEPS {
        let activations = network.activations(&found);
        let (loss, slopes) = loss(&activations[activations.len() - 1], &sides);
        if loss < best.0 {
            best = (loss, found.clone());
        }
        let direction = unit(network.gradient(&activations, slopes));
        let share = step as f32 / (STEPS - 1) as f32;
        let length = FIRST_STEP + share * (LAST_STEP - FIRST_STEP);
        found = unit(found.iter().zip(&direction).map(|(x, d)| x - length * d).collect());
    }
    best.1
}

/// Returns the mean logistic loss and its slopes by the outputs.
fn loss(outputs: &[f32], sides: &[f32]) -> (f32, Vec<f32>) {
    let distances = centred(outputs);
    let count = outputs.len() as f32;
    let scale = (distances.iter().map(|d| d * d).sum::<f32>() / count).sqrt().max(f32::MIN_POSITIVE);
    let margin = |(distance, side): (&f32, &f32)| distance * side / scale;
    let margins: Vec<f32> = distances.iter().zip(sides).map(margin).collect();
    let total: f32 = margins.iter().map(|m| libm::log1pf(libm::expf(-m))).sum();
    let slopes: Vec<f32> = margins.iter().zip(sides).map(|(m, side)| -side / (1.0 + libm::expf(*m))).collect();
    (total / count, centred(&slopes))
}

/// Takes the mean off.
fn centred(values: &[f32]) -> Vec<f32> {
    let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
    values.iter().map(|x| x - mean).collect()
}

/// Brings a vector to unit norm; a zero vector stays zero.
fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    vector.iter_mut().for_each(|x| *x /= norm);
    vector
}
