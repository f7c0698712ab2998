//! Alignment: a cascade of linear regressions from oriented gradients to the frame's error, and the check that what
//! was aligned is a face.
//!
//! Source: Xiong and De la Torre 2013, "Supervised descent method and its applications to face alignment", here for
//! the four numbers of a similarity.

use super::frame::Frame;
use super::hog;
use super::parameters::{COARSE_STAGES, CROP, CROP_CELL, STAGES, THUMB};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Cells a side of the crop.
const CELLS: usize = CROP / CROP_CELL;
/// Numbers that describe a crop.
pub(super) const LENGTH: usize = CELLS * CELLS * hog::BINS;
/// Numbers that verification sees.
pub(super) const VERIFIED_LENGTH: usize = (LENGTH + THUMB * THUMB) / 2;

/// The correction of one stage's errors: four outputs, each a weighted sum and an offset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stage {
    pub(super) weights: Vec<f32>,
    pub(super) offset: [f32; 4],
}

/// A cascade of stages that aligns frames with faces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Aligner {
    pub(super) stages: Vec<Stage>,
}

/// A classifier of faces against everything else; larger is more like a face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Verifier {
    pub(super) weights: Vec<f32>,
    pub(super) offset: f32,
    /// The least score of a face.
    pub(super) threshold: f32,
}

impl Aligner {
    pub(super) fn is_well_formed(&self) -> bool {
        self.stages.len() == STAGES.len() && self.stages.iter().all(|s| s.weights.len() == 4 * LENGTH)
    }

    /// Moves a frame onto the face under it.
    pub(super) fn align(&self, image: &Array2<f32>, frame: Frame) -> Frame {
        self.align_finely(image, self.align_coarsely(image, frame))
    }

    /// Does the first stages of alignment.
    pub(super) fn align_coarsely(&self, image: &Array2<f32>, frame: Frame) -> Frame {
        self.stages[..COARSE_STAGES].iter().fold(frame, |frame, stage| stage.moved(image, frame))
    }

    /// Does the other stages.
    pub(super) fn align_finely(&self, image: &Array2<f32>, frame: Frame) -> Frame {
        self.stages[COARSE_STAGES..].iter().fold(frame, |frame, stage| stage.moved(image, frame))
    }
}

impl Stage {
    fn moved(&self, image: &Array2<f32>, frame: Frame) -> Frame {
        frame.corrected(self.correction(&describe(&crop(image, &frame))))
    }

    fn correction(&self, features: &[f32]) -> [f32; 4] {
        let output = |k: usize| {
            let weights = &self.weights[k * LENGTH..(k + 1) * LENGTH];
            let sum: f32 = weights.iter().zip(features).map(|(w, x)| w * x).sum();
            (sum + self.offset[k]).clamp(-CORRECTION_MAX, CORRECTION_MAX)
        };
        std::array::from_fn(output)
    }
}

impl Verifier {
    pub(super) fn is_well_formed(&self) -> bool {
        self.weights.len() == VERIFIED_LENGTH && self.threshold.is_finite()
    }

    /// Scores what a frame cuts out.
    pub(super) fn score(&self, image: &Array2<f32>, frame: &Frame) -> f32 {
        let features = describe_verified(&crop(image, frame));
        self.offset + self.weights.iter().zip(&features).map(|(w, x)| w * x).sum::<f32>()
    }
}

/// Cuts out what alignment and verification look at.
pub(super) fn crop(image: &Array2<f32>, frame: &Frame) -> Array2<f32> {
    frame.crop(image, CROP, 0)
}

/// Describes a crop by its gradients.
pub(super) fn describe(crop: &Array2<f32>) -> Vec<f32> {
    hog::cells(crop, CROP_CELL).iter().copied().collect()
}

/// Describes a crop by its gradients and by its coarse light and dark, each averaged with what the mirror image gives:
/// a face is as much a face from the other side, and half as many weights carry over better to other cameras.
pub(super) fn describe_verified(crop: &Array2<f32>) -> Vec<f32> {
    let cells = hog::cells(crop, CROP_CELL);
    let grey = thumbnail(crop);
    let mut out = Vec::with_capacity(VERIFIED_LENGTH);
    for row in 0..CELLS {
        for column in 0..CELLS / 2 {
            for bin in 0..hog::BINS {
                let mirrored = cells[[row, CELLS - 1 - column, hog::mirrored_bin(bin)]];
                out.push(0.5 * (cells[[row, column, bin]] + mirrored));
            }
        }
    }
    for line in grey.chunks_exact(THUMB) {
        out.extend((0..THUMB / 2).map(|column| 0.5 * (line[column] + line[THUMB - 1 - column])));
    }
    out
}

fn thumbnail(crop: &Array2<f32>) -> Vec<f32> {
    let edge = |i: usize| i * CROP / THUMB;
    let mut out = Vec::with_capacity(THUMB * THUMB);
    for row in 0..THUMB {
        for column in 0..THUMB {
            let cell = crop.slice(ndarray::s![edge(row)..edge(row + 1), edge(column)..edge(column + 1)]);
            out.push(cell.sum() / cell.len() as f32);
        }
    }
    let mean = out.iter().sum::<f32>() / out.len() as f32;
    let deviation = (out.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / out.len() as f32).sqrt();
    out.iter_mut().for_each(|x| *x = THUMB_WEIGHT * (*x - mean) / (deviation + 1.0));
    out
}

/// The most that one stage may correct: shares of the frame, logarithm of scale, radians.
const CORRECTION_MAX: f32 = 0.35;
/// Weight of the coarse grey beside the gradients, whose cells have values of about 0.2.
const THUMB_WEIGHT: f32 = 0.35;
