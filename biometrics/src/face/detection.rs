//! Detection: where in an image a face may lie, by a linear classifier over oriented gradients at every place and size.
//!
//! Source: Dalal and Triggs 2005, with the weights learnt by ridge regression.

use super::frame::{CANONICAL_SIDE, CANONICAL_SPAN, Frame};
use super::hog;
use super::parameters::{CANDIDATES, CENTRED_SPANS, MARGIN, SEARCHED_SPANS, WINDOW, WINDOW_CELL};
use super::resample::{Axis, resampled};
use ndarray::{Array2, Array3, s};
use serde::{Deserialize, Serialize};

/// Cells a side of the detection window.
const CELLS: usize = WINDOW / WINDOW_CELL;
/// Numbers that describe a window.
pub(super) const LENGTH: usize = CELLS * CELLS * hog::BINS;

/// A classifier of windows; larger is more like a face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Detector {
    pub(super) weights: Vec<f32>,
    pub(super) offset: f32,
}

impl Detector {
    pub(super) fn is_well_formed(&self) -> bool {
        self.weights.len() == LENGTH && self.offset.is_finite()
    }

    /// Lists the frames that look most like a face, best first, and then those of a face in the middle.
    pub(super) fn candidates(&self, image: &Array2<f32>) -> Vec<Frame> {
        let mut found: Vec<(f32, Frame)> = Vec::new();
        for span in SEARCHED_SPANS {
            self.search(image, span, &mut found);
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut kept: Vec<Frame> = Vec::new();
        for (_, frame) in found {
            if kept.iter().all(|k| differs(k, &frame)) {
                kept.push(frame);
            }
            if kept.len() == CANDIDATES {
                break;
            }
        }
        kept.extend(CENTRED_SPANS.map(|span| centred(image, span)));
        kept
    }

    /// Scores every window of one pyramid level.
    fn search(&self, image: &Array2<f32>, span: f32, found: &mut Vec<(f32, Frame)>) {
        let (rows, columns) = image.dim();
        let side = span * rows.min(columns) as f32 * CANONICAL_SIDE / CANONICAL_SPAN;
        let pixel = side / WINDOW as f32;
        let margin = MARGIN * side;
        let level = |length: usize| ((length as f32 + 2.0 * margin) / pixel) as usize;
        let size = (level(rows), level(columns));
        if size.0 < WINDOW || size.1 < WINDOW {
            return;
        }
        let cells = hog::cells(&shrunk(image, pixel, margin, size), WINDOW_CELL);
        for row in 0..=cells.dim().0 - CELLS {
            for column in 0..=cells.dim().1 - CELLS {
                let score = self.score(&cells, row, column);
                let middle = |i: usize| ((i * WINDOW_CELL) as f32 + WINDOW as f32 / 2.0) * pixel - margin - 0.5;
                let frame = Frame { x: middle(column), y: middle(row), scale: side / CANONICAL_SIDE, angle: 0.0 };
                found.push((score, frame));
            }
        }
    }

    fn score(&self, cells: &Array3<f32>, row: usize, column: usize) -> f32 {
        let window = cells.slice(s![row..row + CELLS, column..column + CELLS, ..]);
        let mut sum = self.offset;
        for (line, weights) in window.rows().into_iter().zip(self.weights.chunks(hog::BINS)) {
            sum += line.iter().zip(weights).map(|(c, w)| c * w).sum::<f32>();
        }
        sum
    }
}

/// Describes the window that a frame cuts out, as the detector sees it.
pub(super) fn describe(image: &Array2<f32>, frame: &Frame) -> Vec<f32> {
    let cells = hog::cells(&frame.crop(image, WINDOW, WINDOW_CELL), WINDOW_CELL);
    cells.slice(s![1..=CELLS, 1..=CELLS, ..]).iter().copied().collect()
}

/// Returns the frame of a face in the middle of an image, whose pupils lie apart by a share of its shorter side.
fn centred(image: &Array2<f32>, span: f32) -> Frame {
    let (rows, columns) = image.dim();
    let middle = |length: usize| (length as f32 - 1.0) / 2.0;
    let scale = span * rows.min(columns) as f32 / CANONICAL_SPAN;
    Frame { x: middle(columns), y: middle(rows), scale, angle: 0.0 }
}

/// Returns whether two frames lie so far apart that both deserve a look.
fn differs(a: &Frame, b: &Frame) -> bool {
    let distance = (a.x - b.x).hypot(a.y - b.y);
    distance > 0.16 * CANONICAL_SIDE * a.scale.min(b.scale) || (a.scale / b.scale).ln().abs() > 0.3
}

/// Shrinks an image, continued by `margin` pixels around, to pixels of the given size.
fn shrunk(image: &Array2<f32>, pixel: f32, margin: f32, size: (usize, usize)) -> Array2<f32> {
    let axis = |length| Axis { length, start: -margin, step: pixel };
    resampled(image, axis(size.0), axis(size.1), 3)
}
