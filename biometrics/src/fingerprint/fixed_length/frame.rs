//! The finger's own frame, and what the features look like in it.

use crate::fingerprint::{Features, parameters::CELL_PIXELS};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The place of a finger in an image: the finger's own origin and its rotation.
///
/// Units: pixels at 500 dpi and radians, with y downwards. A finger's frame has its origin at the pattern's centre and
/// y towards the palm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Column of the finger's origin.
    pub x: f32,
    /// Row of the finger's origin.
    pub y: f32,
    /// Rotation of the finger in the image, from the x axis towards the y axis.
    pub angle: f32,
}

impl Pose {
    /// Maps an image position into the finger's frame.
    pub fn to_finger(&self, x: f32, y: f32) -> (f32, f32) {
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = (x - self.x, y - self.y);
        (cos * dx + sin * dy, cos * dy - sin * dx)
    }

    /// Maps a position in the finger's frame into the image.
    pub fn to_image(&self, u: f32, v: f32) -> (f32, f32) {
        let (sin, cos) = self.angle.sin_cos();
        (self.x + cos * u - sin * v, self.y + sin * u + cos * v)
    }
}

/// A regular lattice in the finger's frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lattice {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) step: f32,
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Lattice {
    /// Returns the number of points.
    pub(super) fn len(&self) -> usize {
        self.columns * self.rows
    }

    /// Returns the position of point `index`, counted row by row.
    pub(super) fn point(&self, index: usize) -> (f32, f32) {
        let (row, column) = (index / self.columns, index % self.columns);
        (self.left + column as f32 * self.step, self.top + row as f32 * self.step)
    }

    /// Calls `visit` with each point within `reach` of a position and its squared distance.
    pub(super) fn near(&self, u: f32, v: f32, reach: f32, mut visit: impl FnMut(usize, f32)) {
        let range = |at: f32, start: f32, count: usize| {
            let low = ((at - reach - start) / self.step).ceil().max(0.0) as usize;
            let high = ((at + reach - start) / self.step).floor().min(count as f32 - 1.0);
            low..(high + 1.0).max(0.0) as usize
        };
        for row in range(v, self.top, self.rows) {
            let dv = self.top + row as f32 * self.step - v;
            for column in range(u, self.left, self.columns) {
                let du = self.left + column as f32 * self.step - u;
                visit(row * self.columns + column, du * du + dv * dv);
            }
        }
    }
}

/// Ridge flow and ridge period of one sample, ready to be read anywhere.
///
/// Shape: one entry a cell of the features' maps; doubled angles, so that they can be averaged; zero off the finger.
pub(super) struct Flow {
    pub(super) cosine: Array2<f32>,
    pub(super) sine: Array2<f32>,
    pub(super) log_period: Array2<f32>,
    pub(super) inside: Array2<f32>,
}

/// What [`Flow`] says at one position: sums weighted by how much finger there is, in [0, 1].
#[derive(Clone, Copy, Default)]
pub(super) struct FlowSample {
    pub(super) cosine: f32,
    pub(super) sine: f32,
    pub(super) log_period: f32,
    pub(super) inside: f32,
}

impl Flow {
    /// Reads the flow out of the features.
    pub(super) fn new(features: &Features) -> Self {
        let inside = features.mask.mapv(|m| if m { 1.0f32 } else { 0.0 });
        let masked = |value: &dyn Fn((usize, usize)) -> f32| {
            Array2::from_shape_fn(inside.dim(), |i| if features.mask[i] { value(i) } else { 0.0 })
        };
        Self {
            cosine: masked(&|i| (2.0 * features.orientation[i]).cos()),
            sine: masked(&|i| (2.0 * features.orientation[i]).sin()),
            log_period: masked(&|i| -features.frequency[i].max(1e-3).ln()),
            inside,
        }
    }

    /// Interpolates between the four nearest cells; outside the image there is no finger.
    pub(super) fn at(&self, x: f32, y: f32) -> FlowSample {
        let cell = CELL_PIXELS as f32;
        let (column, row) = (x / cell - 0.5, y / cell - 0.5);
        let (left, top) = (column.floor(), row.floor());
        let (fx, fy) = (column - left, row - top);
        let mut out = FlowSample::default();
        for (dy, wy) in [(0.0, 1.0 - fy), (1.0, fy)] {
            for (dx, wx) in [(0.0, 1.0 - fx), (1.0, fx)] {
                self.add(left + dx, top + dy, wx * wy, &mut out);
            }
        }
        out
    }

    fn add(&self, column: f32, row: f32, weight: f32, out: &mut FlowSample) {
        let (rows, columns) = self.inside.dim();
        if column < 0.0 || row < 0.0 || column >= columns as f32 || row >= rows as f32 {
            return;
        }
        let index = (row as usize, column as usize);
        out.cosine += weight * self.cosine[index];
        out.sine += weight * self.sine[index];
        out.log_period += weight * self.log_period[index];
        out.inside += weight * self.inside[index];
    }

    /// Lists the positions every `step` cells on the finger.
    pub(super) fn positions(&self, step: usize) -> Vec<(f32, f32)> {
        let centre = |i: usize| (i * CELL_PIXELS) as f32 + CELL_PIXELS as f32 / 2.0;
        self.inside
            .indexed_iter()
            .filter(|&((row, column), &inside)| inside > 0.0 && row % step == 0 && column % step == 0)
            .map(|((row, column), _)| (centre(column), centre(row)))
            .collect()
    }
}

impl FlowSample {
    /// Turns the flow back by a finger's rotation.
    pub(super) fn turned_back(self, (sin2, cos2): (f32, f32)) -> Self {
        Self { cosine: self.cosine * cos2 + self.sine * sin2, sine: self.sine * cos2 - self.cosine * sin2, ..self }
    }
}
