//! The template that is compared: minutiae with everything about them that can be computed beforehand.

use super::cylinder::{Cylinder, CylinderSet};
use super::features::{Features, Minutia};
use super::parameters::CELL_PIXELS;
use ndarray::Array2;
use std::f32::consts::TAU;

/// A sample's minutiae prepared for comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct MinutiaeTemplate {
    pub(super) minutiae: Vec<Minutia>,
    pub(super) cylinders: CylinderSet,
    /// For each ordered pair of minutiae, at `from * len + to`.
    pub(super) edges: Vec<Edge>,
    /// One entry a cell of [`CELL_PIXELS`]: ridge orientation in 256ths of π, or `None` in the background.
    pub(super) field: Array2<Option<u8>>,
}

/// The place of one minutia as seen from another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Edge {
    /// Distance in pixels.
    pub length: f32,
    /// Direction of the edge relative to the first minutia's, in 65,536ths of a turn.
    pub bearing: u16,
    /// The second minutia's direction relative to the first's, in 65,536ths of a turn.
    pub turn: u16,
}

impl MinutiaeTemplate {
    /// Returns the minutiae that the template was made from.
    pub fn minutiae(&self) -> &[Minutia] {
        &self.minutiae
    }

    /// Prepares a sample's features for comparison.
    pub fn new(features: &Features) -> Self {
        let inside = features.mask.mapv(|inside| f32::from(u8::from(inside)));
        let count = features.minutiae.len();
        let cylinders =
            (0..count).map(|i| (Cylinder::new(i, features, &inside), to_turns(features.minutiae[i].angle))).collect();
        let edges = features.minutiae.iter().flat_map(|a| features.minutiae.iter().map(|b| edge(a, b))).collect();
        let steps = 256.0 / std::f32::consts::PI;
        let field = Array2::from_shape_fn(features.mask.dim(), |i| {
            features.mask[i].then(|| (features.orientation[i] * steps).round() as i32 as u8)
        });
        Self { minutiae: features.minutiae.clone(), cylinders, edges, field }
    }

    /// Returns the number of minutiae.
    pub fn len(&self) -> usize {
        self.minutiae.len()
    }

    /// Returns whether there are no minutiae at all.
    pub fn is_empty(&self) -> bool {
        self.minutiae.is_empty()
    }

    pub(super) fn edge(&self, from: usize, to: usize) -> Edge {
        self.edges[from * self.minutiae.len() + to]
    }

    /// Returns the orientation at a pixel position, in 256ths of π.
    pub(super) fn field_at(&self, x: f32, y: f32) -> Option<u8> {
        if x < 0.0 || y < 0.0 {
            return None;
        }
        self.field.get((y as usize / CELL_PIXELS, x as usize / CELL_PIXELS)).copied().flatten()
    }
}

/// Converts radians to 65,536ths of a turn.
pub(super) fn to_turns(angle: f32) -> u16 {
    (angle.rem_euclid(TAU) * (65_536.0 / TAU)) as u32 as u16
}

fn edge(a: &Minutia, b: &Minutia) -> Edge {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    Edge { length: dx.hypot(dy), bearing: to_turns(dy.atan2(dx) - a.angle), turn: to_turns(b.angle - a.angle) }
}
