//! Candidate pairs of minutiae, and the relaxation in which they support one another.
//!
//! Source: Cappelli, Ferrara and Maltoni 2010, section 4.3 (local similarity sort with relaxation).

use super::cylinder::Similarities;
use super::parameters::{
    CANDIDATES, CANDIDATES_PER_MINUTIA, COMPATIBLE_ANGLE, COMPATIBLE_LENGTH, COMPATIBLE_STRETCH, POSITION_ERROR,
    RELAXATION_ROUNDS,
};
use super::template::{Edge, MinutiaeTemplate};
use std::f32::consts::TAU;

/// A supposed correspondence of a reference minutia and a probe minutia.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    /// Index of the reference minutia.
    pub reference: usize,
    /// Index of the probe minutia.
    pub probe: usize,
    /// Similarity of their neighbourhoods, in [0, 1].
    pub similarity: f32,
}

/// Picks the pairs of minutiae whose neighbourhoods are most alike, best first, a few for each reference minutia.
pub(super) fn candidates(similarities: &Similarities, references: usize) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(CANDIDATES_PER_MINUTIA * references);
    for reference in 0..references {
        let mut best = [Pair { reference, probe: 0, similarity: 0.0 }; CANDIDATES_PER_MINUTIA];
        for (probe, &similarity) in similarities.row(reference).iter().enumerate() {
            if similarity > best[CANDIDATES_PER_MINUTIA - 1].similarity {
                insert(&mut best, Pair { reference, probe, similarity });
            }
        }
        pairs.extend(best.into_iter().filter(|pair| pair.similarity > 0.0));
    }
    pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    pairs.truncate(CANDIDATES);
    pairs
}

fn insert(best: &mut [Pair; CANDIDATES_PER_MINUTIA], pair: Pair) {
    let mut slot = CANDIDATES_PER_MINUTIA - 1;
    best[slot] = pair;
    while slot > 0 && best[slot].similarity > best[slot - 1].similarity {
        best.swap(slot, slot - 1);
        slot -= 1;
    }
}

/// How well each pair of candidates fits into one movement of the finger, and how much support each one has.
pub(super) struct Relaxed {
    fits: Vec<f32>,
    /// Support of each candidate after the relaxation.
    pub support: Vec<f32>,
}

impl Relaxed {
    /// Lets compatible candidates strengthen one another.
    pub(super) fn new(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, pairs: &[Pair]) -> Self {
        let count = pairs.len();
        let mut fits = vec![0.0; count * count];
        for i in 0..count {
            for j in 0..i {
                let fit = pair_fit(reference, probe, &pairs[i], &pairs[j]);
                fits[i * count + j] = fit;
                fits[j * count + i] = fit;
            }
        }
        let mut support: Vec<f32> = pairs.iter().map(|pair| pair.similarity).collect();
        for _ in 0..RELAXATION_ROUNDS {
            support = spread(&fits, &support);
        }
        Self { fits, support }
    }

    /// Returns how well one candidate fits each of the others, in [0, 1].
    pub(super) fn fits(&self, candidate: usize) -> &[f32] {
        &self.fits[candidate * self.support.len()..(candidate + 1) * self.support.len()]
    }
}

fn spread(fits: &[f32], support: &[f32]) -> Vec<f32> {
    let share = 0.5 / (support.len().max(2) - 1) as f32;
    let mut next: Vec<f32> = support.iter().map(|s| 0.5 * s).collect();
    for (row, &from) in fits.chunks_exact(support.len()).zip(support) {
        for (value, fit) in next.iter_mut().zip(row) {
            *value += share * from * fit;
        }
    }
    next
}

/// Returns how well two pairs fit into one movement of the finger, in [0, 1].
pub(super) fn pair_fit(reference: &MinutiaeTemplate, probe: &MinutiaeTemplate, a: &Pair, b: &Pair) -> f32 {
    if a.reference == b.reference || a.probe == b.probe {
        return 0.0;
    }
    edge_fit(reference.edge(a.reference, b.reference), probe.edge(a.probe, b.probe))
}

fn edge_fit(a: Edge, b: Edge) -> f32 {
    let angle = |x: u16, y: u16| f32::from((x.wrapping_sub(y) as i16).unsigned_abs()) * (TAU / 65_536.0);
    let length = (a.length - b.length).abs() / (COMPATIBLE_LENGTH + COMPATIBLE_STRETCH * a.length);
    let turn = angle(a.turn, b.turn) / COMPATIBLE_ANGLE;
    if length >= 2.0 || turn >= 2.0 {
        return 0.0;
    }
    // Near minutiae have an uncertain bearing: a pixel's error turns it by 1/length.
    let bearing = angle(a.bearing, b.bearing) / (COMPATIBLE_ANGLE + POSITION_ERROR / (a.length + POSITION_ERROR));
    falling(length) * falling(bearing) * falling(turn)
}

/// Falls from one at zero over a half at one to zero at two.
fn falling(x: f32) -> f32 {
    let t = (1.0 - 0.5 * x).max(0.0);
    t * t * (3.0 - 2.0 * t)
}
