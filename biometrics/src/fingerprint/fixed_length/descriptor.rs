//! Minutia descriptors: what surrounds one minutia, in its own frame, in a few numbers.
//!
//! A neighbour adds to the cells around its relative position by its relative direction (as in the Minutia Cylinder
//! Code, Cappelli, Ferrara and Maltoni 2010, with circular harmonics in place of sections); the ridge flow is read on
//! rings (Tico and Kuosmanen 2003). A learnt discriminant projection keeps what tells minutiae apart.

use super::frame::{Flow, Pose};
use super::parameters::{
    DESCRIPTOR_COMPONENTS, DESCRIPTOR_LENGTH, DESCRIPTOR_RAW, DESCRIPTOR_SHRINKAGE, DIRECTION_HARMONICS,
    FLOW_RING_POINTS, FLOW_RINGS, FLOW_WEIGHT, NEIGHBOUR_LATTICE, NEIGHBOUR_REACH, NEIGHBOUR_SIGMA,
};
use crate::fingerprint::Minutia;
use crate::learn::{Affine, discriminants, principal_components};
use ndarray::Array2;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;

/// A projection of raw descriptors to [`DESCRIPTOR_LENGTH`] numbers of about unit variance within one minutia's
/// captures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DescriptorModel {
    projection: Affine,
}

/// A minutia's descriptor, `[DESCRIPTOR_LENGTH]`.
pub(super) type Descriptor = [f32; DESCRIPTOR_LENGTH];

impl DescriptorModel {
    /// Returns whether the tables have the shape that this version works with.
    pub(super) fn is_well_formed(&self) -> bool {
        self.projection.shape() == (DESCRIPTOR_LENGTH, DESCRIPTOR_RAW)
    }

    /// Describes every minutia.
    pub(super) fn describe(&self, minutiae: &[Minutia], flow: &Flow) -> Vec<Descriptor> {
        (0..minutiae.len()).map(|i| self.project(&raw_descriptor(minutiae, i, flow))).collect()
    }

    fn project(&self, raw: &[f32]) -> Descriptor {
        let mut out = [0.0; DESCRIPTOR_LENGTH];
        self.projection.apply(raw, &mut out);
        out
    }

    /// Learns the projection from raw descriptors, `[n, DESCRIPTOR_RAW]`, row i being of minutia `owners[i]`.
    pub(super) fn train(rows: &Array2<f32>, owners: &[u64], rng: &mut dyn Rng) -> Self {
        let principal = principal_components(rows.view(), DESCRIPTOR_COMPONENTS, rng);
        let reduced = (rows - &principal.mean).dot(&principal.directions.t());
        let found = discriminants(reduced.view(), owners, DESCRIPTOR_LENGTH, DESCRIPTOR_SHRINKAGE);
        let directions = found.directions.dot(&principal.directions);
        let mean = &principal.mean + &found.mean.dot(&principal.directions);
        Self { projection: Affine::centred(directions, &mean) }
    }
}

/// Describes minutia `index` before projection, `[DESCRIPTOR_RAW]`.
pub(super) fn raw_descriptor(minutiae: &[Minutia], index: usize, flow: &Flow) -> Vec<f32> {
    let own = &minutiae[index];
    let frame = Pose { x: own.x, y: own.y, angle: own.angle };
    let mut out = vec![0.0; DESCRIPTOR_RAW];
    for (_, other) in minutiae.iter().enumerate().filter(|&(i, _)| i != index) {
        add_neighbour(&mut out, frame, other);
    }
    read_rings(&mut out[NEIGHBOUR_LATTICE.len() * DIRECTION_HARMONICS..], frame, flow);
    out
}

fn add_neighbour(out: &mut [f32], frame: Pose, other: &Minutia) {
    let (u, v) = frame.to_finger(other.x, other.y);
    if u.abs().max(v.abs()) > -NEIGHBOUR_LATTICE.left + NEIGHBOUR_REACH {
        return;
    }
    let (sin, cos) = (other.angle - frame.angle).sin_cos();
    let harmonics = [1.0, cos, sin, cos * cos - sin * sin, 2.0 * sin * cos];
    NEIGHBOUR_LATTICE.near(u, v, NEIGHBOUR_REACH, |point, squared| {
        let weight = (-0.5 * squared / (NEIGHBOUR_SIGMA * NEIGHBOUR_SIGMA)).exp() * other.quality.max(0.0).sqrt();
        for (channel, harmonic) in harmonics.iter().enumerate() {
            out[point * DIRECTION_HARMONICS + channel] += weight * harmonic;
        }
    });
}

fn read_rings(out: &mut [f32], frame: Pose, flow: &Flow) {
    let (sin, cos) = frame.angle.sin_cos();
    let double = (2.0 * sin * cos, cos * cos - sin * sin);
    let mut at = 0;
    for radius in FLOW_RINGS {
        for point in 0..FLOW_RING_POINTS {
            let (sin, cos) = (TAU * point as f32 / FLOW_RING_POINTS as f32).sin_cos();
            let (x, y) = frame.to_image(radius * cos, radius * sin);
            let sample = flow.at(x, y).turned_back(double);
            out[at] = FLOW_WEIGHT * sample.cosine;
            out[at + 1] = FLOW_WEIGHT * sample.sine;
            at += 2;
        }
    }
}
