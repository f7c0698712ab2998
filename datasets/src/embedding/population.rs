//! People as points: identities, and captures of them.

use super::model::{
    BAD_NOISE, BAD_SHARE, BETWEEN_DECAY, BETWEEN_TRACE, CAPTURE_SPREAD, DIMENSIONS, INDIVIDUAL_SHARE, LEVELS,
    LOOK_ALIKE_PART, LOOK_ALIKES, Level, MEAN_NORM, NOISE_SCALE, SUBJECT_SPREAD, WITHIN_DECAY, WITHIN_TRACE,
};
use crate::stream::stream;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Keys what all people have in common: the axes along which they differ, and the clusters. A seed draws other people from
/// the same population, so that figures of several seeds differ as much as their intervals say. Were the clusters drawn
/// anew, the spread over 24 seeds would be 1.5 to 1.7 times that.
const POPULATION: u64 = 1;

type Vector = [f32; DIMENSIONS];

/// The structure that all subjects of one seed share; embeddings of any subject can be drawn from it in any order.
pub struct EmbeddingPopulation {
    seed: u64,
    subjects: u64,
    mean: Vector,
    /// Columns scaled by the roots of the eigenvalues, row by row.
    between: Vec<Vector>,
    within: Vec<Vector>,
    levels: Vec<Clusters>,
}

/// One level's clusters.
struct Clusters {
    /// In the coordinates of `between`, with a weighted mean of zero.
    centres: Vec<Vector>,
    /// Cumulative shares of subjects.
    cumulative: Vec<f64>,
}

/// One capture's embedding, of unit length.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// Whose it is, from 1.
    pub subject: u64,
    /// Which of the subject's captures it is, from 1.
    pub impression: u64,
    /// The vector.
    pub vector: Vec<f32>,
}

impl EmbeddingPopulation {
    /// Draws bases and clusters, which are those of every seed, for `subjects` people.
    pub fn new(seed: u64, subjects: u64) -> Self {
        let rng = &mut stream(POPULATION, "embedding/population", 0);
        let between = scaled_basis(BETWEEN_TRACE, BETWEEN_DECAY, rng);
        let within = scaled_basis(WITHIN_TRACE, WITHIN_DECAY, rng);
        let direction = normals(rng);
        let norm = direction.iter().map(|x| x * x).sum::<f32>().sqrt();
        let mean = direction.map(|x| x * MEAN_NORM as f32 / norm);
        let levels = LEVELS.iter().map(|level| Clusters::draw(level, rng)).collect();
        Self { seed, subjects, mean, between, within, levels }
    }

    /// Iterates over all embeddings, subject by subject; nothing is kept of those that have passed.
    pub fn embeddings(&self, impressions: u64) -> impl Iterator<Item = Embedding> + '_ {
        (1..=self.subjects).flat_map(move |subject| self.of_subject(subject, impressions))
    }

    /// Draws one capture of a subject by a number of its own, whatever else has been drawn: for whoever needs captures one
    /// at a time. These are other captures than [`Self::of_subject`]'s, of the same subject.
    pub fn capture_of(&self, subject: u64, number: u64) -> Embedding {
        let key = stream(self.seed, "embedding/subject", subject).random::<[u8; 32]>();
        let scale = subject_scale(&mut ChaCha8Rng::from_seed(key));
        let rng = &mut stream(self.seed, &format!("embedding/capture/{number}"), subject);
        let vector = self.capture(&self.identity(subject), scale, rng);
        Embedding { subject, impression: number, vector }
    }

    /// Draws one subject's embeddings. Same arguments, same vectors, whatever else has been drawn.
    pub fn of_subject(&self, subject: u64, impressions: u64) -> Vec<Embedding> {
        let key = stream(self.seed, "embedding/subject", subject).random::<[u8; 32]>();
        let rng = &mut ChaCha8Rng::from_seed(key);
        let scale = subject_scale(rng);
        let identity = self.identity(subject);
        let capture = |impression| {
            let vector = self.capture(&identity, scale, rng);
            Embedding { subject, impression, vector }
        };
        (1..=impressions).map(capture).collect()
    }

    /// Returns a subject's point before normalisation.
    fn identity(&self, subject: u64) -> Vector {
        let rng = &mut self.identity_stream(subject);
        let mut own = self.individual(subject);
        if rng.random::<f64>() < LOOK_ALIKES && self.subjects > 1 {
            let other = self.individual(1 + rng.random_range(0..self.subjects));
            let (theirs, mine) = (LOOK_ALIKE_PART.sqrt() as f32, (1.0 - LOOK_ALIKE_PART).sqrt() as f32);
            own.iter_mut().zip(&other).for_each(|(x, o)| *x = mine * *x + theirs * o);
        }
        let mut latent = own.map(|x| x * INDIVIDUAL_SHARE.sqrt() as f32);
        for clusters in &self.levels {
            latent.iter_mut().zip(clusters.choose(rng.random())).for_each(|(x, c)| *x += c);
        }
        let mut point = self.mean;
        add_scaled(&mut point, &self.between, &latent, 1.0);
        point
    }

    /// Returns what is a subject's own, in the coordinates of `between`.
    fn individual(&self, subject: u64) -> Vector {
        normals(&mut stream(self.seed, "embedding/individual", subject))
    }

    fn identity_stream(&self, subject: u64) -> ChaCha8Rng {
        stream(self.seed, "embedding/identity", subject)
    }

    fn capture(&self, identity: &Vector, scale: f64, rng: &mut impl Rng) -> Vec<f32> {
        let bad = if rng.random::<f64>() < BAD_SHARE { BAD_NOISE } else { 1.0 };
        let spread = libm::exp(CAPTURE_SPREAD * f64::from(normals(rng)[0]));
        let mut point = *identity;
        add_scaled(&mut point, &self.within, &normals(rng), (scale * bad * spread) as f32);
        let norm = point.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
        point.iter().map(|x| x / norm).collect()
    }
}

/// Draws how noisy a subject's captures are.
fn subject_scale(rng: &mut impl Rng) -> f64 {
    NOISE_SCALE * libm::exp(SUBJECT_SPREAD * f64::from(normals(rng)[0]))
}

/// Adds `factor` times the basis times the coordinates.
fn add_scaled(point: &mut Vector, basis: &[Vector], coordinates: &Vector, factor: f32) {
    for (axis, &coordinate) in basis.iter().zip(coordinates) {
        let weight = factor * coordinate;
        point.iter_mut().zip(axis).for_each(|(p, a)| *p += weight * a);
    }
}

/// Draws a random orthonormal basis, each axis times the root of its eigenvalue.
fn scaled_basis(trace: f64, decay: f64, rng: &mut impl Rng) -> Vec<Vector> {
    let eigenvalue = |k: usize| libm::exp(-(k as f64) / decay);
    let total: f64 = (0..DIMENSIONS).map(eigenvalue).sum();
    let mut axes: Vec<Vector> = Vec::with_capacity(DIMENSIONS);
    for _ in 0..DIMENSIONS {
        let mut axis = normals(rng);
        // Twice is enough (Giraud et al. 2005).
        for _ in 0..2 {
            for earlier in &axes {
                let overlap: f32 = axis.iter().zip(earlier).map(|(a, e)| a * e).sum();
                axis.iter_mut().zip(earlier).for_each(|(a, e)| *a -= overlap * e);
            }
        }
        let norm = axis.iter().map(|x| x * x).sum::<f32>().sqrt();
        axes.push(axis.map(|x| x / norm));
    }
    for (k, axis) in axes.iter_mut().enumerate() {
        let root = (trace * eigenvalue(k) / total).sqrt() as f32;
        axis.iter_mut().for_each(|x| *x *= root);
    }
    axes
}

impl Clusters {
    fn draw(level: &Level, rng: &mut impl Rng) -> Self {
        let mut centres: Vec<Vector> = (0..level.clusters).map(|_| normals(rng)).collect();
        let weights: Vec<f64> = (1..=level.clusters).map(|rank| libm::pow(rank as f64, -level.exponent)).collect();
        let total: f64 = weights.iter().sum();
        centre(&mut centres, &weights.iter().map(|w| w / total).collect::<Vec<_>>(), level.share);
        let mut sum = 0.0;
        let add = |w: f64| {
            sum += w / total;
            sum
        };
        Self { centres, cumulative: weights.into_iter().map(add).collect() }
    }

    fn choose(&self, at: f64) -> &Vector {
        &self.centres[self.cumulative.partition_point(|&c| c <= at).min(self.centres.len() - 1)]
    }
}

/// Scales centres to the wanted variance, and then moves them to a weighted mean of zero: the mean embedding has its
/// own norm. The variance that this takes from levels of few clusters is not put back (put back, all thresholds came
/// out .01 to .02 too high).
fn centre(centres: &mut [Vector], weights: &[f64], variance: f64) {
    let factor = variance.sqrt() as f32;
    centres.iter_mut().flatten().for_each(|c| *c *= factor);
    let mut mean = [0.0f64; DIMENSIONS];
    for (centre, weight) in centres.iter().zip(weights) {
        mean.iter_mut().zip(centre).for_each(|(m, &c)| *m += weight * f64::from(c));
    }
    for centre in centres {
        centre.iter_mut().zip(&mean).for_each(|(c, m)| *c -= *m as f32);
    }
}

/// Draws standard normals in pairs (Marsaglia's polar method, 1964), with `libm` and square roots alone.
fn normals(rng: &mut impl Rng) -> Vector {
    let mut out = [0.0; DIMENSIONS];
    for pair in out.chunks_mut(2) {
        let (x, y, s) = loop {
            let bits = rng.next_u64();
            let unit = |word: u32| (f64::from(word) + 0.5) / 2_147_483_648.0 - 1.0;
            let (x, y) = (unit(bits as u32), unit((bits >> 32) as u32));
            let s = x * x + y * y;
            if s < 1.0 && s > 0.0 {
                break (x, y, s);
            }
        };
        let factor = (-2.0 * libm::log(s) / s).sqrt();
        pair[0] = (x * factor) as f32;
        if let Some(second) = pair.get_mut(1) {
            *second = (y * factor) as f32;
        }
    }
    out
}
