//! Fingerprints: from an image to minutiae, and the comparison of two sets of them.
//!
//! ```text
//! Sample ─resample─► contrast ─► orientation ─► segmentation ─► frequency ─► enhancement (twice)
//!        ─► binarisation ─► thinning ─► minutiae with quality = Features
//! Features ─► MinutiaeTemplate ─compare─► Score
//! ```
//!
//! Coordinates are pixels at 500 dpi with the origin at the image's top left and y pointing down; angles and
//! orientations are radians in the same axes, so that a direction is `(cos, sin)` in (x, y).

pub mod parameters;

mod binarisation;
mod contrast;
mod enhancement;
mod filter;
mod frequency;
mod minutiae;
mod orientation;
mod resample;
mod segmentation;
mod skeleton;
mod thinning;

mod extractor;
mod features;
mod from_minutiae;

mod alignment;
mod comparison;
mod cylinder;
mod relaxation;
mod template;

pub mod fixed_length;
pub mod record;

pub use comparison::{Score, compare};
pub use extractor::Extractor;
pub use features::{Features, Minutia, MinutiaKind};
pub(crate) use filter::gaussian_blur;
pub use template::MinutiaeTemplate;
