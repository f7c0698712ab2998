//! What an aligned face is described by: Gabor magnitudes, oriented gradients, local binary patterns.
//!
//! Each is averaged with what the mirror image would give. That costs nothing, since the mirror image's descriptions
//! are the face's own in another order, and takes away half of what pose and light from the side change.

use super::frame::Frame;
use super::gabor::{self, Bank};
use super::illumination::normalise;
use super::parameters::{GABOR_BORDER, GABOR_GRID, GABOR_SIDE, HOG_CELL, TEXTURE_SIDE};
use super::{hog, lbp};
use ndarray::Array2;
use std::ops::Range;

const HOG_CELLS: usize = TEXTURE_SIDE / HOG_CELL;
const GABOR_LENGTH: usize = gabor::LENGTH / 2;
const HOG_LENGTH: usize = HOG_CELLS * HOG_CELLS / 2 * hog::BINS;
const LBP_LENGTH: usize = lbp::CELLS * lbp::CELLS / 2 * lbp::PATTERNS;

/// Numbers that describe an aligned face.
pub(super) const LENGTH: usize = GABOR_LENGTH + HOG_LENGTH + LBP_LENGTH;
/// Where each description's numbers stand.
pub(super) const BLOCKS: [Range<usize>; 3] =
    [0..GABOR_LENGTH, GABOR_LENGTH..GABOR_LENGTH + HOG_LENGTH, GABOR_LENGTH + HOG_LENGTH..LENGTH];
/// Weight of each description. The three hold different numbers of values; each is first brought to unit length.
const WEIGHTS: [f32; 3] = [1.0, 0.8, 0.8];

/// Describes the face that a frame cuts out.
pub(super) fn describe(image: &Array2<f32>, frame: &Frame, bank: &Bank) -> Vec<f32> {
    let mut out = Vec::with_capacity(LENGTH);
    out.extend(gabor_block(&bank.magnitudes(&frame.crop(image, GABOR_SIDE, GABOR_BORDER))));
    let normalised = normalise(&frame.crop(image, TEXTURE_SIDE, 0));
    out.extend(hog_block(&normalised));
    out.extend(lbp_block(&lbp::patterns(&normalised)));
    for (block, weight) in BLOCKS.into_iter().zip(WEIGHTS) {
        scale_to(&mut out[block], weight);
    }
    out
}

fn scale_to(values: &mut [f32], length: f32) {
    let norm = values.iter().map(|x| x * x).sum::<f32>().sqrt();
    values.iter_mut().for_each(|x| *x *= length / norm.max(1e-9));
}

fn gabor_block(own: &[f32]) -> impl Iterator<Item = f32> + '_ {
    let left_half = (0..gabor::LENGTH).filter(|i| i % GABOR_GRID < GABOR_GRID / 2);
    left_half.map(|i| own[i] + own[gabor::mirrored_index(i)])
}

fn hog_block(normalised: &Array2<f32>) -> Vec<f32> {
    let cells = hog::cells(normalised, HOG_CELL);
    let mut out = Vec::with_capacity(HOG_LENGTH);
    for row in 0..HOG_CELLS {
        for column in 0..HOG_CELLS / 2 {
            for bin in 0..hog::BINS {
                let mirrored = cells[[row, HOG_CELLS - 1 - column, hog::mirrored_bin(bin)]];
                out.push(cells[[row, column, bin]] + mirrored);
            }
        }
    }
    out
}

fn lbp_block(own: &[f32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(LBP_LENGTH);
    for row in 0..lbp::CELLS {
        for column in 0..lbp::CELLS / 2 {
            for pattern in 0..lbp::PATTERNS {
                let mirrored_cell = row * lbp::CELLS + lbp::CELLS - 1 - column;
                let mirrored = own[mirrored_cell * lbp::PATTERNS + lbp::mirrored_pattern(pattern)];
                out.push(own[(row * lbp::CELLS + column) * lbp::PATTERNS + pattern] + mirrored);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_and_its_mirror_image_are_described_alike() {
        let image = Array2::from_shape_fn((140, 140), |(y, x)| {
            128.0 + 50.0 * ((x as f32) * 0.21).sin() * ((y as f32) * 0.13).cos() + 0.2 * x as f32
        });
        let mut mirrored = image.clone();
        mirrored.invert_axis(ndarray::Axis(1));
        let mirrored = mirrored.as_standard_layout().into_owned();
        let frame = Frame { x: 69.5, y: 69.5, scale: 1.0, angle: 0.0 };
        let bank = Bank::new();
        let (a, b) = (describe(&image, &frame, &bank), describe(&mirrored, &frame, &bank));
        assert_eq!(a.len(), LENGTH);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        assert!(cosine > 0.995, "{cosine}");
    }
}
