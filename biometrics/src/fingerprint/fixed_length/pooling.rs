//! Pooling: one long vector of fixed length from any number of minutiae and any visible area.
//!
//! Five blocks, the first four in the finger's own frame: ridge flow, ridge period, minutiae by place and direction
//! (as the minutia maps of Engelsma, Cao and Jain 2021), sums of minutia descriptors by place, and sums of descriptors
//! by the word of a vocabulary that they are nearest to (Jegou et al. 2012), which needs no pose at all. What is not
//! visible counts as average, so each block is the difference from the mean over where there is finger.

use super::descriptor::Descriptor;
use super::frame::{Flow, Lattice, Pose};
use super::parameters::{
    DESCRIPTOR_LENGTH, FLOW_LATTICE, MAP_DIRECTIONS, MAP_LATTICE, MAP_REACH, MAP_SIGMA, PERIOD_LATTICE, SUM_LATTICE,
    SUM_REACH, SUM_SIGMA, WORD_ROUNDS, WORD_SOFTNESS, WORDS,
};
use crate::fingerprint::Minutia;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;
use std::ops::Range;

/// Lengths of the five blocks.
pub(super) const BLOCKS: [usize; 5] = [
    FLOW_LATTICE.columns * FLOW_LATTICE.rows * 2,
    PERIOD_LATTICE.columns * PERIOD_LATTICE.rows,
    MAP_LATTICE.columns * MAP_LATTICE.rows * MAP_DIRECTIONS,
    SUM_LATTICE.columns * SUM_LATTICE.rows * DESCRIPTOR_LENGTH,
    WORDS * DESCRIPTOR_LENGTH,
];
/// Length of the pooled vector.
pub(super) const POOLED: usize = BLOCKS[0] + BLOCKS[1] + BLOCKS[2] + BLOCKS[3] + BLOCKS[4];

/// Returns where block `index` lies in the pooled vector.
pub(super) fn block(index: usize) -> Range<usize> {
    let start: usize = BLOCKS[..index].iter().sum();
    start..start + BLOCKS[index]
}

/// Everything about one sample that is pooled.
pub(super) struct Evidence<'a> {
    pub(super) minutiae: &'a [Minutia],
    pub(super) descriptors: &'a [Descriptor],
    pub(super) flow: &'a Flow,
    pub(super) pose: Pose,
}

/// The averages that pooling subtracts, and the vocabulary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PoolingModel {
    /// Mean of the first three blocks per unit of visible finger.
    mean: Vec<f32>,
    /// `[WORDS][DESCRIPTOR_LENGTH]`.
    words: Vec<Descriptor>,
}

impl PoolingModel {
    /// Returns whether the tables have the shape that this version works with.
    pub(super) fn is_well_formed(&self) -> bool {
        self.mean.len() == block(2).end && self.words.len() == WORDS
    }

    /// Pools one sample's evidence, `[POOLED]`.
    pub(super) fn pool(&self, evidence: &Evidence<'_>) -> Vec<f32> {
        let (mut pooled, coverage) = sums(evidence);
        for ((value, mean), visible) in pooled.iter_mut().zip(&self.mean).zip(&coverage) {
            *value -= mean * visible;
        }
        sum_by_place(evidence, &mut pooled[block(3)]);
        self.sum_by_word(evidence, &mut pooled[block(4)]);
        for index in [3, 4] {
            pooled[block(index)].iter_mut().for_each(|x| *x = x.abs().sqrt().copysign(*x));
        }
        pooled
    }

    /// Adds each descriptor's difference from its nearest words, softly assigned.
    fn sum_by_word(&self, evidence: &Evidence<'_>, out: &mut [f32]) {
        for (descriptor, minutia) in evidence.descriptors.iter().zip(evidence.minutiae) {
            let weights = self.assignment(descriptor);
            for (word, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 1e-3) {
                let weight = weight * weight_of(minutia);
                for i in 0..DESCRIPTOR_LENGTH {
                    out[word * DESCRIPTOR_LENGTH + i] += weight * (descriptor[i] - self.words[word][i]);
                }
            }
        }
    }

    fn assignment(&self, descriptor: &Descriptor) -> [f32; WORDS] {
        let squared: [f32; WORDS] = std::array::from_fn(|w| squared_distance(descriptor, &self.words[w]));
        let nearest = squared.iter().copied().fold(f32::MAX, f32::min);
        let raw = squared.map(|d| ((nearest - d) / WORD_SOFTNESS).exp());
        let total: f32 = raw.iter().sum();
        raw.map(|r| r / total)
    }

    /// Learns the means from training evidence and the vocabulary from its descriptors.
    pub(super) fn train(evidence: &[Evidence<'_>], rng: &mut dyn Rng) -> Self {
        let (mut total, mut visible) = (vec![0.0f64; block(2).end], vec![0.0f64; block(2).end]);
        for one in evidence {
            let (pooled, coverage) = sums(one);
            for (i, seen) in coverage.iter().enumerate() {
                total[i] += f64::from(pooled[i]);
                visible[i] += f64::from(*seen);
            }
        }
        // A place that was hardly ever visible has no mean of its own.
        let floor = 0.01 * evidence.len() as f64;
        let mean = total.iter().zip(&visible).map(|(t, v)| (t / (v + floor)) as f32).collect();
        let descriptors: Vec<&Descriptor> = evidence.iter().flat_map(|e| e.descriptors).collect();
        Self { mean, words: vocabulary(&descriptors, rng) }
    }
}

/// Sums the first three blocks, and how much finger is visible behind each of their entries.
fn sums(evidence: &Evidence<'_>) -> (Vec<f32>, Vec<f32>) {
    let (mut pooled, mut coverage) = (vec![0.0; POOLED], vec![0.0; block(2).end]);
    let pose = evidence.pose;
    let (sin, cos) = pose.angle.sin_cos();
    let double = (2.0 * sin * cos, cos * cos - sin * sin);
    let read = |lattice: &Lattice, point: usize| {
        let (u, v) = lattice.point(point);
        let (x, y) = pose.to_image(u, v);
        evidence.flow.at(x, y).turned_back(double)
    };
    for point in 0..FLOW_LATTICE.len() {
        let sample = read(&FLOW_LATTICE, point);
        pooled[2 * point..][..2].copy_from_slice(&[sample.cosine, sample.sine]);
        coverage[2 * point..][..2].fill(sample.inside);
    }
    let periods = block(1).start;
    for point in 0..PERIOD_LATTICE.len() {
        let sample = read(&PERIOD_LATTICE, point);
        (pooled[periods + point], coverage[periods + point]) = (sample.log_period, sample.inside);
    }
    let map = block(2);
    for point in 0..MAP_LATTICE.len() {
        coverage[map.start + point * MAP_DIRECTIONS..][..MAP_DIRECTIONS].fill(read(&MAP_LATTICE, point).inside);
    }
    count_by_place(evidence, &mut pooled[map]);
    (pooled, coverage)
}

/// Counts minutiae by place and direction, softly in both.
fn count_by_place(evidence: &Evidence<'_>, out: &mut [f32]) {
    for minutia in evidence.minutiae {
        let (u, v) = evidence.pose.to_finger(minutia.x, minutia.y);
        let directions = direction_weights(minutia.angle - evidence.pose.angle);
        MAP_LATTICE.near(u, v, MAP_REACH, |point, squared| {
            let weight = weight_of(minutia) * (-0.5 * squared / (MAP_SIGMA * MAP_SIGMA)).exp();
            for (direction, share) in directions.iter().enumerate() {
                out[point * MAP_DIRECTIONS + direction] += weight * share;
            }
        });
    }
}

/// Sums descriptors by place.
fn sum_by_place(evidence: &Evidence<'_>, out: &mut [f32]) {
    for (descriptor, minutia) in evidence.descriptors.iter().zip(evidence.minutiae) {
        let (u, v) = evidence.pose.to_finger(minutia.x, minutia.y);
        SUM_LATTICE.near(u, v, SUM_REACH, |point, squared| {
            let weight = weight_of(minutia) * (-0.5 * squared / (SUM_SIGMA * SUM_SIGMA)).exp();
            for (i, value) in descriptor.iter().enumerate() {
                out[point * DESCRIPTOR_LENGTH + i] += weight * value;
            }
        });
    }
}

/// Shares a direction between the two nearest of [`MAP_DIRECTIONS`] by a raised cosine.
fn direction_weights(angle: f32) -> [f32; MAP_DIRECTIONS] {
    std::array::from_fn(|i| {
        let step = TAU / MAP_DIRECTIONS as f32;
        let off = (angle - i as f32 * step).rem_euclid(TAU);
        let off = off.min(TAU - off) / step;
        if off < 1.0 { 0.5 + 0.5 * (off * std::f32::consts::PI).cos() } else { 0.0 }
    })
}

fn weight_of(minutia: &Minutia) -> f32 {
    minutia.quality.max(0.0).sqrt()
}

/// Learns words by k-means from random starts among the descriptors.
fn vocabulary(descriptors: &[&Descriptor], rng: &mut dyn Rng) -> Vec<Descriptor> {
    let mut words: Vec<Descriptor> = (0..WORDS).map(|_| *descriptors[rng.random_range(0..descriptors.len())]).collect();
    for _ in 0..WORD_ROUNDS {
        let (mut sums, mut counts) = (vec![[0.0f64; DESCRIPTOR_LENGTH]; WORDS], [0usize; WORDS]);
        for descriptor in descriptors {
            let distance = |w: &usize| squared_distance(descriptor, &words[*w]);
            let nearest = (0..WORDS).min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("there are words");
            counts[nearest] += 1;
            sums[nearest].iter_mut().zip(descriptor.iter()).for_each(|(s, &x)| *s += f64::from(x));
        }
        for w in (0..WORDS).filter(|&w| counts[w] > 0) {
            words[w] = std::array::from_fn(|i| (sums[w][i] / counts[w] as f64) as f32);
        }
    }
    words
}

fn squared_distance(a: &Descriptor, b: &Descriptor) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
