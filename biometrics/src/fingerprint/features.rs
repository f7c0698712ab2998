//! What the extractor finds in one image.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The two kinds of minutia that every standard knows (ISO/IEC 19794-2:2005, 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MinutiaKind {
    /// A ridge ends.
    Ending,
    /// A ridge forks, which is the same as a valley ending.
    Bifurcation,
}

/// One minutia.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Minutia {
    /// Column in pixels at 500 dpi.
    pub x: f32,
    /// Row in pixels at 500 dpi, downwards.
    pub y: f32,
    /// Direction in [0, 2π) with y downwards: from the ending back into its ridge, or from the fork into the valley
    /// between its branches.
    pub angle: f32,
    /// Ending or bifurcation.
    pub kind: MinutiaKind,
    /// How far it may be trusted, in [0, 1].
    pub quality: f32,
}

/// Everything that the extractor found in one sample.
///
/// Shape: the four maps are `[ceil(rows / cell), ceil(columns / cell)]`, one entry per square cell of
/// [`parameters::CELL_PIXELS`](super::parameters::CELL_PIXELS) pixels, each describing the cell's centre.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Columns of the image at 500 dpi.
    pub columns: usize,
    /// Rows of the image at 500 dpi.
    pub rows: usize,
    /// The minutiae, in order of falling quality.
    pub minutiae: Vec<Minutia>,
    /// Ridge orientation in [0, π), y downwards. Meaningful inside the mask.
    pub orientation: Array2<f32>,
    /// How well one orientation explains the cell, in [0, 1].
    pub coherence: Array2<f32>,
    /// True where there is a finger.
    pub mask: Array2<bool>,
    /// Ridge frequency in ridges per pixel at 500 dpi. Meaningful inside the mask.
    pub frequency: Array2<f32>,
    /// How closely the raw ridges follow the enhanced ones, in [0, 1]; zero outside the mask.
    pub clarity: Array2<f32>,
    /// The sample's overall quality in [0, 1]: mean clarity weighted by the foreground's size.
    pub quality: f32,
}
